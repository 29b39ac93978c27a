"""Landed months: what was fetched from a source of telemetry, one Parquet file a source and month, with its manifest inside.

Belongs here: where they lie, what a manifest says. Does not belong here: their rows (`landed_rows.py`), what is fetched, when, and what
of a former landing is kept (`landing/`), and how the base table is made of them (`base_table.py`).

The manifest lies in the file's own metadata (key `turbo_forecast`, JSON), so that a rename publishes both at once: there is
no moment at which one is of another landing than the other.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from turbo_forecast.errors import StorageError

FOLDER = "telemetry_landing"
"""Below the data folder: <source>/<YYYY-MM>.parquet."""
METADATA_KEY = b"turbo_forecast"
_MOMENTS = ("start", "end", "fetched_at")
_KINDS: Mapping[str, type] = {
    **dict.fromkeys(("source", "kind", "month", "zone", "digest"), str),
    **dict.fromkeys(("rows", "series", "kept", "dropped"), int),
    "query": dict,
    "complete": bool,
}


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a landed month is of. Times are aware, UTC.

    source: its name in the settings; kind; month: YYYY-MM; zone: whose calendar the month is of (IANA name); start, end: the
    window, end excluded; query: all that decided which rows it has; rows, series: how many; digest: of the rows, whatever
    their order; fetched_at: when; complete: whether all of the month lay in the past when it was fetched, so that it is never
    fetched again unless someone asks for it; kept: rows of former landings that the source had no more; dropped: values that the
    source had and that were no finite number, which are no rows.
    """

    source: str
    kind: str
    month: str
    zone: str
    start: datetime
    end: datetime
    query: Mapping[str, Any]
    rows: int
    series: int
    digest: str
    fetched_at: datetime
    complete: bool
    kept: int = 0
    dropped: int = 0

    def as_json(self) -> str:
        """As it is stored."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return json.dumps(
            {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()},
            sort_keys=True,
        )

    @classmethod
    def of_json(cls, text: str) -> "Manifest":
        """As it was stored. Raises ValueError."""
        try:
            values = json.loads(text)
            for name in _MOMENTS:
                values[name] = datetime.fromisoformat(values[name])
            found = cls(**values)
        except (TypeError, KeyError) as error:
            raise ValueError(str(error)) from None
        for name, kind in _KINDS.items():
            if not isinstance(getattr(found, name), kind):
                raise ValueError(f"{name} of its manifest is not of type {kind.__name__}")
        if naive := next((name for name in _MOMENTS if getattr(found, name).tzinfo is None), None):
            raise ValueError(f"{naive} of its manifest is of no zone")
        return found


@dataclass(frozen=True, slots=True)
class LandedMonth:
    """A landed month's file, and what its manifest says."""

    path: Path
    manifest: Manifest


def landed_files(data: Path) -> list[Path]:
    """The files of all landed months below a data folder, by source and month."""
    return sorted((data / FOLDER).glob("[!.]*/[!.]*.parquet"))


def landed_months(data: Path) -> list[LandedMonth]:
    """All that have landed below a data folder, by source and month.

    Raises StorageError for a file that is damaged or holds no manifest: what landed is never left out silently.
    """
    return [landed_month(path) for path in landed_files(data)]


def latest_manifests(data: Path) -> dict[str, Manifest]:
    """Of each source, by the name of its folder, what the manifest of its last month says; of one whose file is damaged, nothing."""
    last = {path.parent.name: path for path in landed_files(data)}
    found = {}
    for name, path in last.items():
        with suppress(StorageError):  # whoever reads that source's months tells
            found[name] = landed_month(path).manifest
    return found


def landed_month(path: Path) -> LandedMonth:
    """The landed month of a file. Raises StorageError."""
    try:
        manifest = (pq.read_metadata(path).metadata or {}).get(METADATA_KEY)
        if manifest is None:
            raise ValueError("it has no manifest")
        return LandedMonth(path, Manifest.of_json(manifest.decode()))
    except (OSError, pa.ArrowException, ValueError) as error:
        raise StorageError(f"{path} is no landed month, or is damaged: {' '.join(str(error).split())}") from None
