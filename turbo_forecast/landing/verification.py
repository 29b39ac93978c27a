"""Verifies landed files against their manifests, row by row.

Belongs here: that, and which months are missing between others. Does not belong here: what becomes of the faults (`defs/checks/`).
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from turbo_forecast.errors import StorageError, TurboForecastError
from turbo_forecast.landing.due import month_window
from turbo_forecast.month_keys import shifted
from turbo_forecast.sources.protocol import ROWS
from turbo_forecast.storage.landed import LandedMonth, landed_month
from turbo_forecast.storage.landed_rows import SortedRows, read_rows

_NO_MONTH = (TurboForecastError, LookupError, ValueError, OSError)
"""What months, and tables of zones, raise for a name that is none."""


def faults(path: Path) -> Iterator[str]:
    """What of a landed month's file is not as it should be, a sentence each; none where it is whole."""
    try:
        month = landed_month(path)
        yield from _of_names(month)
        yield from _of_rows(month)
    except StorageError as error:
        yield str(error)


def _of_names(month: LandedMonth) -> Iterator[str]:
    manifest = month.manifest
    if (month.path.parent.name, month.path.stem) != (manifest.source, manifest.month):
        yield f"it is of month {manifest.month} of source {manifest.source}"
        return
    try:
        window = month_window(manifest.month, manifest.zone)
    except _NO_MONTH:
        yield f"there is no month {manifest.month} of {manifest.zone}, as its manifest says"
        return
    if (window.start, window.end) != (manifest.start, manifest.end):
        yield f"its window is not month {manifest.month} of {manifest.zone}"


def _of_rows(month: LandedMonth) -> Iterator[str]:
    manifest, summary = month.manifest, SortedRows()
    first: datetime | None = None
    last: datetime | None = None
    for batch in read_rows(month.path):
        if not has_columns(batch):
            yield f"it has other columns than {', '.join(ROWS.names)}"
            return
        summary.take(batch)
        bounds = pc.min_max(batch.column("timestamp")).as_py()
        if bounds["min"] is not None:
            first, last = min(first or bounds["min"], bounds["min"]), max(last or bounds["max"], bounds["max"])
    if summary.rows != manifest.rows:
        yield f"it has {summary.rows:,} rows, and its manifest says {manifest.rows:,}"
    if summary.series != manifest.series:
        yield f"it has {summary.series:,} series in a row, and its manifest says {manifest.series:,}"
    if summary.twice:
        yield f"{summary.twice:,} of its rows are of the same series and moment as another"
    if summary.digest != manifest.digest:
        yield "its rows are not those that were landed: their digest is another"
    if first and last and not manifest.start <= first.astimezone(UTC) <= last.astimezone(UTC) < manifest.end:
        yield f"it has rows outside of its window, from {first} to {last}"


def has_columns(batch: pa.RecordBatch) -> bool:
    """Whether the columns are those of ROWS, of which texts come as dictionaries."""
    types = [each.value_type if pa.types.is_dictionary(each) else each for each in batch.schema.types]
    return bool(batch.schema.names == ROWS.names and types == ROWS.types)


def missing_between(months: Iterable[LandedMonth]) -> list[tuple[str, str]]:
    """Source and month of those that are missing between a source's first landed month and its last."""
    landed: dict[str, set[str]] = {}
    for each in months:
        landed.setdefault(each.manifest.source, set()).add(each.manifest.month)
    missing = []
    for source, present in sorted(landed.items()):
        month = min(present)
        while month < max(present):
            month = shifted(month, 1)
            if month not in present:
                missing.append((source, month))
    return missing
