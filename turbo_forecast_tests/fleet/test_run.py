"""One run over all series: determinism, resuming, outcomes and rows."""

import hashlib
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import cache, partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from turbo_forecast import forecast_fleet
from turbo_forecast.errors import PartitionError, SettingsError, TelemetryError
from turbo_forecast.fleet import run
from turbo_forecast.fleet.audit import AuditTimer
from turbo_forecast.fleet.checkpoint import checkpoint_folder
from turbo_forecast.fleet.run import FleetRun, run_fleet
from turbo_forecast.fleet.store import write_store
from turbo_forecast.library.forecast import series_table
from turbo_forecast.schemas import FLEET_FORECAST, RUN_AUDIT, SERIES_OUTCOMES
from turbo_forecast.settings import forecast_settings
from turbo_forecast.status_log import StatusLog
from turbo_forecast.windows import run_windows
from turbo_forecast_tests.conftest import CUTOFF, HISTORY_START, series_rows, wave
from turbo_forecast_tests.fleet.entrants import ANSWERS
from turbo_forecast_tests.fleet.in_this_process import in_this_process

RANDOM = "turbo_forecast_tests.fleet.entrants:random"
EVIL = "turbo_forecast_tests.fleet.entrants:{}"


def fleet(size: int) -> pl.DataFrame:
    return pl.concat([series_rows(f"host-{index:03}", wave(seed=index)) for index in range(size)])


def quiet(base: pl.DataFrame, **options: object):
    return forecast_fleet(base, CUTOFF, log=lambda line: None, **{"workers": 2, **options})


def one(rows: pl.DataFrame, **options: object) -> tuple[dict[str, object], pl.DataFrame]:
    """Outcome and rows of a single series, forecast in this process."""
    with in_this_process():
        result = quiet(rows, **{"entrants": [EVIL.format("naive")], "workers": 1, **options})
    return result.outcomes.row(0, named=True), result.forecasts


def digest_of_run(base: pl.DataFrame, folder: Path, **options: object) -> str:
    """Hash of everything a run leaves: each part file and table, and the frames but for their milliseconds."""
    settings = forecast_settings(**options)
    windows = run_windows(CUTOFF, settings)
    store = write_store(series_table(base, windows.history_start), folder / "series.arrow")
    with checkpoint_folder(folder / "run") as checkpoint:
        return digest(
            run_fleet(store, windows, settings, checkpoint=checkpoint, timer=AuditTimer(), log=lambda line: None)
        )


def digest(run: FleetRun) -> str:
    found = hashlib.sha256()
    for folder in (run.rows_folder, run.folds_folder, run.results_folder):
        for path in sorted(folder.rglob("*.parquet")):
            found.update(f"{path.relative_to(folder)} ".encode() + path.read_bytes())
    for frame in (run.outcomes, run.model_runs, run.weights):
        found.update(frame.drop("milliseconds", strict=False).write_csv().encode())
    return found.hexdigest()


@pytest.mark.sweep(keep=1)
@pytest.mark.parametrize("entrants", [[RANDOM], ["prophet"], ["weighted", "median", RANDOM, "reverting_season"]])
def test_the_same_bytes_for_any_number_of_workers_chunk_size_and_order(entrants: list[str], tmp_path: Path) -> None:
    base = fleet(23)
    variants = [
        {"workers": 1, "chunk_size": 1},
        {"workers": 2, "chunk_size": 5},
        {"workers": 5, "chunk_size": 100},
    ]
    digests = {
        digest_of_run(base.sample(fraction=1, shuffle=True, seed=n), tmp_path / str(n), entrants=entrants, **variant)
        for n, variant in enumerate(variants)
    }
    assert len(digests) == 1


def test_a_series_forecast_does_not_depend_on_its_neighbours() -> None:
    base = fleet(5)
    whole = quiet(base, entrants=[RANDOM]).forecasts.filter(pl.col("host_id") == "host-003")
    alone = quiet(base.filter(pl.col("host_id") == "host-003"), entrants=[RANDOM]).forecasts
    assert whole.equals(alone)


def test_another_seed_gives_other_draws() -> None:
    base = fleet(1)
    assert not quiet(base, entrants=[RANDOM]).forecasts.equals(quiet(base, entrants=[RANDOM], seed=1).forecasts)


