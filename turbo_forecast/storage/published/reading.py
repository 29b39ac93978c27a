"""Reading what is published: months, their tables, the history of a series.

Belongs here: finding the version that was published last, and reading it; nothing here opens the warehouse, waits for a
run, or can make one wait. Does not belong here: questions to the tables (`answers/`).

A version's files never change, so what was read of them may be kept (`PublishedMonth.frame`). Who holds a month while it
is published twice finds its files gone, and gets an error that says so: the new version's would not fit those that were read before.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

import polars as pl

from turbo_forecast.errors import StorageError
from turbo_forecast.option_rules import shown
from turbo_forecast.settings import ForecastSettings, OutlookSettings, outlook_settings, stored_forecast_settings
from turbo_forecast.storage.datasets import require_readable, require_whole, rows
from turbo_forecast.storage.months import COMPLETE
from turbo_forecast.storage.published.layout import (
    FOLDER,
    GROUP_RUN,
    HISTORY,
    MANIFEST,
    MONTH_FOLDERS,
    PUBLISHED,
    RUN,
    STATES,
    history_folder,
    month_folder,
)
from turbo_forecast.storage.published.manifest import (
    HistoryManifest,
    MonthManifest,
    MonthStanding,
    Standings,
    month_manifest,
    read_document,
    readable_document,
)
from turbo_forecast.storage.results import Results
from turbo_forecast.tables import Table
from turbo_forecast.windows import Windows, run_windows

NEVER_RUN = "Make one with turbo-forecast run, or say with --data which folder it is in"
"""What to do where a month was never run in a data folder."""
HELD_FRAMES = 64
"""Tables of published versions that are kept in memory: those of some months."""
HELD_SCHEMAS = 512
"""The same of their columns."""
_TABLES = {table.name: table for table in PUBLISHED}
"""By name: to compare two tables, all of their columns are looked at."""
_MONTH = re.compile(r"\d{4}-\d{2}")


class SupersededError(StorageError):
    """The version of a month that is being read is gone: it was published twice since. Who looks it up again can read on."""


@dataclass(frozen=True, slots=True)
class PublishedMonth:
    """One version of one month. folder: the month's, in `published/`."""

    folder: Path
    manifest: MonthManifest

    @property
    def key(self) -> str:
        """YYYY-MM."""
        return self.manifest.month

    @property
    def cutoff(self) -> date:
        """The month's last day: the last one that was known."""
        return self.manifest.cutoff

    @property
    def version(self) -> Path:
        """The folder of this version's files."""
        return self.folder / self.manifest.version

    @property
    def settings(self) -> ForecastSettings:
        """The settings the month was forecast with. Raises SettingsError where this version of the program has others."""
        return stored_forecast_settings(self.manifest.forecast)

    @property
    def outlook_settings(self) -> OutlookSettings:
        """What its outlook is about. Raises SettingsError where this version of the program has others."""
        return outlook_settings(**self.manifest.outlook)

    @property
    def windows(self) -> Windows:
        """The month's windows."""
        return run_windows(self.cutoff, self.settings)

    @property
    def run_results(self) -> Results:
        """What the month's run has learnt, for statements about other plans."""
        return Results(self.version / RUN, self.key)

    @property
    def group_run_results(self) -> Results:
        """The same of its groups; not there where it has none."""
        return Results(self.version / GROUP_RUN, self.key)

    def has(self, table: Table) -> bool:
        """Whether the table is published; one that a later version of the program added is not."""
        return table.name in self.manifest.files

    def row_count(self, table: Table) -> int:
        """Rows of the table, 0 where it is not published."""
        found = self.manifest.files.get(table.name)
        return found.rows if found else 0

    def path(self, table: Table) -> Path:
        """The table's file. Raises StorageError, which says what to do, where it is not published."""
        found = self.manifest.files.get(table.name)
        if found is None:
            raise StorageError(
                f"{table.name} of {self.key} is not published: another version of this program made the month; run it again"
            )
        return self.version / found.file

    def read(self, table: Table) -> pl.LazyFrame:
        """The table's rows, sorted by its key; columns that were added since are null.

        Raises StorageError where it is not published or is no whole file, and SupersededError.
        """
        path = self.path(table)
        with _readable([path], self.require_there):
            return rows(path).select(_as_defined(table, _whole(path)))

    def frame(self, table: Table) -> pl.DataFrame:
        """The same in memory, kept for the next who asks. For tables of some hundred thousand rows; others are for `of_host`."""
        self.path(table)  # whose sentence says that it is not published
        return _frame(self, table.name)

    def of_host(self, table: Table, host_id: str, resource: str | None = None) -> pl.DataFrame:
        """The table's rows of one host, or one of its series: found by the file's statistics, in milliseconds. Raises as `read`."""
        with _readable([self.path(table)], self.require_there):
            return self._scan(table, *_of_host(host_id, resource)).collect()

    def collected(self, table: Table, query: pl.LazyFrame) -> pl.DataFrame:
        """The rows of a query to `read(table)`. Raises StorageError where the file is damaged within, and SupersededError."""
        with _readable([self.path(table)], self.require_there):
            return query.collect()

    def require_there(self) -> None:
        """Raises SupersededError where this version's files are gone."""
        if not self.version.is_dir():
            raise SupersededError(
                f"{self.version} is gone: month {self.key} was published anew since it was looked up; look it up again"
            )

    def _scan(self, table: Table, *conditions: pl.Expr) -> pl.LazyFrame:
        found = rows(self.path(table)).filter(*conditions)
        return found.select(_as_defined(table, _columns_there(self, table.name)))

    def __hash__(self) -> int:
        return hash((self.folder, self.manifest.version))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublishedMonth) and self.version == other.version


