"""One DuckDB of the test process, to which databases are attached one after the other: starting another takes 20 ms each time.

Belongs here: that DuckDB, and opening a database by it. Does not belong here: what is done with one. What changes settings of a whole
DuckDB and leaves them, or is to fail for want of memory, starts its own.
"""

import atexit
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import duckdb

from turbo_forecast.storage.kept_duckdb import NAME
from turbo_forecast.storage.telemetry.sql import literal

_KEPT: list[duckdb.DuckDBPyConnection] = []


@contextmanager
def opened(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a warehouse's file, which is closed when the block ends."""
    with _attached(literal(str(warehouse)), NAME) as con:
        yield con


@contextmanager
def empty_database() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a database in memory, which is gone when the block ends."""
    with _attached("':memory:'", "scratch") as con:
        yield con


@contextmanager
def _attached(address: str, name: str) -> Iterator[duckdb.DuckDBPyConnection]:
    root = _root()
    root.execute(f"ATTACH {address} AS {name}")
    try:
        with closing(root.cursor()) as con:  # closing it rolls back a transaction that is open
            con.execute(f"USE {name}")
            yield con
    finally:
        try:
            root.execute(f"DETACH {name}")
        except duckdb.Error:  # what an error has done to this DuckDB is not to be met by the next who asks
            _forget()


def _root() -> duckdb.DuckDBPyConnection:
    if not _KEPT:
        _KEPT.append(duckdb.connect())
    return _KEPT[0]


@atexit.register  # else DuckDB lists at Python's end what is still there
def _forget() -> None:
    while _KEPT:
        with suppress(duckdb.Error):
            _KEPT.pop().close()
