"""A fingerprint changes with whatever may change a reading, and there is none where nothing would tell."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from turbo_forecast.errors import TelemetryError
from turbo_forecast.settings import INDIFFERENT_TO_READING, TelemetrySettings
from turbo_forecast.storage.telemetry import fingerprint as module
from turbo_forecast.storage.telemetry.fingerprint import Fingerprint, fingerprint

TICK_SECONDS = 0.05
"""Longer than the clock of any local file system takes for a step."""


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        yield con


@pytest.fixture
def known(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The digest of telemetry that need not be old; every call comes later than the last change's tick."""
    monkeypatch.setattr(module, "SETTLED_SECONDS", 0.0)
    monkeypatch.setattr(module, "_program", lambda root: "whatever a developer edits meanwhile")

    def digest(telemetry: Path | str, **options: object) -> str:
        time.sleep(TICK_SECONDS)
        found = fingerprint(con, TelemetrySettings(telemetry=str(telemetry), **options))
        time.sleep(TICK_SECONDS)
        assert found.digest is not None, found.reason
        return found.digest

    return digest


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A folder of two files."""
    folder = tmp_path / "export"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.csv").write_text("host,time,cpu\nh,2025-01-01,10\n")
    return folder


def replaced(file: Path) -> None:
    """Another file of the same size and time of modification in its place."""
    stat = file.stat()
    other = file.with_name("other")
    other.write_text(file.read_text().replace("10", "99"))
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.replace(file)


def rewritten(file: Path) -> None:
    """The same file with other content of the same size, and its time of modification set back."""
    stat = file.stat()
    file.write_text(file.read_text().replace("10", "99"))
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], object]] = {
    "a file longer": lambda folder: (folder / "a.csv").open("a").write("h,2025-01-02,10\n"),
    "a file touched": lambda folder: (folder / "a.csv").touch(),
    "a file replaced by one of its size and time": lambda folder: replaced(folder / "a.csv"),
    "a file rewritten and its time set back": lambda folder: rewritten(folder / "b.csv"),
    "a file more": lambda folder: shutil.copy2(folder / "a.csv", folder / "c.csv"),
    "a file less": lambda folder: (folder / "b.csv").unlink(),
    "a file renamed": lambda folder: (folder / "b.csv").rename(folder / "c.csv"),
    "two files' names exchanged": lambda folder: [
        (folder / old).rename(folder / new) for old, new in (("a.csv", "x"), ("b.csv", "a.csv"), ("x", "b.csv"))
    ],
    "a file more that is left out": lambda folder: (folder / "notes.txt").write_text("of whoever exports"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_happens_to_a_file_of_a_folder_shows(change: str, export: Path, known: Callable[..., str]) -> None:
    before = known(export)
    assert known(export) == before
    CHANGES[change](export)
    assert known(export) != before


@pytest.mark.parametrize("change", [name for name in CHANGES if "left out" not in name])
def test_whatever_happens_to_a_file_of_a_pattern_shows(change: str, export: Path, known: Callable[..., str]) -> None:
    before = known(export / "*.csv")
    assert known(export / "*.csv") == before
    CHANGES[change](export)
    assert known(export / "*.csv") != before


def test_a_pattern_that_matches_what_it_did_before_is_known(export: Path, known: Callable[..., str]) -> None:
    before = known(export / "*.csv")
    (export / "c.tsv").write_text("host\ttime\tcpu\n")
    assert known(export / "*.csv") == before


def test_a_link_is_known_by_the_file_it_leads_to(export: Path, known: Callable[..., str], tmp_path: Path) -> None:
    link = tmp_path / "link.csv"
    link.symlink_to(export / "a.csv")
    before = known(link)
    rewritten(export / "a.csv")
    changed = known(link)
    assert changed != before
    link.unlink()
    link.symlink_to(export / "b.csv")
    assert known(link) not in (before, changed)


def test_a_relative_path_means_other_files_elsewhere(
    export: Path, known: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = known("export")
    elsewhere = tmp_path / "elsewhere" / "export"
    elsewhere.mkdir(parents=True)
    for file in export.iterdir():
        os.link(file, elsewhere / file.name)  # the same files, but for their folder
    linked = known("export")
    monkeypatch.chdir(elsewhere.parent)
    assert known("export") != linked
    assert before != linked  # a link more is a change of the file's state: reading once too often is no harm


OTHER_VALUES: dict[str, object] = {
    "telemetry": "export/*.csv",
    "layout": "long",
    "resources": ["cpu"],
    "resource_columns": ["core"],
    "ignore_columns": ["memory"],
    "columns": "hosts",
    "host_from": "file name",
    "decimal": ",",
    "thousands": "'",
    "statistic": "p95",
    "statistics": {"cpu": "max"},
    "capacity": {"cpu": 50.0},
    "units": {"cpu": "percent"},
    "time_unit": "s",
    "preset": "grafana",
    "series_name": "{host} {resource}",
    "time_format": "%d/%m/%Y",
    "time_columns": ["date", "clock"],
    "skip_rows": 1,
    "encoding": "utf-16",
    "timezone": "Europe/Berlin",
    "overshoot_percent": 110.0,
    "max_over_capacity_share": 0.5,
    "on_conflicting_duplicates": "reject",
    "on_future_dates": "reject",
}


@pytest.mark.parametrize("option", sorted(set(TelemetrySettings.model_fields) - INDIFFERENT_TO_READING))
def test_every_option_that_decides_what_is_read_shows(
    option: str, export: Path, known: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    needed = {"preset": "grafana"} if option == "series_name" else {}
    options = {"telemetry": "export", **needed, option: OTHER_VALUES.get(option, "another")}
    assert known(**options) != known("export", **needed)


def test_memory_and_the_wish_to_read_again_do_not_show(export: Path, known: Callable[..., str]) -> None:
    assert known(export, memory_limit="300MB", reread=True, late_data_hours=9) == known(export)
    assert {"memory_limit", "reread", "late_data_hours"} == INDIFFERENT_TO_READING


def test_the_connections_time_zone_shows(
    export: Path, known: Callable[..., str], con: duckdb.DuckDBPyConnection
) -> None:
    before = known(export)
    con.execute("SET TimeZone = 'Asia/Tokyo'")
    assert known(export) != before


def test_changes_in_a_databases_write_ahead_log_show(known: Callable[..., str], tmp_path: Path) -> None:
    path = tmp_path / "t.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE TABLE m AS SELECT 'a' AS host, DATE '2025-01-01' AS time, 5.0 AS cpu")
    before, size = known(path), path.stat().st_size
    with duckdb.connect(str(path)) as con:
        con.execute("SET checkpoint_threshold = '1GB'")
        con.execute("PRAGMA disable_checkpoint_on_shutdown")
        con.execute("UPDATE m SET cpu = 7.0")
    assert path.stat().st_size == size
    assert (tmp_path / "t.duckdb.wal").exists()
    assert known(path) != before


def test_another_text_of_the_program_shows_and_one_that_is_not_loaded_is_no_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = module._program.__wrapped__
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.py").write_text("ONE = 1\n")
    (tmp_path / "a" / "two.sql").write_text("SELECT 2\n")
    assert program(tmp_path) is None
    monkeypatch.setattr(module, "_LOADED", time.time() + 3600)
    found = [program(tmp_path)]
    for name, text in (("one.py", "ONE = 2\n"), ("two.sql", "SELECT 3\n"), ("three.py", "")):
        (tmp_path / "a" / name).write_text(text)
        found.append(program(tmp_path))
    (tmp_path / "a" / "three.py").rename(tmp_path / "three.py")
    found.append(program(tmp_path))
    assert None not in found
    assert len(set(found)) == len(found)
    (tmp_path / "cache.pyc").write_bytes(b"")
    assert program(tmp_path) == found[-1]


@pytest.mark.slow
def test_a_program_that_has_just_started_is_known_and_the_same_each_time(export: Path) -> None:
    script = """
