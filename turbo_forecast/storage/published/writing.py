"""Publishing a month: its tables out of the warehouse, its files by second names, its manifest by rename.

Belongs here: making a version whole and superseding the one before. Does not belong here: when that is done (`defs/`).

Whatever ends the process, the month is published as it was before: a version is made under a hidden name, which who
next publishes the month removes; and one that has its name but is in no manifest is superseded like any other.
"""

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from turbo_forecast.errors import StorageError, writing
from turbo_forecast.leftovers import TEMPORARY, remove, remove_leftovers, temporary_folder_beside
from turbo_forecast.month_keys import month_key
from turbo_forecast.processes import own_process
from turbo_forecast.schemas import FORECAST_PARQUET, MONTHS, OUTLOOK_CALIBRATION, OUTLOOK_SERIES
from turbo_forecast.storage.atomic_replace import sync_folder
from turbo_forecast.storage.base_table import utc_now
from turbo_forecast.storage.datasets import row_count
from turbo_forecast.storage.files import write_parquet
from turbo_forecast.storage.published.layout import (
    FILES,
    FOLDER,
    GROUP_RUN,
    MANIFEST,
    MONTH_FOLDERS,
    RUN,
    TABLES,
    month_folder,
)
from turbo_forecast.storage.published.manifest import (
    MonthManifest,
    PublishedFile,
    readable_document,
    write_document,
)
from turbo_forecast.storage.results import Results
from turbo_forecast.storage.retention import RESULTS
from turbo_forecast.storage.versions import columns_to_add
from turbo_forecast.storage.warehouse import has_table
from turbo_forecast.tables import DUCKDB_TYPES, Table

WHAT_IF_TABLES = (OUTLOOK_CALIBRATION, OUTLOOK_SERIES, FORECAST_PARQUET)
"""What statements about other plans are made of."""
BATCH = 250_000
"""Rows of a table that are held at once."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What a run publishes of a month. results, group_results: the folders its run has left, if they are there."""

    data: Path
    cutoff: date
    run_id: str
    forecast: dict[str, Any]
    outlook: dict[str, Any]
    warnings: Sequence[str]
    results: Path
    group_results: Path

    @property
    def folder(self) -> Path:
        """The month's folder in `published/`."""
        return month_folder(self.data, month_key(self.cutoff))


def publish_month(con: duckdb.DuckDBPyConnection, publication: Publication) -> MonthManifest:
    """Publish a month as the warehouse has it, and return what is published. The caller holds the transaction.

    Raises StorageError where a table or file is not there, or the disk refuses; the month stays published as it was then.
    """
    folder, now = publication.folder, utc_now()
    before = readable_document(MonthManifest, folder / MANIFEST)
    name = f"{now:%Y%m%dT%H%M%S%f}-{publication.run_id[:8]}"
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with temporary_folder_beside(folder / name) as beside:
            files = _fill(con, publication, beside)
            manifest = _manifest(publication, beside, name, now, files)
            beside.rename(folder / name)
        sync_folder(folder)  # the version is there for good before anything names it
    write_document(manifest, folder / MANIFEST)
    _remove_superseded(folder, name, before)
    return manifest


def remove_old_results(data: Path) -> None:
    """Remove from published months what their runs have learnt, once the runs' own results are gone (rows_months).

    So a data folder does not keep by a second name what it is meant to lose. What cannot be removed now is next time.
    """
    for folder in (data / FOLDER).glob(MONTH_FOLDERS):
        if not (data / RESULTS / folder.name).exists():
            for path in [*folder.glob(f"[!.]*/{RUN}"), *folder.glob(f"[!.]*/{GROUP_RUN}")]:
                _vanish(path)
        remove_leftovers(folder)


def _fill(con: duckdb.DuckDBPyConnection, publication: Publication, folder: Path) -> dict[str, PublishedFile]:
    """Put all that is published of a month into a folder, and make it durable. Raises StorageError, OSError."""
    files = {table.name: _write_table(con, table, publication.cutoff, folder) for table in TABLES}
    files |= {table.name: _link_file(table, publication, folder) for table in FILES}
    for source, name in ((publication.results, RUN), (publication.group_results, GROUP_RUN)):
        _link_results(source, folder / name)
    for at, _, _ in os.walk(folder):
        sync_folder(Path(at))
    return files


