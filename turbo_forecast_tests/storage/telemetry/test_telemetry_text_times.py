"""What is written as a time is one; what a cast would take for one besides is refused with the way out."""

from datetime import date, datetime

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest


@pytest.fixture
def timed(csv):
    """A CSV of one host with these times."""
    return lambda *times: csv("host;time;cpu", *[f"a;{time};50" for time in times])


ABBREVIATIONS = ["BST", "IST", "CST", "AST", "SST", "ECT", "ACT", "EST", "MST", "HST", "PST8PDT", "CET", "JST", "UTC+3"]


@pytest.mark.parametrize("zone", ABBREVIATIONS)
@pytest.mark.parametrize("space", ["", " "])
def test_an_abbreviation_of_a_zone_is_refused_with_the_way_out(timed, refusal, zone, space):
    sentence = refusal(timed(f"2025-07-01 10:00:00{space}{zone}"), timezone="Europe/London")
    assert "whose zone is an abbreviation" in sentence
    assert "an offset (+01:00) or a name such as Europe/London" in sentence


def test_gmt_in_winter_and_bst_in_summer_are_refused(timed, refusal):
    path = timed("2025-01-01 10:00:00 GMT", "2025-07-01 10:00:00 BST")
    assert "'2025-07-01 10:00:00 BST'" in refusal(path, timezone="Europe/London")


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2025-06-30 23:30:00 UTC", 1),
        ("2025-06-30T23:30:00gmt", 1),
        ("2025-06-30T23:30Z", 1),
        ("2025-07-01 00:30:00 Europe/London", 1),
        ("2025-06-30 20:30:00 America/Argentina/Buenos_Aires", 1),
        ("2025-06-30 18:30:00 -0500", 1),
        ("2025-07-01 03:30:00 +04", 1),
        ("2025-06-30 18:30:00 Etc/GMT+5", 1),
        ("2025-06-30 22:30:00+00:00", 30),
    ],
)
def test_utc_offsets_and_full_names_of_zones_are_read(timed, read, written, day):
    assert read(timed(written), timezone="Europe/London").rows[0][2] == date(2025, 7 if day == 1 else 6, day)


@pytest.mark.parametrize(
    "written",
    [
        *["epoch", "infinity", "-infinity", "now", "today", "2000-01-01 (BC)", "-2025-01-01", "12025-01-01"],
        *["25-01-01", "01-02-03", "31/12/2025", "12/31/2025", "31.12.2025", "2025 01 01", "2025\\01\\01", "2025-02-30"],
        *["1_700_000_000", "1e9", "1.73577E+09", "0x65000000", "2025-01-01 10:00 PM", "2025-01-01 10:00:00 Mars/Base"],
    ],
)
def test_what_only_a_cast_takes_for_a_time_is_refused(timed, refusal, written):
    assert "which is not a time" in refusal(timed("2025-01-01", written))


@pytest.mark.parametrize(
    "written", ["0001-01-01", "0025-12-31 10:00", "1970-01-01", "9999-12-31", "1899-12-30T00:00:00Z"]
)
def test_a_text_time_that_no_machine_wrote_is_refused(timed, refusal, written):
    good = "2025-01-01T00:00:00Z" if "Z" in written else "2025-01-01"
    assert f"holds '{written}', which is no time from 1980" in refusal(timed(good, written))


@pytest.mark.parametrize("time", [date(1, 1, 1), date(9999, 12, 31), datetime(1970, 1, 1), datetime(1899, 12, 30)])
def test_a_typed_time_that_no_machine_wrote_is_refused(parquet, refusal, time):
    path = parquet(
        {
            "host": ["a", "a"],
            "time": [datetime(2025, 1, 1) if isinstance(time, datetime) else FIRST, time],
            "cpu": [5, 5],
        }
    )
    assert "which is no time from 1980" in refusal(path)


FIRST = date(2025, 1, 1)


@pytest.mark.parametrize("dtype", ["DATE", "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP_NS", "TIMESTAMP_S"])
@pytest.mark.parametrize("written", ["infinity", "-infinity"])
def test_an_infinite_time_is_refused(tmp_path, refusal, dtype, written):
    with duckdb.connect(str(tmp_path / "t.duckdb")) as con:
        con.execute(f"CREATE TABLE m AS SELECT 'a' AS host, CAST('{written}' AS {dtype}) AS time, 5 AS cpu")
    assert f"'{written}', which is no time from 1980" in refusal(tmp_path / "t.duckdb")


@pytest.mark.parametrize(
    ("written", "time_format", "day"),
    [
        ("31-12-24", "%d-%m-%y", date(2024, 12, 31)),
        ("24-12-31", "%y-%m-%d", date(2024, 12, 31)),
        ("02/01/2025 10:00", "%d/%m/%Y %H:%M", date(2025, 1, 2)),
        ("01/02/2025 10:00 PM", "%m/%d/%Y %I:%M %p", date(2025, 1, 2)),
        ("20250102", "%Y%m%d", date(2025, 1, 2)),
        ("2 Jan 2025", "%d %b %Y", date(2025, 1, 2)),
        ("02/01/2025 01:30 +0300", "%d/%m/%Y %H:%M %z", date(2025, 1, 2)),
        ("01/01/2025 23:30 UTC", "%d/%m/%Y %H:%M UTC", date(2025, 1, 1)),
    ],
)
def test_times_in_the_format_given_are_read(timed, read, written, time_format, day):
    assert read(timed(written), time_format=time_format).rows[0][2] == day


