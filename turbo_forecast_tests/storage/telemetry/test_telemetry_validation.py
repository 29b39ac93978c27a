"""What cannot be used is refused or kept with its reason; nothing is lost."""

import math
from datetime import date, datetime

import polars as pl
import pytest

from turbo_forecast.errors import TelemetryError

DAY = date(2025, 1, 1)
HEADER = "host,time,resource,value"


def by_reason(reading):
    return {row["reason"]: row for row in reading.rejects.to_dicts()}


def test_every_reason_is_told_of_the_value_it_is_about(parquet, read):
    values = [50.0, 60.0, 70.0, None, math.nan, math.inf, -math.inf, -1.0, 105.1, 104.0, 0.0]
    hosts = [None, "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"]
    times = [DAY, None, *[DAY] * 9]
    resources = ["cpu", "cpu", None, *["cpu"] * 8]
    path = parquet({"host": hosts, "time": times, "resource": resources, "value": values})
    reading = read(path, max_over_capacity_share=0.5)
    assert reading.rows == [("j", "cpu", DAY, 100.0), ("k", "cpu", DAY, 0.0)]
    assert reading.report.clipped == 1
    assert reading.report.rejects == {
        "infinite": 2,
        "no value": 2,
        "negative": 1,
        "no host": 1,
        "no resource": 1,
        "no time": 1,
        "over capacity": 1,
    }
    rejects = by_reason(reading)
    assert rejects["no host"] == {
        "source": str(path),
        "host_id": None,
        "resource": "cpu",
        "time": "2025-01-01",
        "value": "50.0",
        "reason": "no host",
    }
    assert rejects["no time"]["host_id"] == "b"
    assert rejects["no time"]["time"] is None
    assert rejects["negative"]["value"] == "-1.0"


def test_an_empty_host_is_no_host(parquet, read):
    path = parquet({"host": ["", "a"], "time": [DAY] * 2, "resource": ["cpu"] * 2, "value": [50.0, 50.0]})
    assert read(path).report.rejects == {"no host": 1}


def test_cells_of_a_wide_row_are_judged_each_for_itself(parquet, read):
    path = parquet({"host": ["a", None], "time": [DAY, DAY], "cpu": [50.0, 50.0], "mem": [-1.0, 60.0]})
    reading = read(path)
    assert reading.rows == [("a", "cpu", DAY, 50.0)]
    assert sorted(reading.rejects.select("host_id", "resource", "reason").rows(), key=str) == [
        ("a", "mem", "negative"),
        (None, "cpu", "no host"),
        (None, "mem", "no host"),
    ]


@pytest.mark.parametrize("nothing", ["", "NA", "NaN", "null", "n/a", "None", " "])
def test_what_exporters_write_for_nothing_is_no_value(csv, read, nothing):
    reading = read(csv(HEADER, "a,2025-01-01,cpu,50", f"a,2025-01-02,cpu,{nothing}"))
    assert reading.report.rejects == {"no value": 1}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_text_among_values_is_an_error_with_file_column_and_example(csv, parquet, read, kind):
    path = csv(HEADER, "a,2025-01-01,cpu,50", "a,2025-01-02,cpu,offline")
    if kind == "parquet":
        path = parquet(pl.read_csv(path).to_dict())
    with pytest.raises(TelemetryError, match=rf"column value of .*telemetry\.{kind} holds 'offline'.*\(1 such value\)"):
        read(path)


def test_the_same_value_of_a_moment_counts_once_and_the_first_file_is_kept(tmp_path, csv, read):
    csv(HEADER, "a,2025-01-01T00:00:00,cpu,10", "a,2025-01-01T01:00:00,cpu,40", name="1.csv")
    csv(HEADER, "a,2025-01-01T00:00:00,cpu,10", "a,2025-01-01T00:00:00,cpu,10", name="2.csv")
    reading = read(tmp_path)
    assert reading.rows == [("a", "cpu", DAY, 25.0)]
    assert reading.report.rejects == {"duplicate": 2}
    assert reading.rejects["source"].unique().to_list() == [str(tmp_path / "2.csv")]


@pytest.mark.parametrize("hour", ["", "T06:00:00"])
def test_conflicting_values_of_a_moment_are_an_error_that_shows_them(csv, read, hour):
    path = csv(HEADER, f"a,2025-01-01{hour},cpu,10", f"a,2025-01-01{hour},cpu,20", "a,2025-01-02,cpu,5")
    with pytest.raises(
        TelemetryError, match=rf"a/cpu has different values of the same moment 2025-01-01{hour}: 10 and 20"
    ):
        read(path)


@pytest.mark.parametrize("statistic", ["mean", "p95", "max"])
def test_conflicting_values_can_be_rejected_all_of_them(csv, read, statistic):
    path = csv(
        *[HEADER, "a,2025-01-01T06:00,cpu,10", "a,2025-01-01T06:00,cpu,20", "a,2025-01-01T06:00,cpu,20"],
        *["a,2025-01-01T07:00,cpu,30", "a,2025-01-02T07:00,cpu,1", "a,2025-01-02T07:00,cpu,2"],
    )
    reading = read(path, on_conflicting_duplicates="reject", statistic=statistic)
    assert reading.rows == [("a", "cpu", DAY, 30.0)]
    assert reading.report.rejects == {"conflicting duplicate": 5}


def test_a_bad_value_does_not_conflict_with_a_good_one(csv, read):
    reading = read(csv(HEADER, "a,2025-01-01,cpu,10", "a,2025-01-01,cpu,", "a,2025-01-01,cpu,-5"))
    assert reading.rows == [("a", "cpu", DAY, 10.0)]
    assert reading.report.rejects == {"negative": 1, "no value": 1}


def test_days_after_today_are_an_error_or_rejected(csv, read):
    path = csv(HEADER, "a,2025-01-01,cpu,10", "a,2025-01-02,cpu,10", "b,2125-01-03,cpu,10")
    with pytest.raises(
        TelemetryError, match=r"2 values are of days after today \(2025-01-01\), up to 2125-01-03 of b/cpu"
    ):
        read(path, today=DAY)
    reading = read(path, today=DAY, on_future_dates="reject")
    assert reading.rows == [("a", "cpu", DAY, 10.0)]
    assert reading.report.rejects == {"in the future": 2}


def test_today_is_a_day_of_the_telemetrys_zone(parquet, read):
    times = pl.Series([datetime(2025, 1, 1, 22, 59), datetime(2025, 1, 1, 23)]).dt.replace_time_zone("UTC")
    path = parquet({"host": ["a", "a"], "time": times, "cpu": [10.0, 20.0]})
    reading = read(path, today=DAY, timezone="Europe/Berlin", on_future_dates="reject")
    assert reading.rows == [("a", "cpu", DAY, 10.0)]


def test_telemetry_without_one_usable_value_says_why(csv, read):
    with pytest.raises(TelemetryError, match="has no usable value: 1 negative, 1 no value"):
        read(csv(HEADER, "a,2025-01-01,cpu,-1", "a,2025-01-02,cpu,"))
