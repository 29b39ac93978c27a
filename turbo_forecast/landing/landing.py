"""Landing months of sources: fetched one after the other, published one by one; what is landed stays, whatever comes after.

Belongs here: the order of it, and what is reported of it. Does not belong here: the rules (`due.py`), asking a source (`fetching.py`).
"""

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from turbo_forecast.errors import SourceError, StorageError, TurboForecastError, writing
from turbo_forecast.landing.due import (
    LandingRequest,
    MonthQuery,
    days_lost,
    is_complete,
    month_window,
    months_due,
    newly_absent,
    require_one_calendar,
)
from turbo_forecast.landing.fetching import Days, Fetched, coded, fetch
from turbo_forecast.landing.lock import source_lock
from turbo_forecast.landing.merging import Union, in_order
from turbo_forecast.leftovers import temporary_folder
from turbo_forecast.number_words import counted
from turbo_forecast.sources.protocol import ROWS, Source
from turbo_forecast.storage.absent_months import Absent, read_absent, write_absent
from turbo_forecast.storage.landed import FOLDER, LandedMonth, Manifest, landed_month, latest_manifests
from turbo_forecast.storage.landed_rows import SortedRows, read_rows, write_rows

MAX_PARALLEL_SOURCES = 2
"""Sources that are fetched side by side: each may sort a month at the same time, and the memory of that is bounded."""
_TEMPORARY_PREFIX = ".fetched-"
"""Of the names of folders that hold a month until it is published."""


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class LandingOptions:
    """How months are landed. zone: whose calendar they are of; late_data_hours: as the telemetry's settings have it; now: the clock.

    source_names: of all sources that are configured; those that land are among them. log: called with lines about progress.
    """

    zone: str = "UTC"
    late_data_hours: int = 3
    now: Callable[[], datetime] = utc_now
    log: Callable[[str], None] = lambda line: None
    source_names: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class SourceLanding:
    """What came of one source: the manifests of the months that landed now, and the months that it had nothing of.

    standing: how many months had landed before, and were not fetched; known_absent: months that were not asked for, since it is known
    that it has them no more; error: why it ended early, a sentence; of what landed before that, all stays.
    """

    source: str
    kind: str
    landed: Sequence[Manifest] = ()
    not_there: Sequence[str] = ()
    standing: int = 0
    known_absent: int = 0
    seconds: float = 0.0
    error: str = ""

    @property
    def incomplete(self) -> list[str]:
        """Months that landed now and are fetched again by the next run."""
        return [manifest.month for manifest in self.landed if not manifest.complete]

    @property
    def rows(self) -> int:
        """Rows of the months that landed now."""
        return sum(manifest.rows for manifest in self.landed)

    @property
    def kept(self) -> int:
        """Those of them that the source has no more."""
        return sum(manifest.kept for manifest in self.landed)

    @property
    def dropped(self) -> int:
        """Values of the months that landed now that were no finite number, and are no rows."""
        return sum(manifest.dropped for manifest in self.landed)

    def describe(self) -> str:
        """What happened, in a sentence."""
        if not self.landed and not self.not_there:
            return f"source {self.source}: all {counted(self.standing, 'month')} that it has of these are there"
        parts = [
            f"{counted(len(self.landed), 'month')} with {counted(self.rows, 'row')} landed in {self.seconds:.1f} s"
        ]
        if self.standing:
            parts.append(f"{counted(self.standing, 'month')} there before")
        if self.kept:
            parts.append(f"{counted(self.kept, 'row')} of former landings kept, which it has no more")
        if self.dropped:
            parts.append(f"{counted(self.dropped, 'value')} without a number left out")
        if self.not_there:
            parts.append(f"nothing there of {counted(len(self.not_there), 'month')} ({_span(self.not_there)})")
        if self.incomplete:
            parts.append(f"not complete yet: {', '.join(self.incomplete)}")
        return f"source {self.source}: {'; '.join(parts)}"


class _StoppedError(Exception):
    """The command was interrupted while this thread was at work."""


