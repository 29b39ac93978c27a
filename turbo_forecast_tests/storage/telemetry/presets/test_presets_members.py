"""Any member of a tool's kind is read to what was put in, and is known for what it is."""

import gzip
from datetime import date
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turbo_forecast.settings import TelemetrySettings, telemetry_settings
from turbo_forecast.storage.telemetry.presets.registry import PRESETS, recognised
from turbo_forecast_tests.storage.telemetry.presets.exports import MEMBERS

FEW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_every_preset_that_can_be_set_has_a_module_and_a_generator():
    options = get_args(TelemetrySettings.model_fields["preset"].annotation)
    assert set(options) - {""} == set(PRESETS) == set(MEMBERS)


@pytest.mark.sweep(keep=2)
@pytest.mark.parametrize("preset", MEMBERS)
@FEW
@given(data=st.data())
def test_a_member_is_read_to_the_days_that_were_put_in(tmp_path, read, preset, data):
    member = data.draw(MEMBERS[preset]())
    path = tmp_path / "member.csv"
    path.write_bytes(member.content)
    reading = read(path, preset=preset, units={"*": "percent"}, **member.options)
    found = {(host, resource, day): y for host, resource, day, y in reading.rows}
    assert found == pytest.approx(member.days, abs=1e-9)
    present = sum(value is not None for values in member.readings.values() for value in values.values())
    assert reading.report.values_kept == present


@pytest.mark.parametrize("preset", ["cloudwatch", "influxdb", "sadf"])
@FEW
@given(data=st.data())
def test_a_member_of_a_kind_like_no_other_is_known_for_what_it_is(tmp_path, preset, data):
    member = data.draw(MEMBERS[preset]())
    path = tmp_path / "member.csv"
    path.write_bytes(member.content)
    assert recognised(str(path), telemetry_settings()) == preset


@pytest.mark.parametrize(
    ("lines", "preset"),
    [
        (["Series;Time;Value", "a;1;2"], "grafana"),
        (['"Time","{instance=""a""}"', "1,2"], "grafana"),
        (['"Time","a"', "1,5.5 %"], "grafana"),
        (["Time,cpu (Avg)", "2025-03-01,5"], "azure"),
        (["x", "Time,cpu (Avg)", "2025-03-01,5"], "azure"),
        (["TimeGenerated,Resource,MetricName,Average", "2025-03-01,a,cpu,5"], "azure"),
        (["time,101,102", "2025-03-01,5,6"], ""),
        (["host,time,cpu", "a,2025-03-01,5"], ""),
        (["Time,web-1 cpu", "2025-03-01,5"], ""),
        (["label,time", "a,2025-03-01"], ""),
        (["id,label,value", "1,2025-03-01,5"], ""),
        ([""], ""),
        (["# a comment", "host,time,cpu"], ""),
    ],
)
def test_only_what_can_be_hardly_anything_else_is_recognised(csv, lines, preset):
    assert recognised(str(csv(*lines)), telemetry_settings()) == preset


def test_a_file_that_looks_like_an_export_is_not_guessed_at_silently(csv, read, refusal):
    path = csv('"Time","{instance=""a""}"', "2025-03-01,5")
    assert "looks like a Grafana export: set preset: grafana" in refusal(path)
    reading = read(path, columns="hosts", resource="cpu")
    assert reading.report.notes[-1].endswith("looks like a Grafana export: set preset: grafana to read it as one")


def test_files_of_several_kinds_and_places_are_told_by_name(tmp_path, csv, parquet, refusal):
    csv('"Time","a cpu"', "2025-03-01,50", name="x/a.csv")
    folder = csv("Time,instance,Value", "2025-03-01,a,50", name="x/b.csv").parent
    assert "b.csv is another kind of table than" in refusal(folder, preset="grafana")
    frame = parquet({"host": ["a"], "time": [date(2025, 3, 1)], "cpu": [50.0]})
    assert "preset is set to grafana, but" in refusal(frame, preset="grafana")


def test_compressed_and_several_files_are_read_as_one(tmp_path, csv, read):
    csv('"Time","a cpu"', "2025-03-01,50", name="x/a.csv")
    text = '"Time","b cpu"\n2025-03-01,60\n'
    (tmp_path / "x" / "b.csv.gz").write_bytes(gzip.compress(text.encode()))
    reading = read(tmp_path / "x", preset="grafana")
    assert reading.rows == [("a", "cpu", date(2025, 3, 1), 50.0), ("b", "cpu", date(2025, 3, 1), 60.0)]
    assert reading.report.sources == [str(tmp_path / "x" / "a.csv"), str(tmp_path / "x" / "b.csv.gz")]


def test_what_is_left_out_is_noted_once_for_all_files(csv, read):
    header, row = "# hostname;interval;timestamp;CPU;%user;%idle", "{0};600;2025-03-01 00:00:00 UTC;-1;1;50"
    for host in "abc":
        csv(f"{host};-1;2025-03-01 00:00:00 UTC;COM x", header, row.format(host), name=f"x/{host}.csv")
    notes = read(csv(header, row.format("d"), name="x/d.csv").parent, preset="sadf").report.notes
    assert len(notes) == 2
    assert notes[0].startswith("left out 3 comments of ")
    assert notes[1].startswith("left out columns %user, which are no resource: ")
