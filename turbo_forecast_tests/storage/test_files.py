"""Published files are old or new, never half."""

import csv
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from turbo_forecast.errors import StorageError
from turbo_forecast.storage.files import (
    ROW_GROUP_ROWS,
    parquet_stream,
    publishing,
    write_csv,
    write_parquet,
)

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


@pytest.mark.parametrize("size", [1_000, ROW_GROUP_ROWS - 1, ROW_GROUP_ROWS, ROW_GROUP_ROWS + 1, 3 * ROW_GROUP_ROWS])
def test_a_stream_gives_the_bytes_of_one_table_and_counts_its_rows(size: int, tmp_path: Path) -> None:
    total = ROW_GROUP_ROWS * 3
    write_parquet([table(0, total)], SCHEMA, tmp_path / "whole.parquet")
    with parquet_stream(tmp_path / "stream.parquet", SCHEMA) as stream:
        for first in range(0, total, size):
            stream.append(table(first, min(first + size, total)))
            stream.append(table(0, 0))
        assert os.listdir(tmp_path) != ["stream.parquet", "whole.parquet"], "not published before its end"
        assert not (tmp_path / "stream.parquet").exists()
    assert stream.rows == total
    assert (tmp_path / "stream.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_two_streams_at_once_are_published_both_or_not_at_all(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="broken"),
        parquet_stream(tmp_path / "a.parquet", SCHEMA) as a,
        parquet_stream(tmp_path / "b.parquet", SCHEMA) as b,
    ):
        a.append(table(0, ROW_GROUP_ROWS + 1))
        b.append(table(0, 1))
        raise ValueError("broken")
    assert os.listdir(tmp_path) == []


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


FORMULAS = ("=1+1", "+A1", "-A1", "@sum", "\t=1", "\r=1", "\n=1", "  =1", "'=1", '"=1"', "＝1", "－A1", "＋A1", "＠x")
FORMULAS = (*FORMULAS, "\ufeff=1", "\x00=1", "\xa0@x", "“=1”", "-5+cmd|' /C calc'!A0", "--1", "+", "=")
HARMLESS = (
    "web-01",
    "a=b",
    "a - b",
    "-5",
    "+5",
    "-1.5e-3",
    ".5",
    "-5%",
    "",
    "user@host",
    "'quoted'",
    "a, b; c",
    "k;-3",
)


def test_a_cell_that_a_spreadsheet_would_execute_is_text(tmp_path: Path) -> None:
    path = tmp_path / "new" / "offenders.csv"
    write_csv(pl.DataFrame({"name": [*FORMULAS, *HARMLESS], "y": [-1.5] * len((*FORMULAS, *HARMLESS))}), path)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    shown = [name.replace("\t'", "\t").replace("\r'", "\r").replace("\n'", "\n") for name, _ in rows]
    assert shown == [*(f"'{name}" for name in FORMULAS), *HARMLESS]
    assert {y for _, y in rows} == {"-1.5"}


@pytest.mark.parametrize(
    ("text", "stored"), [("a;=1", "a;'=1"), ("a\t@x", "a\t'@x"), ("x,-A1", "x,'-A1"), ("a|＝1", "a|'＝1")]
)
def test_a_cell_that_another_separator_would_make_two_of_is_text_in_both(
    text: str, stored: str, tmp_path: Path
) -> None:
    write_csv(pl.DataFrame({"name": [text]}), tmp_path / "offenders.csv")
    with (tmp_path / "offenders.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file))[1:] == [[stored]]


def test_numbers_missing_values_and_days_are_written_as_they_are(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"n": [-1, None], "day": [date(2025, 1, 31), None], "word": [None, "b"], "sure": [True, False]}
    )
    write_csv(frame, tmp_path / "offenders.csv")
    assert (tmp_path / "offenders.csv").read_text() == "n,day,word,sure\n-1,2025-01-31,,true\n,,b,false\n"


def test_days_and_single_precision_are_encoded_by_their_type_and_text_of_any_name_is_stored(tmp_path: Path) -> None:
    columns = {"ds": pl.Date, "yhat": pl.Float32, "y": pl.Float64, "host_id": pl.String, "free text": pl.String}
    frame = pl.DataFrame({name: [None, None] for name in columns}, schema=columns)
    write_parquet([frame.to_arrow()], frame.to_arrow().schema, tmp_path / "f.parquet")
    group = pq.read_metadata(tmp_path / "f.parquet").row_group(0)
    encodings = {group.column(at).path_in_schema: group.column(at).encodings for at in range(len(columns))}
    assert "DELTA_BINARY_PACKED" in encodings["ds"]
    assert "BYTE_STREAM_SPLIT" in encodings["yhat"]
    assert "BYTE_STREAM_SPLIT" not in encodings["y"]
    assert "RLE_DICTIONARY" in encodings["host_id"]
    assert "RLE_DICTIONARY" not in encodings["free text"]
    assert pl.read_parquet(tmp_path / "f.parquet").equals(frame)
