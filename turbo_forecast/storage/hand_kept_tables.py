"""Small tables that people keep by hand, as CSV or Parquet: which hosts form a group, what is planned.

Belongs here: reading one as text with its rows numbered, and one sentence for what is wrong with it. Does not belong here: what a
column means, and telemetry, which has many more forms (`telemetry/`).
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from turbo_forecast.errors import SettingsError, refusal
from turbo_forecast.number_words import counted
from turbo_forecast.option_rules import nearest, shown

DELIMITERS = ",;\t|"
ROW = "row"
"""Number of the row, from 1 below the header."""
NAMED = 5
"""Names that a sentence lists."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A table as text: stripped, null where a cell is empty; with the column ROW. where: what it is called in messages."""

    where: str
    rows: pl.DataFrame
    left_out: tuple[str, ...] = ()
    """Columns of the table that have no meaning here."""

    def error(self, sentence: str) -> SettingsError:
        """The error whose message names the table."""
        return SettingsError(f"{self.where}: {sentence}")

    def refuse(self, column: str, bad: pl.Expr, why: str) -> None:
        """Raises SettingsError that names the first row for which `bad` is true, and what its cell of the column holds."""
        found = self.rows.filter(bad)
        if len(found):
            row = found.row(0, named=True)
            more = f" (and {counted(len(found) - 1, 'more row')})" if len(found) > 1 else ""
            held = "is empty" if row[column] is None else f"is {shown(row[column])}"
            raise self.error(f"row {row[ROW]:,}: {column} {held}: {why}{more}")

    def numbers(self, column: str, why: str, *, above: float | None = None) -> pl.DataFrame:
        """The rows with the column as finite numbers, null where it is empty. Raises SettingsError for what is none.

        A comma is a decimal point too. why: what the column must hold. above: what each number must be above.
        """
        number = pl.col(column).str.replace(r"^([-+]?\d*),(\d+)$", "${1}.${2}").cast(pl.Float64, strict=False)
        sound = number.is_finite() if above is None else number.is_finite() & (number > above)
        self.refuse(column, pl.col(column).is_not_null() & ~sound.fill_null(False), why)
        return self.rows.with_columns(number.alias(column))


def read_listing(
    option: str, path: str, required: Sequence[str], optional: Sequence[str], *, may_be_empty: bool = False
) -> Listing:
    """The CSV or Parquet file that an option names. Raises SettingsError as `listing`, and where the file cannot be read."""
    where, file = f"{option}: {path}", Path(path).expanduser()
    if file.suffix.lower() not in (".csv", ".tsv", ".txt", ".parquet"):
        raise SettingsError(f"{where}: its name must end in .csv or .parquet")
    try:
        if file.suffix.lower() == ".parquet":
            frame = pl.read_parquet(file, glob=False)
        else:
            with file.open(encoding="utf-8-sig") as lines:
                header = lines.readline()
            frame = _csv(where, header, file, {*required, *optional})
    except OSError as error:
        raise SettingsError(f"{where} cannot be read: {refusal(error)}") from None
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise _unreadable(where, error) from None
    return listing(where, frame, required, optional, may_be_empty=may_be_empty)


def listing_of_text(
    where: str, text: str, required: Sequence[str], optional: Sequence[str], *, may_be_empty: bool = False
) -> Listing:
    """The CSV that somebody has typed or pasted. Raises SettingsError as `listing`, and where it is no table."""
    text = text.removeprefix("\ufeff").strip("\r\n") + "\n"
    try:
        frame = _csv(where, text[: text.index("\n") + 1], text.encode(), {*required, *optional})
    except (pl.exceptions.PolarsError, UnicodeEncodeError) as error:
        raise _unreadable(where, error) from None
    return listing(where, frame, required, optional, may_be_empty=may_be_empty)


def _csv(where: str, header: str, source: Path | bytes, known: set[str]) -> pl.DataFrame:
    """The rows of a CSV, all of them text. header: its first line. Raises SettingsError, and what Polars raises."""
    names, delimiter = _header(header, known)
    _refuse_twice(where, names)  # read_csv would call the second one something else
    return pl.read_csv(source, separator=delimiter, infer_schema=False, glob=False)


def _unreadable(where: str, error: Exception) -> SettingsError:
    return SettingsError(f"{where} cannot be read: {' '.join(str(error).split())[:200]}")


def _header(line: str, known: set[str]) -> tuple[list[str], str]:
    """The names in a file's first line, and the delimiter that makes most of them known; of two alike the more frequent one."""

    def parted(delimiter: str) -> list[str]:
        return [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])]

    delimiter = max(DELIMITERS, key=lambda each: (len(known.intersection(parted(each))), line.count(each)))
    return parted(delimiter), delimiter


def _refuse_twice(where: str, names: Sequence[str]) -> None:
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice is not None:
        raise SettingsError(f"{where}: the column {shown(twice)} comes twice")


def content(option: str, path: str) -> bytes:
    """What the file that an option names holds. Raises SettingsError, in the words of `read_listing`."""
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as error:
        raise SettingsError(f"{option}: {path} cannot be read: {refusal(error)}") from None


def listing(
    where: str, frame: pl.DataFrame, required: Sequence[str], optional: Sequence[str], *, may_be_empty: bool = False
) -> Listing:
    """A frame's rows as text. Raises SettingsError for a column that lacks, or comes twice, and for a table without a row.

    may_be_empty: then a table of columns alone is one without rows.
    """
    names = [name.strip() for name in frame.columns]
    _refuse_twice(where, names)
    known = [*required, *optional]
    lacking = [name for name in required if name not in names]
    if lacking:
        near = nearest(lacking[0], [name for name in names if name not in known])
        meant = f"; is {shown(near)} meant for it?" if near else ""
        raise SettingsError(
            f"{where}: there is no column {lacking[0]}, only {listed_names(names)}{meant}"
            if names
            else f"{where}: there is no column {lacking[0]}"
        )
    frame = frame.rename(dict(zip(frame.columns, names, strict=True)))
    text = [_as_text(where, frame[name]) if name in names else pl.lit(None, pl.String).alias(name) for name in known]
    rows = frame.select(text).with_columns(pl.when(pl.all() != "").then(pl.all())).with_row_index(ROW, 1)
    rows = rows.filter(pl.any_horizontal(pl.col(known).is_not_null()))  # an empty line is no row
    if rows.is_empty() and not may_be_empty:
        raise SettingsError(f"{where}: there is not one row below the header")
    return Listing(where, rows, tuple(name for name in names if name not in known))


def _as_text(where: str, column: pl.Series) -> pl.Series:
    """A column's values as stripped text. Raises SettingsError for one of lists, of objects, or of bytes that are no text."""
    try:
        if column.dtype.is_nested():
            raise pl.exceptions.InvalidOperationError
        return column.cast(pl.String).str.strip_chars()
    except pl.exceptions.PolarsError:
        raise SettingsError(
            f"{where}: the column {shown(column.name)} holds {column.dtype}, which is neither text nor numbers"
        ) from None


def listed_names(names: Sequence[str]) -> str:
    """Names, so many of them as a sentence holds."""
    first = ", ".join(shown(name) for name in names[:NAMED])
    return f"{first} and {len(names) - NAMED:,} more" if len(names) > NAMED else first