def test_windows_are_calendar_months_and_every_day_is_there() -> None:
    outcome, rows = one(series_rows("a", wave()))
    assert outcome["outcome"] == "forecast"
    counted = (
        rows.filter(pl.col("model") == "seasonal_naive")
        .group_by("phase")
        .agg(pl.len(), pl.col("ds").min(), last=pl.col("ds").max())
    )
    assert sorted(counted.iter_rows()) == [
        ("backtest", 122, date(2025, 9, 1), date(2025, 12, 31)),
        ("forecast", 181, date(2026, 1, 1), date(2026, 6, 30)),
    ]
    assert rows.schema == FLEET_FORECAST.polars_schema


def test_nothing_after_the_cutoff_is_read() -> None:
    base = fleet(1)
    later = series_rows("host-000", np.full(90, 99.0), start=date(2026, 1, 1))
    assert quiet(pl.concat([base, later]), entrants=[RANDOM]).forecasts.equals(quiet(base, entrants=[RANDOM]).forecasts)


def test_the_backtest_has_not_seen_its_window() -> None:
    known = series_rows("a", wave())
    changed = known.with_columns(y=pl.when(pl.col("ds") > date(2025, 8, 31)).then(1.0).otherwise("y"))
    columns = ["model", "ds", "yhat", "yhat_lower", "yhat_upper"]
    backtests = [
        quiet(rows, entrants=["prophet"]).forecasts.filter(pl.col("phase") == "backtest").select(columns)
        for rows in (known, changed)
    ]
    assert backtests[0].equals(backtests[1])


def test_refit_false_forecasts_from_the_training_window_alone() -> None:
    known = series_rows("a", wave())
    changed = known.with_columns(y=pl.when(pl.col("ds") > date(2025, 8, 31)).then(1.0).otherwise("y"))
    outcome, rows = one(known, refit=False)
    _, other = one(changed, refit=False)
    assert rows.drop("y").equals(other.drop("y"))
    assert outcome["fits"] == 1 + 3, "one for backtest and forecast, one for each fold"


def test_a_series_without_a_backtest_observation_is_retired_and_counted() -> None:
    outcome, rows = one(pl.concat([series_rows("a", wave(900)), series_rows("b", wave())]))
    assert outcome["host_id"] == "a"
    assert outcome["outcome"] == "retired"
    assert outcome["reason"] == (  # 900 days from 2023-01-01
        "the last value is of 2025-06-18, before the backtest months (2025-09-01 to 2025-12-31): taken to be switched off"
    )
    assert set(rows["host_id"]) == {"b"}


def test_a_series_older_than_the_history_window_is_retired_not_forgotten() -> None:
    old = series_rows("a", wave(30), start=date(2020, 1, 1))
    outcome, _ = one(pl.concat([old, series_rows("b", wave())]))
    assert (outcome["host_id"], outcome["outcome"], outcome["observations"]) == ("a", "retired", 0)
    assert str(outcome["reason"]).startswith("the last value is older than 2023-01-01, before the backtest months")


def test_a_new_host_gets_a_fallback_forecast_and_no_backtest() -> None:
    outcome, rows = one(series_rows("a", wave(40), start=date(2025, 11, 22)))
    assert outcome["outcome"] == "fallback"
    assert outcome["reason"] == (
        "too short for a backtest: 0 days observed before 2025-09-01, 60 needed (min_train_days)"
    )
    assert set(rows["phase"]) == {"forecast"}
    assert set(rows["model"]) == {"seasonal_naive"}
    assert rows.height == 181


def test_one_observation_is_forecast_with_everything_possible() -> None:
    outcome, rows = one(series_rows("a", np.array([42.0]), start=CUTOFF))
    assert outcome["outcome"] == "fallback"
    assert rows["yhat"].unique().to_list() == [42.0]
    assert rows["yhat_lower"].unique().to_list() == [0.0]
    assert rows["yhat_upper"].unique().to_list() == [100.0]


