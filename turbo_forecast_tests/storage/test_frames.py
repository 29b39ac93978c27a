"""Frames are read and written piece by piece: in order, whole series at a time, in memory that does not grow."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from turbo_forecast.errors import StorageError
from turbo_forecast.storage.datasets import rows as stored_rows
from turbo_forecast.storage.files import ROW_GROUP_ROWS, write_parquet
from turbo_forecast.storage.frames import (
    WRITTEN_ROWS,
    arrow_reader,
    frame_batches,
    lazy_rows,
    series_batches,
    write_frame,
)

SERIES = pa.schema([("host_id", pa.string()), ("resource", pa.string()), ("ds", pa.int64()), ("y", pa.float64())])


def sorted_series(folder: Path, *lengths: int, group: int = 10) -> Path:
    """A file of series of so many rows, sorted, in row groups of `group` rows; every other one is a host's second."""
    parts = [
        pa.table(
            {
                "host_id": [f"h{place // 2:03}"] * length,
                "resource": ["cpu", "memory"][place % 2 : place % 2 + 1] * length,
                "ds": range(length),
                "y": [float(place)] * length,
            },
            schema=SERIES,
        )
        for place, length in enumerate(lengths)
    ]
    path = folder / "series.parquet"
    pq.write_table(pa.concat_tables([SERIES.empty_table(), *parts]), path, row_group_size=group)
    return path


def batches_of(path: Path, columns: list[str] = SERIES.names, rows: int = 100) -> list[pl.DataFrame]:
    return list(series_batches(stored_rows(path), columns, "rows of a test", rows=rows))


LENGTHS = {
    "each as long as a row group": (10, 10, 10, 10),
    "ends at the end of a row group": (7, 3, 10, 20, 5, 5),
    "ends one before and one after": (9, 2, 9, 1, 19, 1),
    "one huge series": (95,),
    "a huge one between small ones": (1, 1, 73, 1, 1),
    "of one row each": (1,) * 37,
    "less than a row group": (3, 4),
}


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("groups", [1, 2, 3, 1_000])
def test_batches_hold_whole_series_once_and_in_order(groups: int, lengths: tuple[int, ...], tmp_path: Path) -> None:
    path = sorted_series(tmp_path, *lengths)
    batches = batches_of(path, rows=groups * 10)
    assert pl.concat(batches).equals(pl.read_parquet(path))
    series = [set(batch.select("host_id", "resource").unique().iter_rows()) for batch in batches]
    assert sum(map(len, series)) == len(set.union(*series)) == len(lengths), "no series is in two batches"
    assert all(len(batch) for batch in batches)


def test_batches_are_about_as_large_as_asked_for(tmp_path: Path) -> None:
    path = sorted_series(tmp_path, *(5,) * 40)
    sizes = [len(batch) for batch in batches_of(path, rows=30)]
    assert sizes == [25, *[30] * 5, 20, 5], "the last series of a batch may go on in the next"
    assert [len(batch) for batch in batches_of(path, rows=1)] == [5] * 40


def test_two_resources_of_one_host_may_be_in_two_batches(tmp_path: Path) -> None:
    batches = batches_of(sorted_series(tmp_path, 10, 10, 10), rows=15)
    assert [set(batch.select("host_id", "resource").iter_rows()) for batch in batches] == [
        *({("h000", "cpu")}, {("h000", "memory")}, {("h001", "cpu")}),
    ]


def test_only_the_columns_asked_for_are_read_in_their_order(tmp_path: Path) -> None:
    (batch,) = batches_of(sorted_series(tmp_path, 3), ["resource", "y", "host_id"])
    assert batch.columns == ["resource", "y", "host_id"]


@pytest.mark.parametrize("writer", ["ours", "pyarrow"])
def test_a_file_without_rows_is_one_batch_with_its_columns(writer: str, tmp_path: Path) -> None:
    path = tmp_path / "empty.parquet"
    if writer == "ours":
        write_parquet([], SERIES, path)
    else:
        pq.ParquetWriter(path, SERIES).close()  # no row group at all
    (batch,) = batches_of(path, ["host_id", "resource", "y"])
    assert batch.schema == {"host_id": pl.String, "resource": pl.String, "y": pl.Float64}
    assert batch.is_empty()


def test_rows_that_are_not_there_any_more_are_named(tmp_path: Path) -> None:
    path = sorted_series(tmp_path, 3)
    frame = stored_rows(path)
    path.unlink()
    with pytest.raises(StorageError, match=r"^rows of a test cannot be read: .*series\.parquet"):
        list(frame_batches(frame, "rows of a test"))


