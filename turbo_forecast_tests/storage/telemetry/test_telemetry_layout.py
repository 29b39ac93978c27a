"""Columns are taken as asked for, guessed where there is no doubt, and asked about where there is."""

from datetime import date

import pytest

from turbo_forecast.errors import SettingsError, TelemetryError

DAY = date(2025, 1, 1)


def test_usual_names_are_guessed_whatever_their_case_and_the_guess_is_reported(csv, read):
    reading = read(csv("HostName,TS,Metric,Y,comment", "a,2025-01-01,cpu,50,x"))
    assert reading.report.guesses == {
        "layout": "long",
        "host_column": "HostName",
        "time_column": "TS",
        "resource_column": "Metric",
        "value_column": "Y",
    }
    assert reading.report.ignored_columns == ["comment"]
    assert "host_column = HostName" in reading.report.describe()


def test_columns_asked_for_are_no_guesses(csv, read):
    reading = read(
        csv("machine,moment,what,load", "a,2025-01-01,cpu,50"),
        layout="long",
        host_column="machine",
        time_column="Moment",
        resource_column="what",
        value_column="load",
    )
    assert reading.rows == [("a", "cpu", DAY, 50.0)]
    assert reading.report.guesses == {}
    assert reading.report.columns["time_column"] == "moment"


def test_without_resource_and_value_every_other_numeric_column_is_a_resource(parquet, read):
    path = parquet({"vm": [7], "ts": [DAY], "cpu": [50], "mem": [60.5], "rack": ["r1"], "up": [True]})
    reading = read(path)
    assert reading.rows == [("7", "cpu", DAY, 50.0), ("7", "mem", DAY, 60.5)]
    assert reading.report.layout == "wide"
    assert reading.report.guesses["resources"] == ["cpu", "mem"]
    assert reading.report.ignored_columns == ["rack", "up"]
    assert (reading.report.rows_read, reading.report.values_read) == (1, 2)


def test_a_wide_csv_tells_numbers_from_labels_by_what_is_in_them(csv, read):
    path = csv("host,time,cpu,mem,rack,late", "a,2025-01-01,50,NA,r1,", "b,2025-01-01,51,60,r2,70")
    assert read(path).report.columns["resources"] == ["cpu", "mem", "late"]


def test_text_in_a_wide_column_of_numbers_is_an_error_and_no_label(csv, read):
    path = csv("host,time,cpu", "a,2025-01-01,50", "b,2025-01-01,51", "c,2025-01-01,error 5")
    with pytest.raises(TelemetryError, match=r"column cpu of .*telemetry\.csv holds 'error 5', which is not a number"):
        read(path)


def test_only_the_resources_asked_for_are_read(parquet, read):
    path = parquet({"vm": ["a"], "ts": [DAY], "cpu": [50.0], "mem": [60.0]})
    assert read(path, resources=["mem"]).rows == [("a", "mem", DAY, 60.0)]
    with pytest.raises(SettingsError, match=r"resources: .* has no column disk; its columns are vm, ts, cpu, mem"):
        read(path, resources=["disk"])


def test_two_possible_columns_are_listed_rather_than_guessed(csv, read):
    path = csv("host,vm,time,cpu", "a,b,2025-01-01,50")
    with pytest.raises(TelemetryError, match="could be host or vm: set host_column"):
        read(path)
    assert read(path, host_column="vm").rows == [("b", "cpu", DAY, 50.0)]


def test_a_missing_column_lists_the_columns_there_are(csv, read):
    path = csv("machine,time,cpu", "a,2025-01-01,50")
    with pytest.raises(TelemetryError, match="set host_column to one of: machine or host_from: file name"):
        read(path)
    with pytest.raises(SettingsError, match=r"host_column: .* has no column node; its columns are machine, time, cpu"):
        read(path, host_column="node")


def test_a_resource_column_without_a_value_column_is_not_taken_for_wide(csv, read):
    with pytest.raises(TelemetryError, match=r"has a resource column \(metric\) but no column known as the value"):
        read(csv("host,time,metric,load", "a,2025-01-01,cpu,50"))


def test_one_column_cannot_be_two_things(csv, read):
    with pytest.raises(SettingsError, match="is meant as"):
        read(csv("host,time,cpu", "a,2025-01-01,50"), time_column="host")


def test_nothing_numeric_is_said_with_the_columns_there_are(csv, read):
    with pytest.raises(TelemetryError, match="no numeric column beside host and time"):
        read(csv("host,time,rack", "a,2025-01-01,r1"))


def test_resources_make_no_sense_in_the_long_layout(csv, read):
    with pytest.raises(SettingsError, match="but this telemetry is long"):
        read(csv("host,time,resource,value", "a,2025-01-01,cpu,50"), layout="long", resources=["cpu"])


def test_a_value_column_of_dates_is_refused(parquet, read):
    with pytest.raises(TelemetryError, match=r"column value of .* holds DATE, not numbers"):
        read(parquet({"host": ["a"], "time": [DAY], "resource": ["cpu"], "value": [DAY]}))


@pytest.mark.parametrize(
    "lines",
    [
        ("host,2025-01-01,2025-01-02", "a,5,6"),
        ("host;01.02.2025;02.02.2025", "a;5;6"),
        ("web-1,2025-01-01T00:00:00Z,5", "web-1,2025-01-02T00:00:00Z,6"),
    ],
)
def test_a_column_per_day_and_a_missing_header_are_said(csv, refusal, lines):
    sentence = refusal(csv(*lines))
    assert "a row per reading instead of a column per day" in sentence
    assert "write a header above it" in sentence
