"""Every column of an export is used, named as left out with the reason, or refused."""

import re
from datetime import date, timedelta

import pytest

from turbo_forecast.errors import SettingsError, TelemetryError, TurboForecastError

DAYS = [date(2025, 1, 1) + timedelta(days=day) for day in range(10)]


def devices(*, header="host,time,device,used", apart=0, labels=("sda", "sdb")):
    """Ten days of two hosts with a row per device, `apart` seconds from each other."""
    rows = (
        f"{host},{day}T06:00:{place * apart:02d},{label},{20 * (place + 1)}.5"
        for host in "ab"
        for day in DAYS
        for place, label in enumerate(labels)
    )
    return [header, *rows]


def series(reading):
    return {(row[0], row[1]): row[3] for row in reading.rows}


@pytest.mark.parametrize("apart", [0, 7])
@pytest.mark.parametrize(
    ("name", "labels"),
    [("device", ("sda", "sdb")), ("mount", ("/", "/var")), ("core", (0, 1)), ("iface", ("eth0", ""))],
)
def test_a_device_column_is_named_instead_of_merged(csv, read, apart, name, labels):
    path = csv(*devices(header=f"host,time,{name},used", apart=apart, labels=labels))
    with pytest.raises(TelemetryError, match=rf"column {name} .* varies within host 'a'.*resource_columns: \[{name}\]"):
        read(path)
    with pytest.raises(TelemetryError, match=rf"ignore_columns: \[{name}\]"):
        read(path, on_conflicting_duplicates="reject", resources=["used"])


def test_a_resource_column_makes_a_series_of_each_device(csv, read):
    reading = read(csv(*devices(apart=5)), resource_columns=["device"])
    assert series(reading) == {(host, f"used:{d}"): y for host in "ab" for d, y in (("sda", 20.5), ("sdb", 40.5))}


def test_an_ignored_column_is_left_out_as_asked_and_said_so(csv, read):
    reading = read(csv(*devices(apart=5)), ignore_columns=["device"])
    assert series(reading) == {("a", "used"): 30.5, ("b", "used"): 30.5}  # the mean of 20.5 and 40.5
    assert "Left out: device: as asked (ignore_columns)." in reading.report.describe()


def test_devices_are_told_apart_in_the_long_layout_where_they_are_and_others_keep_their_name(csv, read):
    lines = ["host,time,resource,device,value"]
    lines += [f"a,{day},disk,{device},{y}" for day in DAYS for device, y in (("x", 10), ("y", 30))]
    path = csv(*lines, *[f"a,{day},cpu,,50" for day in DAYS])
    with pytest.raises(TelemetryError, match="column device"):
        read(path)
    assert series(read(path, resource_columns=["device"])) == {
        ("a", "cpu"): 50.0,
        ("a", "disk:x"): 10.0,
        ("a", "disk:y"): 30.0,
    }


def test_a_full_names_option_wins_over_its_base_names(csv, read):
    path = csv(*devices(apart=5))
    reading = read(
        path, resource_columns=["device"], capacity={"used": 205, "used:sda": 41}, statistics={"used": "max"}
    )
    assert {name: y for (_, name), y in series(reading).items()} == pytest.approx(
        {"used:sda": 20.5 / 41 * 100, "used:sdb": 40.5 / 205 * 100}
    )
    with pytest.raises(SettingsError, match="capacity: telemetry has no resource used:sdc"):
        read(path, resource_columns=["device"], capacity={"used:sdc": 5})


def test_columns_that_cannot_tell_rows_apart_are_left_out_with_the_reason(csv, read):
    lines = [f"{host},{day},{50},{place},linux," for day in DAYS for host, place in (("a", "eu"), ("b", "us"))]
    reading = read(csv("host,time,cpu,region,os,note", *lines))
    assert reading.report.left_out == {
        "region": "the same for all rows of a host",
        "os": "the same for all rows of a host",
        "note": "no value in it",
    }
    assert "region: the same for all rows of a host" in reading.report.describe()


def test_a_column_that_is_the_same_for_each_resource_of_a_host_is_left_out(csv, read):
    lines = [f"a,{day},{r},{unit},50" for day in DAYS for r, unit in (("cpu", "pct"), ("net", "percent"))]
    assert list(read(csv("host,time,resource,unit,value", *lines)).report.left_out) == ["unit"]


def test_a_host_that_moved_is_asked_about_even_across_files(tmp_path, csv, read):
    csv("host,time,cpu,region", *[f"a,{day},50,eu" for day in DAYS[:5]], name="1.csv")
    csv("host,time,cpu,region", *[f"a,{day},50,us" for day in DAYS[5:]], name="2.csv")
    with pytest.raises(TelemetryError, match=r"column region .* varies within host 'a' \('eu', 'us'\)"):
        read(tmp_path)
    assert len(read(tmp_path, ignore_columns=["region"]).rows) == 10


