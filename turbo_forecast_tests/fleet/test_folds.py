"""Folds: who is held when, that nobody sees what he is scored on, and what is made of them."""

from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from turbo_forecast import forecast_fleet
from turbo_forecast.fleet import decisions
from turbo_forecast.fleet.champion_errors import ChampionErrors
from turbo_forecast.fleet.run import FleetRun
from turbo_forecast.library import forecast as library
from turbo_forecast.library.forecast import FleetResult
from turbo_forecast.schemas import CALIBRATION, CHAMPIONS, COMBINATION_WEIGHTS, FORECAST_PARQUET, TOURNAMENT_STANDINGS
from turbo_forecast.settings import forecast_settings
from turbo_forecast.storage.datasets import rows as rows_of
from turbo_forecast.tournament.combination import Weights
from turbo_forecast.windows import FORECAST, Windows, folds_left_out, run_windows
from turbo_forecast_tests.conftest import CUTOFF, HISTORY_START, series_rows, wave
from turbo_forecast_tests.tournament.test_combination import at_half_the_weight

CHEAP = ["weighted", "median", "recent_level", "recent_quarter", "reverting_level", "seasonal_naive"]
EVIL = "turbo_forecast_tests.fleet.entrants:{}"
pytestmark = [
    pytest.mark.xdist_group("folds"),  # several tests look at one and the same run: `known`
    pytest.mark.usefixtures("without_workers"),
]
STORED = 1e-7
"""Relative: how far a number is from what is stored of it in single precision."""
BACKTEST_START = date(2025, 9, 1)


def restless(seed: int) -> np.ndarray:
    """A series whose level wanders, so that entrants differ."""
    rng = np.random.default_rng(seed)
    return np.clip(wave(seed=seed) + np.cumsum(rng.normal(0, 1.2, 1096)), 0, 100)


def fleet(size: int) -> pl.DataFrame:
    return pl.concat([series_rows(f"host-{index:03}", restless(index)) for index in range(size)])


def quiet(base: pl.DataFrame, **options: object) -> FleetResult:
    return forecast_fleet(base, CUTOFF, log=lambda line: None, **{"workers": 1, "entrants": CHEAP, **options})


def run_and_folds(base: pl.DataFrame) -> tuple[FleetResult, pl.DataFrame]:
    """A run's result and the rows of its folds, whose files live no longer than the run."""
    kept: list[pl.DataFrame] = []
    run_fleet = library.run_fleet

    def keeping(*arguments: object, **options: object) -> FleetRun:
        run = run_fleet(*arguments, **options)  # type: ignore[arg-type]
        kept.append(rows_of(run.folds_folder).collect())
        return run

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "run_fleet", keeping)
        result = quiet(base)
    return result, kept[-1]


@cache
def known(size: int) -> tuple[FleetResult, pl.DataFrame]:
    """An ordinary run over `fleet(size)`, made once: its result and the rows of its folds."""
    return run_and_folds(fleet(size))


def after(base: pl.DataFrame, day: date, value: float = 1.0) -> pl.DataFrame:
    """The same telemetry, but for every value from a day on."""
    return base.with_columns(y=pl.when(pl.col("ds") >= day).then(value).otherwise("y"))


def test_folds_follow_each_other_backwards_from_the_backtest() -> None:
    windows = run_windows(CUTOFF, forecast_settings())
    assert [(fold.number, fold.train_end, fold.end, fold.days.size) for fold in windows.folds] == [
        (1, date(2025, 4, 30), date(2025, 8, 31), 123),
        (2, date(2024, 12, 31), date(2025, 4, 30), 120),
        (3, date(2024, 8, 31), date(2024, 12, 31), 122),
    ]


