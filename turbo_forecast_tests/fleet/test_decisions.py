"""The reductions: what they may see, what they hand on, and what becomes of it."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from turbo_forecast.fleet.publishing import NOBODY, offset_column
from turbo_forecast.fleet.run_folder import read_broadcast
from turbo_forecast.schemas import CALIBRATION, CHAMPIONS, COMBINATION_WEIGHTS, TOURNAMENT_SCORES, TOURNAMENT_STANDINGS
from turbo_forecast.tournament.combination import learn_weights
from turbo_forecast.windows import BACKTEST, FORECAST
from turbo_forecast_tests.fleet.by_hand import CHEAP, ByHand, by_hand
from turbo_forecast_tests.fleet.kinds import KINDS, fleet_of

pytestmark = pytest.mark.usefixtures("small_parts")
CURSED = "turbo_forecast_tests.fleet.entrants:naive"
FIELD = [*CHEAP, CURSED]


@pytest.fixture(scope="module")
def run(small_parts: None, tmp_path_factory: pytest.TempPathFactory) -> ByHand:
    """A run over two series of each kind."""
    return by_hand(fleet_of([*KINDS, *KINDS]), tmp_path_factory.mktemp("decisions"), entrants=FIELD).held()


def weights_of(run: ByHand) -> Mapping[str, np.ndarray]:
    return read_broadcast(run.folder.weights)


def test_every_table_has_its_schema_and_is_sorted_by_its_key(run: ByHand) -> None:
    tables = (TOURNAMENT_SCORES, CHAMPIONS, CALIBRATION, TOURNAMENT_STANDINGS)
    for name, table in zip(("scores", "champions", "calibration", "standings"), tables, strict=True):
        assert run.tables[name].schema == table.polars_schema
        assert run.tables[name].equals(run.tables[name].sort(table.key))
        assert run.tables[name].select(table.key).is_unique().all()
    assert run.tables["weights"].schema == COMBINATION_WEIGHTS.polars_schema


def test_the_weights_are_learnt_from_the_errors_of_the_single_entrants(run: ByHand) -> None:
    members = run.settings.base_models
    errors = np.full((len(run.store), len(members), 4), np.nan)
    for result in run.results:
        for rows in result.rows:
            if rows.window != FORECAST:
                errors[result.series.index, members.index(rows.model), rows.window] = rows.error
    resources = np.unique([run.store[index].resource for index in range(len(run.store))], return_inverse=True)[1]
    contested = np.array([result.outcome == "forecast" for result in run.results])
    expected = learn_weights(errors, resources, members, "seasonal_naive", contested).by_window
    found = weights_of(run)
    np.testing.assert_array_equal(found["contested"], contested)
    for number in (FORECAST, BACKTEST, 1, 2, 3):
        np.testing.assert_allclose(found["shares"][:, :, number + 1], expected[number], rtol=1e-12)
    table = run.tables["weights"].pivot("member", index="host_id", values="forecast")
    combined = [host for host, is_combined in zip(run.names, contested, strict=True) if is_combined]
    assert table["host_id"].to_list() == combined
    np.testing.assert_allclose(table.select(members).to_numpy(), expected[FORECAST][contested], rtol=1e-12)


def test_without_the_weighted_combination_there_are_no_weights(tmp_path: Path) -> None:
    run = by_hand(fleet_of(["restless", "newborn"]), tmp_path, entrants=["median", "recent_level"]).held()
    assert run.tables["weights"].is_empty()
    assert run.tables["weights"].schema == COMBINATION_WEIGHTS.polars_schema
    assert not weights_of(run)["shares"].any()
    assert weights_of(run)["contested"].tolist() == [True, False]


def test_the_champions_handed_on_are_those_of_the_table_and_nobody_for_the_rest(run: ByHand) -> None:
    chosen = dict(run.tables["champions"].select("host_id", "model").iter_rows())
    places = read_broadcast(run.folder.decisions)["champion"]
    field = run.settings.field_of_entrants
    assert {host: field[place] for host, place in zip(run.names, places, strict=True) if place != NOBODY} == chosen
    without = {host for host, place in zip(run.names, places, strict=True) if place == NOBODY}
    assert without == set(run.tables["outcomes"].filter(outcome="retired")["host_id"])


def test_the_reach_handed_on_is_the_calibrations_in_its_column(run: ByHand) -> None:
    decided = read_broadcast(run.folder.decisions)
    expected = {side: np.full((len(run.store), 5), np.nan) for side in ("lower", "upper")}
    for row in run.tables["calibration"].iter_rows(named=True):
        column = row["horizon_month"] - 1 + (2 if row["phase"] == "forecast" else 0)
        for side, array in expected.items():
            array[run.names.index(row["host_id"]), column] = row[side]
    for side, array in expected.items():
        np.testing.assert_array_equal(decided[side][..., 0], array)
    calibrated = set(run.tables["calibration"].filter(phase="forecast")["host_id"])
    assert calibrated == set(run.tables["champions"]["host_id"]), "also who is too young for a window of its own"


def test_columns_of_the_reach_are_the_backtests_months_then_the_forecasts(run: ByHand) -> None:
    window, month = np.array([BACKTEST, BACKTEST, FORECAST, FORECAST, FORECAST]), np.array([1, 2, 1, 2, 3])
    assert offset_column(window, month, run.settings).tolist() == [0, 1, 2, 3, 4]


def test_without_folds_nothing_is_calibrated(tmp_path: Path) -> None:
    run = by_hand(fleet_of(["restless", "young"]), tmp_path, folds=0).held()
    assert run.tables["calibration"].is_empty()
    decided = read_broadcast(run.folder.decisions)
    assert np.isnan(decided["lower"]).all()
    assert np.isnan(decided["upper"]).all()
    assert set(run.tables["scores"]["window_name"]) == {"backtest"}


def test_where_nothing_was_observed_before_the_backtest_the_forecast_alone_is_calibrated(tmp_path: Path) -> None:
    base = fleet_of(["restless"] * 3).filter(pl.col("ds") >= pl.date(2025, 8, 25))  # 68 days before the backtest
    run = by_hand(base, tmp_path, min_train_days=60).held()
    assert set(run.tables["scores"]["window_name"]) == {"backtest"}
    assert set(run.tables["calibration"]["phase"]) == {"forecast"}


def test_the_backtests_calibration_and_the_choice_have_not_seen_the_backtest(run: ByHand, tmp_path: Path) -> None:
    changed = run.base.with_columns(y=pl.when(pl.col("ds") > run.windows.train_end).then(pl.lit(99.0)).otherwise("y"))
    other = by_hand(changed, tmp_path, entrants=FIELD).held()
    for tables in (run.tables, other.tables):
        tables["held"] = tables["calibration"].filter(phase="backtest")
    for name in ("champions", "held"):
        assert run.tables[name].equals(other.tables[name]), name
    np.testing.assert_array_equal(weights_of(run)["shares"][:, :, 1:], weights_of(other)["shares"][:, :, 1:])
    assert not run.tables["calibration"].equals(other.tables["calibration"])


def test_a_choice_of_others_removes_what_was_published(tmp_path: Path) -> None:
    run = by_hand(fleet_of(["restless"] * 3), tmp_path).held()
    others = run.tables["champions"].with_columns(model=pl.lit("recent_level"))
    assert not others.equals(run.tables["champions"])
    run.reducer.calibrate(run.tables["champions"])
    assert any(run.folder.published.iterdir()), "the same again leaves it"
    run.reducer.calibrate(others)
    assert not any(run.folder.published.iterdir())
    assert not any(run.folder.publish.iterdir())
