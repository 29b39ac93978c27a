"""Azure Monitor's charts and the rows of AzureMetrics are read as they say."""

from datetime import date

import pytest

DAY = date(2025, 3, 1)
BLOCK = ["Chart,My chart", "Resource,web-1", ""]
ROWS = ["2025-03-01 00:00:00,45.3,50", "2025-03-01 12:00:00,46.7,"]
METRICS = '"TimeGenerated [UTC]",Resource,MetricName,Average,Maximum,UnitName'


@pytest.mark.parametrize("time", ["Time", "Time (UTC)", "Timestamp", "TimeStamp [UTC]", "Date"])
def test_a_chart_is_a_metric_a_column_of_the_host_above(csv, read, time):
    reading = read(csv(*BLOCK, f"{time},cpu,memory", *ROWS), preset="azure")
    assert reading.rows == [("web-1", "cpu", DAY, 46.0), ("web-1", "memory", DAY, 50.0)]
    assert any("chart" in note for note in reading.report.notes)
    assert bool(reading.report.timezone) == ("UTC" in time)


def test_columns_name_hosts_where_nothing_above_does(csv, read):
    lines = ["Time,cpu (Avg) | web-1,cpu (Avg) | web-2", *ROWS]
    reading = read(csv(*lines), preset="azure", series_name="{resource} (Avg) | {host}")
    assert reading.rows == [("web-1", "cpu", DAY, 46.0), ("web-2", "cpu", DAY, 50.0)]


def test_a_pattern_with_a_host_goes_before_the_host_above(csv, read):
    lines = [*BLOCK, "Time,cpu of a,cpu of b", *ROWS]
    rows = read(csv(*lines), preset="azure", series_name="{resource} of {host}").rows
    assert [row[0] for row in rows] == ["a", "b"]


def test_rows_of_azure_metrics_are_of_a_resource_and_a_metric(csv, read):
    """09:19 in the morning of 25 February in UTC is the evening of that day in Tokyo; 16:00 is the next day."""
    rows = ['"2/25/2025, 9:19:25.391 AM",VM-1,cpu,5.5,9,Percent', '"2/25/2025, 4:00:00.000 PM",VM-1,cpu,7.5,9,Percent']
    options = {"preset": "azure", "time_format": "%m/%d/%Y, %I:%M:%S.%f %p", "timezone": "Asia/Tokyo"}
    expected = [("VM-1", "cpu", date(2025, 2, 25), 5.5), ("VM-1", "cpu", date(2025, 2, 26), 7.5)]
    assert read(csv(METRICS, *rows), **options).rows == expected
    assert [row[3] for row in read(csv(METRICS, *rows), **options, value_column="Maximum").rows] == [9.0, 9.0]
    assert [row[1] for row in read(csv(METRICS, *rows), **options, resource="load").rows] == ["load", "load"]


@pytest.mark.parametrize(
    "time", ["2025-03-01T10:00:00Z", "2025-03-01 10:00:00 UTC", "2025-03-01T10:00:00+00:00", "2025-03-01 10:00:00"]
)
def test_times_that_state_utc_already_are_left_as_they_are(csv, read, time):
    reading = read(csv(METRICS, f"{time},VM-1,cpu,5.5,9,Percent"), preset="azure")
    assert reading.rows == [("VM-1", "cpu", DAY, 5.5)]
    assert reading.report.timezone == "UTC"


@pytest.mark.parametrize(
    ("lines", "options", "said"),
    [
        (["host,cpu", "a,1"], {}, "no line of it begins with Time or TimeGenerated"),
        (["TimeGenerated,Resource,Average", "2025-03-01,a,5"], {}, "it has TimeGenerated, but no column MetricName"),
        (["Time,cpu", "2025-03-01,5"], {}, "column 'cpu' of"),
        ([METRICS, "2025-03-01,a,cpu,5,5,x"], {"series_name": "{host}"}, "series_name is set, but preset: azure"),
    ],
)
def test_what_is_missing_is_said(csv, refusal, lines, options, said):
    assert said in refusal(csv(*lines), preset="azure", **options)


def test_a_line_with_a_date_above_the_table_is_no_header(csv, read):
    lines = ["Resource: web-1", "Date,2025-03-02", "Time,cpu", "2025-03-01 00:00:00,50"]
    assert read(csv(*lines), preset="azure").rows == [("web-1", "cpu", DAY, 50.0)]


def test_metrics_and_resources_of_one_name_are_not_merged(csv, refusal):
    lines = ["TimeGenerated,Resource,ResourceGroup,MetricName,Average"]
    times = [f"2025-03-01T{hour:02}:00:00Z" for hour in range(12)]
    metrics = [f"{time},VM-1,G,{('cpu', 'memory')[number % 2]},5{number % 10}" for number, time in enumerate(times)]
    assert "MetricName" in refusal(csv(*lines, *metrics), preset="azure", resource="cpu")
    groups = [f"{time},VM-1,{'GH'[number % 2]},cpu,5{number % 10}" for number, time in enumerate(times)]
    assert "ResourceGroup" in refusal(csv(*lines, *groups), preset="azure")
