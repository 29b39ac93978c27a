"""A month's published rows come out as arrays, series by series, whatever the size of a block."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turbo_forecast.errors import StorageError
from turbo_forecast.schemas import FORECAST_PARQUET
from turbo_forecast.storage.forecast_blocks import published_blocks
from turbo_forecast.types import Phase

BACKTEST, FORECAST = 3, 5
CUTOFF = date(2025, 12, 31)


def master(hosts: int, young: set[int]) -> pl.DataFrame:
    """Rows whose yhat tells host and day (2.03 is day 3 of host 2); the backtest is observed but for its first day."""
    rows = [
        {
            "host_id": f"h{host:02d}",
            "resource": "cpu",
            "phase": phase,
            "ds": CUTOFF + timedelta(days=day),
            "yhat": host + day / 100,
            "yhat_lower": host + day / 100 - 1,
            "yhat_upper": host + day / 100 + 1,
            "y": host + 0.5 if phase == "backtest" and day > -BACKTEST + 1 else None,
            "model": "m",
            "cutoff": CUTOFF,
            "outcome": "forecast",
        }
        for host in range(hosts)
        for phase, days in (("backtest", range(-BACKTEST + 1, 1)), ("forecast", range(1, FORECAST + 1)))
        for day in days
        if phase == "forecast" or host not in young
    ]
    return FORECAST_PARQUET.conform(pl.DataFrame(rows, schema_overrides={"y": pl.Float64}))


@given(st.integers(1, 9), st.integers(1, 10), st.sets(st.integers(0, 8)))
def test_every_series_comes_out_once_in_order_with_its_days(hosts: int, size: int, young: set[int]) -> None:
    rows = master(hosts, young).lazy()
    for phase, days, first in ((Phase.BACKTEST, BACKTEST, -BACKTEST + 1), (Phase.FORECAST, FORECAST, 1)):
        due = [host for host in range(hosts) if phase is Phase.FORECAST or host not in young]
        blocks = list(published_blocks(rows, phase, days, series=size))
        assert all(len(block.names) <= size for block in blocks)
        named = [name for block in blocks for name in block.names["host_id"]]
        assert named == [f"h{host:02d}" for host in due]
        if due:
            expected = np.array([[host + day / 100 for day in range(first, first + days)] for host in due])
            for name, shift in (("yhat", 0), ("lower", -1), ("upper", 1)):
                found = np.vstack([getattr(block, name) for block in blocks])
                np.testing.assert_allclose(found, expected + shift, atol=1e-5)  # stored in single precision


def test_what_was_not_observed_is_nan() -> None:
    (backtest,) = published_blocks(master(2, set()).lazy(), Phase.BACKTEST, BACKTEST)
    np.testing.assert_array_equal(backtest.y, [[np.nan, 0.5, 0.5], [np.nan, 1.5, 1.5]])
    (forecast,) = published_blocks(master(2, set()).lazy(), Phase.FORECAST, FORECAST)
    assert np.isnan(forecast.y).all()


@pytest.mark.parametrize("lost", [0, 4, 7])
def test_a_series_that_lacks_a_day_is_refused(lost: int) -> None:
    rows = master(2, {0, 1}).with_row_index("at").filter(pl.col("at") != lost).drop("at")
    with pytest.raises(StorageError, match="has series without exactly 5 days"):
        list(published_blocks(rows.lazy(), Phase.FORECAST, FORECAST))