@pytest.mark.parametrize("level", [0.0, 37.5, 100.0])
def test_a_constant_series_is_forecast_as_its_constant_and_says_so(level: float) -> None:
    outcome, rows = one(series_rows("a", np.full(1096, level)), entrants=["prophet"])
    assert outcome["outcome"] == "forecast"
    assert str(outcome["reason"]).startswith(f"the value never changes ({level:g} %) in the days given to Prophet")
    assert rows["yhat"].unique().to_list() == [level]
    assert "prophet" in set(rows["model"])


def test_gaps_are_days_without_a_value_not_zeros() -> None:
    keep = np.ones(1096, dtype=bool)
    keep[1000:1010] = False
    keep[200:260] = False
    outcome, rows = one(series_rows("a", wave(), keep=keep))
    assert outcome["observations"] == 1096 - 70
    backtest = rows.filter((pl.col("phase") == "backtest") & (pl.col("model") == "seasonal_naive"))
    assert backtest["y"].null_count() == 10
    assert backtest.height == 122


def test_a_fit_that_raises_is_recorded_and_replaced_by_the_fallback() -> None:
    y = wave()
    y[0] = 77.0
    result = quiet(pl.concat([series_rows("a", y), series_rows("b", wave(seed=1))]), entrants=[EVIL.format("naive")])
    cursed, fine = result.outcomes.iter_rows(named=True)
    assert (cursed["outcome"], cursed["error_class"]) == ("failed", "ArithmeticError")
    assert cursed["error_message"] == "this series is cursed"
    assert fine["outcome"] == "forecast"
    assert set(result.forecasts.filter(pl.col("host_id") == "a")["model"]) == {"seasonal_naive"}


def test_a_forecast_that_is_not_finite_is_a_failure() -> None:
    y = wave()
    y[0] = 77.0
    outcome, rows = one(series_rows("a", y), entrants=[EVIL.format("not_finite")])
    assert (outcome["outcome"], outcome["error_class"]) == ("failed", "FloatingPointError")
    assert rows["yhat"].is_finite().all()


def test_whatever_an_entrant_answers_stays_in_the_envelope() -> None:
    _, rows = one(series_rows("a", wave()), entrants=[EVIL.format("wild")])
    wild = rows.filter(pl.col("model") != "seasonal_naive")
    assert wild["yhat"].unique().to_list() == [100.0]
    assert wild["yhat_lower"].unique().to_list() == [100.0]
    assert wild["yhat_upper"].unique().to_list() == [100.0]


def test_with_the_fallback_alone_nothing_is_called_a_failure() -> None:
    outcome, _ = one(series_rows("a", wave()), entrants=["seasonal_naive"])
    assert outcome["outcome"] == "forecast"