@pytest.mark.parametrize("apart", [0, 5])
def test_a_numbered_device_of_any_name_is_no_resource(csv, read, apart):
    lines = devices(header="host,time,zz,used", apart=apart, labels=(0, 1, 2))
    with pytest.raises(TelemetryError, match=r"column zz .* tells rows of the same host and time apart"):
        read(csv(*lines))


def test_numbers_that_tell_contradictions_apart_are_named(csv, read):
    lines = [f"a,{day},{port},{y + place}.5" for place, day in enumerate(DAYS[:3]) for port, y in ((3, 10), (7, 30))]
    path = csv("host,time,zz,used", *lines)
    for choice in ("error", "reject"):
        with pytest.raises(TelemetryError, match="column zz .* tells rows of the same host and time apart"):
            read(path, on_conflicting_duplicates=choice, units={"zz": "percent"}, capacity={"used": 100})


def test_a_column_of_whole_percentages_is_a_resource(csv, read):
    lines = [f"a,{day},{10 + place % 2},{place}" for place, day in enumerate(DAYS)]
    assert read(csv("host,time,cpu,mem", *lines)).report.columns["resources"] == ["cpu", "mem"]


def test_two_resources_of_one_name_are_refused(csv, read):
    path = csv("host,time,resource,dev,value", "a,2025-01-01,d:x,,5", "a,2025-01-01,d,x,6")
    with pytest.raises(TelemetryError, match="two resources would both be named 'd:x'"):
        read(path, resource_columns=["dev"])


@pytest.mark.parametrize("value", ["1,5", "10 %", "1,010", "1.010,5", "1_0", "0x1F", "7%", "1 010", "1'010", "(5)"])
def test_numbers_in_another_notation_do_not_vanish_beside_clean_ones(csv, read, value):
    path = csv("host;time;cpu;mem", *[f"a;{day};{value};50" for day in DAYS])
    with pytest.raises(TelemetryError, match=r"column cpu of .* holds .* which is not a number \(10 such values\)"):
        read(path)
    assert read(path, ignore_columns=["cpu"]).report.resources == ["mem"]


@pytest.mark.parametrize(
    ("value", "options", "number"),
    [
        ("1,5", {"decimal": ","}, 1.5),
        (",5", {"decimal": ","}, 0.5),
        ("1.010,5", {"decimal": ",", "thousands": "."}, 1010.5),
        ("1,010", {"thousands": ","}, 1010),
        ("1 010.5", {"thousands": " "}, 1010.5),
        ("1\u202f010,5", {"thousands": " ", "decimal": ","}, 1010.5),
        ("1\u2019010", {"thousands": "'"}, 1010),
        ("\u00a05\u2007", {}, 5),
    ],
)
def test_numbers_are_read_in_the_notation_that_options_name(csv, read, value, options, number):
    path = csv("host;time;cpu", *[f"a;{day};{value}" for day in DAYS])
    assert [row[3] for row in read(path, capacity={"cpu": 2000}, **options).rows] == pytest.approx([number / 20] * 10)


@pytest.mark.parametrize(
    ("value", "options"),
    [("1.5", {"decimal": ","}), ("1,01", {"thousands": ","}), ("1.0105", {"thousands": ".", "decimal": ","})],
)
def test_a_number_that_does_not_fit_the_notation_is_refused(csv, read, value, options):
    with pytest.raises(TelemetryError, match=f"holds '{value}', which is not a number"):
        read(csv("host;time;cpu", f"a;2025-01-01;{value}"), **options)


def test_files_of_one_host_each_are_named_by_their_file(tmp_path, csv, read):
    for host in ("web-1", "web-2.example.com"):
        csv("timestamp,value", *[f"{day},{place}.5" for place, day in enumerate(DAYS)], name=f"{host}.csv")
    with pytest.raises(TelemetryError) as error:
        read(tmp_path)
    assert "host_from: file name" in str(error.value)
    assert "host_column" not in str(error.value)
    reading = read(tmp_path, host_from="file name", resource="cpu")
    assert {row[:2] for row in reading.rows} == {("web-1", "cpu"), ("web-2.example.com", "cpu")}


def test_columns_can_be_hosts(csv, read):
    path = csv("Time,web-1,web-2", *[f"{day},{place},{place + 50}" for place, day in enumerate(DAYS)])
    with pytest.raises(TelemetryError, match="set host_from: file name .* or columns: hosts and resource"):
        read(path)
    with pytest.raises(SettingsError, match="columns: hosts needs resource"):
        read(path, columns="hosts")
    reading = read(path, columns="hosts", resource="cpu")
    assert reading.rows[0] == ("web-1", "cpu", DAYS[0], 0.0)
    assert reading.rows[10] == ("web-2", "cpu", DAYS[0], 50.0)


