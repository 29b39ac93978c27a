"""CloudWatch's graphs and rows of get-metric-data are read by their labels."""

from datetime import date

import pytest

DAY = date(2025, 2, 14)
ABOVE = ["Id,m1,m2", "StatusCode,Complete,Complete", "Messages,,", "Full label,x,y"]
TABLE = ["2025/02/14 14:20:00,2,", "2025/02/14 14:25:00,3.5,7"]
EXPECTED = [("i-0a", "cpu", DAY, 2.75), ("i-0b", "cpu", DAY, 7.0)]


@pytest.mark.parametrize(
    ("label", "options"),
    [
        ("Label,i-0a cpu,i-0b cpu", {}),
        ("Label,i-0a,i-0b", {"resource": "cpu"}),
        ("Label,cpu of i-0a,cpu of i-0b", {"series_name": "{resource} of {host}"}),
        ("Label,EC2 i-0a mean,EC2 i-0b max", {"series_name": "EC2 {host} {any}", "resource": "cpu"}),
    ],
)
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_a_graphs_metrics_are_named_by_their_labels(csv, read, label, options, bom):
    reading = read(csv(bom + ABOVE[0], *ABOVE[1:], label, *TABLE), preset="cloudwatch", **options)
    assert reading.rows == EXPECTED
    assert reading.report.values_read == 3


def test_full_labels_name_metrics_that_have_no_others(csv, read):
    assert read(csv(*ABOVE[:3], "Full label,i-0a cpu,i-0b cpu", *TABLE), preset="cloudwatch").rows == EXPECTED


def test_rows_of_get_metric_data_are_named_by_their_labels(csv, read):
    rows = [
        f'"{h} cpu","2025-02-14T14:{m}:00+00:00",{v}'
        for h, m, v in (("i-0a", 20, 2), ("i-0a", 25, 3.5), ("i-0b", 25, 7))
    ]
    assert read(csv('"Label","Timestamp","Value"', *rows), preset="cloudwatch").rows == EXPECTED


def test_two_names_of_one_series_in_rows_are_refused(csv, refusal):
    rows = ["Label,Timestamp,Value", "cpu i-0a x,2025-02-14T14:20:00Z,2", "cpu i-0a y,2025-02-14T14:20:00Z,2"]
    assert "are both 'cpu' of 'i-0a'" in refusal(csv(*rows), preset="cloudwatch", series_name="{resource} {host} {any}")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["host,cpu", "a,1"], "it has neither a line that begins with Label nor a column Label, but host, a"),
        ([*ABOVE[:3], *TABLE], "no line that begins with Label stands above its first time"),
        ([*ABOVE, "Label,a cpu,b cpu"], "no line below 'Label' begins with a time"),
        ([*ABOVE, "Label,CPUUtilization,b", *TABLE], "column 'CPUUtilization' of"),
    ],
)
def test_what_is_missing_is_said(csv, refusal, lines, said):
    assert said in refusal(csv(*lines), preset="cloudwatch")


def test_what_cloudwatch_says_of_a_metric_is_noted(csv, read):
    lines = [
        ABOVE[0],
        "StatusCode,Complete,PartialData",
        "Messages,,too many points",
        "Label,i-0a cpu,i-0b cpu",
        *TABLE,
    ]
    notes = " ".join(read(csv(*lines), preset="cloudwatch").report.notes)
    assert "PartialData, not Complete" in notes
    assert "'too many points'" in notes
