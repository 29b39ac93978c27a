"""What a run leaves for the outlook: signals of the champion's own rows, and nothing learnt of what is judged by it."""

from pathlib import Path

import polars as pl
import pytest

from turbo_forecast.fleet.blocks import Pieces
from turbo_forecast.fleet.outlook_learning import fit_outlook
from turbo_forecast.fleet.outlook_signals import SIGNALS
from turbo_forecast.fleet.publishing import PUBLISH_LAST
from turbo_forecast.schemas import OUTLOOK_CALIBRATION, OUTLOOK_SERIES
from turbo_forecast_tests.fleet.by_hand import ByHand, by_hand
from turbo_forecast_tests.fleet.kinds import KINDS, fleet_of

pytestmark = pytest.mark.usefixtures("small_parts")


@pytest.fixture(scope="module")
def run(small_parts: None, tmp_path_factory: pytest.TempPathFactory) -> ByHand:
    """A run over two series of each kind."""
    return by_hand(fleet_of([*KINDS, *KINDS]), tmp_path_factory.mktemp("signals")).held()


def left(run: ByHand) -> pl.DataFrame:
    """The rows of signals that the third map has left."""
    tables = Pieces(run.folder.publish, len(run.store), PUBLISH_LAST).tables(SIGNALS)
    return pl.concat(pl.DataFrame(pl.from_arrow(table)) for table in tables)


def test_each_published_window_has_one_row(run: ByHand) -> None:
    published = run.published.select("host_id", "phase").unique()
    rows = left(run)
    assert rows.select("series", "window").is_duplicated().sum() == 0
    for window, phase in ((-1, "forecast"), (0, "backtest")):
        named = {run.names[index] for index in rows.filter(window=window)["series"]}
        assert named == set(published.filter(phase=phase)["host_id"])


def test_signals_are_those_of_the_published_rows_and_the_days_before_them(run: ByHand) -> None:
    rows = left(run)
    history = run.history.with_columns(week=pl.col("y").rolling_mean_by("ds", "7d").over("host_id"))
    counted = 0
    for row in rows.filter(pl.col("window") <= 0).iter_rows(named=True):
        host, end = run.names[row["series"]], run.windows.cutoff if row["window"] == -1 else run.windows.train_end
        phase = "forecast" if row["window"] == -1 else "backtest"
        own = run.published.filter(host_id=host, phase=phase)["yhat"].cast(pl.Float64)
        assert row["start"] == pytest.approx(own.head(7).mean())
        known = history.filter(host_id=host, ds=end)
        assert row["before_0"] == (known["y"].item() if len(known) else None)
        seen = run.history.filter(
            pl.col("host_id") == host, pl.col("ds") > end - pl.duration(days=7), pl.col("ds") <= end
        )
        if len(seen) >= 4:
            assert row["level"] == pytest.approx(seen["y"].mean())
            counted += 1
        else:
            assert row["level"] is None
        assert (row["reached_30"] is None) or phase == "backtest", "nobody knows what comes after the cutoff"
    assert counted > 5


def test_the_predictor_of_entrants_is_the_highest_of_anybody(run: ByHand) -> None:
    rows = left(run).filter(window=-1)
    everybody = run.rows.forecast.filter(phase="forecast").group_by("host_id").agg(
        pl.col("yhat").sort_by("ds").filter(pl.col("ds").sort().rank("dense") <= 30).max()
    )  # fmt: skip
    highest = dict(everybody.iter_rows())
    for row in rows.iter_rows(named=True):
        assert row["entrants_30"] == pytest.approx(highest[run.names[row["series"]]])


def fitted(run: ByHand) -> tuple[pl.DataFrame, pl.DataFrame]:
    found = fit_outlook(run.folder, run.reducer.names, run.windows)
    return found.calibration, found.series


def test_both_phases_are_left_in_the_tables_columns(run: ByHand) -> None:
    calibration, series = fitted(run)
    assert calibration.schema == OUTLOOK_CALIBRATION.polars_schema
    assert series.schema == OUTLOOK_SERIES.polars_schema
    for table, rows in ((OUTLOOK_CALIBRATION, calibration), (OUTLOOK_SERIES, series)):
        assert rows.select(table.key).is_duplicated().sum() == 0
        assert set(rows["phase"]) == {"backtest", "forecast"}


def test_what_happened_in_the_backtest_changes_nothing_that_is_said_before_it(tmp_path: Path) -> None:
    fleet = fleet_of([*KINDS, *KINDS])
    spoilt = fleet.with_columns(
        y=pl.when(pl.col("ds") > by_hand(fleet, tmp_path / "x").windows.train_end).then(99.0).otherwise("y")
    )
    plain, other = (by_hand(rows, tmp_path / name).held() for name, rows in (("plain", fleet), ("spoilt", spoilt)))
    (told, known), (told_other, known_other) = fitted(plain), fitted(other)
    phase = pl.col("phase") == "backtest"
    assert told.filter(phase).equals(told_other.filter(phase))
    assert known.filter(phase).equals(known_other.filter(phase))
    assert not told.filter(~phase).equals(told_other.filter(~phase)), "the forecast learns of the backtest"


def test_without_folds_the_outlook_rests_on_what_is_believed_beforehand(tmp_path: Path) -> None:
    run = by_hand(fleet_of(["restless", "gaps", "constant"]), tmp_path, folds=0).held()
    calibration, series = fitted(run)
    windows = calibration.filter(term="windows", resource="all")
    assert dict(windows.select("phase", "value").iter_rows())["backtest"] == 0
    assert calibration["value"].is_finite().all()
    assert series.filter(phase="backtest")["error"].is_null().all()