@pytest.mark.parametrize("column", ["web-1", "web-2"])
def test_a_measurement_is_no_host(csv, read, column):
    path = csv("Time,web-1,web-2", *[f"{day},{place},{place + 50}.5" for place, day in enumerate(DAYS)])
    with pytest.raises(TelemetryError, match=f"column {column} .* cannot be the host"):
        read(path, host_column=column)


def test_a_host_that_never_comes_twice_is_none_unless_telemetry_is_young(csv, read):
    with pytest.raises(TelemetryError, match="column host .* names that hardly ever come twice"):
        read(csv("host,time,cpu", *[f"request-{place},{day},50" for place, day in enumerate(DAYS)]))
    young = csv("host,time,cpu", *[f"{place},2025-01-01T00:00:{place:02d},50" for place in range(60)])
    assert read(young).report.hosts == 60


@pytest.mark.parametrize(
    "options",
    [
        {"columns": "hosts", "resource": "cpu", "host_column": "host"},
        {"columns": "hosts", "resource": "cpu", "host_from": "file name"},
        {"columns": "hosts", "resource": "cpu", "layout": "long"},
        {"columns": "hosts", "resource": "cpu", "resources": ["used"]},
        {"host_from": "file name", "host_column": "host"},
        {"resource": "cpu", "resource_column": "device"},
        {"resource": "cpu", "resources": ["used"]},
        {"resource_columns": ["device"], "ignore_columns": ["device"]},
        {"resource_columns": ["host"], "host_column": "host"},
        {"ignore_columns": ["time"], "time_column": "time"},
        {"ignore_columns": ["nothing"]},
        {"resource_columns": ["device"], "resources": ["device"]},
        {"layout": "wide", "value_column": "used"},
    ],
)
def test_options_that_contradict_each_other_are_refused_in_one_sentence(csv, read, options):
    with pytest.raises(SettingsError) as error:
        read(csv(*devices()), **options)
    assert len(str(error.value)) < 300


def test_nothing_left_is_an_error_and_no_empty_base_table(csv, read):
    lines = [f"a,{day},{y}" for day in DAYS for y in (10.5, 20.5)]
    with pytest.raises(TelemetryError, match="would leave no day in the base table"):
        read(csv("host,time,cpu", *lines), on_conflicting_duplicates="reject")


@pytest.mark.parametrize("value", ["1e308", "x" * 300_000, "a\x01b" * 50])
def test_messages_stay_short_whatever_the_values(csv, read, value):
    path = csv("host,time,resource,value", *[f"a,{day},cpu,{value}" for day in DAYS])
    with pytest.raises(TurboForecastError) as error:
        read(path)
    assert len(str(error.value)) < 300
    assert "\x01" not in str(error.value)


LONG_NAMES = [f"{place}_".ljust(60, "x") for place in range(10)]


@pytest.mark.parametrize(
    ("value", "options"),
    [
        ("5000.5", {}),
        ("12345678", {"capacity": dict.fromkeys(LONG_NAMES, 1)}),
        ("0.5", {}),
        ("z{}", {}),
        ("5", {"resource": "r" * 70}),
        ("5", {"resources": ["r" * 70]}),
        ("x", {"ignore_columns": LONG_NAMES}),
    ],
)
def test_ten_columns_with_long_names_make_a_sentence_as_short_as_others(csv, refusal, value, options):
    lines = [f"a,{day},{','.join([value.format(place)] * 10)}" for place, day in enumerate(DAYS)]
    sentence = refusal(csv(",".join(["host", "time", *LONG_NAMES]), *lines, name=f"{'f' * 99}.csv"), **options)
    assert "…" in sentence


@pytest.mark.parametrize("labels", [("", "r0"), ("r0", ""), ("", "", "7")])
def test_a_label_that_comes_or_goes_with_a_file_is_left_out(tmp_path, csv, read, labels):
    for place, label in enumerate(labels):
        day = DAYS[place]
        csv(
            "host,time,cpu" + (",rack" if label else ""),
            f"a,{day},50" + (f",{label}" if label else ""),
            name=f"{place}.csv",
        )
    reading = read(tmp_path, resources=["cpu"])
    assert len(reading.rows) == len(labels)
    assert "rack" in reading.report.left_out
    assert "rack" in reading.report.describe()


def test_a_device_that_comes_with_a_later_file_is_still_named(tmp_path, csv, refusal):
    csv("host,time,used", f"a,{DAYS[0]},50", name="0.csv")
    csv("host,time,used,device", f"a,{DAYS[1]},50,sda", f"a,{DAYS[1]},50,sdb", name="1.csv")
    assert re.search("column device of .*1.csv varies", refusal(tmp_path))


@pytest.mark.parametrize("nothing", ["", "NA", " "])
def test_all_ways_to_say_nothing_are_one_in_a_label(parquet, read, nothing):
    notes = [None, nothing] * 5
    reading = read(parquet({"host": ["a"] * 10, "time": DAYS, "cpu": [50.0] * 10, "note": notes}))
    assert reading.report.left_out == {"note": "no value in it"}
