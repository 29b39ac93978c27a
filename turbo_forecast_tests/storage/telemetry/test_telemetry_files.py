"""Every file of a folder is read, or named as left out with the reason, or refused for what it really is."""

import gzip
import re
from datetime import date

import polars as pl
import pytest

TEXT = "host,time,cpu\na,2025-01-01,50\n"
READ = [("a", "cpu", date(2025, 1, 1), 50.0)]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("_temporary/0/part-0.csv", "unfinished work"),
        ("_SUCCESS", "unfinished work"),
        ("deep/_started_1.csv", "unfinished work"),
        (".part-0.csv.crc", "hidden"),
        (".ipynb_checkpoints/t.csv", "hidden"),
        ("notes.txt", "not a Parquet, CSV or DuckDB file"),
        ("cpu.csv.bak", "not a Parquet, CSV or DuckDB file"),
    ],
)
def test_a_file_that_is_not_read_is_named_with_the_reason(csv, tmp_path, read, name, said):
    csv(TEXT.strip(), name="t.csv")
    csv(TEXT.strip().replace("a,", "zombie,"), name=name)
    reading = read(tmp_path)
    assert reading.rows == READ
    assert re.search(f"left out {re.escape(name)}: .*{said}", reading.report.notes[0])
    assert name in reading.report.describe()


@pytest.mark.parametrize(
    ("name", "target", "said"),
    [
        ("more", "elsewhere", "a link to a folder, which is not followed"),
        ("deep/more.csv", "nowhere.csv", "a link to nothing"),
        (".more", "elsewhere", "hidden"),
        ("_more", "nowhere", "unfinished work"),
    ],
)
def test_a_link_that_leads_to_no_file_is_named(csv, tmp_path, read, name, target, said):
    csv(TEXT.strip(), name="t/t.csv")
    csv(TEXT.strip().replace("a,", "b,"), name="elsewhere/t.csv")
    link = tmp_path / "t" / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(tmp_path / target)
    reading = read(tmp_path / "t")
    assert reading.rows == READ
    assert re.search(f"left out {re.escape(name)}: .*{said}", reading.report.notes[0])


@pytest.mark.parametrize(
    ("name", "lake"),
    [
        ("_delta_log/00000.json", "Delta Lake"),
        (".hoodie/hoodie.properties", "Hudi"),
        ("metadata/v1.metadata.json", "Iceberg"),
        ("fleet/_delta_log/x.checkpoint.parquet", "Delta Lake"),
    ],
)
def test_a_table_of_a_data_lake_is_refused_as_its_folder_holds_rows_that_were_deleted(
    csv, tmp_path, refusal, name, lake
):
    csv(TEXT.strip(), name="t.csv")
    csv("{}", name=name)
    assert f"is a table of {lake}" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", gzip.compress(TEXT.encode(), mtime=0), r"by its first bytes it is gzip \(name it .csv.gz\)"),
        ("t.csv", b"PAR1" + b"x" * 50, "it is Parquet"),
        ("t.tsv", b"PK\x03\x04" + b"x" * 50, "a zip file or a spreadsheet"),
        ("t.csv", b"SQLite format 3\x00" + b"x" * 50, "an SQLite database"),
        ("t.csv.gz", TEXT.encode(), "is not gzip, as its name says"),
        ("t.csv.gz", gzip.compress(TEXT.encode(), mtime=0)[:20], "not a readable CSV file"),
        (
            "t.csv.gz",
            gzip.compress(TEXT.encode() * 100_000, mtime=0)[:-300],
            "cannot be read: Unexpected end of GZIP stream",
        ),
        ("t.parquet", TEXT.encode(), "not a readable Parquet file: it is cut off, or no Parquet at all"),
        ("t.parquet", b"", "is empty"),
        ("t.parquet", b"PAR1", "cut off, or no Parquet"),
        ("t.parquet", b"PAR1" + b"\xff" * 100 + b"PAR1", "it is damaged"),
        ("t.parquet", b"PARE" + b"x" * 100 + b"PARE", "it is encrypted"),
        ("t.parquet", gzip.compress(TEXT.encode(), mtime=0), "it is gzip$"),
        ("t.duckdb", b"PAR1" + b"\0" * 5000, "not a readable DuckDB file: .* Parquet"),
        ("t.db", b"SQLite format 3\x00" + b"\0" * 5000, "an SQLite database"),
    ],
)
def test_a_file_of_another_kind_than_its_name_says_is_named_with_its_kind(tmp_path, refusal, name, content, said):
    (tmp_path / name).write_bytes(content)
    assert re.search(said, refusal(tmp_path / name))


def test_a_parquet_file_that_was_cut_off_is_said(parquet, refusal):
    path = parquet({"host": ["a"], "time": [date(2025, 1, 1)], "cpu": [5]})
    path.write_bytes(path.read_bytes()[:-20])
    assert "it is cut off" in refusal(path)


def test_a_file_without_rows_is_named_and_alone_it_is_refused(tmp_path, csv, read, refusal):
    empty = csv("host,time,cpu", name="empty.csv")
    pl.DataFrame({"host": ["a"], "time": [date(2025, 1, 1)], "cpu": [5.0]}).clear().write_parquet(
        tmp_path / "e.parquet"
    )
    assert "has columns but not one row" in refusal(empty)
    assert "has columns but not one row" in refusal(tmp_path / "e.parquet")
    csv(TEXT.strip(), name="t.csv")
    reading = read(tmp_path)
    assert reading.rows == READ
    assert re.search(r"e\.parquet, .*empty\.csv: columns but not one row", reading.report.notes[0])


@pytest.mark.parametrize("pattern", ["**/*.*", "**/*", "*/*.csv"])
def test_a_wildcard_leaves_out_what_a_folder_does_and_says_so(tmp_path, csv, read, pattern):
    row = "a,2025-01-0{},5"
    csv("host,time,cpu", row.format(1), name="in/2025/a.csv")
    for place, folder in enumerate(("_temporary", ".ipynb_checkpoints"), 2):
        csv("host,time,cpu", row.format(place), name=f"in/{folder}/a.csv")
    reading = read(tmp_path / "in" / pattern)
    assert len(reading.rows) == 1
    assert "_temporary/a.csv" in reading.report.describe()
    assert ".ipynb_checkpoints/a.csv: hidden" in reading.report.describe()


@pytest.mark.parametrize("pattern", ["_temporary/*.csv", "_*/*.csv", "_temporary/**/*.csv", "../in/_t[a-z]*/a.csv"])
def test_a_pattern_that_names_an_underscore_means_it(tmp_path, csv, read, pattern):
    csv("host,time,cpu", "a,2025-01-01,5", name="in/_temporary/a.csv")
    assert len(read(tmp_path / "in" / pattern).rows) == 1


def test_a_wildcard_that_matches_nothing_usable_says_why(tmp_path, csv, refusal):
    csv("host,time,cpu", "a,2025-01-01,5", name="in/_temporary/a.csv")
    assert "_temporary/a.csv: names that start with _" in refusal(tmp_path / "in" / "*" / "*.csv")


@pytest.mark.parametrize("pattern", ["lake/*.parquet", "*/*.parquet", "**/*.parquet"])
def test_a_wildcard_into_a_data_lake_is_refused(tmp_path, parquet, refusal, pattern):
    parquet({"host": ["a"], "time": ["2025-01-01"], "cpu": [5.0]}, name="lake/1.parquet")
    (tmp_path / "lake" / "_delta_log").mkdir()
    assert "is a table of Delta Lake" in refusal(tmp_path / pattern)
