"""The evaluation: ratios by hand, who is compared, and rivals that are what their own libraries say."""

import math
from dataclasses import replace
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks import accuracy
from benchmarks.accuracy import (
    MASE_GOALS,
    Comparison,
    common_series,
    compare,
    evaluate,
    evenly,
    figures,
    main,
    month_report,
    months_report,
)
from benchmarks.rivals import (
    ETS,
    PROPHET,
    RIVALS,
    SEED_PROPHET,
    THETA,
    Question,
    answer,
    installed,
    project_backtests,
    settings_of,
)
from reference.frame_scores import score_by_month
from turbo_forecast.errors import SettingsError, TelemetryError
from turbo_forecast.models.protocol import Window
from turbo_forecast.settings import forecast_settings
from turbo_forecast.windows import run_windows
from turbo_forecast_tests.conftest import CUTOFF, HISTORY_START, series_rows, wave
from turbo_forecast_tests.fleet.in_this_process import in_this_process

SETTINGS = forecast_settings(entrants=["median", "m", "weighted"], fallback="n")
SCALES = {"a": 2.0, "b": 4.0}


def rows(model: str, host: str, errors: list[float], half: float) -> pl.DataFrame:
    """A backtest over y = 50, half of its days in month 1, half in month 2, bounds `half` beside yhat."""
    yhat = 50.0 + np.array(errors)
    months = [1] * (len(errors) // 2) + [2] * (len(errors) - len(errors) // 2)
    return pl.DataFrame(
        {
            "host_id": host,
            "resource": "cpu",
            "model": model,
            "horizon_month": pl.Series(months, dtype=pl.Int32),
            "y": 50.0,
            "yhat": yhat,
            "yhat_lower": yhat - half,
            "yhat_upper": yhat + half,
        }
    )


def scored(parts: list[pl.DataFrame], scales: dict[str, float] = SCALES) -> pl.DataFrame:
    known = pl.DataFrame({"host_id": list(scales), "resource": "cpu", "scale": list(scales.values())})
    return score_by_month(pl.concat(parts), known, 0.8)


def of_both(model: str, a: list[float], b: list[float], half: float) -> list[pl.DataFrame]:
    return [rows(model, "a", a, half), rows(model, "b", b, half)]


BACKTESTS = [
    *of_both("champion", [1, 1, 3, 3], [2, 2, 2, 2], 2.0),  # MASE 1 and 0.5
    *of_both("m", [2, 2, 2, 2], [4, 4, 4, 4], 1.0),  # 1 and 1
    *of_both("n", [4, 4, 4, 4], [4, 4, 4, 4], 1.0),  # 2 and 1
    *of_both("median", [0, 0, 0, 0], [0, 0, 0, 0], 1.0),
    *of_both("weighted", [0, 0, 0, 0], [0, 0, 0, 0], 1.0),
    *of_both(PROPHET, [4, 4, 4, 4], [4, 4, 4, 4], 3.0),  # 2 and 1
    *of_both(SEED_PROPHET, [3, 3, 3, 3], [2, 2, 2, 2], 3.0),  # 1.5 and 0.5
    *of_both(ETS, [2, 2, 2, 2], [2, 2, 2, 2], 3.0),  # 1 and 0.5
    *of_both(THETA, [2, 2, 2, 2], [4, 4, 4, 4], 3.0),  # 1 and 1
]
BOTH = pl.DataFrame({"host_id": ["a", "b"], "resource": "cpu"})


def compared(scores: pl.DataFrame, series: pl.DataFrame = BOTH) -> Comparison:
    return Comparison(CUTOFF, compare(scores, series, CUTOFF, SETTINGS), SETTINGS.base_models, 0.8)


def verdict(found: Comparison) -> dict[str, tuple[str, bool | None]]:
    return {figure.what: (figure.got, figure.holds) for figure in figures(found)}


def test_the_champions_ratios_are_those_of_mean_mase() -> None:
    found = verdict(compared(scored(BACKTESTS)))
    mase = "champion's mean MASE / "
    assert found[f"{mase}best single entrant's (m)"] == ("0.750 / 1.000 = 0.750", True)
    assert found[f"{mase}{PROPHET}"] == ("0.750 / 1.500 = 0.500", True)
    assert found[f"{mase}{SEED_PROPHET}"] == ("0.750 / 1.000 = 0.750", None)
    assert found[f"{mase}{ETS}"] == ("0.750 / 0.750 = 1.000", False)
    assert found[f"{mase}{THETA}"] == ("0.750 / 1.000 = 0.750", True)


def test_a_ratio_that_is_exactly_its_goal_reaches_it_but_a_tie_with_the_best_single_is_not_below() -> None:
    tie = [rows("m", "a", [2, 2, 2, 2], 1.0), rows("m", "b", [2, 2, 2, 2], 1.0)]
    parts = [part for part in BACKTESTS if part["model"][0] not in ("m", PROPHET)]
    three_quarters = of_both(PROPHET, [2, 2, 2, 2], [4, 4, 4, 4], 1.0)
    found = verdict(compared(scored([*parts, *tie, *three_quarters])))
    assert found["champion's mean MASE / best single entrant's (m)"] == ("0.750 / 0.750 = 1.000", False)
    assert found[f"champion's mean MASE / {PROPHET}"] == ("0.750 / 1.000 = 0.750", True)


def test_coverage_is_the_share_of_days_inside_the_published_interval() -> None:
    # half-width 2: errors of 1 and 2 are inside, the two days of a's month 2 with 3 are not
    found = verdict(compared(scored(BACKTESTS)))
    assert found["published 80% interval: share of all days inside"] == ("75.0 %", False)
    assert found["published 80% interval: the same by horizon month"] == ("100.0, 50.0 %", False)


@pytest.mark.parametrize(("missed", "holds"), [(17, False), (18, True), (22, True), (23, False)])
def test_coverage_is_held_from_78_to_82_percent(missed: int, holds: bool) -> None:
    errors = np.zeros(100)
    errors[np.random.default_rng(0).permutation(100)[:missed]] = 9.0
    mine = [rows("champion", host, list(errors), 1.0) for host in "ab"]
    others = [part for part in BACKTESTS if part["model"][0] != "champion"]
    found = verdict(compared(scored([*mine, *others])))
    assert found["published 80% interval: share of all days inside"] == (f"{100 - missed}.0 %", holds)


def test_interval_scores_are_winklers() -> None:
    # champion: width 4, and on 2 of 8 days 1 outside at 2 / alpha = 10; Prophet: width 6, every day 1 outside
    found = verdict(compared(scored(BACKTESTS)))
    assert found[f"published interval score / {PROPHET}"] == ("6.500 / 16.000 = 0.406", True)
    # the seed's: a's four days on the bound, b's inside
    assert found[f"published interval score / {SEED_PROPHET}"] == ("6.500 / 6.000 = 1.083", None)


def test_a_combination_is_never_the_best_single_entrant() -> None:
    assert compared(scored(BACKTESTS)).value("median", "mase") == 0.0
    assert compared(scored(BACKTESTS)).best_single == "m"


def test_a_rival_that_is_not_installed_is_said_not_to_be_measured() -> None:
    found = compared(scored([part for part in BACKTESTS if part["model"][0] != ETS]))
    assert verdict(found)[f"champion's mean MASE / {ETS}"] == ("not measured", None)
    assert math.isnan(found.value(ETS, "mase"))


def test_a_series_without_a_rivals_forecast_or_without_a_scale_is_left_out_and_counted() -> None:
    gone = [part for part in BACKTESTS if (part["model"][0], part["host_id"][0]) != (ETS, "b")]
    series = BOTH.vstack(pl.DataFrame({"host_id": ["c"], "resource": "cpu"}))
    models = ["m", "n", "champion", *RIVALS]
    scores = scored([*gone, *(rows(model, "c", [1.0] * 4, 1.0) for model in models)])
    common, absent = common_series(scores, series, models)
    assert common["host_id"].to_list() == ["a"]
    assert absent == {"MASE undefined": 1, ETS: 1}
    found = compared(scores, common)
    assert found.series == 1
    assert found.value("m", "mase") == 1.0  # a's alone


def test_no_common_series_is_an_error_that_names_the_month() -> None:
    with pytest.raises(TelemetryError, match="2025-12.*no series"):
        compare(scored(BACKTESTS), BOTH.clear(), CUTOFF, SETTINGS)


def test_a_sample_is_evenly_spaced_over_the_series() -> None:
    series = pl.DataFrame({"host_id": [f"h{i}" for i in range(10)], "resource": "cpu"})
    assert evenly(series, 4)["host_id"].to_list() == ["h0", "h2", "h5", "h7"]
    assert evenly(series, None).equals(series)
    assert evenly(series, 11).equals(series)


def test_the_month_shows_everyone_best_first_with_whom_it_left_out() -> None:
    found = replace(compared(scored(BACKTESTS)), absent={"no backtest": 3, ETS: 1}, champions={"m": 2})
    text = month_report(found)
    assert "Means over the 2 series" in text
    assert "Series left out: 3 without a backtest (too young for one, or nothing observed in its months), " in text
    assert ", 1 that AutoETS(7) has no forecast of. Published: m for 2." in text
    names = [line.split(" | ")[0].removeprefix("| ") for line in text.splitlines()[-9:]]
    assert names == ["median", "weighted", ETS, "champion", THETA, SEED_PROPHET, "m", PROPHET, "n"]
    assert f"| {PROPHET} | rival | 1.500 | " in text
    assert "| champion | published | 0.750 | " in text


def test_coverage_by_series_and_of_all_days_stand_apart_under_their_names() -> None:
    # of a, with 4 days, 2 are inside; of b, with 2 days, both: 4 of 6 days, and (1 / 2 + 1) / 2 over series
    short = [part.head(2) if part["host_id"][0] == "b" else part for part in BACKTESTS]
    lines = month_report(compared(scored(short))).splitlines()
    heading = next(line for line in lines if line.startswith("| model |")).strip("| ").split(" | ")
    champion = next(line for line in lines if line.startswith("| champion |")).strip("| ").split(" | ")
    shown = dict(zip(heading, champion, strict=True))
    assert (shown["coverage, of all days"], shown["coverage, mean over series"]) == ("66.7%", "75.0%")


def test_several_months_are_averaged_column_by_column() -> None:
    one = compared(scored(BACKTESTS))
    worse = [part for part in BACKTESTS if part["model"][0] != "champion"] + of_both("champion", [4] * 4, [4] * 4, 2.0)
    two = replace(compared(scored(worse)), cutoff=date(2024, 8, 31))
    *_, first, second, mean = [line.strip("| ").split(" | ") for line in months_report([one, two]).splitlines()]
    assert first[:6] == ["2025-12, m", "2", "0.750", "1.000", "0.750", "0.500"]
    assert second[:6] == ["2024-08, m", "2", "1.500", "1.000", "1.500", "1.000"]
    assert mean[:6] == ["mean over months", "2", "1.125", "1.000", "1.125", "0.750"]
    assert (first[-3], second[-3], mean[-3]) == ("75.0", "0.0", "37.5")


def test_rivals_keep_their_own_settings_whatever_the_runs_are() -> None:
    run = forecast_settings(
        growth="flat", changepoint_prior_scale=9.0, uncertainty_samples=7, interval_width=0.9, seed=3
    )
    stock = settings_of(PROPHET, run)
    assert stock == forecast_settings(growth="linear", uncertainty_samples=7, interval_width=0.9, seed=3)
    assert settings_of(SEED_PROPHET, run).growth == "logistic"


def test_the_default_rival_is_prophet_as_it_comes() -> None:
    import pandas as pd
    from prophet import Prophet

    y = wave(400, seed=3)
    days, asked = np.arange(19000, 19400), np.arange(19400, 19430)
    question = Question(PROPHET, settings_of(PROPHET, forecast_settings()), Window(days, y, asked, seed=1))
    found = answer(question)
    assert not isinstance(found, str)
    frame = pd.DataFrame({"ds": days.astype("datetime64[D]").astype("datetime64[ns]"), "y": y})
    theirs = Prophet(uncertainty_samples=0).fit(frame, seed=1)
    future = pd.DataFrame({"ds": asked.astype("datetime64[D]").astype("datetime64[ns]")})
    np.testing.assert_allclose(found[0], theirs.predict(future)["yhat"].clip(0, 100), rtol=1e-7)  # single precision


def test_a_rivals_error_is_its_text_and_never_a_forecast() -> None:
    pytest.importorskip("statsforecast")
    short = Window(np.arange(5), np.arange(5.0), np.arange(5, 8), seed=1)
    found = answer(Question(ETS, settings_of(ETS, forecast_settings()), short))
    assert isinstance(found, str)
    assert found.startswith("ForecastError: AutoETS needs 14 days")


def test_rivals_are_asked_for_the_backtest_from_the_training_window_alone() -> None:
    pytest.importorskip("statsforecast")
    settings = forecast_settings(workers=1)
    windows = run_windows(CUTOFF, settings)
    early = series_rows("a", wave(10), start=HISTORY_START - timedelta(days=10))
    base = pl.concat([early, series_rows("a", wave(seed=1)), series_rows("b", wave(20), start=date(2025, 8, 25))])
    series = base.select("host_id", "resource").unique().sort("host_id")
    found = project_backtests(base, series, windows, settings, [THETA], lambda line: None)
    train = base.filter(pl.col("host_id") == "a").filter(
        pl.col("ds").is_between(windows.history_start, windows.train_end)
    )
    from statsforecast.models import DynamicOptimizedTheta

    theirs = DynamicOptimizedTheta(season_length=7).forecast(train["y"].to_numpy(), h=122, level=[80])
    assert found.rows["ds"].to_list() == [date(2025, 9, 1) + timedelta(days=i) for i in range(122)]
    np.testing.assert_allclose(found.rows["yhat"], np.clip(theirs["mean"], 0, 100), rtol=1e-7)  # single precision
    assert (
        found.rows["y"].to_list()
        == base.filter((pl.col("host_id") == "a") & (pl.col("ds") > windows.train_end))["y"].to_list()
    )
    assert len(found.errors[THETA]) == 1
    assert found.errors[THETA][0].startswith("b/cpu: ForecastError")


def test_without_statsforecast_only_prophet_is_a_rival(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_nixtla(name: str) -> object:
        if name in ("auto_ets", "optimized_theta"):
            raise SettingsError("an extra is needed")
        return object()

    monkeypatch.setattr("benchmarks.rivals.builder", no_nixtla)
    assert installed() == [PROPHET, SEED_PROPHET]


def telemetry(folder: Path) -> Path:
    """Eight live series, one that ended, one that is constant, as a monitoring export."""
    parts = [
        series_rows(f"host-{i}", wave(seed=i, growth=5.0 * i - 20), keep=np.arange(1096) != 500 + i) for i in range(8)
    ]
    parts += [series_rows("gone", wave(600)), series_rows("still", np.full(1096, 40.0))]
    path = folder / "telemetry.parquet"
    pl.concat(parts).rename({"ds": "time", "y": "value"}).write_parquet(path)
    return path


def test_a_whole_evaluation_compares_everyone_on_the_series_they_share(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "settings.yaml"
    # less history, which each rival fits; one worker, in which statsforecast is compiled once
    config.write_text(
        "forecast: {entrants: [median, prophet, seasonal_naive], uncertainty_samples: 20, train_months: 16, workers: 1}\n"
    )
    with in_this_process():
        assert main(["--telemetry", str(telemetry(tmp_path)), "--config", str(config), "--series", "5"]) == 0
    text = capsys.readouterr().out
    assert "## 2025-12" in text
    assert "Means over the 5 series that everyone has a backtest of." in text
    assert "Series left out: 1 without a backtest (" in text
    assert "), 3 not in the sample, 1 of which MASE is not defined (" in text
    assert "(prophet) | below 1 | " in text or "(seasonal_naive) | below 1 | " in text
    assert ("not measured" in text) == (find_spec("statsforecast") is None)
    for rival in installed():
        assert f"| {rival} | rival | " in text


def test_the_choice_of_champion_does_not_depend_on_the_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accuracy, "installed", list)
    base = pl.read_parquet(telemetry(tmp_path)).rename({"time": "ds", "value": "y"})
    settings = forecast_settings(entrants=["recent_level", "seasonal_naive"], workers=1)
    with in_this_process():
        whole = evaluate(base, CUTOFF, settings, say=lambda line: None)
        part = evaluate(base, CUTOFF, settings, count=3, say=lambda line: None)
    assert (whole.series, part.series) == (8, 3)
    assert sum(whole.champions.values()) == 8
    assert all(part.champions[name] <= whole.champions[name] for name in part.champions)
    assert all(math.isnan(whole.ratio(rival, "mase")) for rival in MASE_GOALS)


def test_the_cost_is_told_as_a_ratio_with_the_stages_behind_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text("forecast: {entrants: [recent_level, prophet], folds: 1, workers: 1}\n")
    with in_this_process():  # six calls, of which each would start a worker
        assert main(["--cost", "only", "--cost-hosts", "2", "--config", str(config)]) == 0
    text = capsys.readouterr().out
    assert "3 entrants, 1 folds / prophet alone, seconds | at most 12 | " in text
    assert "| forecast all series | wall | " in text
    assert "## 2025-12" not in text


@pytest.mark.parametrize(
    "arguments", [["--months", "2025-13"], ["--months", "2025-12,"], ["--series", "0"], ["--cost-hosts", "many"]]
)
def test_a_bad_argument_is_refused_before_any_work(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    assert refused.value.code == 2


def test_telemetry_that_is_not_there_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--telemetry", str(tmp_path / "none.parquet")]) == 2
    assert capsys.readouterr().err.startswith("error: ")
