"""A month's rows in a folder of parts: whatever can be wrong with such a folder, a check of the asset finds it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turbo_forecast.errors import StorageError
from turbo_forecast_tests.defs.damage import parts, serve_files, validate_stored
from turbo_forecast_tests.defs.made_month import EARLIER, MONTH
from turbo_forecast_tests.defs.violations import (
    BEFORE,
    COVERAGE,
    ENVELOPE,
    FINITE,
    HELD,
    HORIZON,
    KEYS,
    OBSERVED,
    SORTED,
    THIS_MONTH,
    VIEW,
)

FLEET, FOLDS = "fleet_forecast", "fold_forecast"
CHECKS = {
    FLEET: {KEYS, SORTED, ENVELOPE, FINITE, COVERAGE, HORIZON, OBSERVED, THIS_MONTH},
    FOLDS: {KEYS, SORTED, ENVELOPE, FINITE, HELD, BEFORE},
}


def failing(data: Path, asset: str) -> set[str]:
    """The asset's checks that find something wrong."""
    return {check for check in CHECKS[asset] if len(validate_stored(data, asset, check).failing_rows)}


def faults(data: Path, asset: str) -> set[str]:
    """What is wrong with the order of rows and parts."""
    return set(validate_stored(data, asset, SORTED).failing_rows["fault"])


@pytest.mark.parametrize("asset", [FLEET, FOLDS])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_part_that_is_missing_is_found(number: int, asset: str, data: Path) -> None:
    parts(data, asset)[number].unlink()
    assert failing(data, asset) == {SORTED, COVERAGE if asset == FLEET else HELD}
    after = {0: 2, 1: 4}
    expected = (
        "no part after it has the series from 4 to 5"
        if number == 2
        else f"its name tells no series, or not those that follow the part before: from {after[number] - 2}"
    )
    assert faults(data, asset) == {expected}


@pytest.mark.parametrize("asset", [FLEET, FOLDS])
def test_a_part_that_is_there_twice_is_found_by_its_keys_and_its_name(asset: str, data: Path) -> None:
    first, second, _ = parts(data, asset)
    shutil.copy(first, second)
    assert {KEYS, SORTED} <= failing(data, asset)
    assert "rows of the series stand in several parts" in faults(data, asset)


@pytest.mark.parametrize("asset", [FLEET, FOLDS])
def test_parts_under_each_others_names_hold_all_rows_but_not_where_they_are_looked_for(asset: str, data: Path) -> None:
    first, second, _ = parts(data, asset)
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)
    assert failing(data, asset) == {SORTED}
    assert "the series is not of this part" in faults(data, asset)


@pytest.mark.parametrize("asset", [FLEET, FOLDS])
def test_overlapping_ranges_are_found_though_no_row_is_there_twice(asset: str, data: Path) -> None:
    first, second, _ = parts(data, asset)
    rows, own = pl.read_parquet(first), pl.col("resource") == "memory"
    rows.filter(~own).write_parquet(first)
    pl.concat([rows.filter(own), pl.read_parquet(second)]).write_parquet(second)
    assert failing(data, asset) == {SORTED}
    assert faults(data, asset) == {"the series is not of this part"}


@pytest.mark.parametrize("asset", [FLEET, FOLDS])
def test_one_series_in_two_parts_is_found(asset: str, data: Path) -> None:
    first, second, _ = parts(data, asset)
    rows, moved = pl.read_parquet(first), (pl.col("resource") == "memory") & (pl.col("model") == "seasonal_naive")
    rows.filter(~moved).write_parquet(first)
    pl.concat([rows.filter(moved), pl.read_parquet(second)]).write_parquet(second)
    assert failing(data, asset) == {SORTED}
    assert "rows of the series stand in several parts" in faults(data, asset)


