"""The manifests: what is published, by which run, of which base table.

Belongs here: their content, and reading and writing them by rename. Does not belong here: the files that they name.
"""

import json
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from turbo_forecast.errors import StorageError, refusal
from turbo_forecast.storage.files import publishing
from turbo_forecast.storage.published.layout import MANIFEST

FORMAT = 1
"""Raised when a reader of before could not read what is published."""


class _Document(BaseModel):
    """A JSON document; what a later version adds is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


Kind = TypeVar("Kind", bound=_Document)
Name = Annotated[str, Field(pattern=r"^[^./\\][^/\\]*$")]
"""Of a file or folder in the manifest's own folder: the data folder may be moved, and nothing outside of it is read."""


class PublishedFile(_Document):
    """A table's file. file: its path in the version's folder; rows, bytes: how many."""

    file: Name
    rows: int
    bytes: int


class MonthManifest(_Document):
    """What is published of a month.

    version: the folder that holds the files. run_id: the run that published. base_table_digest, config_hash, finished_at: of
    the table `months`. forecast, outlook: the settings' sections as they were, for statements about other plans. warnings: a
    sentence for every check that has not passed. files: by the table's name.
    """

    format: int = FORMAT
    program: str
    month: str
    cutoff: date
    version: Name
    run_id: str
    published_at: datetime
    finished_at: datetime | None
    base_table_digest: str
    config_hash: str
    forecast: dict[str, Any]
    outlook: dict[str, Any]
    warnings: tuple[str, ...] = ()
    files: dict[str, PublishedFile]


class HistoryManifest(_Document):
    """The published history of all series. file: in its folder; digest: of the whole base table."""

    format: int = FORMAT
    file: Name
    digest: str
    rows: int
    series: int
    first_day: date | None
    last_day: date | None
    published_at: datetime


class MonthStanding(_Document):
    """The state of a month in the warehouse, as MONTHS has it. failed: its blocking checks that have failed, `asset.check`."""

    month: str
    state: str
    run_id: str
    reached: str
    started_at: datetime
    finished_at: datetime | None
    failed: tuple[str, ...] = ()


class Standings(_Document):
    """The state of every month that was ever begun, the latest first."""

    format: int = FORMAT
    months: tuple[MonthStanding, ...] = ()


def write_document(document: _Document, path: Path) -> None:
    """Publish a document by rename. Raises StorageError."""
    with publishing(path) as beside:
        beside.write_text(document.model_dump_json(indent=1), encoding="utf-8")


def read_document(kind: type[Kind], path: Path) -> Kind | None:
    """The document; None where there is none. Raises StorageError where it cannot be read, or a later version wrote it."""
    try:
        text = path.read_text(encoding="utf-8")
        _require_known_format(text, path)
        return kind.model_validate_json(text)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {refusal(error)}") from None
    except ValueError:  # pydantic's ValidationError is one, and so is what is no JSON or no UTF-8
        raise StorageError(f"{path} is damaged, or no document of this program: publish the month again") from None


def readable_document(kind: type[Kind], path: Path) -> Kind | None:
    """The same for who writes it anew: one that cannot be read is none, since what is damaged is mended by writing it."""
    try:
        return read_document(kind, path)
    except StorageError:
        return None


def _require_known_format(text: str, path: Path) -> None:
    """Before anything else is looked at: a later format may hold other things. Raises StorageError, ValueError for no JSON."""
    document = json.loads(text)
    written = document.get("format", FORMAT) if isinstance(document, dict) else FORMAT
    if isinstance(written, int) and written > FORMAT:
        raise StorageError(f"{path} was written by a later version of this program: read it with that one")


def month_manifest(folder: Path) -> MonthManifest | None:
    """What is published in a month's folder; None where nothing is. Raises StorageError."""
    return read_document(MonthManifest, folder / MANIFEST)
