"""Blocks as rows of the stored tables: names for numbers, dates for days, in the order in which they are stored."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from turbo_forecast.fleet.blocks import Block, WindowDays
from turbo_forecast.fleet.chunks import Span, parts_of
from turbo_forecast.fleet.part_files import Naming, part_path, row_tables, write_part
from turbo_forecast.schemas import FLEET_FORECAST, FOLD_FORECAST
from turbo_forecast.settings import forecast_settings
from turbo_forecast.storage.datasets import require_whole, rows
from turbo_forecast.tables import Table
from turbo_forecast.windows import BACKTEST, FORECAST, run_windows
from turbo_forecast_tests.conftest import CUTOFF
from turbo_forecast_tests.fleet.by_hand import SHORT

WINDOWS = run_windows(CUTOFF, forecast_settings(**SHORT, folds=1))
DAYS = WindowDays(WINDOWS)
NAMES = pa.table({"host_id": ["a", "a", "b"], "resource": ["cpu", "disk", "cpu"]})
NAMING = Naming(NAMES, ["weighted", "prophet", "naive"], CUTOFF)


def block_of(series: int, models: list[int], windows: tuple[int, ...]) -> Block:
    size = DAYS.stretches(windows).days.size
    yhat = (100 * np.array(models)[:, None] + np.arange(size)).astype(np.float32)
    return Block(series, np.array(models), windows, yhat, yhat - 1, yhat + 2)


BLOCKS = [block_of(0, [0, 2], (1, BACKTEST, FORECAST)), block_of(2, [2], (FORECAST,))]
ACTUAL = [np.where(np.arange(212) < 122, np.arange(212.0), np.nan), np.full(90, np.nan)]


def stored(table: Table, folder: Path, blocks: list[Block] = BLOCKS) -> pl.DataFrame:
    """The blocks' rows, written as one part and read again."""
    write_part(folder, Span(0, 3), table, row_tables(blocks, ACTUAL[: len(blocks)], DAYS, NAMING, table))
    found = rows(folder).collect()
    assert found.schema == table.polars_schema
    return found


def test_a_part_holds_backtest_and_forecast_entrant_by_entrant_day_by_day(tmp_path: Path) -> None:
    found = stored(FLEET_FORECAST, tmp_path)
    keys = found.select("host_id", "resource", "model", "phase").unique(maintain_order=True).rows()
    assert keys == [
        ("a", "cpu", "weighted", "backtest"),
        ("a", "cpu", "weighted", "forecast"),
        ("a", "cpu", "naive", "backtest"),
        ("a", "cpu", "naive", "forecast"),
        ("b", "cpu", "naive", "forecast"),
    ]
    one = found.filter(model="naive", host_id="a")
    assert one["ds"].to_list() == [date(2025, 11, 1) + timedelta(days=n) for n in range(61 + 90)]
    assert one["yhat"].to_list() == [200.0 + n for n in range(61, 212)]
    assert (one["yhat"] - one["yhat_lower"]).unique().to_list() == [1.0]
    assert (one["yhat_upper"] - one["yhat"]).unique().to_list() == [2.0]
    assert one["y"].to_list() == [*map(float, range(61, 122)), *[None] * 90], "not observed is null"
    assert set(found["cutoff"]) == {CUTOFF}


def test_folds_are_apart_with_their_numbers(tmp_path: Path) -> None:
    found = stored(FOLD_FORECAST, tmp_path)
    assert found.select("host_id", "model", "fold").unique(maintain_order=True).rows() == [
        ("a", "weighted", 1),
        ("a", "naive", 1),
    ]
    assert found["ds"].to_list() == [date(2025, 9, 1) + timedelta(days=n) for n in range(61)] * 2
    assert found["y"].to_list() == [*map(float, range(61))] * 2


@pytest.mark.parametrize("table", [FLEET_FORECAST, FOLD_FORECAST])
def test_a_part_without_rows_is_a_file_without_rows(table: Table, tmp_path: Path) -> None:
    assert stored(table, tmp_path, []).is_empty()
    require_whole(part_path(tmp_path, Span(0, 3)), table.names)


@pytest.mark.parametrize("total", [0, 1, 127, 128, 129, 1000])
def test_parts_follow_each_other_at_fixed_places(total: int, tmp_path: Path) -> None:
    parts = parts_of(total)
    assert [series for part in parts for series in range(part.lo, part.hi)] == list(range(total))
    assert all(part.lo % 128 == 0 and len(part) == min(128, total - part.lo) for part in parts)
    for part in parts:
        write_part(tmp_path, part, FLEET_FORECAST, [])
    if parts:
        require_whole(tmp_path, FLEET_FORECAST.names)


@pytest.mark.parametrize("table", [FLEET_FORECAST, FOLD_FORECAST])
def test_text_is_stored_as_dictionaries_though_series_share_hosts_and_resources(table: Table, tmp_path: Path) -> None:
    stored(table, tmp_path)
    group = pq.ParquetFile(part_path(tmp_path, Span(0, 3))).metadata.row_group(0)
    columns = [group.column(place) for place in range(group.num_columns)]
    text = [column for column in columns if column.physical_type == "BYTE_ARRAY"]
    assert len(text) == sum(column.dtype == pl.String for column in table.columns)
    assert all("RLE_DICTIONARY" in column.encodings and column.is_stats_set for column in text)
