"""Landed months and files together: which counts, what is read again, what is refused, and what is said of it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pyarrow.parquet as pq
import pytest

from turbo_forecast.errors import SettingsError, StorageError, TelemetryError
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage import base_making
from turbo_forecast.storage.base_readings import Reading
from turbo_forecast.storage.base_table import current_digest, is_current, update_base_table
from turbo_forecast.storage.landed import landed_months
from turbo_forecast.storage.telemetry import fingerprint as fingerprint_module
from turbo_forecast.storage.warehouse import query, transaction
from turbo_forecast_tests.storage.landing import Row, land, write

TODAY = date(2026, 1, 20)
LABEL = "telemetry_landing:prometheus"

Update = Callable[..., Reading]


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        yield con


@pytest.fixture
def update(con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Update:
    """A run's update of the base table from what has landed and, where it is given, a file."""
    monkeypatch.setattr(fingerprint_module, "SETTLED_SECONDS", 0.0)
    monkeypatch.setattr(fingerprint_module, "_program", lambda root: "whatever a developer edits meanwhile")

    def updated(telemetry: str = "", run: str = "run", *, today: date = TODAY, **options: object) -> Reading:
        settings = TelemetrySettings(telemetry=telemetry, **options)
        with transaction(con):
            return update_base_table(con, settings, landed_months(tmp_path), today=today, run_id=run)

    return updated


def daily(host: str, month: str, value: float, days: int = 28, resource: str = "cpu", zone: str = "UTC") -> list[Row]:
    """One value a day, at the day's first moment."""
    first = date.fromisoformat(f"{month}-01")
    return [
        (host, resource, datetime(first.year, first.month, day, tzinfo=ZoneInfo(zone)).astimezone(UTC), value)
        for day in range(1, days + 1)
    ]


def export(tmp_path: Path, *lines: str) -> str:
    path = tmp_path / "export.csv"
    path.write_text("\n".join(["host,time,cpu", *lines]) + "\n")
    return str(path)


def values(con: duckdb.DuckDBPyConnection) -> list[tuple[str, date, float]]:
    return query(con, "SELECT host_id, ds, y FROM base_table ORDER BY ALL").rows()


NOVEMBER_1, NOVEMBER_2, OCTOBER_31 = date(2025, 11, 1), date(2025, 11, 2), date(2025, 10, 31)


def test_where_a_file_and_a_landed_month_have_the_same_day_the_landed_one_counts(
    con: duckdb.DuckDBPyConnection, update: Update, tmp_path: Path
) -> None:
    path = export(tmp_path, "a,2025-10-31,1", "a,2025-11-01,1", "a,2025-11-02,1", "old,2025-11-01,3")
    land(tmp_path, "2025-11", daily("a", "2025-11", 50.0, days=1))
    reading = update(path)
    assert values(con) == [
        ("a", OCTOBER_31, 1.0),
        ("a", NOVEMBER_1, 50.0),
        ("a", NOVEMBER_2, 1.0),
        ("old", NOVEMBER_1, 3.0),
    ]
    report = reading.report
    assert (report.days_in_both, report.values_read, report.rows_kept, report.series) == (1, 5, 4, 2)
    assert report.sources == [path, f"{LABEL}/2025-11"]
    assert "Files and landed months both have 1 day of series: there the landed value counts." in reading.describe()
    assert reading.of_files is not None
    assert (reading.of_files.values_read, reading.of_files.sources) == (4, [path])


