"""Grafana's tables are read as their cells say, however the browser wrote them."""

from datetime import date

import pytest

MARCH = date(2025, 3, 1)
JOINED = '"Time","web-1 cpu","web-2 cpu"'
TWO = [("web-1", "cpu", MARCH, 46.0), ("web-2", "cpu", MARCH, 50.0)]
"""The means of 45.3 and 46.7, and of 50 alone."""


@pytest.mark.parametrize(
    ("lines", "options"),
    [
        ([JOINED, "2025-03-01 00:00:00,45.3,50", "2025-03-01 12:00:00,46.7,"], {}),
        ([JOINED, "2025-03-01 00:00:00,45.3%,50 %", "2025-03-01 12:00:00,46.7%,"], {}),
        (["sep=,", JOINED, "1740787200000,45.3,50", "1740830400000,46.7,"], {}),
        ([JOINED, "1740787200000,45.3,50", "", "1740830400000,46.7,", ""], {}),
        ([JOINED.replace(",", ";"), "1740787200000;45,3 %;50", "1740830400000;46,7 %;"], {"decimal": ","}),
        (
            [JOINED, '"3/1/2025, 12:00:00 AM",45.3,50', '"3/1/2025, 12:00:00 PM",46.7,'],
            {"time_format": "%m/%d/%Y, %I:%M:%S %p"},
        ),
        (["Made by hand", JOINED, "2025-03-01 00:00:00,45.3,50", "2025-03-01 12:00:00,46.7,"], {"skip_rows": 1}),
    ],
    ids=["plain", "percent", "sep", "milliseconds", "semicolons", "locale", "skipped"],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_series_joined_by_time_are_a_series_a_column(tmp_path, read, lines, options, newline, encoding):
    (tmp_path / "t.csv").write_bytes(newline.join([*lines, ""]).encode(encoding))
    reading = read(tmp_path / "t.csv", preset="grafana", **options)
    assert reading.rows == TWO
    assert reading.report.values_read == 3
    assert any(note.startswith("left out 1 empty cell of") for note in reading.report.notes)


def test_series_as_rows_are_known_by_their_names(csv, read):
    path = csv(
        '"Series";"Time";"Value"',
        '"web-1 cpu";"2025-03-01T00:00:00+01:00";45.3',
        '"web-1 cpu";"2025-03-01T12:00:00+01:00";46.7',
        '"web-2 cpu";"2025-03-01T00:00:00+01:00";50',
        '"web-2 cpu";"2025-03-01T12:00:00+01:00";null',
    )
    reading = read(path, preset="grafana", timezone="+01:00")
    assert reading.rows == TWO
    assert reading.report.rejects == {"no value": 1}


@pytest.mark.parametrize("word", ["null", "NaN", "undefined", "No data"])
def test_a_word_for_nothing_is_rejected_as_no_value(csv, read, word):
    reading = read(csv(JOINED, f"1740787200000,{word},50"), preset="grafana")
    assert reading.rows == [("web-2", "cpu", MARCH, 50.0)]
    assert reading.report.rejects == {"no value": 1}


def test_labels_in_columns_name_host_and_resource(csv, read):
    lines = ["Time,__name__,instance,Value #A", "1740787200000,cpu,web-1,46 %", "1740787200000,cpu,web-2,50 %"]
    assert read(csv(*lines), preset="grafana").rows == TWO
    other = ["Time,instance,rack,Value", "1740787200000,web-1,web-9,46", "1740787200000,web-2,web-8,50"]
    assert read(csv(*other), preset="grafana", resource="cpu").rows == TWO
    swapped = read(csv(*other), preset="grafana", resource="cpu", host_column="rack").rows
    assert [row[0] for row in swapped] == ["web-8", "web-9"]


def test_labels_that_tell_series_apart_are_not_merged(csv, refusal):
    lines = ["Time,instance,mode,Value", "1740787200000,web-1,user,46", "1740787200000,web-1,system,50"]
    assert "mode" in refusal(csv(*lines), preset="grafana", resource="cpu")


def test_days_are_those_of_the_zone_across_a_clock_change(csv, read):
    """Berlin's 30 March 2025 has 23 hours: from 29 March, 23:00 UTC to 30 March, 22:00 UTC."""
    hours = [1743289200 + 3600 * hour for hour in range(-1, 25)]
    rows = [
        f"{second}000,{10 if second < hours[1] else 20 if second < hours[1] + 23 * 3600 else 30}" for second in hours
    ]
    reading = read(csv('"Time","a cpu"', *rows), preset="grafana", timezone="Europe/Berlin")
    days = [(row[2], row[3]) for row in reading.rows]
    assert days == [(date(2025, 3, 29), 10.0), (date(2025, 3, 30), 20.0), (date(2025, 3, 31), 30.0)]


def test_an_hour_that_local_times_repeat_is_refused(csv, refusal):
    lines = ['"Time","a cpu"', "2025-10-26 02:30:00,10", "2025-10-26 02:30:00,20"]
    assert "different values of the same moment" in refusal(csv(*lines), preset="grafana")


def test_names_in_prometheus_notation_name_host_and_metric(csv, read):
    header = '"Time","cpu{instance=""web-1"", job=""node""}","cpu{instance=""web-2"", job=""node""}"'
    assert read(csv(header, "1740787200000,46,50"), preset="grafana").rows == TWO
    given = read(csv(header, "1740787200000,46,50"), preset="grafana", resource="load").rows
    assert [row[1] for row in given] == ["load", "load"]


@pytest.mark.parametrize(
    ("lines", "options", "said"),
    [
        (
            ["host,cpu", "a,1"],
            {},
            "does not look like a Grafana export, which the preset is for: its first line has no",
        ),
        (['"Time","a cpu","b cpu"', "1740787200000,50,on"], {}, "column 'b cpu' of"),
        (["Time", "1740787200000"], {}, "it has no column beside Time"),
        (['"Time","a cpu"', "1740787200000,1.5 GiB"], {}, "column 'a cpu' of"),
        (['"Time","a cpu"', "1740787200000,1.5 GiB"], {}, "'1.5 GiB', a value with a unit"),
        (['"Time","Value","Value"', "1740787200000,1,2"], {}, "calls every series Value"),
        (["Time,instance,Value #A,Value #B", "1740787200000,a,1,2"], {"resource": "cpu"}, "has several values a row"),
        (["Time,instance,Value", "1740787200000,a,1"], {"ignore_columns": ["instance"]}, "which preset: grafana reads"),
        (['"Time","web 1 cpu"', "1740787200000,1"], {}, "'web' and '1 cpu' or 'web 1' and 'cpu'"),
        (['"Time","web-1"', "1740787200000,1"], {}, "column 'web-1' of"),
        (['"Time","a cpu","a cpu"', "1740787200000,1,2"], {}, "columns 'a cpu' and 'a cpu' of"),
        (['"Time","a cpu"', "1740787200000,1,2"], {}, "record 2 of"),
        (['"Time","a cpu"', "1740787200000,50"], {"host_column": "x"}, "set series_name to say how"),
        (['"Time","a cpu"', "1740787200000,50"], {"ignore_columns": ["x"]}, "ignore_columns: "),
        (['"Time","{host=""a"",instance=""b""}"', "1740787200000,50"], {"resource": "cpu"}, "host and instance"),
        (['"Time","{instance=""a""}"', "1740787200000,50"], {}, "set resource to what the values are of"),
        (['"Time","{job=""a""}"', "1740787200000,50"], {"resource": "cpu"}, "names no host"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_name(csv, refusal, lines, options, said):
    sentence = refusal(csv(*lines), preset="grafana", **options)
    assert said in sentence
    assert "telemetry.csv" in sentence or "preset: grafana" in sentence


def test_columns_that_are_not_wanted_are_left_out(csv, read):
    lines = ['"Time","a cpu","annotation"', "1740787200000,50,x"]
    assert read(csv(*lines), preset="grafana", ignore_columns=["annotation"]).rows == [("a", "cpu", MARCH, 50.0)]


def test_a_host_may_be_the_files_name(csv, read):
    csv('"Time","cpu","memory"', "1740787200000,50,60", name="web/a.csv")
    path = csv('"Time","cpu","memory"', "1740787200000,51,61", name="web/b.csv").parent
    rows = read(path, preset="grafana", host_from="file name").rows
    assert rows == [
        ("a", "cpu", MARCH, 50.0),
        ("a", "memory", MARCH, 60.0),
        ("b", "cpu", MARCH, 51.0),
        ("b", "memory", MARCH, 61.0),
    ]
