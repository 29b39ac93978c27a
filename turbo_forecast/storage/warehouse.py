"""The DuckDB warehouse: opened with retries up to a deadline, written in transactions, checked while writing.

Belongs here: connections, and replacing a partition or a table whole. Does not belong here: what the rows mean, and reading
the base table's series out (`histories.py`).
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from turbo_forecast.errors import StorageError
from turbo_forecast.leftovers import remove_leftovers
from turbo_forecast.paths import require_storable
from turbo_forecast.schemas import RUN_AUDIT
from turbo_forecast.storage.frames import arrow_reader
from turbo_forecast.storage.kept_duckdb import attached, is_attached
from turbo_forecast.storage.rows_view import bring_up_to_date
from turbo_forecast.storage.versions import migrate_table, name_windows
from turbo_forecast.tables import Table

LOCK_PATIENCE_SECONDS = 10.0
"""How long another process may hold the file before we give up: readers finish sooner, a forgotten shell never."""

MEMORY_LIMIT = "2GB"
"""DuckDB spills to disk beyond: a check over 20 million rows is no slower for it, and leaves the machine its memory."""

REFUSED_BY_THE_DISK = (
    duckdb.IOException,
    duckdb.FatalException,
    duckdb.TransactionException,
    duckdb.OutOfMemoryException,
)
"""A disk that is full shows as an I/O error, as a commit that fails, or as memory that cannot be spilled."""

STAGED = "{}__new"
_LOADED = time.time()


def _discard(line: str) -> None:
    """For who does not want to know."""


@contextmanager
def connected(
    path: Path, log: Callable[[str], None] = _discard, *, keep_duckdb: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the warehouse, closed in any case; its view of the months' rows is that of the files that are there.

    log: called with a line where a warehouse of a former version was migrated. keep_duckdb: whether this process will soon
    ask the same again (`kept_duckdb.py`): the file is closed all the same, and the block changes no setting of the database.

    Raises StorageError when another process holds the file for longer than LOCK_PATIENCE_SECONDS (naming it,
    as DuckDB tells), or when the folder cannot be written or has a character in its path that DuckDB cannot store under.
    """
    require_storable(path.parent)
    _remove_leftovers(path.parent)  # first: where the disk is full, they may be why
    _writable_folder(path.parent)
    with ExitStack() as stack:
        con = _opened(stack, path, keep_duckdb)
        _remove_spilled(path.with_name(f"{path.name}.tmp"))
        try:
            con.execute("SET enable_progress_bar = false")
            with transaction(con):
                name_windows(con)
                migrated = bring_up_to_date(con, path.absolute().parent)
            if migrated:
                con.execute("CHECKPOINT")  # what the table took is free now, for whatever is stored next
                log(migrated)
            yield con
        except duckdb.Error as error:
            if isinstance(error, REFUSED_BY_THE_DISK):
                raise StorageError(f"the warehouse {path}: {' '.join(str(error).split())}") from error
            raise


def _opened(stack: ExitStack, path: Path, keep_duckdb: bool) -> duckdb.DuckDBPyConnection:
    """A connection that the stack closes. Raises StorageError where the file cannot be opened within LOCK_PATIENCE_SECONDS."""
    deadline = time.monotonic() + LOCK_PATIENCE_SECONDS
    opening = attached if keep_duckdb or is_attached(path) else _of_its_own
    while True:
        try:
            return stack.enter_context(opening(path.absolute(), MEMORY_LIMIT))
        except duckdb.IOException as error:
            if time.monotonic() >= deadline or "lock" not in str(error).lower():
                said = " ".join(str(error).split()).split(" See also")[0]
                raise StorageError(f"the warehouse {path} cannot be opened: {said}") from None
            time.sleep(0.25)


