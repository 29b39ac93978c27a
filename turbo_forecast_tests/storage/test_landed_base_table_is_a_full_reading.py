"""Whatever lands in whatever order, the base table is what reading all of it from scratch gives, and what was put in."""

import random
from calendar import monthrange
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
import pytest

from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.sources.protocol import Window
from turbo_forecast.storage.base_table import Reading, current_digest, update_base_table
from turbo_forecast.storage.telemetry import fingerprint
from turbo_forecast.storage.warehouse import query, transaction
from turbo_forecast_tests.storage.landing import Row, land, landed

TODAY = date(2026, 1, 20)
MONTHS = ("2025-03", "2025-04", "2025-09", "2025-10", "2025-11")
"""With the days on which clocks are changed in Berlin and Auckland; Kolkata is half an hour off, São Paulo behind UTC."""
ZONES = ("UTC", "Europe/Berlin", "Pacific/Auckland", "America/Sao_Paulo", "Asia/Kolkata")
HOSTS = {"prometheus": ("a", "b", "c"), "zabbix": ("x", "y")}
TABLES = ("base_table", "base_table_rejects", "base_table_days", "base_table_file_days")
SETTINGS = {"on_conflicting_duplicates": "reject", "max_over_capacity_share": 1.0}
KNOWN = """
    SELECT part, source, month, known_by, digest, regexp_replace(findings, '"seconds":\\{[^}]*\\}', '') AS findings
    FROM base_table_parts ORDER BY ALL
"""


@pytest.fixture(autouse=True)
def files_need_not_be_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, "SETTLED_SECONDS", 0.0)
    monkeypatch.setattr(fingerprint, "_program", lambda root: "whatever a developer edits meanwhile")


def made_rows(draw: random.Random, source: str, month: str, zone: str) -> list[Row]:
    """Values of all kinds at moments of the month, its first and last among them; series come and go."""
    first = date.fromisoformat(f"{month}-01")
    window = Window.of_days(first, first.replace(day=monthrange(first.year, first.month)[1]), zone)
    hours = int((window.end - window.start) / timedelta(hours=1))
    rows: list[Row] = []
    for host in draw.sample(HOSTS[source], draw.randint(1, len(HOSTS[source]))):
        for hour in sorted({0, hours - 1, *draw.choices(range(hours), k=40)}):
            value = draw.choice((0.0, 12.5, 99.0, 101.0, 104.99, 130.0, -1.0, draw.uniform(0, 100)))
            rows += [(host, "cpu", window.start + timedelta(hours=hour), value)] * draw.choice((1, 1, 1, 2))
            if draw.random() < 0.05:
                rows.append((host, "cpu", window.start + timedelta(hours=hour), 55.0))
    return rows


def expected(
    every: dict[tuple[str, str], list[Row]], files: dict[tuple[str, date], float], zone: str, limit: float = 105.0
) -> tuple[dict[tuple[str, date], float], Counter[str]]:
    """The days and the rejects by reason, counted in Python from what was put in."""
    moments: dict[tuple[str, datetime], list[float]] = defaultdict(list)
    rejects: Counter[str] = Counter()
    for host, _, moment, value in (row for rows in every.values() for row in rows):
        if value < 0 or value > limit:
            rejects["negative" if value < 0 else "over capacity"] += 1
        else:
            moments[host, moment].append(value)
    values: dict[tuple[str, date], list[float]] = defaultdict(list)
    for (host, moment), found in moments.items():
        if len(set(found)) > 1:
            rejects["conflicting duplicate"] += len(found)
        else:
            values[host, moment.astimezone(ZoneInfo(zone)).date()].append(min(found[0], 100))
            rejects["duplicate"] += len(found) - 1
    days = {key: sum(found) / len(found) for key, found in values.items()}
    return {**files, **days}, +rejects


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        yield con


def read(con: duckdb.DuckDBPyConnection, data: Path, files: str) -> Reading:
    settings = TelemetrySettings(telemetry=files, **SETTINGS)
    with transaction(con):
        return update_base_table(con, settings, landed(data), today=TODAY, run_id="run")


def assert_the_same(con: duckdb.DuckDBPyConnection, reading: Reading, data: Path, files: str) -> None:
    with duckdb.connect() as other:
        whole = read(other, data, files)
        for table in TABLES:
            assert query(con, f"FROM {table} ORDER BY ALL").equals(query(other, f"FROM {table} ORDER BY ALL")), table
        assert query(con, KNOWN).equals(query(other, KNOWN))
        assert current_digest(con) == current_digest(other)
        assert replace(reading.report, seconds={}) == replace(whole.report, seconds={})


@pytest.mark.parametrize(
    ("zone", "with_files"), [*((zone, False) for zone in ZONES), ("UTC", True), ("Pacific/Auckland", True)]
)
def test_months_read_one_after_the_other_are_what_reading_all_gives(
    zone: str, with_files: bool, con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    draw = random.Random(f"{zone} {with_files}")
    files, path = {}, ""
    if with_files:
        days = pl.date_range(date(2025, 3, 20), date(2025, 10, 10), eager=True).to_list()
        files = {(host, day): float(draw.randint(0, 100)) for host in ("a", "old") for day in days}
        path = str(tmp_path / "export.csv")
        lines = [f"{host},{day},{value}" for (host, day), value in files.items()]
        Path(path).write_text("\n".join(["host,time,cpu", *lines]) + "\n")
    every: dict[tuple[str, str], list[Row]] = {}
    for step in range(4):
        for _ in range(draw.randint(1, 2)):
            part = draw.choice(tuple(HOSTS)), draw.choice(MONTHS)
            every[part] = made_rows(draw, *part, zone)
            land(tmp_path, part[1], every[part], part[0], zone, complete=draw.random() < 0.5)
        reading = read(con, tmp_path, path)
        days_expected, rejects = expected(every, files, zone)
        found = query(con, "SELECT host_id, ds, y FROM base_table").rows()
        assert {(host, day): y for host, day, y in found} == pytest.approx(days_expected, abs=1e-9)
        assert len(found) == len(days_expected) == reading.report.rows_kept
        assert Counter(reading.report.rejects) == rejects
        assert reading.months_read + reading.months_standing == len(every)
        if step in (1, 3):
            assert_the_same(con, reading, tmp_path, path)
    assert reading.months_standing > 0
