"""Whether what is published of a month is what is stored of it, by reading both again.

Belongs here: what must be the same, and what of it may change after a month was published. Does not belong here: what
becomes of a difference (`defs/checks/publication.py`).
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path

import duckdb

from turbo_forecast.errors import StorageError, refusal
from turbo_forecast.month_keys import month_key
from turbo_forecast.number_words import counted
from turbo_forecast.schemas import BASE_TABLE, MONTH_STEPS, MONTHS, RUN_AUDIT
from turbo_forecast.storage.base_digests import digest_of
from turbo_forecast.storage.datasets import duckdb_path, require_readable, row_count
from turbo_forecast.storage.months import STEPS, STORED
from turbo_forecast.storage.published.layout import FILES, MANIFEST, PUBLISHED, SQL, TABLES
from turbo_forecast.storage.published.manifest import MonthManifest
from turbo_forecast.storage.published.reading import Published, PublishedMonth
from turbo_forecast.storage.published.sql import published_rows
from turbo_forecast.storage.published.writing import stored_rows
from turbo_forecast.storage.telemetry.sql import listed, literal
from turbo_forecast.storage.warehouse import month_rows
from turbo_forecast.tables import Table

CHANGING = {
    MONTHS.name: ("state", "run_id", "reached"),
}
"""Columns that a check of the month changes after it was published; `months.json` has them as they are now."""
LASTING = {
    MONTH_STEPS.name: f"result = {literal(STORED)} AND list_contains({listed(map(literal, STEPS))}, asset)",
    RUN_AUDIT.name: f"list_contains({listed(map(literal, STEPS))}, asset)",
}
"""The rows that stay, where others do not: each check of the month replaces its own result, and what is made after the month
is complete (scenarios, the publication itself) its own seconds. What is stored of a part changes only when the part does."""
_HASH = "SELECT count(*), sum(hash({columns}))::VARCHAR FROM ({rows}) WHERE {condition}"
"""Sums of hashes do not depend on the order of rows; a row that is there twice counts twice."""


@dataclass(slots=True)
class Comparison:
    """compared: how many things were; faults: name and what is wrong with it. published: False where the month never was."""

    published: bool = True
    compared: int = 0
    faults: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, require: Callable[[], None]) -> None:
        """Compare one thing: `require` raises StorageError with what is wrong with it."""
        self.compared += 1
        try:
            require()
        except StorageError as error:
            self.faults.append((name, str(error)))


def compare(con: duckdb.DuckDBPyConnection, data: Path, cutoff: date, asset: str) -> Comparison:
    """Compare what is published of a month with the warehouse and the files. The caller holds the transaction.

    asset: which records in RUN_AUDIT that it has published. Raises StorageError where the warehouse has no such month.
    """
    published, key, by_run = Published(data.absolute()), month_key(cutoff), _recorded_run(con, cutoff, asset)
    if not (published.month_folder(key) / MANIFEST).exists() and by_run is None:
        return Comparison(published=False)
    found = Comparison()
    try:
        month = published.month(key)
    except StorageError as error:
        return Comparison(compared=1, faults=[(MANIFEST, str(error))])
    found.add(MANIFEST, lambda: _require_manifest(con, month.manifest, by_run))
    for table in TABLES:
        found.add(table.name, partial(_require_rows, con, month, table))
    for table in FILES:
        found.add(table.name, partial(_require_file, month, table, data / table.name / f"{key}.parquet"))
    found.add(BASE_TABLE.name, lambda: _require_history(con, published, month))
    found.add(SQL, lambda: _require_views(published, month))
    return found


def _recorded_run(con: duckdb.DuckDBPyConnection, cutoff: date, asset: str) -> str | None:
    """The run that has published the month last, as it was committed with the publication; None where none has."""
    found = con.execute(
        f"SELECT any_value(run_id) FROM {RUN_AUDIT.name} WHERE cutoff = ? AND asset = ?", [cutoff, asset]
    ).fetchall()
    run: str | None = found[0][0]
    return run


def _require_manifest(con: duckdb.DuckDBPyConnection, manifest: MonthManifest, by_run: str | None) -> None:
    row = month_rows(con, MONTHS, manifest.cutoff).row(0, named=True)
    if manifest.run_id != by_run:
        raise StorageError(
            f"it names the run {manifest.run_id}, where {by_run or 'none'} is recorded to have published"
        )
    for name in ("base_table_digest", "config_hash", "finished_at"):
        if getattr(manifest, name) != row[name]:
            raise StorageError(f"it has {name} {getattr(manifest, name)}, where the warehouse has {row[name]}")


def _require_rows(con: duckdb.DuckDBPyConnection, month: PublishedMonth, table: Table) -> None:
    path = month.path(table)
    columns = ", ".join(f'"{name}"' for name in table.names if name not in CHANGING.get(table.name, ()))
    sql = _HASH.format(columns=columns, rows="{rows}", condition=LASTING.get(table.name, "true"))
    stored = con.execute(sql.format(rows=stored_rows(con, table)), {"cutoff": month.cutoff}).fetchall()[0]
    with _naming(path):
        there = con.execute(sql.format(rows=published_rows(table, [path]))).fetchall()[0]
    _require_size(month, table)
    if there[0] != stored[0]:
        raise StorageError(
            f"{counted(there[0], 'row is', 'rows are')} published, where {counted(stored[0], 'is', 'are')} stored"
        )
    if there != stored:
        raise StorageError(f"as many rows are published as are stored ({stored[0]:,}), but they are not the same")


def _require_file(month: PublishedMonth, table: Table, source: Path) -> None:
    path = month.path(table)
    require_readable(path)
    try:
        same = path.samefile(source) or _digest(path) == _digest(source)
    except OSError as error:
        raise StorageError(f"{error.filename} cannot be read: {refusal(error)}") from None
    if not same:
        raise StorageError(f"{path} has other bytes than {source}")
    _require_size(month, table)


def _require_size(month: PublishedMonth, table: Table) -> None:
    """Raises StorageError unless the manifest says how large the file is."""
    said, path = month.manifest.files[table.name], month.path(table)
    rows, size = row_count(path), path.stat().st_size
    if (said.rows, said.bytes) != (rows, size):
        raise StorageError(
            f"its file has {counted(rows, 'row')} in {counted(size, 'byte')}, where the manifest says {said.rows:,} in {said.bytes:,}"
        )


def _require_history(con: duckdb.DuckDBPyConnection, published: Published, month: PublishedMonth) -> None:
    """Up to the month's last day, the published history is the base table that the month was made of: later days may be there."""
    path = published.history_file()
    rows = f"({published_rows(BASE_TABLE, [path])})"
    with _naming(path):
        digest = digest_of(con, f"(SELECT * FROM {rows} WHERE ds <= DATE '{month.cutoff}')")
    if digest != month.manifest.base_table_digest:
        raise StorageError(f"{path} holds other days up to {month.cutoff} than the month was made of")


def _require_views(published: Published, month: PublishedMonth) -> None:
    """Raises StorageError unless each view reads the version that is published, where it lies: a folder may have been moved."""
    path = published.folder / SQL
    if not path.exists():
        raise StorageError(f"{path} is not there")
    try:
        with duckdb.connect(str(path), read_only=True) as con:
            views = dict(con.execute("SELECT view_name, sql FROM duckdb_views() WHERE NOT internal").fetchall())
    except duckdb.Error as error:
        raise StorageError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    files = {table.name: month.path(table) for table in PUBLISHED if month.has(table)}
    files[BASE_TABLE.name] = published.history_file()
    old = [name for name, file in files.items() if literal(duckdb_path(file)) not in views.get(name, "")]
    if old:
        raise StorageError(f"{path} does not show what is published of {', '.join(old[:3])}")


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """DuckDB's errors of many kinds, where the file is gone or damaged, as a StorageError that names it."""
    try:
        yield
    except duckdb.Error:
        require_readable(path)
        raise


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").digest()
