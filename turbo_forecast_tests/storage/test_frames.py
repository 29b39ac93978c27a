"""Frames are read and written piece by piece, in order."""

from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from turbo_forecast.errors import StorageError
from turbo_forecast.storage.datasets import rows as stored_rows
from turbo_forecast.storage.files import ROW_GROUP_ROWS
from turbo_forecast.storage.frames import (
    WRITTEN_ROWS,
    arrow_reader,
    frame_batches,
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


def numbers(total: int, size: int, folder: Path) -> pl.LazyFrame:
    """0 … total - 1, read lazily from a file in row groups of `size`."""
    path = folder / f"numbers-{size}.parquet"
    pq.write_table(
        pa.table({"n": pa.array(range(total), pa.int32()), "word": pa.nulls(total, pa.string())}), path, size
    )
    return stored_rows(path)


@pytest.mark.parametrize("rows", [64, 999, 1_000, 5_000])
def test_batches_are_the_rows_in_their_order_none_of_them_empty(rows: int, tmp_path: Path) -> None:
    batches = list(frame_batches(numbers(1_000, 7, tmp_path), "numbers", rows=rows))
    assert pl.concat(batches)["n"].to_list() == list(range(1_000))
    assert all(0 < len(batch) <= rows for batch in batches)


def test_the_same_rows_give_the_same_bytes_lazy_or_not(tmp_path: Path) -> None:
    total = 3 * WRITTEN_ROWS + 17
    contents = set()
    for frame in (
        numbers(total, 99_999, tmp_path),
        numbers(total, 7_777, tmp_path).collect(),
        numbers(total, total, tmp_path),
    ):
        assert write_frame(frame, tmp_path / "file.parquet") == total
        contents.add((tmp_path / "file.parquet").read_bytes())
    assert len(contents) == 1
    groups = pq.ParquetFile(tmp_path / "file.parquet").metadata
    assert groups.row_group(0).num_rows == ROW_GROUP_ROWS
    assert groups.row_group(1).column(0).statistics.min == ROW_GROUP_ROWS


def test_rows_are_streamed_to_arrows_readers(tmp_path: Path) -> None:
    with arrow_reader(numbers(500_000, 9_999, tmp_path), "numbers") as reader, duckdb.connect() as con:
        con.register("numbers", reader)
        found = con.execute("SELECT count(*), sum(n), count(word) FROM numbers").fetchone()
    assert found == (500_000, 500_000 * 499_999 // 2, 0)
