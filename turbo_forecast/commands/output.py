"""Answers as files and for other programs: CSV, XLSX, JSON.

Belongs here: where they go. Does not belong here: the formats of tables (`answers/exports.py`).
"""

import json
import math
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from turbo_forecast.answers.exports import csv_bytes, xlsx_bytes
from turbo_forecast.errors import SettingsError
from turbo_forecast.storage.files import publishing

STANDARD_OUTPUT = "-"


def write_csv(rows: pl.DataFrame, place: str) -> None:
    """Write rows as CSV to a file, or to standard output where `place` is '-'. Raises StorageError."""
    if place == STANDARD_OUTPUT:
        sys.stdout.write(csv_bytes(rows).decode())
        return
    with publishing(_file(place)) as beside:
        beside.write_bytes(csv_bytes(rows))
    _log(rows, place)


def write_xlsx(rows: pl.DataFrame, place: str, sheet: str) -> None:
    """Write rows as a workbook of one sheet. Raises StorageError; SettingsError for standard output, which is for text."""
    if place == STANDARD_OUTPUT:
        raise SettingsError("--xlsx needs a file: a workbook is no text for standard output")
    with publishing(_file(place)) as beside:
        beside.write_bytes(xlsx_bytes(rows, sheet))
    _log(rows, place)


def print_json(document: Any) -> None:
    """Print a document: days as YYYY-MM-DD, moments as ISO 8601 in UTC, frames as lists of objects, numbers as numbers.

    In ASCII, so that no terminal and no pipe makes anything of a name.
    """
    print(json.dumps(_plain(document), indent=1, ensure_ascii=True, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, pl.DataFrame):
        return [_plain(row) for row in value.iter_rows(named=True)]
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        value = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return f"{value.isoformat(timespec='seconds')}Z"
    if isinstance(value, date):
        return value.isoformat()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _file(place: str) -> Path:
    """The file. Raises SettingsError for a folder."""
    path = Path(place)
    if path.is_dir():
        raise SettingsError(f"{place} is a folder: name a file in it")
    return path


def _log(rows: pl.DataFrame, place: str) -> None:
    print(f"wrote {len(rows):,} row{'s' * (len(rows) != 1)} to {place}")
