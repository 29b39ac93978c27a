"""One name for each host and resource, however the export writes it."""

import math
from datetime import date, timedelta

import pytest

from turbo_forecast.errors import TelemetryError

DAYS = [date(2025, 1, 1) + timedelta(days=day) for day in range(20)]


def columns(hosts, first=0):
    return {"host": hosts, "time": DAYS[first : first + len(hosts)], "cpu": [50.0] * len(hosts)}


def hosts(reading):
    return sorted(set(reading.base["host_id"]))


def test_an_id_is_the_same_host_whatever_its_files_type(tmp_path, parquet, csv, read):
    parquet(columns([101, 102]), name="1.parquet")
    parquet(columns([101.0, math.nan, 102.0], first=2), name="2.parquet")
    csv("host,time,cpu", "1.01E+02,2025-01-06,50", "102.00,2025-01-07,50", "102,2025-01-08,50", name="3.csv")
    reading = read(tmp_path)
    assert hosts(reading) == ["101", "102"]
    assert reading.report.rejects == {"no host": 1}
    assert reading.report.names_changed == 2


def test_text_that_may_be_a_name_stays_one(csv, read):
    ids = ["007", "7", "1e5", "10.0", "10.1", "5e10"]
    assert hosts(read(csv("host,time,cpu", *[f"{name},2025-01-01,50" for name in ids]))) == sorted(ids)


@pytest.mark.parametrize("lost", ["1.23E+05", "1E+03", "9007199254740993.0"])
def test_an_id_that_lost_digits_is_refused(csv, read, lost):
    with pytest.raises(TelemetryError, match="an id whose digits a number format has cut off"):
        read(csv("host,time,cpu", f"{lost},2025-01-01,50"))


def test_a_float_id_beyond_exact_numbers_or_with_a_fraction_is_refused(parquet, read):
    with pytest.raises(TelemetryError, match="'9007199254740994', an id whose digits"):
        read(parquet(columns([2.0**53 + 2])))
    with pytest.raises(TelemetryError, match=r"holds 1\.5, a measurement rather than a name"):
        read(parquet(columns([1.5])))


@pytest.mark.parametrize(("text", "number"), [("a1", 2.0), ("007", 7), ("web", 12)])
def test_names_and_numbers_that_cannot_be_matched_are_refused(tmp_path, parquet, read, text, number):
    parquet(columns([text]), name="1.parquet")
    parquet(columns([number], first=1), name="2.parquet")
    with pytest.raises(TelemetryError, match=f"names such as '{text}' in .*1.parquet but numbers such as"):
        read(tmp_path)


@pytest.mark.parametrize("nothing", ["", "NA", "nan", "NULL", "n/a", "None", "-", " \u3000", "\u200bNA "])
def test_words_for_nothing_are_no_names(parquet, read, nothing):
    data = {"host": ["a", nothing, "a"], "time": DAYS[:3], "resource": ["cpu", "cpu", nothing], "value": [50.0] * 3}
    reading = read(parquet(data))
    assert reading.report.rejects == {"no host": 1, "no resource": 1}
    assert nothing in reading.rejects["host_id"].to_list()


def test_names_are_trimmed_and_composed_and_the_report_says_how_many(parquet, read):
    reading = read(parquet(columns(["a", "a\u00a0", "\u200ba\t", "cafe\u0301", "caf\u00e9"])))
    assert hosts(reading) == ["a", "caf\u00e9"]
    assert reading.report.names_changed == 3
    assert "Changed 3 names" in reading.report.describe()


def test_hosts_that_differ_in_case_are_warned_of(parquet, read):
    reading = read(parquet(columns(["Web-1", "web-1", "db", "Web-1"])))
    assert reading.report.look_alikes == ["Web-1 and web-1"]
    assert "Warning: hosts that differ" in reading.report.describe()


@pytest.mark.parametrize("character", ["\x00", "\x1f", "\n", "\x7f", "\x85", "\u2028", "\u2029"])
def test_a_control_character_in_a_name_is_a_reason_of_its_own(parquet, read, character):
    bad = f"a{character}b"
    data = {"host": ["a", bad, "a"], "time": DAYS[:3], "resource": ["cpu", "cpu", bad], "value": [50.0] * 3}
    reading = read(parquet(data))
    assert reading.report.rejects == {"control character in a name": 2}
    data = {"host": ["a", "a"], "time": DAYS[:2], "dev": ["x", bad], "used": [50.0] * 2}
    reading = read(parquet(data), resource_columns=["dev"])
    assert reading.report.rejects == {"control character in a name": 1}


def test_columns_that_are_resources_are_named_alike(parquet, read):
    times = {"host": ["a"], "time": DAYS[:1]}
    assert read(parquet({**times, "cpu\u00a0": [50.0]})).report.resources == ["cpu"]
    with pytest.raises(TelemetryError, match="are the same resource"):
        read(parquet({**times, "cpu": [50.0], "cpu ": [60.0]}))
    with pytest.raises(TelemetryError, match=r"column 'c\\x1fpu' .* is no name for a resource"):
        read(parquet({**times, "c\x1fpu": [50.0]}))


def test_the_report_is_short_and_printable_whatever_resources_are_called(parquet, read):
    resources = [f"{number}\u202e{'x' * 5000}" for number in range(30)]
    data = {"host": ["a"] * 30, "time": DAYS[:1] * 30, "resource": resources, "value": [50.0] * 30}
    said = read(parquet(data)).report.describe()
    assert "(30 in all)" in said
    assert said.isprintable()
    assert len(said) < 2000
