"""The four database systems, alike for tests: a table of telemetry, rows put into it, a source that asks for them.

Belongs here: how rows get into each. Does not belong here: what is tested.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import duckdb
import polars as pl
import psycopg

from reference.servers import postgres
from turbo_forecast.sources.registry import source_of
from turbo_forecast.sources.sql.source import SQLSource
from turbo_forecast_tests.sources.sql import mariadb

PASSWORD_VARIABLE = "FLEET_DATABASE_PASSWORD"
Row = tuple[str | None, str | None, datetime | None, float | None, str | None]
"""host_id, resource, moment in UTC, value, rack."""
QUERY = "SELECT host_id, resource, ts AS timestamp, value, rack FROM telemetry WHERE ts >= :start AND ts < :end"
EPOCH_QUERY = "SELECT host_id, resource, epoch AS timestamp, value, rack FROM telemetry WHERE epoch >= :start_epoch AND epoch < :end_epoch"


class Lab(Protocol):
    """A database with a table `telemetry (host_id, resource, ts, epoch, value, rack)`; ts: an instant, null where there is no such type."""

    name: str
    query: str

    @property
    def options(self) -> dict[str, Any]: ...

    def fill(self, rows: list[Row]) -> None:
        """Make the table anew."""

    def run(self, *statements: str) -> None:
        """As who may write."""


def source(lab: Lab, **options: Any) -> SQLSource:
    """The lab's source."""
    found = source_of("fleet", {"kind": "sql", **lab.options, "query": lab.query, "attempts": 1, **options})
    assert isinstance(found, SQLSource)
    return found


def _epoch(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


@dataclass
class PostgresLab:
    server: postgres.Postgres
    name: str = "postgresql"
    query: str = QUERY

    @property
    def options(self) -> dict[str, Any]:
        address = f"postgresql://{postgres.USER}@127.0.0.1:{self.server.port}/{postgres.DATABASE}"
        return {"address": address, "password_env": PASSWORD_VARIABLE}

    def fill(self, rows: list[Row]) -> None:
        self.run(
            "DROP TABLE IF EXISTS telemetry",
            "CREATE TABLE telemetry (host_id text, resource text, ts timestamptz, epoch bigint, value double precision, rack text)",
        )
        with (
            psycopg.connect(self.server.url) as there,
            there.cursor() as cursor,
            cursor.copy("COPY telemetry FROM STDIN") as copy,
        ):
            for host, resource, moment, value, rack in rows:
                copy.write_row((host, resource, moment, _epoch(moment), value, rack))

    def run(self, *statements: str) -> None:
        with psycopg.connect(self.server.url, autocommit=True) as there:
            for statement in statements:
                there.execute(statement)  # type: ignore[call-overload]


@dataclass
class MariaDBLab:
    server: mariadb.MariaDB
    name: str = "mysql"
    query: str = QUERY

    @property
    def options(self) -> dict[str, Any]:
        address = f"mysql://{mariadb.USER}@127.0.0.1:{self.server.port}/{mariadb.DATABASE}"
        return {"address": address, "password_env": PASSWORD_VARIABLE}

    def fill(self, rows: list[Row]) -> None:
        given = [
            (host, resource, moment and moment.astimezone(UTC).replace(tzinfo=None), _epoch(moment), value, rack)
            for host, resource, moment, value, rack in rows
        ]
        self.server.execute(
            "DROP TABLE IF EXISTS telemetry",
            "CREATE TABLE telemetry (host_id text, resource text, ts timestamp(6) NULL, epoch bigint, value double, rack text)",
            "INSERT INTO telemetry VALUES (%s, %s, %s, %s, %s, %s)",
            rows=given,  # type: ignore[arg-type]  # a list is invariant
        )

    def run(self, *statements: str) -> None:
        self.server.execute(*statements)


@dataclass
class FileLab:
    """SQLite or DuckDB."""

    name: str
    path: Path
    query: str = EPOCH_QUERY
    types: Mapping[str, str] = field(default_factory=lambda: {"ts": "TEXT"})

    @property
    def options(self) -> dict[str, Any]:
        return {"address": f"{self.name}:///{self.path}"}

    def fill(self, rows: list[Row]) -> None:
        self.path.unlink(missing_ok=True)
        columns = f"host_id TEXT, resource TEXT, ts {self.types['ts']}, epoch BIGINT, value DOUBLE, rack TEXT"
        given = [
            (host, resource, moment if self.name == "duckdb" else None, _epoch(moment), value, rack)
            for host, resource, moment, value, rack in rows
        ]
        with self._opened() as there:
            there.execute(f"CREATE TABLE telemetry ({columns})")
            if self.name == "duckdb":  # a row at a time takes it seconds
                times = {"ts": pl.Datetime("us", "UTC"), "epoch": pl.Int64, "value": pl.Float64}
                names = ("host_id", "resource", "ts", "epoch", "value", "rack")
                frame = pl.DataFrame(given, schema={each: times.get(each, pl.String) for each in names}, orient="row")
                there.register("given", frame.to_arrow())
                there.execute("INSERT INTO telemetry SELECT * FROM given")
            else:
                there.executemany("INSERT INTO telemetry VALUES (?, ?, ?, ?, ?, ?)", given)
                there.commit()
        there.close()

    def run(self, *statements: str) -> None:
        with self._opened() as there:
            for statement in statements:
                there.execute(statement)
        there.close()

    def _opened(self) -> Any:
        return sqlite3.connect(self.path) if self.name == "sqlite" else duckdb.connect(str(self.path))