def test_outcomes_and_audit_have_their_schemas() -> None:
    result = quiet(fleet(2), entrants=["seasonal_naive"])
    assert result.outcomes.schema == SERIES_OUTCOMES.polars_schema
    assert result.audit.schema == RUN_AUDIT.polars_schema
    assert (result.audit["seconds"] >= 0).all()


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda rows: rows.drop("y"), TelemetryError, "no column y"),
        (lambda rows: rows.with_columns(y=pl.lit("text")), TelemetryError, "wrong type"),
        (lambda rows: rows.with_columns(y=pl.lit(float("nan"))), TelemetryError, "y in"),
        (lambda rows: rows.with_columns(y=pl.lit(100.5)), TelemetryError, "y in"),
        (lambda rows: rows.with_columns(host_id=pl.lit(None, pl.String)), TelemetryError, "without a name"),
        (lambda rows: pl.concat([rows, rows.head(1)]), TelemetryError, "appear twice"),
        (lambda rows: rows.filter(pl.col("ds") > CUTOFF), PartitionError, "before the data"),
        (lambda rows: rows.filter(pl.col("ds") < date(2025, 12, 15)), PartitionError, "2025-12 is not complete"),
    ],
)
def test_a_base_table_that_cannot_work_gets_one_sentence(change, error, said) -> None:
    with pytest.raises(error, match=said) as caught:
        quiet(change(fleet(1)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"entrants": ["profet"]}, "there is no entrant 'profet'"),
        ({"engine": "steam"}, "engine: must be one of"),
        ({"train_months": 0}, "train_months"),
        ({"interval_width": 1.0}, "interval_width"),
        ({"wrokers": 2}, "wrokers"),
        ({"floor": 100.0}, "floor"),
    ],
)
def test_an_option_that_cannot_work_is_named(options: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        quiet(fleet(1), **options)


def test_a_cutoff_inside_a_month_is_refused() -> None:
    with pytest.raises(PartitionError, match="2025-12-30 is not the last day of a month; 2025-12-31"):
        forecast_fleet(fleet(1), date(2025, 12, 30))


def test_history_start_is_the_first_day_of_the_36_months() -> None:
    assert run_windows(CUTOFF, forecast_settings()).history_start == HISTORY_START


@cache
def without_the_marked_series() -> pl.DataFrame:
    """What all these entrants answer for unmarked series, of a run of those alone: they differ for marked ones only."""
    base = pl.concat([series_rows("b", wave(seed=1)), series_rows("c", wave(seed=2))])
    return quiet(base, entrants=[EVIL.format("naive")], workers=1).forecasts


TAKEN = {"note_of_another_type", "long_note", "counts_of_numpys", "unspeakable_solver"}
"""What is odd beside the forecast, and can be stored in some words."""


@pytest.mark.sweep(keep=5)
@pytest.mark.parametrize("answer", list(ANSWERS))
def test_whatever_one_entrant_does_to_one_series_the_others_do_not_notice(answer: str) -> None:
    y = wave()
    y[0] = 77.0
    base = pl.concat([series_rows("a", y), series_rows("b", wave(seed=1)), series_rows("c", wave(seed=2))])
    result = quiet(base, entrants=[EVIL.format(answer)], workers=1, chunk_size=3)
    outcomes = dict(result.outcomes.select("host_id", "outcome").iter_rows())
    fine = {"b": "forecast", "c": "forecast"}
    assert outcomes == {"a": "forecast" if answer in TAKEN else "failed", **fine}
    assert result.outcomes["reason"].str.len_chars().max() in (None, *range(1, 1001))
    alone = without_the_marked_series()
    model = pl.col("model").replace(EVIL.format("naive"), EVIL.format(answer))
    assert result.forecasts.filter(pl.col("host_id") != "a").equals(alone.with_columns(model))
    counted = result.forecasts.group_by("host_id", "model", "phase").agg(pl.len(), pl.col("ds").min())
    first = {"backtest": (122, date(2025, 9, 1)), "forecast": (181, date(2026, 1, 1))}
    assert all((rows, ds) == first[phase] for _, _, phase, rows, ds in counted.iter_rows())


def test_three_runs_at_once_in_one_process_leave_it_as_it_was() -> None:
    main = sys.modules["__main__"]
    with ThreadPoolExecutor(3) as threads:
        results = list(threads.map(lambda _: quiet(fleet(3), entrants=["seasonal_naive"], workers=1), range(3)))
    assert results[0].forecasts.equals(results[1].forecasts)
    assert sys.modules["__main__"] is main


def test_a_fallback_that_may_fail_is_refused() -> None:
    with pytest.raises(SettingsError, match="fallback: must be one that never fails"):
        quiet(fleet(1), fallback="prophet")


def test_a_series_constant_but_for_rounding_is_constant() -> None:
    y = np.where(np.arange(1096) % 2, 33.3, 33.300000000000004)
    outcome, rows = one(series_rows("a", y), entrants=["prophet"])
    assert str(outcome["reason"]).startswith("the value never changes (33.3 %)")
    assert rows["yhat"].is_between(33.299, 33.301).all()


def test_preparing_that_takes_long_is_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    def prepare(settings: object, log: Callable[[str], None]) -> None:
        log("compiling some kernels: once after an installation, about half a minute …")
        deadline = time.monotonic() + 30
        while len(said) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)

    said: list[str] = []
    monkeypatch.setattr(run, "prepare_entrants", prepare)
    monkeypatch.setattr(run, "StatusLog", partial(StatusLog, silence_seconds=0.05))
    forecast_fleet(fleet(1), CUTOFF, entrants=[EVIL.format("naive")], workers=1, folds=0, log=said.append)
    assert said[1] == "2025-12 · compiling some kernels, 0 s so far"
