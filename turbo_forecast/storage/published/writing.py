"""Publishing a month: its tables out of the warehouse, its files by second names, its manifest by rename.

Belongs here: making a version whole and superseding the one before. Does not belong here: when that is done (`defs/`).
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from turbo_forecast.errors import StorageError, writing
from turbo_forecast.leftovers import remove, temporary_folder_beside
from turbo_forecast.month_keys import month_key
from turbo_forecast.schemas import FORECAST_PARQUET, MONTHS, OUTLOOK_CALIBRATION, OUTLOOK_SERIES
from turbo_forecast.storage.base_table import utc_now
from turbo_forecast.storage.datasets import row_count
from turbo_forecast.storage.files import write_parquet
from turbo_forecast.storage.published.layout import FILES, GROUP_RUN, MANIFEST, RUN, TABLES, month_folder
from turbo_forecast.storage.published.manifest import MonthManifest, PublishedFile, month_manifest, write_document
from turbo_forecast.storage.results import Results
from turbo_forecast.storage.swap import sync_folder
from turbo_forecast.storage.warehouse import has_table, month_rows
from turbo_forecast.tables import Table

LEARNT = (OUTLOOK_CALIBRATION, OUTLOOK_SERIES, FORECAST_PARQUET)
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
    name = f"{now:%Y%m%dT%H%M%S%f}-{publication.run_id[:8]}"
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with temporary_folder_beside(folder / name) as beside:
            files = {table.name: _write_table(con, table, publication.cutoff, beside) for table in TABLES}
            files |= {table.name: _link_file(table, publication, beside) for table in FILES}
            for source, name_of_run in ((publication.results, RUN), (publication.group_results, GROUP_RUN)):
                if source.is_dir():  # else it was made too long ago (rows_months), or there are no groups
                    _link_results(source, beside / name_of_run)
            sync_folder(beside)
            beside.rename(folder / name)
    row = month_rows(con, MONTHS, publication.cutoff).row(0, named=True)
    manifest = MonthManifest(
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
    before = month_manifest(folder)
    write_document(manifest, folder / MANIFEST)
    _remove_superseded(folder, {name, before.version if before else name})
    return manifest


def _write_table(con: duckdb.DuckDBPyConnection, table: Table, cutoff: date, folder: Path) -> PublishedFile:
    path = folder / f"{table.name}.parquet"
    if not has_table(con, table):
        count = write_parquet([], table.arrow_schema, path)
    else:
        key = ", ".join(f'"{name}"' for name in table.key)
        columns = ", ".join(f'"{name}"' for name in table.names)
        found = con.sql(
            f'SELECT {columns} FROM "{table.name}" WHERE cutoff = $cutoff ORDER BY {key}', params={"cutoff": cutoff}
        )
        batches = (pa.Table.from_batches([batch]) for batch in found.to_arrow_reader(BATCH))
        count = write_parquet(batches, table.arrow_schema, path)
    return PublishedFile(file=path.name, rows=count, bytes=path.stat().st_size)


def _link_file(table: Table, publication: Publication, folder: Path) -> PublishedFile:
    source = publication.data / table.name / f"{month_key(publication.cutoff)}.parquet"
    if not source.is_file():
        raise StorageError(f"{source} is not there: run the month again")
    target = folder / f"{table.name}.parquet"
    _link(source, target)
    return PublishedFile(file=target.name, rows=row_count(target), bytes=target.stat().st_size)


def _link_results(source: Path, target: Path) -> None:
    """Second names for what statements are made of. Raises StorageError where the run has left none."""
    results = Results(source)
    target.mkdir()
    for table in LEARNT:
        path = results.path(table)
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


def _remove_superseded(folder: Path, kept: set[str]) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.name.startswith(".") and path.name not in kept:
            with writing(path):
                remove(path)
