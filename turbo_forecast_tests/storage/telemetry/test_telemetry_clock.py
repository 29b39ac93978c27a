"""Times of every kind end on the right calendar day."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from turbo_forecast.errors import SettingsError, TelemetryError

LATE = datetime(2025, 1, 1, 23, 30, tzinfo=UTC)  # 00:30 of 2 January in Berlin
EPOCH = 1_735_774_200  # the same, in seconds since 1970
FIRST, SECOND = date(2025, 1, 1), date(2025, 1, 2)


def columns(times):
    return {"host": ["a"] * len(times), "time": times, "cpu": [50.0] * len(times)}


def days(reading):
    return [row[2] for row in reading.rows]


@pytest.mark.parametrize(
    "time",
    [
        *[EPOCH, EPOCH * 1000, float(EPOCH), EPOCH * 1000.0, LATE, LATE.replace(tzinfo=None), FIRST],
        *[str(EPOCH), "2025-01-01", "2025-01-01 23:30", "2025-01-01T23:30:00.5", "2025-01-01T23:30:00Z"],
        *["2025-01-01T23:30:00+00:00", "2025-01-01 23:30:00 UTC", "2025-01-01T23:30:00-0500"],
    ],
)
def test_every_kind_of_time_is_read(parquet, read, time):
    assert days(read(parquet(columns([time])))) == [FIRST]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize(("zone", "day"), [(None, FIRST), ("UTC", FIRST), ("Europe/Berlin", SECOND)])
def test_any_resolution_of_a_timestamp_is_read(parquet, read, unit, zone, day):
    times = pl.Series([LATE if zone else LATE.replace(tzinfo=None)]).dt.cast_time_unit(unit)
    assert days(read(parquet(columns(times.dt.convert_time_zone(zone) if zone else times)))) == [day]


@pytest.mark.parametrize("time", [EPOCH, EPOCH * 1000, LATE, "2025-01-01T23:30:00Z", "2025-01-02T02:30:00+03:00"])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "+01:00"])
def test_an_instant_is_a_day_of_the_zone_asked_for(parquet, read, time, zone):
    reading = read(parquet(columns([time])), timezone=zone)
    assert days(reading) == [SECOND]
    assert reading.report.timezone == zone


def test_the_one_zone_that_a_file_states_is_taken(parquet, read):
    berlin = pl.Series([LATE]).dt.convert_time_zone("Europe/Berlin")
    reading = read(parquet(columns(berlin)))
    assert (days(reading), reading.report.timezone) == ([SECOND], "Europe/Berlin")
    assert days(read(parquet(columns(["2025-01-02T01:30:00+02:00"])))) == [SECOND]


def test_two_zones_need_a_timezone(tmp_path, parquet, csv, read):
    parquet(columns(pl.Series([LATE]).dt.convert_time_zone("Europe/Berlin")), name="1.parquet")
    parquet(columns([LATE + timedelta(days=2)]), name="2.parquet")
    with pytest.raises(TelemetryError, match=r"Europe/Berlin \(.*1\.parquet\) and UTC \(.*2\.parquet\); set timezone"):
        read(tmp_path)
    assert days(read(tmp_path, timezone="UTC")) == [FIRST, date(2025, 1, 3)]
    summer = csv("host,time,cpu", "a,2025-03-29T12:00:00+01:00,50", "a,2025-03-30T12:00:00+02:00,50", name="c/x.csv")
    with pytest.raises(TelemetryError, match=r"\+01:00 .* and \+02:00 .*; set timezone"):
        read(summer)
    assert days(read(summer, timezone="Europe/Berlin")) == [date(2025, 3, 29), date(2025, 3, 30)]


def test_the_hour_that_a_clock_strikes_twice_is_no_duplicate(parquet, read):
    berlin = ZoneInfo("Europe/Berlin")
    start = datetime(2025, 10, 25, 22, tzinfo=UTC)  # midnight in Berlin; the day has 25 hours
    times = pl.Series([start + timedelta(hours=hour) for hour in range(25)]).dt.convert_time_zone("Europe/Berlin")
    reading = read(parquet({"host": ["a"] * 25, "time": times, "cpu": [2.0 * hour for hour in range(25)]}))
    assert start.astimezone(berlin).date() == date(2025, 10, 26)
    assert reading.rows == [("a", "cpu", date(2025, 10, 26), 24.0)]


def test_zoned_and_zoneless_files_do_not_mix(tmp_path, parquet, csv, read):
    parquet(columns([LATE]), name="1.parquet")
    parquet(columns([LATE.replace(tzinfo=None)]), name="2.parquet")
    with pytest.raises(TelemetryError, match=r"instants in .*1\.parquet but have no zone in .*2\.parquet"):
        read(tmp_path)
    with pytest.raises(TelemetryError, match="mixes times with and without a zone"):
        read(csv("host,time,cpu", "a,2025-01-01T00:00:00Z,50", "a,2025-01-02T00:00:00,50", name="c/x.csv"))
    with pytest.raises(TelemetryError, match="mixes numbers since 1970 and ISO times"):
        read(csv("host,time,cpu", "a,1735774200,50", "a,2025-01-02T00:00:00,50", name="c/y.csv"))


def test_text_that_is_no_time_is_shown(csv, read):
    with pytest.raises(
        TelemetryError, match=r"column time of .*telemetry\.csv holds '31/12/2024', which is not a time"
    ):
        read(csv("host,time,cpu", "a,2025-01-01,50", "a,31/12/2024,50"))


@pytest.mark.parametrize("time", [20250101, 12, EPOCH * 1_000_000])
def test_a_number_that_is_no_time_since_1970_is_not_taken_for_one(parquet, read, time):
    with pytest.raises(TelemetryError, match="which is no time in seconds or milliseconds since 1970"):
        read(parquet(columns([time])))


def test_the_unit_of_numeric_times_can_be_told(parquet, read):
    assert days(read(parquet(columns([86_400_000])), time_unit="ms")) == [date(1970, 1, 2)]


def test_an_unknown_zone_is_refused(parquet, read):
    with pytest.raises(SettingsError, match="timezone: 'Mars/Base' is not a zone"):
        read(parquet(columns([LATE])), timezone="Mars/Base")


def test_missing_times_are_rejected_and_a_file_of_them_has_no_say_about_zones(tmp_path, csv, read):
    csv("host,time,cpu", "a,2025-01-01T00:00:00Z,50", "a,NaT,50", "a,,50", name="1.csv")
    csv("host;time;cpu", "a;NA;50", name="2.csv")
    assert read(tmp_path).report.rejects == {"no time": 3}
