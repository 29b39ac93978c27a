"""The third map: the champions' rows, with the bounds that were decided."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from turbo_forecast.fleet.blocks import Pieces
from turbo_forecast.fleet.publishing import PUBLISH_LAST
from turbo_forecast.schemas import FORECAST_INTERVALS, FORECAST_PARQUET
from turbo_forecast.storage.datasets import rows as stored_rows
from turbo_forecast_tests.fleet.by_hand import ByHand, by_hand
from turbo_forecast_tests.fleet.kinds import KINDS, fleet_of

pytestmark = pytest.mark.usefixtures("small_parts")


@pytest.fixture(scope="module")
def run(small_parts: None, tmp_path_factory: pytest.TempPathFactory) -> ByHand:
    """A run over two series of each kind."""
    return by_hand(fleet_of([*KINDS, *KINDS]), tmp_path_factory.mktemp("publishing")).held()


def test_what_is_published_is_just_the_champions_forecast(run: ByHand) -> None:
    own = run.rows.of_champions(run.tables["champions"]).forecast
    kept = ["host_id", "resource", "model", "phase", "cutoff", "ds", "y", "yhat"]
    assert run.published.schema == FORECAST_PARQUET.polars_schema
    assert run.published.select(kept).equals(own.select(kept))
    told = run.published.select("host_id", "outcome").unique(maintain_order=True)
    expected = run.tables["outcomes"].filter(pl.col("outcome") != "retired").select("host_id", "outcome")
    assert told.equals(expected)


def test_bounds_are_the_forecast_and_the_months_offsets_inside_the_envelope(run: ByHand) -> None:
    month = pl.col("ds").dt.truncate("1mo").rank("dense").over("phase").cast(pl.Int32)
    keys = ["host_id", "resource", "phase", "horizon_month"]
    joined = run.published.with_columns(horizon_month=month).join(
        run.tables["calibration"], on=keys, maintain_order="left"
    )
    place = list(KINDS).index("no weekends")
    never = [host for host in joined["host_id"].unique() if int(host.removeprefix("host-")) % len(KINDS) == place]
    weekend = (pl.col("ds").dt.weekday() > 5) & pl.col("host_id").is_in(never)
    assert len(never) == 2
    known = joined.filter(~weekend)
    assert known.height > 2000
    for bound, offset in (("yhat_lower", "lower"), ("yhat_upper", "upper")):
        expected = (known["yhat"].cast(pl.Float64) + known[offset]).clip(0, 100)
        np.testing.assert_allclose(known[bound], expected, rtol=1e-7)
    unknown = joined.filter(weekend)
    assert unknown.select("yhat_lower", "yhat_upper").unique().rows() == [(0.0, 100.0)]
    assert joined.height == run.published.height, "everybody who has a forecast is calibrated"


WIDTHS = [0.5, 0.8, 0.95]


def test_intervals_of_further_widths_are_published_beside_and_nested(run: ByHand, tmp_path: Path) -> None:
    more = by_hand(fleet_of([*KINDS, *KINDS]), tmp_path, interval_widths=WIDTHS).held()
    assert more.published.equals(run.published), "the main one is as if alone"
    found = stored_rows(more.folder.intervals).collect()
    assert found.schema == FORECAST_INTERVALS.polars_schema
    assert found.select(FORECAST_INTERVALS.key).is_duplicated().sum() == 0
    days = ["host_id", "resource", "phase", "cutoff", "ds"]
    for width in (0.5, 0.95):
        of = found.filter(interval_width=width)
        both = of.join(more.published, on=days, how="full", coalesce=True, maintain_order="left_right")
        assert both.height == of.height == more.published.height
        inner, outer = (("lower", "upper"), ("yhat_lower", "yhat_upper"))
        if width > 0.8:
            inner, outer = outer, inner
        assert (both[inner[0]] >= both[outer[0]]).all(), width
        assert (both[inner[1]] <= both[outer[1]]).all(), width
        assert ((both["upper"] - both["lower"]) != (both["yhat_upper"] - both["yhat_lower"])).mean() > 0.5


def test_where_nothing_is_calibrated_no_further_interval_is_published(tmp_path: Path) -> None:
    run = by_hand(fleet_of(["restless", "gaps"]), tmp_path, folds=0, interval_widths=WIDTHS).held()
    assert stored_rows(run.folder.intervals).collect().is_empty()


def test_where_nothing_is_calibrated_the_entrants_own_bounds_stay(tmp_path: Path) -> None:
    run = by_hand(fleet_of(["restless", "gaps", "constant"]), tmp_path, folds=0).held()
    own = run.rows.of_champions(run.tables["champions"]).forecast
    bounds = ["yhat", "yhat_lower", "yhat_upper"]
    assert run.published.select(bounds).equals(own.select(bounds))


def test_published_bounds_hold_the_forecast_inside_the_envelope(run: ByHand) -> None:
    inside = (pl.col("yhat_lower") >= 0) & (pl.col("yhat_lower") <= pl.col("yhat"))
    inside &= (pl.col("yhat") <= pl.col("yhat_upper")) & (pl.col("yhat_upper") <= 100)
    assert run.published.select(inside.all()).item()


def test_scores_of_what_is_published_are_of_its_own_bounds(run: ByHand) -> None:
    tables = Pieces(run.folder.publish, len(run.store), PUBLISH_LAST).tables("months")
    found = pl.concat([pl.DataFrame(pl.from_arrow(table)) for table in tables]).filter(month=0)
    inside = pl.col("y").is_between(pl.col("yhat_lower").cast(pl.Float64), pl.col("yhat_upper").cast(pl.Float64))
    error = (pl.col("yhat").cast(pl.Float64) - pl.col("y")).abs()
    expected = (
        run.published.filter(pl.col("y").is_not_null())
        .group_by("host_id", maintain_order=True)
        .agg(n=pl.len(), mae=error.mean(), coverage=inside.mean())
    )
    assert [run.names[index] for index in found["series"]] == expected["host_id"].to_list()
    for name in ("n", "mae", "coverage"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-12, err_msg=name)


def test_a_fleet_that_nobody_forecasts_has_a_file_without_rows(tmp_path: Path) -> None:
    run = by_hand(fleet_of(["retired"]), tmp_path).held()
    assert run.published.is_empty()
    assert run.published.schema == FORECAST_PARQUET.polars_schema
    assert run.tables["champions"].is_empty()
    assert run.tables["standings"].is_empty()
