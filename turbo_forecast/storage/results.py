"""A run's intermediate results as files: small tables of its tournament, and the champions' rows in parts.

Belongs here: where each table lies in the month's folder, and that it is read as the schema has it. Does not belong here:
what makes the tables, and where the month's assets store them for good.

The run writes the folder beside, and publishes it in one step; each asset then stores its part from there, so that it can
be stored again without a forecast.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from turbo_forecast.errors import StorageError, TurboForecastError
from turbo_forecast.storage.datasets import publish_folder, require_readable, require_whole, rows
from turbo_forecast.storage.frames import write_frame
from turbo_forecast.tables import Table


@dataclass(frozen=True, slots=True)
class Results:
    """The tables of one month's run. folder: named after the month (YYYY-MM) once it is published, unless `month` says which it is."""

    folder: Path
    month: str = ""

    def write(self, table: Table, frame: pl.DataFrame) -> int:
        """Write a small table as one Parquet file, in the schema's columns; returns its rows. Raises StorageError."""
        return write_frame(table.conform(frame), self._file(table), table.name)

    def parts_of(self, table: Table) -> Path:
        """The folder that holds a large table's part files, each a range of series; it need not be there yet."""
        return self.folder / table.name

    def path(self, table: Table) -> Path:
        """The table's file, or the folder of its parts. Raises StorageError, which says what to run, where neither is there."""
        found = next((path for path in (self.parts_of(table), self._file(table)) if path.exists()), None)
        if found is None:
            raise StorageError(f"{self._file(table)} is not there: {self._remedy()}")
        return found

    def require_there(self) -> None:
        """Raises StorageError, which says what to run, where the run's results are not there, or not any more."""
        if not self.folder.is_dir():
            raise StorageError(f"{self.folder} is not there: {self._remedy()}")

    def read(self, table: Table) -> pl.LazyFrame:
        """A table's rows, whether they lie in one file or in parts, in the order they were written.

        Raises as `path`, and StorageError where they cannot be read, or have other columns than the schema.
        """
        path = self.path(table)
        require_whole(path, table.names)
        frame = rows(path)
        if frame.collect_schema() != table.polars_schema:
            raise StorageError(f"{path} was stored by another version, in other types: {self._remedy()}")
        return frame

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Where the block fails with an error of a library, and one of the files cannot be read, a StorageError names it.

        A file that is damaged within is found when its rows are read, and then each library says so in errors of its own.
        """
        try:
            yield
        except TurboForecastError:
            raise
        except Exception:
            for path in sorted(self.folder.rglob("*.parquet")):
                if path.is_file():
                    require_readable(path)
            raise

    def publish(self, path: Path) -> None:
        """Put the folder in the place of `path` in one step, and of what was there. Raises StorageError."""
        publish_folder(self.folder, path)

    def _file(self, table: Table) -> Path:
        return self.folder / f"{table.name}.parquet"

    def _remedy(self) -> str:
        return (
            f"materialise fleet_forecast for {self.month or self.folder.name} again; what a run made is kept for the latest months only "
            "(rows_months)"
        )
