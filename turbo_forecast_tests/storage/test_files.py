"""Published files are old or new, never half."""

import os
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from turbo_forecast.errors import StorageError
from turbo_forecast.storage.files import ROW_GROUP_ROWS, publishing, write_parquet

SCHEMA = pa.schema([("n", pa.int64()), ("word", pa.string())])


def table(lo: int, hi: int) -> pa.Table:
    return pa.table({"n": range(lo, hi), "word": [f"w{n % 7}" for n in range(lo, hi)]}, schema=SCHEMA)


def test_a_file_holds_the_rows_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file.parquet"
    assert write_parquet([table(0, 10), table(10, 30)], SCHEMA, path) == 30
    assert pl.read_parquet(path)["n"].to_list() == list(range(30))
    assert os.listdir(path.parent) == ["file.parquet"]


def test_the_same_rows_give_the_same_bytes_however_they_arrive(tmp_path: Path) -> None:
    total = ROW_GROUP_ROWS * 2 + 10
    cuts = ([total], [1, 5, ROW_GROUP_ROWS, total - ROW_GROUP_ROWS - 6], [total // 2, total - total // 2])
    contents = set()
    for cut in cuts:
        at, parts = 0, []
        for size in cut:
            parts.append(table(at, at + size))
            at += size
        write_parquet(parts, SCHEMA, tmp_path / "file.parquet")
        contents.add((tmp_path / "file.parquet").read_bytes())
    assert len(contents) == 1


def test_row_groups_have_statistics_by_which_readers_skip(tmp_path: Path) -> None:
    write_parquet([table(0, ROW_GROUP_ROWS + 5)], SCHEMA, tmp_path / "file.parquet")
    meta = pq.ParquetFile(tmp_path / "file.parquet").metadata
    bounds = [meta.row_group(i).column(0).statistics for i in range(meta.num_row_groups)]
    assert [(b.min, b.max) for b in bounds] == [(0, ROW_GROUP_ROWS - 1), (ROW_GROUP_ROWS, ROW_GROUP_ROWS + 4)]


@pytest.mark.parametrize("parts", [[], [table(0, 0)]])
def test_no_rows_make_a_file_with_columns(parts: list[pa.Table], tmp_path: Path) -> None:
    assert write_parquet(parts, SCHEMA, tmp_path / "file.parquet") == 0
    assert pl.read_parquet(tmp_path / "file.parquet").schema == {"n": pl.Int64, "word": pl.String}


@pytest.mark.parametrize("error", [ValueError("broken"), KeyboardInterrupt()])
def test_an_exception_amid_writing_leaves_the_old_file_and_nothing_beside(error: BaseException, tmp_path: Path) -> None:
    path = tmp_path / "file.parquet"
    write_parquet([table(0, 5)], SCHEMA, path)
    before = path.read_bytes()

    def parts() -> Iterator[pa.Table]:
        yield table(0, ROW_GROUP_ROWS + 1)
        raise error

    with pytest.raises(type(error)):
        write_parquet(parts(), SCHEMA, path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["file.parquet"]


def test_columns_that_do_not_fit_the_schema_leave_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.parquet"
    write_parquet([table(0, 5)], SCHEMA, path)
    with pytest.raises((ValueError, pa.ArrowInvalid)):
        write_parquet([table(0, 5).rename_columns(["m", "word"])], SCHEMA, path)
    assert pl.read_parquet(path).height == 5


def test_a_reader_of_the_old_file_goes_on_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "file.parquet"
    write_parquet([table(0, 5)], SCHEMA, path)
    with path.open("rb") as reader:
        write_parquet([table(0, 9)], SCHEMA, path)
        assert pq.read_table(pa.BufferReader(reader.read())).num_rows == 5
    assert pl.read_parquet(path).height == 9


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "asset").write_text("in the way")
    with pytest.raises(StorageError, match=r"file.parquet cannot be written"):
        write_parquet([table(0, 5)], SCHEMA, tmp_path / "asset" / "file.parquet")


def test_a_writer_that_makes_no_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be written"), publishing(tmp_path / "file"):
        pass
    assert os.listdir(tmp_path) == []


def test_a_disk_that_refuses_is_told_with_the_files_name(tmp_path: Path) -> None:
    said = r"file cannot be written: No space left on device"
    with pytest.raises(StorageError, match=said), publishing(tmp_path / "file") as beside:
        beside.write_text("half")
        raise OSError(28, os.strerror(28))
    assert os.listdir(tmp_path) == []
