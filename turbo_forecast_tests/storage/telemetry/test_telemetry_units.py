"""Units are converted as told, recognised when they are not percent, and never guessed silently."""

from datetime import date, timedelta

import pytest

from turbo_forecast.errors import SettingsError, TelemetryError

DAY = date(2025, 1, 1)


def fleet(**resources):
    count = len(next(iter(resources.values())))
    return {"host": ["a"] * count, "time": [DAY + timedelta(days=day) for day in range(count)], **resources}


def test_capacity_says_what_100_percent_is(parquet, read):
    reading = read(parquet(fleet(net=[62_500.0, 125_000.0, 130_000.0], cpu=[1, 2, 3])), capacity={"net": 125_000})
    assert [row[3] for row in reading.rows if row[1] == "net"] == [50.0, 100.0, 100.0]
    assert [row[3] for row in reading.rows if row[1] == "cpu"] == [1.0, 2.0, 3.0]
    assert reading.report.clipped == 1


def test_capacity_works_in_the_long_layout_too(csv, read):
    path = csv("host,time,resource,value", "a,2025-01-01,net,250", "a,2025-01-01,cpu,50")
    assert [row[3] for row in read(path, capacity={"net": 1000}).rows] == [50.0, 25.0]


def test_fractions_are_asked_about_by_name(parquet, read):
    path = parquet(fleet(cpu=[0.5] * 20, mem=[0.25] * 19 + [1.02], disk=[40.0] * 20))
    with pytest.raises(TelemetryError, match=r"values of cpu, mem all .*units \(\{cpu: fraction, mem: fraction\}"):
        read(path)


def test_a_confirmed_fraction_is_multiplied_and_a_confirmed_percentage_is_not(parquet, read):
    path = parquet(fleet(cpu=[0.5] * 20, mem=[0.25] * 20))
    reading = read(path, units={"cpu": "fraction", "mem": "percent"})
    assert {row[1]: row[3] for row in reading.rows} == {"cpu": 50.0, "mem": 0.25}
    everything = read(path, units={"*": "fraction", "mem": "percent"})
    assert everything.rows == reading.rows


def test_an_idle_resource_is_no_fraction(parquet, read):
    assert len(read(parquet(fleet(cpu=[0.0] * 20, mem=[0.5] * 19 + [50.0]))).rows) == 40


def test_all_resources_in_other_units_are_named_in_one_error_with_how_far_they_are_out(parquet, read):
    path = parquet(fleet(cpu=[50.0] * 100, disk=[90.0] * 90 + [400.0] * 10, net=[9.0] * 98 + [5000.0] * 2))
    with pytest.raises(TelemetryError, match=r"disk, net cannot be percent") as error:
        read(path)
    assert "disk: 10.0 % of values above 105" in str(error.value)
    assert "net: 2.0 % of values above 105" in str(error.value)
    assert "maximum 5,000" in str(error.value)
    assert "cpu" not in str(error.value)


def test_a_capacity_that_is_too_small_is_said_to_be(parquet, read):
    with pytest.raises(TelemetryError, match="the capacity given for net is too small"):
        read(parquet(fleet(net=[1000.0] * 10)), capacity={"net": 100})


def test_a_few_absurd_values_do_not_condemn_a_resource(parquet, read):
    reading = read(parquet(fleet(mem=[50.0] * 200 + [256_000.0] * 2 + [110.0] * 7)))
    assert reading.report.rejects == {"over capacity": 9}


@pytest.mark.parametrize(
    "option", [{"capacity": {"nte": 5}}, {"units": {"nte": "percent"}}, {"statistics": {"nte": "max"}}]
)
def test_an_option_about_a_resource_that_is_not_there_is_refused(parquet, read, option):
    with pytest.raises(SettingsError, match="telemetry has no resource nte; its resources are net"):
        read(parquet(fleet(net=[50.0])), **option)


def test_capacity_and_units_contradict_each_other(parquet, read):
    with pytest.raises(SettingsError, match=r"capacity\.net and units\.net are both set"):
        read(parquet(fleet(net=[50.0])), capacity={"net": 5}, units={"net": "fraction"})