def test_a_file_that_is_no_parquet_was_cut_off_or_is_damaged_inside_is_named_and_not_half_written(
    tmp_path: Path,
) -> None:
    path = sorted_series(tmp_path, 1_000, group=1_000)
    content = path.read_bytes()
    inside = content[:4] + b"\xff" * 196 + content[200:]  # the first pages; the footer is whole
    for broken in (b"", b"text", content[:-1], content[: len(content) // 2], inside):
        path.write_bytes(broken)
        with pytest.raises(StorageError, match="^rows of a test cannot be read: parquet: ") as caught:
            write_frame(stored_rows(path), tmp_path / "copy.parquet", "rows of a test")
        assert "\n" not in str(caught.value)
        assert sorted(tmp_path.iterdir()) == [path]


def numbers(total: int, size: int, asked: list[int]) -> pl.LazyFrame:
    """0 … total - 1, made `size` at a time; `asked` counts how many tables have been asked for."""

    def tables() -> Iterator[pa.Table]:
        for lo in range(0, total, size):
            asked.append(lo)
            yield pa.table({"n": range(lo, min(lo + size, total)), "word": [None] * (min(lo + size, total) - lo)})

    return lazy_rows(tables, pl.Schema({"n": pl.Int32, "word": pl.String}))


def test_lazy_rows_keep_order_and_schema_and_are_made_anew_for_each_reader() -> None:
    frame = numbers(1_000, 7, asked := [])
    expected = pl.DataFrame({"n": range(1_000), "word": [None] * 1_000}, schema=frame.collect_schema())
    assert frame.collect().equals(expected)
    assert pl.concat(frame_batches(frame, "numbers", rows=64)).equals(expected)
    assert len(asked) == 2 * 143


def test_lazy_rows_answer_what_polars_asks_of_a_source() -> None:
    frame = numbers(1_000, 7, asked := [])
    assert frame.head(20).collect()["n"].to_list() == list(range(20))
    assert len(asked) <= 4, "no more tables than hold these rows"
    assert frame.filter(pl.col("n") % 100 == 3).select("n").collect()["n"].to_list() == list(range(3, 1_000, 100))
    assert frame.filter(pl.col("n") > 10).head(3).select("word", "n").collect()["n"].to_list() == [11, 12, 13]
    assert frame.head(30).filter(pl.col("n") > 20).collect()["n"].to_list() == list(range(21, 30))
    assert frame.select(pl.len()).collect().item() == 1_000


def test_rows_are_made_no_faster_than_they_are_taken() -> None:
    size = 50_000
    frame = numbers(200 * size, size, asked := [])
    ahead = [len(asked) - batch["n"][-1] // size for batch in frame_batches(frame, "numbers", rows=size)]
    assert len(asked) == 200
    assert max(ahead) < 20, "what has been made and not yet taken does not grow with the rows"


def test_who_stops_reading_stops_the_making() -> None:
    frame = numbers(100_000_000, 50_000, asked := [])
    next(frame_batches(frame, "numbers", rows=50_000))
    made = len(asked)
    time.sleep(0.3)
    assert len(asked) - made < 20


def test_what_stops_the_making_of_rows_is_said_in_its_own_words(tmp_path: Path) -> None:
    def tables() -> Iterator[pa.Table]:
        yield pa.table({"n": [1]})
        raise StorageError("the chunk has gone: run the month again")

    with pytest.raises(StorageError, match="^the chunk has gone: run the month again$"):
        write_frame(lazy_rows(tables, pl.Schema({"n": pl.Int64})), tmp_path / "rows.parquet")
    assert os.listdir(tmp_path) == []


def test_a_fault_of_the_program_while_rows_are_made_stays_one() -> None:
    def tables() -> Iterator[pa.Table]:
        raise ZeroDivisionError("ours")
        yield

    with pytest.raises(pl.exceptions.ComputeError, match="ZeroDivisionError: ours"):
        list(frame_batches(lazy_rows(tables, pl.Schema({"n": pl.Int64})), "rows"))


def test_the_same_rows_give_the_same_bytes_lazy_or_not(tmp_path: Path) -> None:
    total = 3 * WRITTEN_ROWS + 17
    contents = set()
    for frame in (numbers(total, 99_999, []), numbers(total, 7_777, []).collect(), numbers(total, total, [])):
        assert write_frame(frame, tmp_path / "file.parquet") == total
        contents.add((tmp_path / "file.parquet").read_bytes())
    assert len(contents) == 1
    groups = pq.ParquetFile(tmp_path / "file.parquet").metadata
    assert groups.row_group(0).num_rows == ROW_GROUP_ROWS
    assert groups.row_group(1).column(0).statistics.min == ROW_GROUP_ROWS


def test_rows_are_streamed_to_arrows_readers() -> None:
    with arrow_reader(numbers(500_000, 999, []), "numbers") as reader, duckdb.connect() as con:
        con.register("numbers", reader)
        found = con.execute("SELECT count(*), sum(n), count(word) FROM numbers").fetchone()
    assert found == (500_000, 500_000 * 499_999 // 2, 0)