@contextmanager
def _of_its_own(path: Path, memory_limit: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection by a DuckDB that ends with it. Raises what `duckdb.connect` raises."""
    con = duckdb.connect(str(path))
    try:
        con.execute(f"SET memory_limit = '{memory_limit}'")
        yield con
    finally:
        con.close()


def _remove_leftovers(data: Path) -> None:
    """Remove what killed runs left half-written in the data folder: in it, its assets' and its checks' folders."""
    for folder in (data, *data.glob("[!.]*/"), *data.glob("checks/*/")):
        remove_leftovers(folder)


def _remove_spilled(folder: Path) -> None:
    """Remove what DuckDB spilled in processes that were killed; it does so itself only when it must spill again.

    The caller has the warehouse open, so no other process has. What this process spills is newer than its start.
    """
    for path in folder.glob("duckdb_temp_*"):
        with suppress(OSError):
            if path.stat().st_mtime < _LOADED:
                path.unlink()


def _writable_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink(missing_ok=True)  # another process may be probing, too
    except OSError as error:
        raise StorageError(f"the data folder {folder} cannot be written: {error.strerror}") from None


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All of it or nothing."""
    con.begin()
    try:
        yield
    except BaseException:
        con.rollback()
        raise
    con.commit()


def ensure_table(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Create the table, or migrate the one that another version stored. The caller holds the transaction.

    Raises StorageError where the stored table has columns that cannot be migrated.
    """
    migrate_table(con, table)
    con.execute(table.ddl())


def replace_partition(
    con: duckdb.DuckDBPyConnection, table: Table, cutoff: date, rows: str | pl.DataFrame | pl.LazyFrame
) -> int:
    """Replace one month of a table by `rows` (a frame, read in batches if lazy, or a SELECT); returns how many there are.

    Columns are matched by name; the rows stored are counted inside the transaction. The caller holds the
    transaction. Raises StorageError when a row is not of that month.
    """
    ensure_table(con, table)
    con.execute(f'DELETE FROM "{table.name}" WHERE cutoff = ?', [cutoff])
    before = _count(con, f'FROM "{table.name}"')
    insert = f'INSERT INTO "{table.name}" BY NAME'
    if isinstance(rows, str):
        con.execute(f"{insert} {rows}")
    else:
        with arrow_reader(rows.lazy(), f"what is to be stored in {table.name}") as reader:
            con.register("rows_to_store", reader)
            con.execute(f"{insert} SELECT * FROM rows_to_store")
    stored = _count(con, f'FROM "{table.name}" WHERE cutoff = ?', cutoff)
    if _count(con, f'FROM "{table.name}"') != before + stored:
        raise StorageError(f"rows of another month than {cutoff:%Y-%m} were about to enter {table.name}")
    return stored


def replace_audit(con: duckdb.DuckDBPyConnection, audit: pl.DataFrame) -> None:
    """Replace the audit rows of the frame's months and assets. The caller holds the transaction."""
    ensure_table(con, RUN_AUDIT)
    con.register("audit_rows", audit.to_arrow())
    con.execute(
        f'DELETE FROM "{RUN_AUDIT.name}" WHERE (cutoff, asset) IN (SELECT DISTINCT cutoff, asset FROM audit_rows)'
    )
    con.execute(f'INSERT INTO "{RUN_AUDIT.name}" BY NAME SELECT * FROM audit_rows')


def stage_table(con: duckdb.DuckDBPyConnection, table: Table) -> str:
    """An empty twin of the table, to be filled and then put in its place by `publish_table`."""
    name = STAGED.format(table.name)
    con.execute(f'DROP TABLE IF EXISTS "{name}"')
    con.execute(table.ddl(name))
    return name


def publish_table(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Put the staged twin in the table's place. The caller holds the transaction."""
    con.execute(f'DROP TABLE IF EXISTS "{table.name}"')
    con.execute(f'ALTER TABLE "{STAGED.format(table.name)}" RENAME TO "{table.name}"')


def has_table(con: duckdb.DuckDBPyConnection, table: Table) -> bool:
    """Whether the warehouse holds the table, or a view of its name."""
    found = con.execute(
        "SELECT 1 FROM duckdb_tables() WHERE table_name = $name UNION ALL SELECT 1 FROM duckdb_views() WHERE view_name = $name",
        {"name": table.name},
    )
    return bool(found.fetchall())


def query(con: duckdb.DuckDBPyConnection, sql: str, *parameters: object, **named: object) -> pl.DataFrame:
    """A query's rows as a Polars frame; parameters by position (?) or by name ($name)."""
    found = pl.from_arrow(con.sql(sql, params=named or list(parameters)).to_arrow_table())
    assert isinstance(found, pl.DataFrame)
    return found


def month_rows(con: duckdb.DuckDBPyConnection, table: Table, cutoff: date) -> pl.DataFrame:
    """A month's rows of a table, sorted by its key."""
    key = ", ".join(f'"{name}"' for name in table.key)
    return query(con, f'SELECT * FROM "{table.name}" WHERE cutoff = ? ORDER BY {key}', cutoff).pipe(table.conform)


def _count(con: duckdb.DuckDBPyConnection, what: str, *parameters: object) -> int:
    return int(con.execute(f"SELECT count(*) {what}", list(parameters)).fetchall()[0][0])
