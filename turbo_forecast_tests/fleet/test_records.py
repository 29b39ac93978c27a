"""What happened to each series and each fit, as the run's tables."""

from pathlib import Path

import polars as pl
import pytest

from turbo_forecast.fleet.audit import AuditTimer
from turbo_forecast.fleet.records import model_runs, series_outcomes
from turbo_forecast.schemas import MODEL_RUNS, SERIES_OUTCOMES
from turbo_forecast_tests.fleet.by_hand import ByHand, by_hand
from turbo_forecast_tests.fleet.kinds import KINDS, fleet_of

CURSED = "turbo_forecast_tests.fleet.entrants:naive"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ByHand:
    """A run over series of all kinds, in chunks of 5."""
    path = tmp_path_factory.mktemp("records")
    return by_hand(fleet_of(list(KINDS)), path, entrants=["weighted", CURSED, "recent_level"]).held()


def test_every_series_has_one_outcome_in_the_order_of_the_store(run: ByHand) -> None:
    found = run.tables["outcomes"]
    assert found.schema == SERIES_OUTCOMES.polars_schema
    names = [(run.store[index].host_id, run.store[index].resource) for index in range(len(run.store))]
    assert found.select("host_id", "resource").rows() == names
    assert found["outcome"].to_list() == [result.outcome for result in run.results]
    assert found["reason"].to_list() == [result.reason for result in run.results]
    by_kind = dict(zip(KINDS, found["outcome"], strict=True))
    assert by_kind["newborn"] == by_kind["one day"] == "fallback"
    assert by_kind["retired"] == "retired"
    assert by_kind["ends in the backtest"] == by_kind["marked"] == "forecast"


def test_every_fit_has_a_row_by_the_name_of_its_window_in_the_order_it_was_made(run: ByHand) -> None:
    found = run.tables["model_runs"]
    assert found.schema == MODEL_RUNS.polars_schema
    assert found.select(MODEL_RUNS.key).is_unique().all()
    names = {-1: "forecast", 0: "backtest", 1: "fold 1", 2: "fold 2", 3: "fold 3"}
    attempts = [(result.series.host_id, one.model, names[one.window]) for result in run.results for one in result.runs]
    assert found.select("host_id", "model", "window_name").rows() == attempts
    raised = found.filter(pl.col("status") != "ok")
    assert raised.select("model", "status", "error_class", "error_message", "solver").unique().rows() == [
        (CURSED, "raised", "ArithmeticError", "this series is cursed", None)
    ]
    solvers = dict(found.filter(status="ok").select("model", "solver").unique().iter_rows())
    assert solvers == {CURSED: "other", "recent_level": "closed_form", "seasonal_naive": "closed_form"}


def test_the_timer_hears_of_every_second_and_fit(run: ByHand) -> None:
    timer = AuditTimer()
    of = (run.folder, run.store, run.windows, timer)
    outcomes, runs = series_outcomes(*of), model_runs(*of)
    seconds = {stage.name: stage.seconds for stage in timer.stages}
    assert {stage.clock for stage in timer.stages} == {"worker"}
    parts = ("fit", "predict", "rest of the forecasting")
    assert sum(seconds[part] for part in parts) == pytest.approx(outcomes["milliseconds"].sum() / 1000)
    by_model = {name: spent for name, spent in seconds.items() if name not in parts}
    assert sum(by_model.values()) == pytest.approx(runs["milliseconds"].sum() / 1000)
    base_models = (CURSED, "recent_level", "seasonal_naive")
    assert set(by_model) == {f"{name}: {of}" for name in base_models for of in ("folds", "backtest", "forecast")}
    assert timer.fits == outcomes["fits"].sum() == sum(result.fits for result in run.results) > 0


def test_a_store_without_series_has_tables_without_rows(tmp_path: Path) -> None:
    run = by_hand(fleet_of(["steady"]).clear(), tmp_path).held()
    for name, table in run.tables.items():
        assert table.is_empty(), name
    assert run.tables["outcomes"].schema == SERIES_OUTCOMES.polars_schema
    assert run.tables["model_runs"].schema == MODEL_RUNS.polars_schema