def _manifest(
    publication: Publication, made: Path, name: str, now: datetime, files: dict[str, PublishedFile]
) -> MonthManifest:
    """What the version that was made is, under its name to be. The month's state is as its own file has it. Raises StorageError."""
    rows = pl.read_parquet(made / files[MONTHS.name].file, glob=False)
    if rows.is_empty():
        raise StorageError(f"month {month_key(publication.cutoff)} is not in the table months: run the month first")
    row = rows.row(0, named=True)
    return MonthManifest(
        program=version("turbo-forecast"),
        month=row["month"],
        cutoff=publication.cutoff,
        version=name,
        run_id=publication.run_id,
        published_at=now,
        finished_at=row["finished_at"],
        base_table_digest=row["base_table_digest"],
        config_hash=row["config_hash"],
        forecast=publication.forecast,
        outlook=publication.outlook,
        warnings=tuple(publication.warnings),
        files=files,
    )


def _write_table(con: duckdb.DuckDBPyConnection, table: Table, cutoff: date, folder: Path) -> PublishedFile:
    """Write the month's rows of a table, sorted by key. Raises StorageError."""
    path = folder / f"{table.name}.parquet"
    key = ", ".join(f'"{name}"' for name in table.key)
    found = con.sql(f"{stored_rows(con, table)} ORDER BY {key}", params={"cutoff": cutoff})
    with found.to_arrow_reader(BATCH) as reader:  # closed: else an error leaves a connection that cannot even roll back
        batches = (pa.Table.from_batches([batch]) for batch in reader)
        count = write_parquet(batches, table.arrow_schema, path)
    return PublishedFile(file=path.name, rows=count, bytes=path.stat().st_size)


def stored_rows(con: duckdb.DuckDBPyConnection, table: Table) -> str:
    """SQL for the warehouse's rows of the month `$cutoff`; a column that another version's table lacks is null. Raises StorageError."""
    there = has_table(con, table)
    lacking = columns_to_add(con, table) if there else table.columns
    columns = (
        f'NULL::{DUCKDB_TYPES[column.dtype]} AS "{column.name}"' if column in lacking else f'"{column.name}"'
        for column in table.columns
    )
    source = f'FROM "{table.name}" WHERE cutoff = $cutoff' if there else "WHERE $cutoff IS NULL"
    return f"SELECT {', '.join(columns)} {source}"


def _link_file(table: Table, publication: Publication, folder: Path) -> PublishedFile:
    source = publication.data / table.name / f"{month_key(publication.cutoff)}.parquet"
    if not source.is_file():
        raise StorageError(f"{source} is not there: run the month again")
    target = folder / f"{table.name}.parquet"
    _link(source, target)
    return PublishedFile(file=target.name, rows=row_count(target), bytes=target.stat().st_size)


def _link_results(source: Path, target: Path) -> None:
    """Second names for what statements are made of. Raises OSError.

    None of it where a part is not there: the month was made too long ago (rows_months), by another version, or has no groups.
    """
    results = Results(source)
    try:
        paths = [results.path(table) for table in WHAT_IF_TABLES]
    except StorageError:
        return
    target.mkdir()
    for path in paths:
        if path.is_dir():
            (target / path.name).mkdir()
            for part in path.iterdir():
                _link(part, target / path.name / part.name)
        else:
            _link(path, target / path.name)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without second names
        shutil.copyfile(source, target)
        with target.open("rb+") as file:
            os.fsync(file.fileno())


def _remove_superseded(folder: Path, name: str, before: MonthManifest | None) -> None:
    """Remove all versions but this one and the one before, which somebody may be reading.

    Where no manifest could be read that names it, it is the latest by name.
    """
    others = sorted(path for path in folder.glob("[!.]*/") if path.name != name)
    last = before.version if before else others[-1].name if others else name
    for path in others:
        if path.name != last:
            _vanish(path)


def _vanish(path: Path) -> None:
    """Remove a folder that has been replaced; where that is refused, as while a reader on another machine has a file open, later."""
    with suppress(OSError):
        hidden = path.rename(path.with_name(f".{path.name}.{own_process().stem()}{TEMPORARY}"))
        remove(hidden)