def test_times_that_a_format_calls_utc_are_days_of_the_zone_asked_for(timed, read):
    reading = read(timed("01/01/2025 23:30 UTC"), time_format="%d/%m/%Y %H:%M UTC", timezone="Europe/Berlin")
    assert reading.rows[0][2] == date(2025, 1, 2)


@pytest.mark.parametrize(
    ("written", "time_format", "said"),
    [
        ("12/31/2025", "%d/%m/%Y", "'12/31/2025', which is not in time_format '%d/%m/%Y'"),
        ("31/12/25", "%d/%m/%Y", "which is no time from 1980"),
        ("10:00", "%H:%M", "which is no time from 1980"),
        ("infinity", "%d/%m/%Y", "which is no time from 1980"),
        ("2025-01-01 10:00 BST", "%Y-%m-%d %H:%M %Z", "%Z (a zone's abbreviation"),
        ("2025-01-01 10:00", "%Y-%m-%d %I:%M", "needs %p"),
        ("+0100 2025-01-01", "%z %Y-%m-%d", "need timezone"),
        ("x", "%Q", "is no strptime format"),
    ],
)
def test_a_format_that_does_not_fit_or_is_ambiguous_is_said(timed, refusal, written, time_format, said):
    assert said in refusal(timed(written), time_format=time_format)


def test_a_format_for_typed_times_is_refused(parquet, refusal):
    path = parquet({"host": ["a"], "time": [FIRST], "cpu": [5]})
    assert "is for text, but column time is typed" in refusal(path, time_format="%Y")


def test_a_number_that_is_a_date_is_read_by_its_format(parquet, read):
    path = parquet({"host": ["a"], "time": [20250101], "cpu": [5]})
    assert read(path, time_format="%Y%m%d").rows[0][2] == FIRST


def test_a_date_and_a_clock_make_the_time_together(csv, read):
    lines = ["a,31/12/24,23:00,50", "a,01/01/25,01:00,60", "a,NA,01:00,60", "a,01/01/25,,60"]
    reading = read(csv("host,Date,clock,cpu", *lines), time_columns=["date", "clock"], time_format="%d/%m/%y %H:%M")
    assert [row[2:] for row in reading.rows] == [(date(2024, 12, 31), 50.0), (FIRST, 60.0)]
    assert reading.report.rejects == {"no time": 2}
    assert reading.report.columns["time_column"] == "date clock"


def test_a_typed_date_and_clock_make_the_time_together(tmp_path, read):
    table = pa.table({"host": ["a"], "d": [FIRST], "c": [datetime(2025, 1, 1, 10, 0, 5).time()], "cpu": [5]})
    pq.write_table(table, tmp_path / "t.parquet")
    assert read(tmp_path / "t.parquet", time_columns=["d", "c"]).rows == [("a", "cpu", FIRST, 5.0)]


def test_a_part_of_the_time_that_is_not_there_is_named(csv, refusal):
    path = csv("host,date,cpu", "a,2025-01-01,5")
    assert "time_columns: " in refusal(path, time_columns=["date", "clock"])
    assert "has no column 'clock'" in refusal(path, time_columns=["date", "clock"])


def test_spaces_around_a_time_do_not_matter(timed, read):
    assert read(timed(" 2025-01-01 ")).rows[0][2] == FIRST
    assert read(timed(" 1735689600 ")).rows[0][2] == FIRST


@pytest.mark.parametrize("zone", ["BST", "CET", "EST5EDT", "Mars/Base", "+99:99", "+25:00", "europe"])
def test_a_timezone_that_is_none_or_several_is_refused_even_where_times_have_no_zone(timed, refusal, zone):
    sentence = refusal(timed("2025-01-01"), timezone=zone)
    assert "timezone" in sentence
    assert f"{zone} is not a zone" in sentence.replace("'", "")


def test_a_timezone_that_changes_nothing_is_told(timed, read):
    assert "times have no zone" in read(timed("2025-01-01"), timezone="Europe/Berlin").report.notes[0]


def test_the_zone_a_parquet_file_states_is_found_whatever_the_case_of_its_column(tmp_path, parquet, read):
    times = pl.Series([datetime(2025, 1, 1, 23, 30)]).dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin")
    parquet({"host": ["a"], "time": times, "cpu": [50.0]}, name="1.parquet")
    parquet({"host": ["b"], "TIME": times, "cpu": [50.0]}, name="2.parquet")
    reading = read(tmp_path)
    assert reading.report.timezone == "Europe/Berlin"
    assert {row[2] for row in reading.rows} == {date(2025, 1, 2)}


@pytest.mark.parametrize("options", [{}, {"time_format": "%Y-%m-%d"}])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_header_repeated_between_rows_is_named(csv, refusal, options, mark):
    path = csv("host,Time,cpu", "a,2025-01-01,5", f"{mark}host,Time,cpu", "a,2025-01-02,5")
    assert "a header is repeated between the rows" in refusal(path, **options)