import sys, duckdb
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry import fingerprint as module
module.SETTLED_SECONDS = 0.0
print(module.fingerprint(duckdb.connect(), TelemetrySettings(telemetry=sys.argv[1])).digest)
"""
    command = [sys.executable, "-c", script, str(export)]
    found = [subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() for _ in range(2)]
    assert found[0] == found[1]
    assert len(found[0]) == 64


def test_a_file_that_changed_just_now_may_change_once_more(
    con: duckdb.DuckDBPyConnection, export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = TelemetrySettings(telemetry=str(export))
    monkeypatch.setattr(module, "SETTLED_SECONDS", 60.0)
    (export / "a.csv").touch()
    os.utime(export / "a.csv", (0, 0))  # its time of modification alone says 1970
    found = fingerprint(con, settings)
    assert found.digest is None
    assert "a.csv had changed less than 60 seconds before" in found.reason


def test_a_file_from_the_future_may_change_without_a_sign(con: duckdb.DuckDBPyConnection, export: Path) -> None:
    later = time.time() + 86_400
    os.utime(export / "b.csv", (later, later))
    assert fingerprint(con, TelemetrySettings(telemetry=str(export))).digest is None


@pytest.mark.parametrize("uri", ["https://example.com/a.csv?key=secret", "http://example.com/*.parquet"])
def test_what_a_url_holds_is_not_known(uri: str, con: duckdb.DuckDBPyConnection) -> None:
    found = fingerprint(con, TelemetrySettings(telemetry=uri))
    assert found == Fingerprint(None, 0, "what a URL holds may change without a sign")


def test_a_file_url_is_a_file(export: Path, known: Callable[..., str]) -> None:
    assert known(f"file://{export}/a.csv") == known(f"file://{export}/a.csv")


def test_telemetry_that_is_not_there_is_refused_as_reading_refuses_it(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    with pytest.raises(TelemetryError, match=r"none\.csv does not exist$"):
        fingerprint(con, TelemetrySettings(telemetry=str(tmp_path / "none.csv")))


@pytest.mark.parametrize("opened_by", ["its link", "its own name"])
def test_what_a_database_behind_a_link_has_in_its_log_shows(
    opened_by: str, tmp_path: Path, known: Callable[..., str]
) -> None:
    """DuckDB keeps the log beside the database itself; a process that dies, or goes on, leaves it there."""
    (tmp_path / "store").mkdir()
    database, link = tmp_path / "store" / "m.duckdb", tmp_path / "link.duckdb"
    with duckdb.connect(str(database)) as source:
        source.execute("CREATE TABLE m AS SELECT 'h' AS host, DATE '2025-01-01' AS time, 10.0 AS cpu")
    link.symlink_to(database)
    before = known(link)
    assert known(link) == before
    path = link if opened_by == "its link" else database
    change = f"import duckdb, os; c = duckdb.connect({str(path)!r}); c.execute('UPDATE m SET cpu = 20'); os._exit(0)"
    subprocess.run([sys.executable, "-c", change], check=True)
    assert database.with_name("m.duckdb.wal").exists()
    assert known(link) != before