ORDERS: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "backwards": lambda rows: rows.reverse(),
    "series swapped": lambda rows: pl.concat([rows[len(rows) // 2 :], rows[: len(rows) // 2]]),
    "by day": lambda rows: rows.sort("ds", maintain_order=True),
    "models by name": lambda rows: rows.sort("host_id", "resource", "model", "ds"),
    "two days swapped": lambda rows: pl.concat([rows[:7], rows[8:9], rows[7:8], rows[9:]]),
    "the last day first": lambda rows: pl.concat([rows[-1:], rows[:-1]]),
}


@pytest.mark.parametrize("asset", [FLEET, FOLDS])
@pytest.mark.parametrize("order", ORDERS)
def test_rows_in_another_order_are_found(order: str, asset: str, data: Path) -> None:
    part = parts(data, asset)[1]
    ORDERS[order](pl.read_parquet(part)).write_parquet(part)
    assert failing(data, asset) == {SORTED}


@pytest.mark.parametrize("asset", [FLEET, FOLDS])
def test_a_part_of_another_month_is_found(asset: str, data: Path) -> None:
    shutil.copy(parts(data, asset, EARLIER)[1], parts(data, asset)[1])
    assert (THIS_MONTH if asset == FLEET else BEFORE) in failing(data, asset)
    if asset == FLEET:
        assert len(validate_stored(data, VIEW, KEYS).failing_rows), "the view does not serve them as this month's"


@pytest.mark.parametrize("name", ["extra.parquet", "00000006-00000006.parquet", "00000004-00000008.parquet"])
def test_a_file_that_is_no_part_is_found_even_where_it_holds_no_row(name: str, data: Path) -> None:
    first = parts(data, FLEET)[0]
    pl.read_parquet(first).clear().write_parquet(first.with_name(name))
    assert failing(data, FLEET) == {SORTED}


def test_a_part_of_series_that_have_no_rows_is_in_order(data: Path) -> None:
    last = parts(data, FLEET)[2]
    pl.read_parquet(last).clear().write_parquet(last)
    assert failing(data, FLEET) == {COVERAGE}, "its series are live, and so their rows are missed"


@pytest.mark.parametrize("asset", [FLEET, FOLDS])
@pytest.mark.parametrize("dtype", [pl.Float64, pl.Float32])
def test_a_single_file_of_a_former_version_is_judged_likewise(dtype: type[pl.DataType], asset: str, data: Path) -> None:
    rows = pl.concat(pl.read_parquet(part) for part in parts(data, asset)).with_columns(
        pl.col("yhat", "yhat_lower", "yhat_upper").cast(dtype)
    )
    path = data / asset / f"{MONTH}.parquet"
    shutil.rmtree(path)
    rows.write_parquet(path)
    assert failing(data, asset) == set()
    pl.concat([rows, rows[:1]]).write_parquet(path)
    assert {KEYS, SORTED} <= failing(data, asset)


@pytest.mark.parametrize("name", ["a*b", "a'b", "{cutoff}", "[x]"])
def test_a_data_folder_may_be_called_anything(name: str, data: Path) -> None:
    moved = data.rename(data.with_name(name))
    serve_files(moved)
    assert failing(moved, FLEET) == set()
    assert validate_stored(moved, VIEW, KEYS).failing_rows.is_empty()
    parts(moved, FLEET)[0].unlink()
    assert failing(moved, FLEET) == {SORTED, COVERAGE}


def test_a_folder_without_any_part_is_not_there(data: Path) -> None:
    for part in parts(data, FLEET):
        part.unlink()
    with pytest.raises(StorageError, match=r"2025-12\.parquet is not there: materialise fleet_forecast"):
        validate_stored(data, FLEET, KEYS)


def lose(rows: pl.DataFrame, at: int) -> pl.DataFrame:
    return pl.concat([rows[:at], rows[at + 1 :]])


def repeat(rows: pl.DataFrame, at: int) -> pl.DataFrame:
    return pl.concat([rows[: at + 1], rows[at:]])


def swap(rows: pl.DataFrame, at: int) -> pl.DataFrame:
    at = min(at, len(rows) - 2)
    return pl.concat([rows[:at], rows[at + 1 : at + 2], rows[at : at + 1], rows[at + 2 :]])


def rename(rows: pl.DataFrame, at: int) -> pl.DataFrame:
    return rows.with_columns(host_id=pl.when(pl.int_range(pl.len()) == at).then(pl.lit("ghost")).otherwise("host_id"))


@given(
    asset=st.sampled_from([FLEET, FOLDS]),
    number=st.integers(0, 2),
    harm=st.sampled_from([lose, repeat, swap, rename]),
    share=st.floats(0, 1, exclude_max=True),
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_row_anywhere_that_is_lost_doubled_moved_or_renamed_is_found(
    made_data: Path,
    tmp_path: Path,
    asset: str,
    number: int,
    harm: Callable[[pl.DataFrame, int], pl.DataFrame],
    share: float,
) -> None:
    data = Path(shutil.copytree(made_data, tmp_path / "data", dirs_exist_ok=True))
    part = parts(data, asset)[number]
    rows = pl.read_parquet(part)
    harm(rows, int(share * len(rows))).write_parquet(part)
    assert failing(data, asset)