@lru_cache(maxsize=HELD_FRAMES)
def _frame(month: PublishedMonth, name: str) -> pl.DataFrame:
    table = _TABLES[name]
    return month.collected(table, month.read(table))


@lru_cache(maxsize=HELD_SCHEMAS)
def _columns_there(month: PublishedMonth, name: str) -> pl.Schema:
    """The columns of a table's file: a page reads some rows of each of ten files, and they stay as they are."""
    return _whole(month.path(_TABLES[name]))


def _whole(path: Path) -> pl.Schema:
    """The columns of a file. Raises StorageError unless it is whole."""
    require_whole(path)
    return rows(path).collect_schema()


def _as_defined(table: Table, there: pl.Schema) -> list[pl.Expr]:
    """The table's columns of a file: of the schema's types, and null where the file lacks one.

    What has its type already is taken as it is: through a cast, Polars would not look at a file's statistics.
    """
    return [
        (
            pl.lit(None, column.dtype).alias(column.name)
            if column.name not in there
            else pl.col(column.name)
            if there[column.name] == column.dtype
            else pl.col(column.name).cast(column.dtype)
        )
        for column in table.columns
    ]


def _of_host(host_id: str, resource: str | None) -> list[pl.Expr]:
    named = {"host_id": host_id, "resource": resource}
    return [pl.col(column) == name for column, name in named.items() if name is not None]


@contextmanager
def _readable(paths: Sequence[Path], require_there: Callable[[], None]) -> Iterator[None]:
    """What a library says of a file that is gone or damaged, in a sentence. Raises StorageError."""
    try:
        yield
    except (StorageError, OSError, pl.exceptions.PolarsError):
        require_there()
        for path in paths:
            require_readable(path)
        raise


