"""How one CSV file is written: what stands above its header, its separator, its columns.

Belongs here: `sep=` lines, comments, metadata above the header, separators, column names, what is no text at all.
Does not belong here: reading rows (DuckDB does, with the options that `sources` passes to it), and what a column means (`layout`).
"""

import codecs
import csv
import gzip
import io
import mmap
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, cast

from turbo_forecast.errors import TelemetryError
from turbo_forecast.number_words import counted
from turbo_forecast.storage.telemetry.messages import reason
from turbo_forecast.storage.telemetry.sql import NULL_STRINGS, literal
from turbo_forecast.storage.telemetry.wording import quoted

HEAD_BYTES = 1 << 20
DELIMITERS = ",;\t|"
SAMPLE_LINES = 60
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
ANNOTATIONS = ("#group", "#datatype", "#default")
"""What InfluxDB's annotated CSV starts with."""
NAMELESS = "telemetry_nameless_column_"
"""What the name of a column without one is made of: no export has it."""
LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
LIKE_A_VALUE = re.compile(r"[-+]?\d+([.,]\d+)?%?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?")


@dataclass(frozen=True, slots=True)
class Dialect:
    """The dialect of a CSV file, as options of its reader, and what was found above its header."""

    delimiter: str
    columns: tuple[str, ...]
    skipped: int
    """Lines above the header."""
    encoding: str = "utf-8"
    """As Python names it; DuckDB reads UTF-8 alone, whatever else it is is rewritten for it."""
    annotated: bool = False
    """Whether it is InfluxDB's annotated CSV, a sequence of tables."""
    notes: tuple[str, ...] = ()
    nameless: frozenset[str] = frozenset()
    """Of `columns`, those that have neither a name nor, as far as the head of the file shows, a value."""
    has_rows: bool = True
    """False where there is nothing below the header."""

    @property
    def options(self) -> str:
        """Options of DuckDB's read_csv. All of them are set: what its sniffer cannot make sense of it leaves out."""
        typed = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in self.columns)
        return (
            f", auto_detect = false, header = true, skip = {self.skipped}, comment = '', quote = '\"', escape = '\"', "
            f"delim = {literal(self.delimiter)}, columns = {{{typed}}}"
        )


def file_dialect(path: str, where: str, *, encoding: str, skip_rows: int, ignored: Sequence[str]) -> Dialect:
    """The dialect of a local CSV file, called `where` in messages. Raises TelemetryError, naming the file and its line, where it has none."""
    head = _head(path, where)
    encoding = _encoding(head, encoding, where)
    if encoding in ("utf-8", "utf-8-sig"):
        _refuse_nul(path, where)
    text = decoded(head, encoding, where)
    if len(head) == HEAD_BYTES and not re.search(r"[\r\n]", text):
        raise TelemetryError(f"the first line of {where} is longer than {HEAD_BYTES:,} bytes: it is no table of text")
    found = text_dialect(text, where, skip_rows=skip_rows, ignored=ignored, is_whole=len(head) < HEAD_BYTES)
    return replace(found, encoding=encoding)


def file_head(path: str, where: str, encoding: str) -> tuple[str, str]:
    """The start of a local file as text, and its encoding: the one that its byte order mark states, else `encoding`.

    Raises TelemetryError where the start is no text of that encoding.
    """
    head = _head(path, where)
    encoding = _encoding(head, encoding, where)
    return decoded(head, encoding, where), encoding