@dataclass(slots=True)
class _Progress:
    landed: list[Manifest] = field(default_factory=list)
    not_there: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Landing:
    """One source's. data: the folder of results; raise_if_stopped: raises where no more is to be done."""

    data: Path
    name: str
    source: Source
    request: LandingRequest
    options: LandingOptions
    raise_if_stopped: Callable[[], None]

    @property
    def folder(self) -> Path:
        return self.data / FOLDER / self.name

    def landed_by_month(self) -> dict[str, LandedMonth]:
        """What has landed, by month. Raises StorageError for a damaged file, and for one that is another month's or source's."""
        found = {path.stem: landed_month(path) for path in sorted(self.folder.glob("[!.]*.parquet"))}
        for stem, month in found.items():
            if (month.manifest.source, month.manifest.month) != (self.name, stem):
                raise StorageError(f"{month.path} is of month {month.manifest.month} of source {month.manifest.source}")
        return found

    def run(self) -> SourceLanding:
        """Land what is due; what ends it early is in the result's error. Raises nothing but what is no plain error."""
        began, progress = time.monotonic(), _Progress()
        result = SourceLanding(self.name, self.source.kind)
        try:
            with source_lock(self.data / FOLDER, self.name, self.options.log, self.raise_if_stopped):
                result = self._run(result, progress)
        except TurboForecastError as error:
            result = replace(result, error=str(error))
        return replace(result, landed=progress.landed, not_there=progress.not_there, seconds=time.monotonic() - began)

    def _run(self, result: SourceLanding, progress: _Progress) -> SourceLanding:
        query = MonthQuery.of(self.name, self.source, self.options.zone)
        on_disk, absent = self.landed_by_month(), read_absent(self.data, self.name)
        manifests = {month: landed.manifest for month, landed in on_disk.items()}
        due = months_due(self.request, manifests, absent, query)
        if due:
            require_one_calendar(self.name, manifests, self.options.zone, self.folder)
        if due and not on_disk:
            self._require_not_renamed(query)
        try:
            for month in due:
                self._land_month(month, on_disk.get(month), query, progress)
        finally:
            self._note_absent(absent, progress, {*manifests, *(each.month for each in progress.landed)}, query)
        if due and not on_disk and not progress.landed:
            raise SourceError(
                f"source {self.name}: the query gives no rows: it was asked for {_span(due)}, and there is nothing. "
                f"`turbo-forecast check-telemetry {self.name}` shows what it has"
            )
        standing = sum(month in on_disk and month not in due for month in self.request.months)
        known = sum(month in absent and month not in due and month not in on_disk for month in self.request.months)
        return replace(result, standing=standing, known_absent=known)

    def _require_not_renamed(self, query: MonthQuery) -> None:
        """Raises SourceError where what it asks has landed under another name: it would land once more, beside that, and the base table
        be refused with two sources of the same series, when the older months may be gone from the source. Where there still is a source
        of the other name, the two may be tenants of one place.
        """
        for name, manifest in latest_manifests(self.data).items():
            if name not in self.options.source_names and manifest.kind == self.source.kind and query.matches(manifest):
                raise SourceError(
                    f"source {self.name}: what it asks has landed as source {name}: call it {name} in the settings file, or move "
                    f"{self.data / FOLDER / name} away to land all months anew under this name"
                )

    def _land_month(self, month: str, former: LandedMonth | None, query: MonthQuery, progress: _Progress) -> None:
        self.raise_if_stopped()
        manifest = self._fetch_and_publish(month, former, query)
        if manifest is None:
            progress.not_there.append(month)
            return
        progress.landed.append(manifest)
        kept = f", {manifest.kept:,} of them kept of a former landing" if manifest.kept else ""
        state = "" if manifest.complete else ", not complete yet"
        replaced = ""
        if former is not None and not query.matches(former.manifest):
            was = former.manifest
            replaced = f", in the place of {counted(was.rows, 'row')} of {counted(was.series, 'series', 'series')} by another query"
        self.options.log(
            f"source {self.name}: {month} landed: {counted(manifest.rows, 'row')} of {counted(manifest.series, 'series', 'series')}"
            f"{kept}{replaced}{state}"
        )

    def _fetch_and_publish(self, month: str, former: LandedMonth | None, query: MonthQuery) -> Manifest | None:
        """Fetch and publish a month; None, and nothing changed, where the source has nothing of it."""
        asked_at = self.options.now()  # before the answer begins: what arrives while it is given may not be in it
        with writing(self.data / FOLDER), temporary_folder(_TEMPORARY_PREFIX, self.data / FOLDER) as work:
            fetched = fetch(self.name, self.source, month, query.zone, work / "rows", self.raise_if_stopped)
            if not fetched.rows:
                return None
            kept = self._kept_of(month, former, fetched, query, work / "former")
            union = Union()

            def manifest_of(summary: SortedRows) -> Manifest:
                return self._manifest(month, query, summary, union.kept, fetched.dropped, asked_at)

            try:
                with in_order(fetched, kept, work) as found:
                    return write_rows(self.folder / f"{month}.parquet", ROWS, union.rows(found), manifest_of)
            except SourceError as error:
                raise SourceError(f"source {self.name}: month {month} could not be landed: {error}") from None

    def _kept_of(
        self, month: str, former: LandedMonth | None, fetched: Fetched, query: MonthQuery, path: Path
    ) -> Path | None:
        """The rows of a former landing, in a file like the fetched ones at `path`, if there are any to be kept.

        Raises SourceError where it was of another query, so that its rows may not be mixed with these, and the source has not all of
        its days.
        """
        if former is None:
            return None
        if query.matches(former.manifest):
            coded(read_rows(former.path), fetched.codes, path)
            return path
        days = Days.of(month, query.zone)
        covered = {day for batch in read_rows(former.path) for day in days.of_moments(batch.column("timestamp"))}
        lost = days_lost(covered, fetched.days)
        if lost:
            raise SourceError(
                f"source {self.name}: month {month} was landed with another query, and of its {counted(len(covered), 'day')} the source "
                f"no longer has {counted(len(lost), 'day')}, from {lost[0]} on: the landed month stays as it is. Set the query back, or "
                f"remove {former.path} to land the month without these days"
            )
        return None

    def _manifest(
        self, month: str, query: MonthQuery, summary: SortedRows, kept: int, dropped: int, asked_at: datetime
    ) -> Manifest:
        window = month_window(month, query.zone)
        return Manifest(
            source=self.name,
            kind=self.source.kind,
            month=month,
            zone=query.zone,
            start=window.start,
            end=window.end,
            query=query.query,
            rows=summary.rows,
            series=summary.series,
            digest=summary.digest,
            fetched_at=asked_at,
            complete=is_complete(window, asked_at, timedelta(hours=self.options.late_data_hours)),
            kept=kept,
            dropped=dropped,
        )

    def _note_absent(self, absent: dict[str, Absent], progress: _Progress, landed: set[str], query: MonthQuery) -> None:
        """Remember months that the source has forgotten, and forget that of those that have landed after all."""
        now = self.options.now().isoformat(timespec="seconds")
        noted = {month: Absent(query.query, query.zone, now) for month in newly_absent(progress.not_there, landed)}
        kept = {month: each for month, each in {**absent, **noted}.items() if month not in landed}
        if kept != absent:
            write_absent(self.data, self.name, kept)


