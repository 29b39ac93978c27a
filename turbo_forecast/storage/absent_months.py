"""Negative cache of landing: months that a source has no data of, so that they are not requested in every run.

    telemetry_landing/<source>/absent.json     by month: the query and the zone that it was asked with, and when

Belongs here: reading and writing that file. Does not belong here: which months it names (`landing/`). It lies beside the landed
months, and travels with them to a store.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from turbo_forecast.errors import StorageError
from turbo_forecast.storage.files import publishing
from turbo_forecast.storage.landed import FOLDER

NAME = "absent.json"


@dataclass(frozen=True, slots=True)
class Absent:
    """What a month was asked for with, in vain. asked_at: ISO 8601, UTC."""

    query: Mapping[str, Any]
    zone: str
    asked_at: str


def read_absent(data: Path, source: str) -> dict[str, Absent]:
    """By month, YYYY-MM. Raises StorageError where the file is damaged."""
    path = data / FOLDER / source / NAME
    try:
        return {month: Absent(**fields) for month, fields in json.loads(path.read_text(encoding="utf-8")).items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise StorageError(
            f"{path} cannot be read ({' '.join(str(error).split())}): remove it, and the source is asked again"
        ) from None


def write_absent(data: Path, source: str, months: Mapping[str, Absent]) -> None:
    """Publish them. Raises StorageError."""
    with publishing(data / FOLDER / source / NAME) as beside:
        content = {month: asdict(absent) for month, absent in sorted(months.items())}
        beside.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
