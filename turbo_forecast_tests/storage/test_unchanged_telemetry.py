"""Telemetry that is what it was is not read again; whatever may have changed is, and the base table is the same."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from turbo_forecast.errors import PartitionError, TelemetryError
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage import base_making
from turbo_forecast.storage.base_readings import Reading
from turbo_forecast.storage.base_table import current_digest, require_own_base_table, update_base_table
from turbo_forecast.storage.telemetry import fingerprint as fingerprint_module
from turbo_forecast.storage.warehouse import connected, query, transaction
from turbo_forecast_tests.conftest import series_rows, wave

TODAY = date(2026, 2, 1)
TICK_SECONDS = 0.05
ROWS = pl.concat([series_rows(host, wave(60, seed=seed)) for seed, host in enumerate(("a", "b"))])
MESSY = ("host,time,cpu", "a,2025-12-30,10", "a,2025-12-31,20", "b,2025-12-31,-1", "b,2025-12-30,101", "b,2025-12-29,")

Update = Callable[..., Reading]


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with connected(tmp_path / "warehouse.duckdb") as con:
        yield con


@pytest.fixture
def update(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> Update:
    """A run's update of the base table from telemetry that need not be old, a tick after the last change."""
    monkeypatch.setattr(fingerprint_module, "SETTLED_SECONDS", 0.0)
    monkeypatch.setattr(fingerprint_module, "_program", lambda root: "whatever a developer edits meanwhile")

    def updated(telemetry: Path | str, run: str = "run", *, today: date = TODAY, **options: object) -> Reading:
        time.sleep(TICK_SECONDS)
        settings = TelemetrySettings(telemetry=str(telemetry), **options)
        with transaction(con):
            reading = update_base_table(con, settings, today=today, run_id=run)
        time.sleep(TICK_SECONDS)
        return reading

    return updated


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A folder of one file, of two hosts with rejects among their values."""
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "one.csv").write_text("\n".join(MESSY) + "\n")
    return folder


def test_unchanged_telemetry_is_not_read_and_its_report_is_what_reading_told(
    con: duckdb.DuckDBPyConnection, update: Update, export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = update(export, "0123456789")
    assert first.is_new
    assert first.to_be_read_again == ""
    assert first.describe() == first.report.describe()
    tables = [query(con, f"FROM {name}") for name in ("base_table", "base_table_rejects", "base_table_days")]
    monkeypatch.setattr(base_making, "read_telemetry", None)
    for run in ("two", "three"):
        reading = update(export, run)
        assert reading == replace(first, is_new=False)
        assert reading.describe() == (
            f"The telemetry is unchanged since run 01234567 ({reading.read_at:%Y-%m-%d %H:%M} UTC): 1 file of the same "
            "size and time; it was not read again."
        )
        require_own_base_table(con, run)
    after = [query(con, f"FROM {name}") for name in ("base_table", "base_table_rejects", "base_table_days")]
    assert [table.equals(other) for table, other in zip(tables, after, strict=True)] == [True] * 3
    runs = query(con, "SELECT number, run_id, read_in, read_on, report IS NOT NULL FROM base_table_runs ORDER BY 1")
    assert runs.rows() == [
        (1, "0123456789", 1, TODAY, True),
        (2, "two", 1, None, False),
        (3, "three", 1, None, False),
    ]
    same = query(con, "SELECT DISTINCT digest, rows, series, first_day, last_day, telemetry FROM base_table_runs")
    assert same.height == 1


def test_a_run_of_unchanged_telemetry_is_told_when_another_run_replaces_it(
    con: duckdb.DuckDBPyConnection, update: Update, export: Path
) -> None:
    update(export, "one")
    update(export, "two")
    (export / "two.csv").write_text("host,time,cpu\nc,2025-12-31,5\n")
    assert update(export, "three").is_new
    with pytest.raises(Exception, match="the base table was replaced by run three"):
        require_own_base_table(con, "two")


SPOILT = {
    "a value changed": "UPDATE base_table SET y = y + 1e-9 WHERE ds = '2025-12-31'",
    "a row removed": "DELETE FROM base_table WHERE ds = '2025-12-31'",
    "a row more": "INSERT INTO base_table FROM base_table LIMIT 1",
    "no row left": "DELETE FROM base_table",
    "no base table": "DROP TABLE base_table",
    "a column more": "ALTER TABLE base_table ADD COLUMN note VARCHAR",
    "a column less": "ALTER TABLE base_table DROP COLUMN y",
    "a column of another type": "ALTER TABLE base_table ALTER y TYPE VARCHAR",
    "no days": "DROP TABLE base_table_days",
    "a day's digest changed": "UPDATE base_table_days SET digest = '1' WHERE ds = '2025-12-31'",
    "a reject removed": "DELETE FROM base_table_rejects WHERE reason = 'negative'",
    "no rejects": "DROP TABLE base_table_rejects",
    "no runs": "DROP TABLE base_table_runs",
    "runs forgotten": "DELETE FROM base_table_runs",
    "no fingerprint": "UPDATE base_table_runs SET telemetry = NULL",
    "another fingerprint": "UPDATE base_table_runs SET telemetry = 'x'",
    "the reading forgotten": "UPDATE base_table_runs SET read_in = NULL",
    "a report that is none": "UPDATE base_table_runs SET report = '{}'",
    "no JSON": "UPDATE base_table_runs SET report = 'x'",
    "no day of reading": "UPDATE base_table_runs SET read_on = NULL",
    "no report": "UPDATE base_table_runs SET report = NULL",
    "runs of an earlier version": "ALTER TABLE base_table_runs DROP COLUMN telemetry; "
    "ALTER TABLE base_table_runs DROP COLUMN read_in; ALTER TABLE base_table_runs DROP COLUMN read_on; "
    "ALTER TABLE base_table_runs DROP COLUMN report",
}


@pytest.mark.sweep(keep=6)
@pytest.mark.parametrize("spoil", SPOILT)
def test_a_warehouse_that_is_not_as_the_reading_left_it_is_filled_again(
    spoil: str, con: duckdb.DuckDBPyConnection, update: Update, export: Path
) -> None:
    update(export, "one")
    before = [query(con, f"FROM {name} ORDER BY ALL") for name in ("base_table", "base_table_rejects")]
    con.execute(SPOILT[spoil])
    assert update(export, "two").is_new
    after = [query(con, f"FROM {name} ORDER BY ALL") for name in ("base_table", "base_table_rejects")]
    assert [table.equals(other) for table, other in zip(before, after, strict=True)] == [True, True]
    assert not update(export, "three").is_new


def test_other_settings_are_another_reading_and_reread_is_one_too(update: Update, export: Path) -> None:
    assert update(export).is_new
    assert update(export, statistic="max").is_new
    assert not update(export, statistic="max", memory_limit="500MB").is_new
    assert update(export, statistic="max", reread=True).is_new
    assert not update(export, statistic="max").is_new
    assert update(export).is_new


def test_values_of_the_future_are_read_again_on_another_day(
    con: duckdb.DuckDBPyConnection, update: Update, tmp_path: Path
) -> None:
    path = tmp_path / "ahead.csv"
    path.write_text("host,time,cpu\na,2026-01-31,10\na,2026-02-01,20\na,2026-02-02,30\n")
    found = {"on_future_dates": "reject"}
    assert update(path, **found).report.rejects == {"in the future": 1}
    assert not update(path, **found).is_new
    tomorrow = update(path, today=TODAY + timedelta(days=1), **found)
    assert (tomorrow.is_new, tomorrow.report.rejects) == (True, {})
    assert query(con, "SELECT max(ds) FROM base_table").item() == TODAY + timedelta(days=1)
    assert not update(path, today=TODAY + timedelta(days=30), **found).is_new
    assert update(path, today=TODAY, **found).report.rejects == {"in the future": 1}


def test_a_file_that_changes_while_it_is_read_is_read_again(
    con: duckdb.DuckDBPyConnection, update: Update, export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = base_making.read_telemetry

    def interrupted(*arguments: object, **options: object) -> object:
        report = read(*arguments, **options)
        time.sleep(TICK_SECONDS)
        (export / "one.csv").write_text("\n".join(MESSY).replace(",10\n", ",15\n") + "\n")
        return report

    monkeypatch.setattr(base_making, "read_telemetry", interrupted)
    first = update(export)
    assert first.to_be_read_again == "its files changed while they were read"
    assert first.describe().endswith(" The next run reads it again: its files changed while they were read.")
    monkeypatch.setattr(base_making, "read_telemetry", read)
    assert update(export).is_new
    assert query(con, "SELECT y FROM base_table WHERE host_id = 'a' ORDER BY ds").to_series().to_list() == [15.0, 20.0]
    assert not update(export).is_new


def test_a_file_that_changed_just_before_it_was_read_is_read_again(
    update: Update, export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprint_module, "SETTLED_SECONDS", 60.0)
    first = update(export)
    assert "one.csv had changed less than 60 seconds before" in first.to_be_read_again
    assert update(export).is_new
    monkeypatch.setattr(fingerprint_module, "SETTLED_SECONDS", 0.0)
    assert update(export).is_new
    assert not update(export).is_new


def test_a_databases_table_is_known_as_a_file_is(
    con: duckdb.DuckDBPyConnection, update: Update, tmp_path: Path
) -> None:
    path = tmp_path / "t.duckdb"
    with duckdb.connect(str(path)) as source:
        source.execute("CREATE TABLE m AS SELECT 'a' AS host, DATE '2025-12-31' AS time, 5.0 AS cpu")
    assert update(path).is_new
    assert not update(path).is_new
    with duckdb.connect(str(path)) as source:
        source.execute("UPDATE m SET cpu = 7.0")
    assert update(path).is_new
    assert query(con, "SELECT y FROM base_table").item() == 7.0


COMPUTED = {
    "a view": "CREATE VIEW v AS SELECT 'a' AS host, DATE '2025-12-31' AS time, 100 * random() AS cpu",
    "a column": "CREATE TABLE v (host VARCHAR, time DATE, cpu DOUBLE GENERATED ALWAYS AS (100 * random())); "
    "INSERT INTO v VALUES ('a', DATE '2025-12-31')",
}


@pytest.mark.parametrize("computed", COMPUTED)
def test_what_a_database_computes_is_read_each_time(
    computed: str, con: duckdb.DuckDBPyConnection, update: Update, tmp_path: Path
) -> None:
    path = tmp_path / "t.duckdb"
    with duckdb.connect(str(path)) as source:
        source.execute(COMPUTED[computed])
    first, digest = update(path), current_digest(con)
    assert first.to_be_read_again == "its database computes the rows, and may make others another time"
    assert update(path).is_new
    assert current_digest(con) != digest


def test_a_run_that_is_rolled_back_leaves_no_trace(
    con: duckdb.DuckDBPyConnection, update: Update, export: Path
) -> None:
    update(export, "one")
    settings = TelemetrySettings(telemetry=str(export))
    with pytest.raises(PartitionError), transaction(con):
        update_base_table(con, settings, today=TODAY, run_id="two")
        raise PartitionError("the month is not there")
    assert query(con, "SELECT run_id FROM base_table_runs").to_series().to_list() == ["one"]


def test_telemetry_that_is_gone_is_refused_though_its_rows_are_stored(
    con: duckdb.DuckDBPyConnection, update: Update, export: Path
) -> None:
    update(export, "one")
    (export / "one.csv").unlink()
    with pytest.raises(TelemetryError, match="holds no telemetry"):
        update(export, "two")
    assert query(con, "SELECT run_id FROM base_table_runs").to_series().to_list() == ["one"]


def test_telemetry_that_another_reading_has_come_between_is_read_again(update: Update, tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.parquet" for name in ("one", "two")]
    for path, rows in zip(paths, (ROWS, ROWS.filter(pl.col("host_id") == "a")), strict=True):
        rows.rename({"ds": "timestamp", "y": "value"}).write_parquet(path)
    assert [update(path).is_new for path in (paths[0], paths[1], paths[0], paths[0])] == [True, True, True, False]
