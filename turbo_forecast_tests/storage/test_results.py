"""What a month's run made of its tournament: read as it was written, in order, or refused in a sentence."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from turbo_forecast.errors import StorageError
from turbo_forecast.schemas import CHAMPIONS, FORECAST_PARQUET
from turbo_forecast.storage.datasets import part_name
from turbo_forecast.storage.results import Results

CUTOFF = date(2025, 12, 31)


def chosen(*hosts: str) -> pl.DataFrame:
    rows = {"host_id": hosts, "resource": "cpu", "model": "m", "reason": "r", "folds": 3, "cutoff": CUTOFF}
    empty = {column.name: None for column in CHAMPIONS.columns}
    return pl.DataFrame({**empty, **rows}, schema=CHAMPIONS.polars_schema)


def published(*hosts: str) -> pl.DataFrame:
    numbers = dict.fromkeys(("y", "yhat", "yhat_lower", "yhat_upper"), 1.0)
    text = {"resource": "cpu", "model": "m", "phase": "forecast", "outcome": "forecast"}
    rows = {"host_id": hosts, "cutoff": CUTOFF, "ds": CUTOFF, **numbers, **text}
    return pl.DataFrame(
        {column.name: rows[column.name] for column in FORECAST_PARQUET.columns}, schema=FORECAST_PARQUET.polars_schema
    )


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path / "tournament" / "2025-12")


def test_a_table_is_read_as_it_was_written_and_in_its_order(results: Results) -> None:
    assert results.write(CHAMPIONS, chosen("b", "a", "ä [1]")) == 3
    assert_frame_equal(results.read(CHAMPIONS).collect(), chosen("b", "a", "ä [1]"))


def test_a_table_without_rows_is_read_with_its_columns(results: Results) -> None:
    assert results.write(CHAMPIONS, chosen()) == 0
    assert_frame_equal(results.read(CHAMPIONS).collect(), chosen())


def test_columns_are_brought_to_the_schemas_order_and_types(results: Results) -> None:
    results.write(CHAMPIONS, chosen("a").select(reversed(CHAMPIONS.names)).with_columns(pl.col("folds").cast(pl.Int64)))
    assert_frame_equal(results.read(CHAMPIONS).collect(), chosen("a"))


@settings(max_examples=20, deadline=None)
@given(sizes=st.lists(st.integers(1, 300), min_size=1, max_size=12))
def test_parts_are_read_as_one_table_in_the_order_of_their_series(sizes: list[int], tmp_path_factory) -> None:
    results, lo = Results(tmp_path_factory.mktemp("month")), 0
    folder = results.parts_of(FORECAST_PARQUET)
    folder.mkdir()
    for size in sizes:
        hosts = [f"h{number:05d}" for number in range(lo, lo + size)]
        published(*hosts).write_parquet(folder / part_name(lo, lo + size))
        lo += size
    assert results.read(FORECAST_PARQUET).collect()["host_id"].to_list() == [f"h{number:05d}" for number in range(lo)]


def test_what_is_not_there_is_named_and_what_to_run(results: Results) -> None:
    with pytest.raises(StorageError) as refused:
        results.read(CHAMPIONS)
    assert str(refused.value) == (
        f"{results.folder}/champions.parquet is not there: materialise fleet_forecast for 2025-12 again; what a run made "
        "is kept for the latest months only (rows_months)"
    )


def test_a_table_of_another_version_is_refused(results: Results) -> None:
    results.folder.mkdir(parents=True)
    path = results.folder / "champions.parquet"
    chosen("a").drop("margin").write_parquet(path)
    with pytest.raises(StorageError, match=r"champions\.parquet was stored by another version and lacks margin"):
        results.read(CHAMPIONS)
    chosen("a").with_columns(pl.col("folds").cast(pl.Int64)).write_parquet(path)
    with pytest.raises(
        StorageError, match=r"champions\.parquet was stored by another version, in other types: materialise"
    ):
        results.read(CHAMPIONS)


def test_a_damaged_file_is_named(results: Results) -> None:
    results.write(CHAMPIONS, chosen("a"))
    path = results.folder / "champions.parquet"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(StorageError, match=r"champions\.parquet cannot be read"):
        results.read(CHAMPIONS)


def test_a_published_month_replaces_the_one_before_whole(results: Results, tmp_path: Path) -> None:
    results.write(CHAMPIONS, chosen("old"))
    (results.folder / "former.parquet").touch()
    made = Results(tmp_path / "made")
    made.write(CHAMPIONS, chosen("new"))
    made.publish(results.folder)
    assert results.read(CHAMPIONS).collect()["host_id"].to_list() == ["new"]
    assert [path.name for path in results.folder.iterdir()] == ["champions.parquet"]


def test_a_file_that_is_damaged_within_is_named_whatever_a_library_says_of_it(results: Results) -> None:
    results.write(CHAMPIONS, chosen("a", "b"))
    path = results.path(CHAMPIONS)
    content = path.read_bytes()
    path.write_bytes(content[:4] + b"\xff" * 400 + content[404:])
    with pytest.raises(StorageError, match=rf"{path.name} cannot be read: "), results.reading():
        results.read(CHAMPIONS).collect()


def test_other_errors_stay_what_they_are_where_all_can_be_read(results: Results) -> None:
    for error in (ValueError("x"), StorageError("x"), KeyboardInterrupt("x")):
        with pytest.raises(type(error), match="x"), results.reading():
            raise error
