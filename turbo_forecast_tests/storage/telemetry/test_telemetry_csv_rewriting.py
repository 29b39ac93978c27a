"""Encodings and InfluxDB's annotated CSV are read as what they say."""

import gzip
from datetime import date

import pytest

TEXT = "host,time,cpu\nä,2025-01-01,50\n"
READ = [("ä", "cpu", date(2025, 1, 1), 50.0)]
COLUMNS = {"time_column": "_time", "value_column": "_value", "resource_column": "_measurement", "host_column": "host"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_says_the_encoding(tmp_path, read, encoding):
    (tmp_path / "t.csv").write_bytes(TEXT.encode(encoding))
    reading = read(tmp_path / "t.csv")
    assert reading.rows == READ
    assert reading.report.sources == [str(tmp_path / "t.csv")]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "latin-1", "cp1252", "utf-16", "iso8859-15"])
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_an_encoding_is_read_once_it_is_set(tmp_path, read, encoding, suffix):
    content = TEXT.encode(encoding)
    (tmp_path / f"t{suffix}").write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    assert read(tmp_path / f"t{suffix}", encoding=encoding).rows == READ


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-16-le", "set encoding to utf-16-le"),
        ("utf-16-be", "set encoding to utf-16-be"),
        ("latin-1", "it is not utf-8 text (0xe4 in line 2); set encoding"),
        ("cp1252", "it is not utf-8 text (0xe4 in line 2); set encoding"),
    ],
)
def test_an_encoding_that_nobody_stated_is_named(tmp_path, refusal, encoding, said):
    (tmp_path / "t.csv").write_bytes(TEXT.encode(encoding))
    assert said in refusal(tmp_path / "t.csv")


def test_another_encoding_far_down_is_named_with_its_line(tmp_path, refusal):
    (tmp_path / "t.csv").write_bytes(b"host,time,cpu\n" + b"a,2025-01-01,5\n" * 100_000 + b"\xe4,2025-01-01,5\n")
    assert "line 100,002 of" in refusal(tmp_path / "t.csv")


def test_a_file_in_another_encoding_than_set_is_refused(tmp_path, refusal):
    (tmp_path / "t.csv").write_bytes(TEXT.encode("latin-1"))
    assert "not ascii text" in refusal(tmp_path / "t.csv", encoding="ascii")


def test_a_broken_row_of_a_rewritten_file_is_named_by_the_files_own_name(tmp_path, refusal):
    (tmp_path / "t.csv").write_bytes("host,time,cpu\nä,1\n".encode("utf-16"))
    sentence = refusal(tmp_path / "t.csv")
    assert "t.csv has 2 fields" in sentence
    assert "turbo-forecast-" not in sentence


def annotated(*hosts, start="#group,false,false,true,true,false,false,true,true"):
    return [
        start,
        "#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,string",
        "#default,_result,,,,,,cpu,",
        ",result,table,_start,_stop,_time,_value,_measurement,host",
        *[
            f",,{n},2025-01-01T00:00:00Z,2025-01-02T00:00:00Z,2025-01-01T01:00:00Z,5{n},,{h}"
            for n, h in enumerate(hosts)
        ],
    ]


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_annotated_csv_is_read_with_all_its_tables_and_their_defaults(csv, read, blocks):
    lines = [line for n in range(blocks) for line in (*annotated(f"a{n}", f"b{n}"), "")]
    reading = read(csv(*lines), **COLUMNS)
    expected = [(f"{h}{n}", "cpu", date(2025, 1, 1), v) for h, v in (("a", 50.0), ("b", 51.0)) for n in range(blocks)]
    assert reading.rows == expected
    assert "is annotated CSV" in reading.report.notes[0]
    assert len(reading.report.sources) == 1


def test_annotated_csv_starts_with_any_annotation(csv, read):
    lines = annotated("a")
    assert read(csv(*lines[1:]), **COLUMNS).rows == read(csv(*lines), **COLUMNS).rows


def test_an_error_table_in_annotated_csv_is_refused(csv, refusal):
    failed = [
        "",
        "#datatype,string,string",
        "#group,true,true",
        "#default,,",
        ",error,reference",
        ",failed to read,897",
    ]
    assert "error, reference" in refusal(csv(*annotated("a"), *failed), **COLUMNS)


def test_a_ragged_row_of_annotated_csv_is_refused(csv, refusal):
    assert "record 6 of" in refusal(csv(*annotated("a"), ",,1,2025"), **COLUMNS)
