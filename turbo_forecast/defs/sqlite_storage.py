"""Dagster's SQLite storage with one SQLAlchemy engine for each file, where Dagster makes a new one for each statement or two.

An engine keeps what it has compiled. A month's run has three thousand transactions: making as many engines, and compiling
their statements, took a third of the time that Dagster needs for a step. Files, tables and transactions are Dagster's own,
and each connection is closed after its transaction, as before. `dagster.yaml` names the class; without it the same files are
read and written by Dagster's.

Belongs here: how Dagster's SQLite files are connected to. Does not belong here: opening the instance (`instance.py`).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Self

from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    INDEX_SHARD_NAME,
    SqliteEventLogStorage,  # Dagster exports none of its storages: they are named in dagster.yaml by these paths
)
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage  # … nor this one
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS  # … and how long they wait, the same for all
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage  # … nor all three together
from dagster._serdes import ConfigurableClassData  # … and what a class gets that dagster.yaml names
from sqlalchemy import Connection, Engine, create_engine, inspect
from sqlalchemy.pool import NullPool

FILES = 16
"""Engines that a process keeps: the index, the runs, and the events of the runs that are looked at."""


@lru_cache(maxsize=FILES)
def engine(address: str) -> Engine:
    """The engine of a file. It holds no connection, so any number of threads may have it, and a fork too."""
    return create_engine(address, poolclass=NullPool, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})


class EventLog(SqliteEventLogStorage):
    """The events of runs, a file for each run."""

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        """A transaction in a run's file, or in the index; the file's tables are made where they are not there."""
        with self._db_lock:
            of_shard = engine(self.conn_string_for_shard(shard))
            if shard not in self._initialized_dbs:
                self._initdb(of_shard)
                self._initialized_dbs.add(shard)
            with of_shard.begin() as connection:
                yield connection

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table of this name."""
        with engine(self.conn_string_for_shard(INDEX_SHARD_NAME)).connect() as connection:
            return inspect(connection).has_table(table_name)


class Runs(SqliteRunStorage):
    """The runs."""

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A transaction."""
        with engine(self._conn_string).begin() as connection:
            yield connection


class SqliteStorage(DagsterSqliteStorage):
    """Runs, events and schedules below a folder, where Dagster has them."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._run_storage = Runs(self._run_storage._conn_string)
        self._event_log_storage = EventLog(self._event_log_storage._base_dir)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """As Dagster makes it of `dagster.yaml`."""
        return cls.from_local(inst_data=inst_data, **config_value)