def test_a_file_s_day_counts_again_once_its_month_lands_without_it(
    con: duckdb.DuckDBPyConnection, update: Update, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = export(tmp_path, "a,2025-10-31,1", "a,2025-11-01,1")
    land(tmp_path, "2025-11", [*daily("a", "2025-11", 50.0, days=1), *daily("b", "2025-11", 60.0, days=1)])
    update(path)
    assert values(con) == [("a", OCTOBER_31, 1.0), ("a", NOVEMBER_1, 50.0), ("b", NOVEMBER_1, 60.0)]
    land(tmp_path, "2025-11", daily("b", "2025-11", 70.0, days=1))
    monkeypatch.setattr(base_making, "read_telemetry", None)
    assert update(path).report.days_in_both == 0
    assert values(con) == [("a", OCTOBER_31, 1.0), ("a", NOVEMBER_1, 1.0), ("b", NOVEMBER_1, 70.0)]


def test_a_month_that_is_as_it_was_is_not_read_again(
    con: duckdb.DuckDBPyConnection, update: Update, tmp_path: Path
) -> None:
    gone_bad = land(tmp_path, "2025-10", daily("a", "2025-10", 10.0))
    land(tmp_path, "2025-11", daily("a", "2025-11", 20.0))
    first = update(run="one")
    assert (first.months_read, first.months_standing) == (2, 0)
    # its manifest says the same, so nobody looks at its rows: were it read, this would be an error
    whole = gone_bad.read_bytes()
    gone_bad.write_bytes(b"PAR1" + b"\0" * 40 + whole[44:])
    land(tmp_path, "2025-12", daily("b", "2025-12", 30.0))
    second = update(run="two")
    assert (second.months_read, second.months_standing) == (1, 2)
    assert second.describe().endswith(" Of 3 landed months 1 was read now, and 2 stood as read before.")
    assert second.report.values_read == 3 * 28
    assert query(con, "SELECT part[-7:], read_by FROM base_table_parts ORDER BY 1").rows() == [
        ("2025-10", "one"),
        ("2025-11", "one"),
        ("2025-12", "two"),
    ]
    third = update(run="three")
    assert (third.is_new, third.months_read, third.months_standing) == (False, 0, 3)
    assert third.describe().endswith("3 landed months of the same rows; it was not read again.")
    with pytest.raises(TelemetryError, match="telemetry_landing cannot be read"):
        update(statistic="max")


@pytest.mark.parametrize("other", ["the program", "the settings", "the connection's zone", "unknown program"])
def test_a_month_is_read_again_where_anything_else_that_decides_its_reading_is_another(
    other: str, con: duckdb.DuckDBPyConnection, update: Update, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(tmp_path, "2025-11", daily("a", "2025-11", 20.0))
    update()
    options: dict[str, object] = {}
    if other == "the settings":
        options["overshoot_percent"] = 110.0
    elif other == "the connection's zone":
        con.execute("SET TimeZone = 'Asia/Kolkata'")
    else:
        monkeypatch.setattr(fingerprint_module, "_program", lambda root: "another" if other == "the program" else None)
    assert update(**options).months_read == 1
    assert update(**options).is_new == (other == "unknown program")


def test_whether_the_base_table_is_current_depends_on_what_has_landed(
    con: duckdb.DuckDBPyConnection, update: Update, tmp_path: Path
) -> None:
    def current(today: date = TODAY) -> bool:
        return is_current(con, TelemetrySettings(), today, landed_months(tmp_path))

    land(tmp_path, "2025-11", daily("a", "2025-11", 20.0))
    assert not current()
    update()
    assert current()
    assert not is_current(con, TelemetrySettings(statistic="max"), TODAY, landed_months(tmp_path))
    path = land(tmp_path, "2025-12", daily("a", "2025-12", 20.0))
    assert not current()
    path.unlink()
    assert current()
    con.execute("DELETE FROM base_table WHERE ds = '2025-11-02'")
    assert not current()


SPOILT = {
    "a value": "UPDATE base_table SET y = y + 1 WHERE ds = '2025-10-02'",
    "a reject's part": "UPDATE base_table_rejects SET source = 'elsewhere.csv'",
    "what files say of a landed month": "UPDATE base_table_file_days SET y = 7",
    "no parts": "DROP TABLE base_table_parts",
    "parts of another version": "ALTER TABLE base_table_parts ADD COLUMN odd INTEGER",
    "a part less": "DELETE FROM base_table_parts WHERE month = '2025-10'",
    "findings that are none": "UPDATE base_table_parts SET findings = '{}'",
    "no files' days": "DROP TABLE base_table_file_days",
}


@pytest.mark.parametrize("spoil", SPOILT)
def test_tables_that_were_changed_by_hand_are_made_anew_whole(
    spoil: str, con: duckdb.DuckDBPyConnection, update: Update, tmp_path: Path
) -> None:
    path = export(tmp_path, "a,2025-11-01,1")
    land(tmp_path, "2025-10", [*daily("a", "2025-10", 10.0), *daily("b", "2025-10", -1.0, days=1)])
    land(tmp_path, "2025-11", daily("a", "2025-11", 20.0))
    update(path)
    tables = ("base_table", "base_table_rejects", "base_table_days", "base_table_file_days")
    before = [query(con, f"FROM {name} ORDER BY ALL") for name in tables]
    con.execute(SPOILT[spoil])
    assert update(path).months_read == 2
    assert all(
        table.equals(query(con, f"FROM {name} ORDER BY ALL")) for name, table in zip(tables, before, strict=True)
    )
    assert not update(path).is_new


def test_a_landed_month_that_is_gone_is_refused_unless_it_is_asked_to_go_on_without(
    con: duckdb.DuckDBPyConnection, update: Update, tmp_path: Path
) -> None:
    land(tmp_path, "2025-11", daily("a", "2025-11", 20.0))
    path = land(tmp_path, "2025-10", daily("a", "2025-10", 10.0))
    update()
    path.unlink()
    with pytest.raises(
        StorageError, match=f"^{LABEL}/2025-10, of which the base table was made, is not there any more"
    ):
        update()
    assert len(values(con)) == 56
    reading = update(reread=True)
    assert f"The base table was made of {LABEL}/2025-10, too, which is gone." in reading.describe()
    assert len(values(con)) == 28
    assert update().describe().endswith("1 landed month of the same rows; it was not read again.")


def test_files_that_are_not_set_any_more_are_named(update: Update, tmp_path: Path) -> None:
    path = export(tmp_path, "a,2024-11-01,1")
    land(tmp_path, "2025-11", daily("a", "2025-11", 20.0))
    update(path)
    assert "made of files, too, which are not set any more: their days are left out." in update().describe()
    assert update().of_files is None


def test_files_that_change_are_read_again_with_all_that_has_landed(
    con: duckdb.DuckDBPyConnection, update: Update, tmp_path: Path
) -> None:
    path = export(tmp_path, "a,2025-10-31,1")
    land(tmp_path, "2025-11", daily("a", "2025-11", 20.0, days=1))
    update(path)
    time.sleep(0.05)
    export(tmp_path, "a,2025-10-31,2")
    reading = update(path)
    assert (reading.is_new, reading.months_read) == (True, 1)
    assert values(con) == [("a", OCTOBER_31, 2.0), ("a", NOVEMBER_1, 20.0)]


def test_two_sources_with_the_same_day_of_a_series_are_refused(
    con: duckdb.DuckDBPyConnection, update: Update, tmp_path: Path
) -> None:
    land(tmp_path, "2025-11", [*daily("a", "2025-11", 20.0), *daily("b", "2025-11", 20.0)])
    update()
    digest = current_digest(con)
    land(tmp_path, "2025-11", [*daily("b", "2025-11", 20.0, days=3), *daily("c", "2025-11", 1.0)], "zabbix")
    with pytest.raises(TelemetryError) as refused:
        update()
    assert str(refused.value) == (
        f"{LABEL}/2025-11 and telemetry_landing:zabbix/2025-11 both have b/cpu on 2025-11-01 (3 such days of 1 series): "
        "leave it out of one source's query, and have that source's month land again"
    )
    assert current_digest(con) == digest
    land(tmp_path, "2025-11", daily("c", "2025-11", 1.0), "zabbix")
    assert update().report.series == 3


@pytest.mark.parametrize(
    ("zone", "month"),
    [
        ("Pacific/Auckland", "2025-04"),
        ("Pacific/Auckland", "2025-09"),
        ("America/Sao_Paulo", "2025-10"),
        ("Asia/Kolkata", "2025-03"),
        ("Europe/Berlin", "2025-03"),
        ("Europe/Berlin", "2025-10"),
    ],
)
def test_the_first_and_the_last_moment_of_a_month_are_in_its_first_and_last_day(
    zone: str, month: str, con: duckdb.DuckDBPyConnection, update: Update, tmp_path: Path
) -> None:
    """In April and September clocks are changed in Auckland, in March and October in Berlin."""
    start = datetime.fromisoformat(f"{month}-01").replace(tzinfo=ZoneInfo(zone))
    after = (start + timedelta(days=31)).replace(day=1)
    last = after.astimezone(UTC) - timedelta(microseconds=1)
    land(tmp_path, month, [("a", "cpu", start.astimezone(UTC), 1.0), ("a", "cpu", last, 2.0)], zone=zone)
    for timezone in ("", zone):
        reading = update(timezone=timezone)
        assert values(con) == [("a", start.date(), 1.0), ("a", after.date() - timedelta(days=1), 2.0)]
        assert reading.report.timezone == zone


@pytest.mark.parametrize(
    ("zone", "month"),
    [
        ("America/Vancouver", "2026-11"),
        ("America/Vancouver", "2026-12"),
        ("Africa/Casablanca", "2026-10"),
        ("America/Asuncion", "2023-10"),
    ],
)
def test_a_month_is_read_by_the_days_by_which_it_landed_whatever_duckdb_knows_of_its_zone(
    zone: str, month: str, con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """Vancouver and Casablanca have other rules from 2026 on, which DuckDB's table of zones may not have yet."""
    start = datetime.fromisoformat(f"{month}-01").replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    after = (datetime.fromisoformat(f"{month}-28") + timedelta(days=5)).replace(day=1, tzinfo=ZoneInfo(zone))
    last = after.astimezone(UTC) - timedelta(microseconds=1)
    land(tmp_path, month, [("a", "cpu", start, 1.0), ("a", "cpu", last, 2.0)], zone=zone)
    with transaction(con):
        update_base_table(con, TelemetrySettings(), landed_months(tmp_path), today=date(2027, 3, 1), run_id="run")
    days = [date.fromisoformat(f"{month}-01"), after.date() - timedelta(days=1)]
    assert values(con) == [("a", days[0], 1.0), ("a", days[1], 2.0)]


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/Sao_Paulo"])
def test_a_value_outside_its_month_is_refused(zone: str, update: Update, tmp_path: Path) -> None:
    after = datetime(2025, 12, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    land(tmp_path, "2025-11", [("a", "cpu", after, 1.0)], zone=zone)
    with pytest.raises(StorageError, match=f"holds values of 2025-12-01, .* 2025-11 by the calendar of {zone}"):
        update()


def test_another_zone_than_that_of_the_landed_months_is_refused(update: Update, tmp_path: Path) -> None:
    land(tmp_path, "2025-11", daily("a", "2025-11", 1.0, zone="Asia/Kolkata"), zone="Asia/Kolkata")
    with pytest.raises(SettingsError) as refused:
        update(timezone="Europe/Berlin")
    assert str(refused.value) == (
        f"{LABEL}/2025-11 has landed by the days of Asia/Kolkata, but timezone is Europe/Berlin: set timezone to "
        "Asia/Kolkata, or have the source's months land again"
    )
    land(tmp_path, "2025-10", daily("a", "2025-10", 1.0))
    with pytest.raises(
        TelemetryError, match=f"^{LABEL}/2025-10 has .* days of UTC, {LABEL}/2025-11 by those of Asia/Kolkata"
    ):
        update()


def test_files_whose_days_are_another_zone_s_are_refused(update: Update, tmp_path: Path) -> None:
    path = export(tmp_path, "a,2025-10-31T12:00:00+02:00,1")
    land(tmp_path, "2025-11", daily("a", "2025-11", 1.0, zone="Europe/Berlin"), zone="Europe/Berlin")
    with pytest.raises(
        TelemetryError, match="days of the files are those of .02:00, .* those of Europe/Berlin: set timezone"
    ):
        update(path)
    assert update(path, timezone="Europe/Berlin").report.timezone == "Europe/Berlin"


def test_an_incomplete_month_is_read_as_it_is_and_again_when_it_has_more(
    con: duckdb.DuckDBPyConnection, update: Update, tmp_path: Path
) -> None:
    land(tmp_path, "2026-01", daily("a", "2026-01", 1.0, days=10), complete=False)
    assert update().report.last_day == date(2026, 1, 10)
    land(tmp_path, "2026-01", daily("a", "2026-01", 1.0, days=19), complete=False)
    assert (update().report.last_day, len(values(con))) == (date(2026, 1, 19), 19)


def test_a_month_with_values_of_the_future_is_read_again_on_another_day(update: Update, tmp_path: Path) -> None:
    land(tmp_path, "2025-12", daily("a", "2025-12", 1.0))
    land(tmp_path, "2026-01", daily("a", "2026-01", 1.0, days=21))
    with pytest.raises(TelemetryError, match=r"1 value is of a day after today \(2026-01-20\)"):
        update()
    options = {"on_future_dates": "reject"}
    assert update(**options).report.rejects == {"in the future": 1}
    assert not update(**options).is_new
    tomorrow = update(today=TODAY + timedelta(days=1), **options)
    assert (tomorrow.months_read, tomorrow.months_standing, tomorrow.report.rejects) == (1, 1, {})
    assert not update(today=TODAY + timedelta(days=9), **options).is_new


def test_options_that_decide_what_is_read_decide_it_of_landed_months(
    con: duckdb.DuckDBPyConnection, update: Update, tmp_path: Path
) -> None:
    noon = datetime(2025, 11, 1, 12, tzinfo=UTC)
    rows = [("a", "cpu", noon + timedelta(hours=hour), float(hour)) for hour in range(5)]
    land(tmp_path, "2025-11", [*rows, ("a", "links", noon, 500.0), ("a", "share", noon, 0.25)])
    options = {"capacity": {"links": 1000.0}, "units": {"share": "fraction"}}
    update(**options)
    assert [y for _, _, y in values(con)] == [2.0, 25.0, 50.0]
    assert update(**options, statistics={"cpu": "max"}).months_read == 1
    assert [y for _, _, y in values(con)] == [4.0, 25.0, 50.0]
    with pytest.raises(
        SettingsError, match="capacity: telemetry has no resource disk; its resources are cpu, links, share"
    ):
        update(capacity={"disk": 1.0, "links": 1000.0})


def test_an_option_may_be_about_a_resource_of_files_or_of_landed_months(
    con: duckdb.DuckDBPyConnection, update: Update, tmp_path: Path
) -> None:
    path = tmp_path / "export.csv"
    path.write_text("host,time,disk\na,2025-10-31,5\n")
    land(tmp_path, "2025-10", daily("a", "2025-10", 1.0))
    land(tmp_path, "2025-11", daily("a", "2025-11", 300.0, days=1, resource="links"))
    update(str(path), capacity={"disk": 10.0, "links": 1000.0})
    stored = query(con, "SELECT resource, y FROM base_table WHERE resource <> 'cpu' ORDER BY ALL").rows()
    assert stored == [("disk", 50.0), ("links", 30.0)]


def test_a_resource_that_cannot_be_percent_is_judged_over_all_landed_months(update: Update, tmp_path: Path) -> None:
    land(tmp_path, "2025-10", daily("a", "2025-10", 50.0))
    update()
    land(tmp_path, "2025-11", daily("a", "2025-11", 5e9))
    with pytest.raises(
        TelemetryError, match="^cpu of the landed months cannot be percent of capacity: 28 of 56 values of cpu"
    ):
        update()


def test_values_that_may_be_fractions_are_taken_as_percent_and_noted(update: Update, tmp_path: Path) -> None:
    land(tmp_path, "2025-11", daily("a", "2025-11", 0.5))
    assert "landed values of cpu all lie between 0 and 1 and are taken as percent: set units" in update().describe()
    assert update(units={"cpu": "percent"}).report.notes == []


def test_names_are_cleaned_as_those_of_files_are(
    con: duckdb.DuckDBPyConnection, update: Update, tmp_path: Path
) -> None:
    path = export(tmp_path, "a,2025-10-31,1", "A,2025-10-31,1")
    rows = [
        ("nan", "cpu", datetime(2025, 11, 3, tzinfo=UTC), 1.0),
        ("b\0", "cpu", datetime(2025, 11, 3, tzinfo=UTC), 1.0),
    ]
    land(tmp_path, "2025-11", [*daily(" a", "2025-11", 2.0, days=1), *rows])
    report = update(path).report
    assert values(con) == [("A", OCTOBER_31, 1.0), ("a", OCTOBER_31, 1.0), ("a", NOVEMBER_1, 2.0)]
    assert (report.names_changed, report.look_alikes) == (1, ["A and a"])
    assert report.rejects == {"control character in a name": 1, "no host": 1}
    sources = query(con, "SELECT DISTINCT source FROM base_table_rejects").to_series().to_list()
    assert sources == [f"{LABEL}/2025-11"]


def test_a_month_without_a_row_is_one_and_nothing_at_all_is_refused(
    con: duckdb.DuckDBPyConnection, update: Update, tmp_path: Path
) -> None:
    land(tmp_path, "2025-10", [])
    with pytest.raises(TelemetryError, match="^the landed months have no usable value: they hold none at all"):
        update()
    land(tmp_path, "2025-11", daily("a", "2025-11", 2.0))
    assert update().report.landed_months == 2
    assert len(values(con)) == 28


def test_a_month_that_lands_again_while_it_is_read_is_read_again(
    con: duckdb.DuckDBPyConnection, update: Update, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(tmp_path, "2025-10", daily("a", "2025-10", 2.0))
    land(tmp_path, "2025-11", daily("a", "2025-11", 2.0))
    read = base_making.read_months

    def interrupted(*arguments: object) -> object:
        found = read(*arguments)
        land(tmp_path, "2025-11", daily("a", "2025-11", 3.0))
        return found

    monkeypatch.setattr(base_making, "read_months", interrupted)
    assert update().to_be_read_again == "its files changed while they were read"
    monkeypatch.setattr(base_making, "read_months", read)
    again = update()
    assert (again.months_read, again.months_standing) == (1, 1)
    assert {y for _, _, y in values(con)} == {2.0, 3.0}


def test_two_files_that_say_they_are_the_same_month_are_refused(update: Update, tmp_path: Path) -> None:
    path = land(tmp_path, "2025-11", daily("a", "2025-11", 2.0))
    (path.parent / "copy.parquet").write_bytes(path.read_bytes())
    with pytest.raises(StorageError, match=rf"copy.parquet both say that they are {LABEL}/2025-11|both say"):
        update()


def test_a_file_that_has_not_a_landed_month_s_columns_is_named(update: Update, tmp_path: Path) -> None:
    path = land(tmp_path, "2025-11", daily("a", "2025-11", 2.0))
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["value"]), path)
    with pytest.raises(StorageError, match="2025-11.parquet is no landed month: value is not there, not DOUBLE"):
        update()


def test_a_manifest_of_no_month_is_refused(update: Update, tmp_path: Path) -> None:
    land(tmp_path, "2025-11", daily("a", "2025-11", 2.0))
    manifest = landed_months(tmp_path)[0].manifest
    write(tmp_path, replace(manifest, month="2025-13"), [])
    with pytest.raises(StorageError, match="a landed month says that it is of 2025-13, which is no month"):
        update()


def test_a_base_table_of_files_alone_takes_landed_months_in(
    con: duckdb.DuckDBPyConnection, update: Update, tmp_path: Path
) -> None:
    path = export(tmp_path, "a,2025-10-31,1")
    update(path)
    land(tmp_path, "2025-11", daily("a", "2025-11", 2.0, days=1))
    reading = update(path)
    assert values(con) == [("a", OCTOBER_31, 1.0), ("a", NOVEMBER_1, 2.0)]
    assert (reading.months_read, reading.report.rows_kept) == (1, 2)