@pytest.mark.parametrize(
    ("options", "held"),
    [
        ({"folds": 0}, 0),
        ({"folds": 7}, 7),
        ({"train_months": 4}, 0),
        ({"train_months": 5}, 1),
        ({"train_months": 9}, 2),
        ({"backtest_months": 31}, 1),
    ],
)
def test_a_fold_without_a_month_of_training_is_not_held(options: dict[str, int], held: int) -> None:
    settings = forecast_settings(**options)
    windows = run_windows(CUTOFF, settings)
    assert len(windows.folds) == held
    said = folds_left_out(settings)
    assert said is None or f"folds: {held} of 3 are held; train_months" in said
    assert (said is None) == (held == options.get("folds", 3))
    assert all(fold.train_end > windows.history_start for fold in windows.folds)


def test_every_entrant_has_all_days_of_every_fold() -> None:
    _, rows = known(3)
    counted = rows.group_by("host_id", "model", "fold").agg(pl.len(), pl.col("ds").n_unique().alias("days"))
    assert counted.height == 3 * len(CHEAP) * 3
    assert {(fold, n, days) for _, _, fold, n, days in counted.iter_rows()} == {
        (1, 123, 123),
        (2, 120, 120),
        (3, 122, 122),
    }


def test_folds_are_held_where_there_is_training_and_something_to_score() -> None:
    new = series_rows("new", restless(1)[-400:], start=date(2024, 11, 27))  # 35 days before fold 2, 155 before fold 1
    keep = np.ones(1096, dtype=bool)
    keep[609:731] = False  # nothing observed in fold 3
    gap = series_rows("gap", restless(2), keep=keep)
    _, rows = run_and_folds(pl.concat([new, gap]))
    held = rows.select("host_id", "fold").unique().sort("host_id", "fold")
    assert held.rows() == [("gap", 1), ("gap", 2), ("new", 1)]


@pytest.mark.parametrize("fold", [1, 2, 3])
def test_no_fold_has_seen_its_window_not_even_by_its_weights(fold: int) -> None:
    first = run_windows(CUTOFF, forecast_settings()).folds[fold - 1].days[0]
    runs = known(3), run_and_folds(after(fleet(3), date.fromordinal(719163 + int(first))))
    before, changed = (rows.filter(pl.col("fold") >= fold).drop("y") for _, rows in runs)
    assert before.height > 0
    assert before.equals(changed)


def seen_by_the_backtest(result: FleetResult) -> dict[str, pl.DataFrame]:
    """Everything that must not depend on the backtest's own days."""
    rows = ["host_id", "resource", "model", "ds", "yhat", "yhat_lower", "yhat_upper"]
    return {
        "forecasts": result.forecasts.filter(pl.col("phase") == "backtest").select(rows),
        "champions": result.champions,
        "published": result.published.filter(pl.col("phase") == "backtest").select(rows),
        "calibration": result.calibration.filter(pl.col("phase") == "backtest"),
        "weights": result.weights.select("host_id", "resource", "member", "backtest"),
        "fold scores": result.scores.filter(pl.col("window_name") != "backtest"),
    }


def leaks(base: pl.DataFrame) -> list[str]:
    """What changes of the backtest's forecast, choice and calibration when only the backtest's own days do."""
    before = seen_by_the_backtest(quiet(base))
    changed = seen_by_the_backtest(quiet(after(base, BACKTEST_START, value=99.0)))
    return [name for name, rows in before.items() if not rows.equals(changed[name])]


def test_nothing_that_the_backtest_scores_has_seen_it() -> None:
    assert leaks(fleet(8)) == []


