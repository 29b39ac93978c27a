"""CSV files that DuckDB cannot read as they are, written anew for it in a temporary folder.

Belongs here: encodings other than UTF-8, and the tables of InfluxDB's annotated CSV.
Does not belong here: finding out that a file is one of these (`csv_dialect`).
"""

import csv
import io
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from turbo_forecast.errors import TelemetryError
from turbo_forecast.number_words import counted
from turbo_forecast.storage.telemetry.csv_dialect import opened_bytes
from turbo_forecast.storage.telemetry.messages import reason

CHUNK = 1 << 20
UNREADABLE = (UnicodeError, EOFError, OSError, csv.Error, zlib.error)
DEFAULTS = "#default"
NUMBERING = ("", "table")
"""Columns of annotated CSV that hold its annotations and number its tables: they identify no rows."""


def in_utf8(path: str, where: str, encoding: str, folder: Path) -> str:
    """The path of a copy in UTF-8. Raises TelemetryError where the file is not in `encoding`."""
    copy = _fresh(folder)
    try:
        with _text(path, encoding) as source, copy.open("w", encoding="utf-8", newline="") as target:
            while chunk := source.read(CHUNK):
                if "\0" in chunk:
                    raise UnicodeError("it holds NUL, which no text does")
                target.write(chunk)
    except UNREADABLE as error:
        raise TelemetryError(f"{where} is not a readable CSV file in {encoding}: {reason(error)}") from None
    return str(copy)


def plain_tables(path: str, where: str, encoding: str, skip_rows: int, folder: Path) -> list[str]:
    """The tables of an annotated CSV file as plain ones, one for all tables of the same columns.

    Empty fields get the default that their table states. Raises TelemetryError for a row that fits no table.
    """
    copies: dict[tuple[str, ...], Path] = {}
    try:
        with _text(path, encoding) as source, ExitStack() as stack:
            writers = {}
            for _ in range(skip_rows):
                source.readline()
            for header, row in annotated_rows(csv.reader(source), where):
                if header not in writers:
                    copies[header] = _fresh(folder)
                    file = stack.enter_context(copies[header].open("w", encoding="utf-8", newline=""))
                    writers[header] = csv.writer(file)
                    writers[header].writerow(header)
                writers[header].writerow(row)
    except UNREADABLE as error:
        raise TelemetryError(f"{where} is not a readable annotated CSV file: {reason(error)}") from None
    if not copies:
        raise TelemetryError(f"{where} is annotated CSV, as InfluxDB writes it, without one row")
    return [str(copy) for copy in copies.values()]


def annotated_rows(records: Iterable[list[str]], where: str) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Each row of annotated CSV with its table's column names; both without the columns that number tables.

    Empty fields get the default that their table states. Raises TelemetryError for a row that fits no table.
    """
    header: list[str] = []
    defaults: list[str] = []
    kept: list[int] = []
    header_is_next = True
    for number, record in enumerate(records, 1):
        if not any(record):
            continue
        if record[0].startswith("#"):
            defaults = record if record[0] == DEFAULTS else defaults if header_is_next else []
            header_is_next = True
        elif header_is_next or record == header:
            header, header_is_next = record, False
            kept = [place for place, name in enumerate(header) if name not in NUMBERING]
            defaults = defaults if len(defaults) == len(header) else [""] * len(header)
        elif len(record) != len(header):
            raise TelemetryError(
                f"record {number} of {where} has {counted(len(record), 'field')} where its table has {len(header)}"
            )
        else:
            yield tuple(header[place] for place in kept), [record[place] or defaults[place] for place in kept]


def _text(path: str, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(opened_bytes(path), encoding=encoding, newline="")


def _fresh(folder: Path) -> Path:
    return folder / f"{sum(1 for _ in folder.iterdir())}.csv"
