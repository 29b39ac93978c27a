"""Where telemetry is read: within DuckDB's limits, with helper tables that are gone afterwards, and errors in one sentence.

Belongs here: what holds while anything is read. Does not belong here: what is read (`reading`, `landed_reading`), and the limits
themselves (`limits`).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from turbo_forecast.errors import SettingsError, StorageError, TelemetryError
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.limits import limited
from turbo_forecast.storage.telemetry.messages import UNREADABLE, shortened, unreadable
from turbo_forecast.storage.telemetry.sql import identifier


@contextmanager
def workspace(con: duckdb.DuckDBPyConnection, settings: TelemetrySettings, name: str) -> Iterator[None]:
    """What holds while telemetry is read. name: of the telemetry, for errors that do not name a file themselves.

    Raises SettingsError where memory_limit is too little, StorageError where the disk is full, and TelemetryError where DuckDB
    cannot read what is there.
    """
    with limited(con, settings.memory_limit), _scratch(con):
        try:
            yield
        except duckdb.OutOfMemoryException as error:
            _refuse_full_disk(error)
            raise SettingsError(
                f"memory_limit {settings.memory_limit} is too little for this telemetry: {shortened(error)}"
            ) from None
        except duckdb.Error as error:
            _refuse_full_disk(error)
            if isinstance(error, UNREADABLE) or type(error) is duckdb.Error:  # a damaged Parquet page has no class
                raise TelemetryError(unreadable(name, error)) from None
            raise


def _refuse_full_disk(error: duckdb.Error) -> None:
    """Raises StorageError where it is no fault of the telemetry: DuckDB found no room to write or to spill."""
    if "No space left" in str(error) or "max_temp_directory_size" in str(error):
        raise StorageError(f"no space is left on the disk to which DuckDB writes: {shortened(error)}") from error


@contextmanager
def _scratch(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Leave no helper view or table behind; after an error inside DuckDB the caller's rollback removes them."""
    yield
    for view in ("telemetry_values", "telemetry_cells"):
        con.execute(f"DROP VIEW IF EXISTS {view}")
    query = "SELECT table_name FROM duckdb_tables() WHERE temporary AND table_name LIKE 'telemetry\\_%' ESCAPE '\\'"
    for (table,) in con.execute(query).fetchall():
        con.execute(f"DROP TABLE {identifier(table)}")
