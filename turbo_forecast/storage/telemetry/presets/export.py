"""A file that a tool exported, as records of text; what a preset makes of it; what every preset module offers.

Belongs here: encodings, separators and `sep=` lines of exports. Does not belong here: what any tool writes.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

from turbo_forecast.errors import SettingsError, TelemetryError
from turbo_forecast.number_words import counted
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.csv_dialect import LINE, file_head, likely_delimiter, opened_bytes
from turbo_forecast.storage.telemetry.csv_rewriting import UNREADABLE
from turbo_forecast.storage.telemetry.messages import reason

HEAD_RECORDS = 40
"""A file's kind shows in so many of its records."""
SAMPLE_LINES = 60
SEPARATOR = re.compile(r'"?sep=(.|\\t)"?[,;]*', re.IGNORECASE)
"""The first line of a file for Excel, which states the separator."""
Record = tuple[int, list[str]]
"""A record's number in its file, counted from 1 below the lines that skip_rows skips, and its fields."""


@dataclass(frozen=True, slots=True)
class Export:
    """A local file of text: `where` is what messages call it."""

    path: str
    where: str
    encoding: str
    skip_rows: int
    delimiter: str

    def records(self) -> Iterator[Record]:
        """Every record that holds something, without a `sep=` line. Raises TelemetryError where the file is no text or no CSV."""
        try:
            with io.TextIOWrapper(opened_bytes(self.path), encoding=self.encoding, newline="") as source:
                for _ in range(self.skip_rows):
                    source.readline()
                for number, fields in enumerate(csv.reader(source, delimiter=self.delimiter), 1):
                    cleaned = [each.strip("\ufeff \t\xa0") for each in fields]
                    if any(cleaned) and not (number == 1 and SEPARATOR.fullmatch(self.delimiter.join(cleaned))):
                        yield number, cleaned
        except UNREADABLE as error:
            raise TelemetryError(f"{self.where} is not a readable CSV file: {reason(error)}") from None

    def head(self) -> list[list[str]]:
        """The first records' fields."""
        return [fields for _, fields in islice(self.records(), HEAD_RECORDS)]


def export_at(path: str, where: str, *, encoding: str, skip_rows: int) -> Export:
    """The file at a local path, in the encoding that its byte order mark states, else in `encoding`.

    Raises TelemetryError for what is no text.
    """
    text, found = file_head(path, where, encoding)
    lines = [line for line in LINE.findall(text)[skip_rows : skip_rows + SAMPLE_LINES] if line.strip("\ufeff\r\n ")]
    stated = SEPARATOR.fullmatch(lines[0].strip("\ufeff\r\n ")) if lines else None
    delimiter = stated[1].replace("\\t", "\t") if stated else likely_delimiter(lines) if lines else ","
    return Export(path, where, found, skip_rows, delimiter)


@dataclass(slots=True)
class Rewritten:
    """The rows of an export as one plain table, and the reader's options for it.

    rows: as long as `columns` each, made as they are asked for. left_out: how many of what there was no row for, by a noun;
    notes: clauses about the file. Both are complete once all rows were made.
    """

    columns: tuple[str, ...]
    rows: Iterable[Sequence[str]]
    options: dict[str, Any]
    left_out: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


class Preset(Protocol):
    """What the module of a tool offers."""

    TITLE: str
    """What a file of it is called: `a Grafana export`."""

    def looks_like(self, head: Sequence[Sequence[str]]) -> bool:
        """Whether a file with this head can be hardly anything else. head: the first records' fields."""
        ...

    def rewritten(self, export: Export, settings: TelemetrySettings) -> Rewritten:
        """The export as a plain table.

        Raises TelemetryError where the file is of another kind, and SettingsError for an option that means nothing for it.
        """
        ...


def not_of_kind(export: Export, title: str, missing: str) -> TelemetryError:
    """The error for a file that a preset is not for: `missing` says what a file of it would have."""
    return TelemetryError(f"{export.where} does not look like {title}, which the preset is for: {missing}")


def refuse_ragged(number: int, fields: Sequence[str], width: int, export: Export) -> None:
    """TelemetryError for a record that has not as many fields as its header has columns; empty ones too many do not count."""
    if len(fields) < width or any(fields[width:]):
        raise TelemetryError(
            f"record {number} of {export.where} has {counted(len(fields), 'field')} where its table has {width}"
        )


def refuse_options(settings: TelemetrySettings, options: Sequence[str], instead: str) -> None:
    """SettingsError for an option that is set and means nothing for what a preset reads; `instead` says what does."""
    for option in options:
        if getattr(settings, option) != type(settings).model_fields[option].get_default(call_default_factory=True):
            raise SettingsError(f"{option} is set, but preset: {settings.preset} {instead}")