@dataclass(frozen=True, slots=True)
class Published:
    """What is published in a data folder; each question reads the manifests anew, so answers are of what was published last."""

    data: Path

    @property
    def folder(self) -> Path:
        """`published/`."""
        return self.data / FOLDER

    def month_folder(self, key: str) -> Path:
        """Where a month (YYYY-MM) is published."""
        return month_folder(self.data, key)

    def keys(self) -> list[str]:
        """The months that are published (YYYY-MM), the latest first."""
        found = (path.parent.name for path in self.folder.glob(f"{MONTH_FOLDERS}/{MANIFEST}"))
        return sorted(found, reverse=True)

    def months(self) -> list[PublishedMonth]:
        """All that are published, the latest first. Raises StorageError."""
        return list(self._months())

    def month(self, key: str | None = None) -> PublishedMonth:
        """A month as it was published last; the latest one without a key.

        Raises StorageError, in a sentence that says what is there and what to do, where it is not published.
        """
        keys = self.keys()
        wanted = key or (keys[0] if keys else "")
        found = self._month(wanted) if wanted in keys else None
        if found is None:
            raise StorageError(self._missing(key, keys))
        return found

    def earlier(self, month: PublishedMonth, most: int | None = None) -> list[PublishedMonth]:
        """Published months before this one, the latest first, at most so many."""
        keys = [key for key in self.keys() if key < month.key][:most]
        return [found for key in keys if (found := self._month(key))]

    def standings(self) -> list[MonthStanding]:
        """The state of every month that was ever begun, the latest first; none where nothing was. Raises StorageError."""
        found = read_document(Standings, self.folder / STATES)
        return list(found.months) if found else []

    def history(self) -> HistoryManifest | None:
        """What the published history is of; None before anything was published. Raises StorageError."""
        return read_document(HistoryManifest, history_folder(self.data) / MANIFEST)

    def history_file(self) -> Path:
        """The file of all that was observed (BASE_TABLE), as telemetry was read last. Raises StorageError where none is published."""
        manifest = self.history()
        if manifest is None:
            raise StorageError(f"{self.folder / HISTORY} is not there: run a month first")
        return history_folder(self.data) / manifest.file

    def observed(self, host_id: str, resource: str | None = None) -> pl.DataFrame:
        """`host_id, resource, ds, y`: what was observed of a host, or of one of its series, as telemetry was read last.

        Sorted by series and day; no row where the host is unknown. Raises StorageError where nothing is published.
        """
        path = self.history_file()
        if not path.exists():  # published twice just now
            path = self.history_file()
        with _readable([path], lambda: None):
            return rows(path).filter(*_of_host(host_id, resource)).collect()

    def _months(self) -> Iterator[PublishedMonth]:
        for key in self.keys():
            found = self._month(key)
            if found:
                yield found

    def _month(self, key: str) -> PublishedMonth | None:
        folder = month_folder(self.data, key)
        manifest = month_manifest(folder)
        return PublishedMonth(folder, manifest) if manifest else None

    def _missing(self, key: str | None, keys: list[str]) -> str:
        """Why there is no such month, what there is, and what to do."""
        named = "month" if key is None else f"month {key if _MONTH.fullmatch(key) else shown(key)}"
        there = f"; published are {keys[-1]} to {keys[0]}" if keys[1:] else f"; published is {keys[0]}" if keys else ""
        why, remedy = self._begun(key, named)
        return f"{self.data.absolute()} has no published {named}: {why}{there}. {remedy}"

    def _begun(self, key: str | None, named: str) -> tuple[str, str]:
        """What is known of a month that is not published, and what to do."""
        states = readable_document(Standings, self.folder / STATES)
        standing = next((each for each in states.months if key in (None, each.month)), None) if states else None
        if standing and standing.state == COMPLETE:
            unpublished = f"month {standing.month} is complete, but no version of this program has published it"
            return unpublished, f"Materialise published_month for {standing.month}, or run it again"
        if standing:
            reached = f"run {standing.run_id}, reached {standing.reached or 'nothing'}"
            return f"month {standing.month} is {standing.state} ({reached})", "Run the month to its end first"
        if states is None and (self.data / "warehouse.duckdb").exists():
            why = "no run has come to its end there, or only runs of a version that published nothing"
            return why, "Run the month again"
        return (f"{named} was never run" if key else "no month was ever run"), NEVER_RUN
