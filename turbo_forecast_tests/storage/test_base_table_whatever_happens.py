"""Whatever happens to files, landed months, options, days and processes in whatever order, the base table is a full reading's.

After each thing that happens it is compared with what reading everything from scratch gives, and with what Python counts.
"""

import os
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from turbo_forecast.errors import StorageError
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.base_table import Reading, current_digest, is_current, update_base_table
from turbo_forecast.storage.telemetry import fingerprint
from turbo_forecast.storage.warehouse import query, transaction
from turbo_forecast_tests.storage.landing import Row, land, landed
from turbo_forecast_tests.storage.test_landed_base_table_is_a_full_reading import KNOWN, TABLES, expected, made_rows

ZONE = "Europe/Berlin"
MONTHS = ("2025-03", "2025-10", "2025-11")
FILES = ("a.csv", "b.csv")
FIRST_DAY = date(2025, 12, 20)
OPTIONS: dict[str, tuple[Any, ...]] = {"overshoot_percent": (105.0, 120.0), "memory_limit": ("1GB", "2GB")}
"""One that decides what is read, and one that does not."""


class CrashError(Exception):
    """What a process dies of."""


class Failing:
    """A connection that dies at a statement."""

    def __init__(self, con: duckdb.DuckDBPyConnection, at: int) -> None:
        self._con, self._left = con, at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._con, name)

    def execute(self, *given: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise CrashError
        return self._con.execute(*given)


class Whatever(RuleBasedStateMachine):
    """What happens."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="turbo-forecast-whatever-"))
        self.files = self.folder / "files"
        self.files.mkdir()
        self.con = duckdb.connect(str(self.folder / "w.duckdb"))
        self.today, self.options, self.reread = FIRST_DAY, {"overshoot_percent": 105.0}, False
        self.every: dict[tuple[str, str], list[Row]] = {}
        self.days: dict[str, dict[tuple[str, date], float]] = {}
        self.renamed: set[str] = set()
        self.read_once = False

    def teardown(self) -> None:
        self.con.close()
        shutil.rmtree(self.folder)

    @initialize()
    def begins_with_a_month(self) -> None:
        self.lands("prometheus", MONTHS[0], 0, True)

    @rule(
        source=st.sampled_from(("prometheus", "zabbix")),
        month=st.sampled_from(MONTHS),
        seed=st.integers(0, 3),
        complete=st.booleans(),
    )
    def lands(self, source: str, month: str, seed: int, complete: bool) -> None:
        rows = made_rows(random.Random(f"{source} {month} {seed}"), source, month, ZONE)
        land(self.folder, month, rows, source, ZONE, complete=complete)
        self.every[source, month] = rows

    @precondition(lambda self: len(self.every) > 1)
    @rule()
    def a_landed_month_is_removed_and_someone_says_so(self) -> None:
        source, month = sorted(self.every)[0]
        (self.folder / "telemetry_landing" / source / f"{month}.parquet").unlink()
        del self.every[source, month]
        if self.read_once:
            with pytest.raises(StorageError, match="not there any more"):
                self.read()
        self.reread = True

    @rule(name=st.sampled_from(FILES), seed=st.integers(0, 3))
    def a_file_is_written(self, name: str, seed: int) -> None:
        draw = random.Random(f"{name} {seed}")
        hosts = ("a", "old") if name == FILES[0] else ("other",)
        start = date(2025, 10, 25) + timedelta(days=draw.randint(0, 5))
        self.days[name] = {
            (host, start + timedelta(days=place)): float(draw.randint(10, 99)) for host in hosts for place in range(12)
        }
        self.write(name)

    def write(self, name: str) -> None:
        lines = [f"{host},{day},{int(value)}" for (host, day), value in self.days[name].items()]
        self.path(name).write_text("\n".join(["host,time,cpu", *lines]) + "\n")

    @precondition(lambda self: self.days)
    @rule(in_place=st.booleans())
    def a_file_gets_other_values_of_the_same_size_and_time(self, in_place: bool) -> None:
        name = sorted(self.days)[0]
        path = self.path(name)
        before = path.stat()
        self.days[name] = {key: 109 - value for key, value in self.days[name].items()}
        if not in_place:
            path.rename(self.folder / "aside.csv")
        self.write(name)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)

    @precondition(lambda self: self.days)
    @rule()
    def a_file_is_removed(self) -> None:
        name = sorted(self.days)[0]
        self.path(name).unlink()
        del self.days[name]

    @precondition(lambda self: self.days)
    @rule()
    def a_file_is_renamed(self) -> None:
        name = sorted(self.days)[0]
        before = self.path(name)
        self.renamed ^= {name}
        before.rename(self.path(name))

    def path(self, name: str) -> Path:
        return self.files / (f"renamed-{name}" if name in self.renamed else name)

    @rule(name=st.sampled_from(sorted(OPTIONS)), place=st.integers(0, 1))
    def an_option_is_set(self, name: str, place: int) -> None:
        self.options = {**self.options, name: OPTIONS[name][place]}

    @rule(days=st.sampled_from((1, 1, -1)))
    def a_day_passes_or_the_clock_is_set_back(self, days: int) -> None:
        self.today += timedelta(days=days)

    @rule()
    def the_process_ends_and_another_begins(self) -> None:
        self.con.close()
        self.con = duckdb.connect(str(self.folder / "w.duckdb"))

    @rule(at=st.integers(0, 60))
    def the_process_dies_while_it_reads(self, at: int) -> None:
        """At any statement; a transaction that is not committed is none."""
        stored = self.stored()
        try:
            self.read(lambda con: Failing(con, at))  # type: ignore[arg-type,return-value]  # all but the class
        except CrashError:
            assert self.stored() == stored
        self.the_process_ends_and_another_begins()

    def stored(self) -> dict[str, list[tuple[Any, ...]]]:
        names = [row[0] for row in self.con.execute("SELECT table_name FROM duckdb_tables() ORDER BY ALL").fetchall()]
        return {name: self.con.execute(f'FROM "{name}" ORDER BY ALL').fetchall() for name in names}

    @property
    def settings(self) -> TelemetrySettings:
        given = {"on_conflicting_duplicates": "reject", "max_over_capacity_share": 1.0, **self.options}
        return TelemetrySettings(telemetry=str(self.files) if self.days else "", **given)

    def read(
        self,
        through: Callable[[duckdb.DuckDBPyConnection], duckdb.DuckDBPyConnection] = lambda con: con,
        con: duckdb.DuckDBPyConnection | None = None,
    ) -> Reading:
        chosen = self.settings.model_copy(update={"reread": self.reread})
        with transaction(con or self.con):
            return update_base_table(
                through(con or self.con), chosen, landed(self.folder), today=self.today, run_id="run"
            )

    @invariant()
    def the_base_table_is_what_reading_everything_gives(self) -> None:
        if not self.every:
            return
        with transaction(self.con):
            current = is_current(self.con, self.settings, self.today, landed(self.folder))
        reading = self.read()
        self.read_once, self.reread = True, False
        assert not (current and reading.is_new), "it was said to be current, and was read again"
        with duckdb.connect() as other:
            whole = self.read(con=other)
            for table in TABLES:
                rows = f"FROM {table} ORDER BY ALL"
                assert query(self.con, rows).equals(query(other, rows)), table
            assert query(self.con, KNOWN).equals(query(other, KNOWN))
            assert current_digest(self.con) == current_digest(other)
            assert replace(reading.report, seconds={}) == replace(whole.report, seconds={})
        self.is_what_was_put_in(reading)

    def is_what_was_put_in(self, reading: Reading) -> None:
        files = {key: value for days in self.days.values() for key, value in days.items()}
        limit = self.options["overshoot_percent"]
        days, rejects = expected(self.every, files, ZONE, limit=limit)
        found = {
            (host, day): y for host, day, y in query(self.con, "SELECT host_id, ds, y FROM base_table").iter_rows()
        }
        assert found == pytest.approx(days, abs=1e-9)
        assert Counter(reading.report.rejects) == rejects


def test_whatever_happens_the_base_table_is_a_full_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, "SETTLED_SECONDS", 0.0)
    monkeypatch.setattr(fingerprint, "_program", lambda root: "whatever a developer edits meanwhile")
    run = settings(
        max_examples=int(os.environ.get("WHATEVER_EXAMPLES", "3")),
        stateful_step_count=8,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize="WHATEVER_EXAMPLES" not in os.environ,
    )
    run_state_machine_as_test(Whatever, settings=run)
