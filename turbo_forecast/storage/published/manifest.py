"""The manifests: what is published, by which run, of which base table.

Belongs here: their content, and reading and writing them by rename. Does not belong here: the files that they name.
"""

from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from turbo_forecast.errors import StorageError, refusal
from turbo_forecast.storage.files import publishing
from turbo_forecast.storage.published.layout import MANIFEST

FORMAT = 1
"""Raised when a reader of before could not read what is published."""


class _Document(BaseModel):
    """A JSON document; what a later version adds is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


Kind = TypeVar("Kind", bound=_Document)


class PublishedFile(_Document):
    """A table's file. file: its path in the version's folder; rows, bytes: how many."""

    file: str
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
    version: str
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
    file: str
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
        found = kind.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {refusal(error)}") from None
    except (ValidationError, ValueError):
        raise StorageError(f"{path} is damaged, or no document of this program: publish the month again") from None
    written = getattr(found, "format", FORMAT)
    if written > FORMAT:
        raise StorageError(f"{path} was written by a later version of this program: read it with that one")
    return found


def month_manifest(folder: Path) -> MonthManifest | None:
    """What is published in a month's folder; None where nothing is. Raises StorageError."""
    return read_document(MonthManifest, folder / MANIFEST)