def land(
    data: Path, sources: Mapping[str, Source], request: LandingRequest, options: LandingOptions
) -> list[SourceLanding]:
    """Land months of all sources, some of them side by side; what came of each, in their order.

    A source that fails does not keep the others from landing; `error` tells. An interruption ends all of them within a batch: what
    is published stays.
    """
    stop_requested = threading.Event()

    def raise_if_stopped() -> None:
        if stop_requested.is_set():
            raise _StoppedError

    options = replace(options, source_names={*options.source_names, *sources})
    landings = [_Landing(data, name, source, request, options, raise_if_stopped) for name, source in sources.items()]
    with ThreadPoolExecutor(MAX_PARALLEL_SOURCES, thread_name_prefix="landing") as threads:
        futures = [threads.submit(each.run) for each in landings]
        try:
            return [future.result() for future in futures]
        except BaseException:
            stop_requested.set()
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def require_landed(landings: Sequence[SourceLanding]) -> None:
    """Raises SourceError with the sentence of each source that ended early."""
    errors = [each.error for each in landings if each.error]
    if errors:
        raise SourceError("; ".join(errors))


def _span(months: Sequence[str]) -> str:
    """`2025-12`, or `2023-01 to 2025-12`."""
    return months[0] if len(months) == 1 else f"{min(months)} to {max(months)}"