def _head(path: str, where: str) -> bytes:
    try:
        with opened_bytes(path) as file:
            return file.read(HEAD_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise TelemetryError(f"{where} is not a readable CSV file: {reason(error)}") from None


def opened_bytes(path: str) -> BinaryIO:
    """A file's bytes, unpacked if its name ends in .gz."""
    return cast(BinaryIO, gzip.open(path) if path.lower().endswith(".gz") else Path(path).open("rb"))


def decoded(head: bytes, encoding: str, where: str) -> str:
    """The start of a file as text; a character cut in two at its end is left off."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeError as error:
        line = head[: getattr(error, "start", 0)].count(b"\n") + 1
        wrong = f" (0x{head[error.start]:02x} in line {line})" if isinstance(error, UnicodeDecodeError) else ""
        raise TelemetryError(
            f"{where} is not a readable CSV file: it is not {encoding} text{wrong}; set encoding, such as latin-1 or utf-16"
        ) from None


def text_dialect(text: str, where: str, *, skip_rows: int, ignored: Sequence[str], is_whole: bool) -> Dialect:
    """The dialect of a CSV file that starts with `text`, or is it (`is_whole`).

    Raises TelemetryError for a file without a header, and for a header that is none or names columns badly.
    """
    lines = LINE.findall(text)
    if skip_rows and skip_rows >= len(lines):
        raise TelemetryError(f"{where} has no line below the {skip_rows:,} that skip_rows skips")
    top = _Top(lines, skip_rows)
    if top.is_annotated():
        return Dialect(",", (), skip_rows, annotated=True)
    delimiter = top.skip_conventions()
    if top.at >= len(lines):
        raise TelemetryError(f"{where} has no header: it holds nothing but empty lines, or comments")
    if not is_whole and top.at == len(lines) - 1:
        raise TelemetryError(f"line {top.at + 1} of {where} is longer than {HEAD_BYTES:,} bytes: no header is")
    sample = _sample(lines, top.at, is_whole)
    delimiter = delimiter or likely_delimiter([line for _, line in sample])
    rows = [(number, _fields(line, delimiter)) for number, line in sample]
    at = _commented_header(lines, top.at, rows, delimiter)
    header = _fields("".join(lines[at:]), delimiter)
    if at < top.at:
        header[0] = header[0].lstrip("#")
        top.comments -= 1
    _refuse_metadata([(at, header), *rows[at == top.at :]], delimiter, where)
    has_rows = not is_whole or len([number for number, _ in rows if number > at]) > 0 or at < top.at
    below = [row for number, row in rows if number > at or at < top.at]
    names, nameless = _names(header, below, where, ignored)
    return Dialect(delimiter, names, at, notes=top.notes, nameless=nameless, has_rows=has_rows)


class _Top:
    """The lines of a file's head, and how many of them stand above the header."""

    def __init__(self, lines: Sequence[str], at: int) -> None:
        self.lines = lines
        self.at = at
        self.comments = 0

    def is_annotated(self) -> bool:
        """Whether the file is InfluxDB's annotated CSV."""
        first = next((line for line in self.lines[self.at :] if line.strip()), "")
        return first.lstrip("\ufeff").startswith(ANNOTATIONS)

    def skip_conventions(self) -> str:
        """Move past empty lines, `sep=` and comments; the separator, if a line states it."""
        delimiter = ""
        while self.at < len(self.lines):
            line = self.lines[self.at].strip("\r\n \ufeff")
            stated = re.fullmatch(r'"?sep=(.|\\t)"?[,;]*', line, re.IGNORECASE) if not delimiter else None
            if stated:
                delimiter = "\t" if stated[1] == "\\t" else stated[1]
            elif line.startswith("#"):
                self.comments += 1
            elif line:
                break
            self.at += 1
        return delimiter

    @property
    def notes(self) -> tuple[str, ...]:
        """What was skipped and could have meant something."""
        return (f"{self.comments:,} comment lines above the header",) if self.comments else ()


def _fields(text: str, delimiter: str) -> list[str]:
    """The fields of a text's first record; all of it as one where a field is too long for any table."""
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    except csv.Error:
        return [text]


def _sample(lines: Sequence[str], at: int, is_whole: bool) -> list[tuple[int, str]]:
    """The first lines that hold something, with their places; the last one of a longer file may be cut off."""
    complete = lines if is_whole else lines[:-1]
    return [(number, line) for number, line in enumerate(complete[at : at + SAMPLE_LINES], at) if line.strip()]


def likely_delimiter(sample: Sequence[str]) -> str:
    """The separator that cuts most of the lines into equally many fields, more than one."""

    def score(candidate: str) -> tuple[float, int]:
        counts = Counter(len(_fields(line, candidate)) for line in sample)
        common, times = max(counts.items(), key=lambda item: (item[0] > 1, item[1], item[0]))
        return (times / len(sample), common) if common > 1 else (0.0, 0)

    return max(DELIMITERS, key=score)


def _commented_header(lines: Sequence[str], at: int, rows: Sequence[tuple[int, list[str]]], delimiter: str) -> int:
    """Where the header is, if the last comment line above `at` is it: as many fields, above a row of values.

    A row with a word above what is a value in the next one (`time,101,102`) is itself the header.
    """
    if at == 0 or not lines[at - 1].startswith("#") or not rows:
        return at
    above, first = _fields(lines[at - 1], delimiter), rows[0][1]
    second = rows[1][1] if len(rows) > 1 else []
    words = (field.strip().lower() not in NULL_STRINGS and not _holds_a_value([field]) for field in first)
    names = any(word and _holds_a_value([below]) for word, below in zip(words, second, strict=False))
    is_header = len(above) == len(first) > 1 and not _holds_a_value(above) and _holds_a_value(first) and not names
    return at - 1 if is_header else at


def _holds_a_value(fields: Sequence[str]) -> bool:
    return any(LIKE_A_VALUE.fullmatch(field.strip()) for field in fields)


def _refuse_metadata(rows: Sequence[tuple[int, list[str]]], delimiter: str, where: str) -> None:
    """TelemetryError where the first line is no header, because most lines below have another number of fields."""
    (at, first), below = rows[0], rows[1:]
    if len(below) < 2:
        return
    common, times = Counter(len(row) for _, row in below).most_common(1)[0]
    if len(first) == common or times <= len(below) / 2:
        return
    if {"\n", "\r"} & set("".join(first)):
        raise TelemetryError(f"line {at + 1} of {where}, the header, opens a quote that it does not close")
    further = next(number for number, row in below if len(row) == common)
    raise TelemetryError(
        f"line {at + 1} of {where} has {counted(len(first), 'field')}, {quoted(delimiter.join(first))}, but lines below have "
        f"{common}: if the header stands further down, set skip_rows (to {further}, say), else correct the export"
    )


def _names(
    header: Sequence[str], rows: Sequence[Sequence[str]], where: str, ignored: Sequence[str]
) -> tuple[tuple[str, ...], frozenset[str]]:
    """Column names without spaces around them, and the names made up for empty columns that have none.

    Raises TelemetryError for names that do not identify a column.
    """
    names, nameless = [name.strip("\ufeff \t\xa0") for name in header], set()
    for number, name in enumerate(names, 1):
        if name:
            continue
        made_up = f"column {number}"
        if made_up not in ignored:
            if any(row[number - 1].strip() for row in rows if len(row) >= number):
                raise nameless_column(number, len(names), where)
            made_up = f"{NAMELESS}{number}"
            nameless.add(made_up)
        names[number - 1] = made_up
    refuse_like_names(names, where)
    return tuple(names), frozenset(nameless)


def nameless_column(number: int, of: int, where: str) -> TelemetryError:
    """The error for a column that holds something and has no name."""
    return TelemetryError(
        f"column {number} of {of} of {where} has no name: name it in the export, or list 'column {number}' in "
        "ignore_columns"
    )


def refuse_like_names(names: Sequence[str], where: str) -> None:
    """TelemetryError for columns of one name, or none; to DuckDB, those that differ in case alone are the same, too."""
    seen: dict[str, str] = {}
    for number, name in enumerate(names, 1):
        if not name.strip():
            raise TelemetryError(f"column {number} of {len(names)} of {where} has no name: name it in the export")
        twin = seen.get(name.casefold())
        if twin is not None:
            how = "twice" if twin == name else f"and the column {quoted(twin)}, which differ in case alone"
            raise TelemetryError(f"{where} has the column {quoted(name)} {how}: name them apart in the export")
        seen[name.casefold()] = name


def _encoding(head: bytes, asked: str, where: str) -> str:
    """The encoding a byte order mark states, else the one asked for."""
    stated = next((name for mark, name in BYTE_ORDER_MARKS if head.startswith(mark)), "")
    wide = ("utf-16", "utf-32")
    if stated and not (asked.startswith(wide) and stated.startswith(wide)):
        return stated
    if not asked.startswith(wide) and b"\x00" in head[:4096]:
        even, odd = head[:4096:2].count(0), head[1:4096:2].count(0)
        if max(odd, even) > 10 * min(odd, even) and max(odd, even) > len(head[:4096]) / 8:
            order = "le" if odd > even else "be"
            raise TelemetryError(f"{where} is not UTF-8 text but looks like UTF-16: set encoding to utf-16-{order}")
    return asked


def _refuse_nul(path: str, where: str) -> None:
    """TelemetryError where a file has NUL bytes: it is not text, or was cut off by a crash."""
    if path.lower().endswith(".gz"):
        with opened_bytes(path) as file:
            found = file.read(HEAD_BYTES).find(0)
    else:
        with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            found = content.find(b"\x00")
    if found >= 0:
        raise TelemetryError(f"{where} is not a readable CSV file: byte {found + 1:,} is NUL, which no text holds")