def test_a_planted_leak_into_the_choice_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    choose = decisions.choose

    def peeking(forecasters: pl.DataFrame, scores: pl.DataFrame, *rest: object) -> pl.DataFrame:
        seen = scores.with_columns(window_name=pl.col("window_name").replace("backtest", "fold 9"))
        return choose(forecasters, seen, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(decisions, "choose", peeking)
    assert "champions" in leaks(fleet(8))


def test_a_planted_leak_into_the_calibration_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    before = ChampionErrors.before
    monkeypatch.setattr(ChampionErrors, "before", lambda errors, window: before(errors, FORECAST))
    assert leaks(fleet(8)) == ["published", "calibration"]


def test_a_planted_leak_into_the_weights_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    learn = decisions.learn_weights

    def peeking(errors: np.ndarray, *rest: object) -> Weights:
        found = learn(np.concatenate([errors[:, :, :1], errors], axis=2), *rest)  # type: ignore[arg-type]
        held = {number: weights for number, weights in found.by_window.items() if number < errors.shape[2]}
        return Weights(found.members, held)

    monkeypatch.setattr(decisions, "learn_weights", peeking)
    assert "weights" in leaks(fleet(8))


def test_the_median_and_the_weighted_combination_are_what_they_say() -> None:
    result, _ = known(3)
    members = forecast_settings(entrants=CHEAP).base_models
    for phase in ("backtest", "forecast"):
        rows = result.forecasts.filter(pl.col("phase") == phase)
        for bound in ("yhat", "yhat_lower", "yhat_upper"):
            wide = rows.pivot("model", index=["host_id", "ds"], values=bound)
            stacked = wide.select(members).cast(pl.Float64).to_numpy()
            np.testing.assert_allclose(wide["median"].to_numpy(), np.median(stacked, axis=1), rtol=STORED)
            shares = wide.select("host_id").join(
                result.weights.pivot("member", index="host_id", values=phase), on="host_id", maintain_order="left"
            )
            weight = shares.select(members).to_numpy()
            expected = [at_half_the_weight(*pair) for pair in zip(stacked, weight, strict=True)]
            np.testing.assert_allclose(wide["weighted"].to_numpy(), expected, rtol=STORED)


def test_the_oldest_fold_has_no_evidence_and_equal_weights() -> None:
    rows = known(3)[1].filter(pl.col("fold") == 3)
    wide = rows.pivot("model", index=["host_id", "ds"], values="yhat")
    middle = np.median(wide.select(forecast_settings(entrants=CHEAP).base_models).to_numpy(), axis=1)
    np.testing.assert_allclose(wide["weighted"].to_numpy(), middle, rtol=STORED)


def test_the_weights_of_a_series_sum_to_one() -> None:
    found = known(3)[0].weights.group_by("host_id").agg(pl.col("backtest", "forecast").sum())
    np.testing.assert_allclose(found.select("backtest", "forecast").to_numpy(), 1.0, rtol=1e-12)


def test_an_entrant_that_fails_once_is_out_of_the_series_and_its_combinations() -> None:
    y = restless(0)
    y[0] = 77.0
    cursed = EVIL.format("naive")
    base = pl.concat([series_rows("a", y), series_rows("b", restless(1))])
    result = quiet(base, entrants=["weighted", "median", cursed, "recent_level"])
    assert dict(result.outcomes.select("host_id", "outcome").iter_rows()) == {"a": "forecast", "b": "forecast"}
    others = {"weighted", "median", "recent_level", "seasonal_naive"}
    models = {host: set(rows["model"]) for (host,), rows in result.forecasts.group_by("host_id")}
    assert models == {"a": others, "b": others | {cursed}}
    assert set(result.scores.filter(pl.col("host_id") == "a")["model"]) == others
    own = result.standings.filter((pl.col("resource") == "all") & (pl.col("horizon_month") == 0))
    assert dict(own.select("model", "own").iter_rows())[cursed] == 1
    assert set(own["series"]) == {2}
    weight = result.weights.filter((pl.col("host_id") == "a") & (pl.col("member") == cursed))
    assert weight["forecast"].to_list() == [0.0]


def test_where_everyone_but_the_fallback_failed_nothing_is_combined() -> None:
    y = restless(0)
    y[0] = 77.0
    result = quiet(series_rows("a", y), entrants=["weighted", "median", EVIL.format("naive")])
    assert result.outcomes["outcome"].to_list() == ["failed"]
    assert set(result.forecasts["model"]) == {"seasonal_naive"}
    assert result.weights.is_empty()


def test_the_published_interval_is_the_champions_forecast_with_its_offsets_inside_the_envelope() -> None:
    result, _ = known(12)
    rows = result.published.filter(pl.col("phase") == "forecast").with_columns(
        horizon_month=pl.col("ds").dt.month().cast(pl.Int32)
    )
    offsets = result.calibration.filter(pl.col("phase") == "forecast")
    joined = rows.join(offsets, on=["host_id", "resource", "horizon_month"], maintain_order="left")
    np.testing.assert_allclose(joined["yhat_lower"], (joined["yhat"] + joined["lower"]).clip(0, 100), rtol=STORED)
    np.testing.assert_allclose(joined["yhat_upper"], (joined["yhat"] + joined["upper"]).clip(0, 100), rtol=STORED)
    own = result.forecasts.join(result.champions, on=["host_id", "resource", "model"], how="semi")
    assert rows["yhat"].to_list() == own.filter(pl.col("phase") == "forecast")["yhat"].to_list()


def test_without_a_refit_the_forecasts_first_month_is_as_far_ahead_as_the_backtest_is_long() -> None:
    width = pl.col("upper") - pl.col("lower")
    widths = {}
    for refit in (True, False):
        result = known(12)[0] if refit else quiet(fleet(12), refit=False)
        found = result.calibration.with_columns(width=width / pl.col("scale"))
        by_month = found.group_by("phase", "horizon_month").agg(pl.col("width").mean()).sort("phase", "horizon_month")
        widths[refit] = {phase: rows["width"].to_list() for (phase,), rows in by_month.group_by("phase")}
        assert [len(widths[refit][phase]) for phase in ("backtest", "forecast")] == [4, 6]
    assert min(widths[False]["forecast"]) >= max(widths[False]["backtest"][-1], widths[True]["forecast"][0]) * 0.999


def test_half_a_fleet_of_idle_hosts_leaves_the_others_intervals_as_they_are() -> None:
    idle = pl.concat([series_rows(f"idle-{index:03}", np.full(1096, 5.0 * index)) for index in range(12)])
    alone = known(12)[0].published
    together = quiet(pl.concat([fleet(12), idle])).published
    widths = [
        rows.filter(pl.col("host_id").str.starts_with("host"))
        .select((pl.col("yhat_upper") - pl.col("yhat_lower")).mean())
        .item()
        for rows in (alone, together)
    ]
    assert widths[1] == pytest.approx(widths[0], rel=0.15)
    inside = together.filter(pl.col("host_id").str.starts_with("idle") & (pl.col("phase") == "backtest"))
    assert inside.select(pl.col("y").is_between("yhat_lower", "yhat_upper").all()).item()


def test_what_one_entrants_error_says_is_no_other_entrants_failure() -> None:
    y = restless(0)
    y[0] = 77.0
    slanderer = EVIL.format("slanderer")
    result = quiet(
        pl.concat([series_rows("a", y), series_rows("b", restless(1))]), entrants=[slanderer, "recent_level"]
    )
    reason = result.outcomes["reason"][0]
    assert reason == f"{slanderer} raised ValueError: no, recent_level raised everything"
    assert "recent_level" in set(result.forecasts.filter(pl.col("host_id") == "a")["model"])


def test_an_entrant_without_a_single_forecast_stands_with_the_fallbacks_scores() -> None:
    base = fleet(2).with_columns(y=pl.when(pl.col("ds") == HISTORY_START).then(77.0).otherwise("y"))
    cursed = EVIL.format("naive")
    standings = quiet(base, entrants=[cursed, "recent_level"]).standings
    whole = standings.filter((pl.col("resource") == "all") & (pl.col("horizon_month") == 0))
    rows = {row["model"]: row for row in whole.iter_rows(named=True)}
    assert rows[cursed]["own"] == 0
    assert rows[cursed]["mae"] == rows["seasonal_naive"]["mae"]


def test_without_folds_the_first_in_order_is_published_with_its_own_interval() -> None:
    result = quiet(fleet(2), folds=0, entrants=["recent_level", "reverting_level"])
    assert set(result.champions["model"]) == {"recent_level"}
    assert result.calibration.is_empty()
    keys = ["host_id", "phase", "ds", "yhat", "yhat_lower", "yhat_upper"]
    own = result.forecasts.filter(pl.col("model") == "recent_level").select(keys).sort("host_id", "phase", "ds")
    assert result.published.select(keys).equals(own)


def test_everything_has_its_schema() -> None:
    result, _ = known(3)
    assert result.published.schema == FORECAST_PARQUET.polars_schema
    assert result.champions.schema == CHAMPIONS.polars_schema
    assert result.calibration.schema == CALIBRATION.polars_schema
    assert result.standings.schema == TOURNAMENT_STANDINGS.polars_schema
    assert result.weights.schema == COMBINATION_WEIGHTS.polars_schema


def test_a_fleet_without_a_backtest_has_forecasts_and_no_standings() -> None:
    result = quiet(series_rows("a", restless(0)[:30], start=date(2025, 12, 2)))
    assert result.outcomes["outcome"].to_list() == ["fallback"]
    assert result.published.height == 181
    assert result.scores.is_empty()
    assert result.standings.is_empty()


def test_the_audit_tells_the_cost_of_every_entrant_by_kind_of_window() -> None:
    stages = set(known(3)[0].audit.filter(pl.col("clock") == "worker")["stage"])
    base_models = forecast_settings(entrants=CHEAP).base_models
    assert {f"{name}: {kind}" for name in base_models for kind in ("folds", "backtest", "forecast")} <= stages


def oracle(base: pl.DataFrame, windows: Windows) -> pl.DataFrame:
    """An external model's rows of every window: the truth, and 50 where there is none yet."""
    spans = [(fold.train_end, fold.days) for fold in windows.folds]
    spans += [(windows.train_end, windows.backtest_days), (windows.cutoff, windows.forecast_days)]
    asked = pl.concat(
        [pl.DataFrame({"ds": days.astype(np.int32)}).with_columns(origin=pl.lit(origin)) for origin, days in spans]
    ).with_columns(pl.col("ds").cast(pl.Date))
    truth = base.join(asked.select("ds", "origin"), on="ds", how="inner").rename({"y": "yhat"})
    ahead = base.select("host_id", "resource").unique().join(asked.filter(pl.col("origin") == CUTOFF), how="cross")
    rows = pl.concat([truth, ahead.with_columns(yhat=pl.lit(50.0))], how="diagonal")
    return rows.select("host_id", "resource", "origin", "ds", "yhat")


def test_an_outside_model_competes_on_equal_terms(tmp_path: Path) -> None:
    base = fleet(3)
    windows = run_windows(CUTOFF, forecast_settings())
    rows = oracle(base, windows)
    assert windows.origins == tuple(rows["origin"].unique().sort())
    rows.write_parquet(tmp_path / "oracle.parquet")
    result = quiet(base, external={"oracle": str(tmp_path / "oracle.parquet")})
    scores = result.scores.filter(pl.col("model") == "oracle")
    assert scores.height == 3 * 4
    assert scores["mae"].max() < 1e-5, "it knew the truth"
    assert set(result.champions["model"]) == {"oracle"}
    assert result.published.filter(pl.col("phase") == "forecast")["yhat"].unique().to_list() == [50.0]


@pytest.mark.parametrize(
    ("missing", "refit", "told"),
    [
        ((), True, None),
        ((date(2024, 12, 31),), True, "2024-12-31"),
        ((date(2024, 8, 31), CUTOFF), True, "2024-08-31, 2025-12-31"),
        ((CUTOFF,), False, None),
    ],
)
def test_a_run_tells_of_the_windows_an_outside_model_has_no_rows_for(
    missing: tuple[date, ...], refit: bool, told: str | None, tmp_path: Path
) -> None:
    base, file = fleet(1), tmp_path / "oracle.parquet"
    rows = oracle(base, run_windows(CUTOFF, forecast_settings()))
    rows.filter(~pl.col("origin").is_in(missing)).write_parquet(file)
    said: list[str] = []
    forecast_fleet(
        base, CUTOFF, log=said.append, workers=1, entrants=CHEAP, refit=refit, external={"oracle": str(file)}
    )
    lines = [line for line in said if line.startswith("2025-12 · external.oracle: ")]
    assert [line.partition(" with origin ")[2].partition(";")[0] for line in lines] == ([told] if told else [])
