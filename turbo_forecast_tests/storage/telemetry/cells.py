"""How the cells of a dialect's rows are written: as CSV text, or as columns with types.

Belongs here: names, numbers and times as they are spelt, CSV text with its lines that are no data, Parquet and DuckDB.
Does not belong here: which rows there are, and what is true of them (`writing`).
"""

import csv
import io
import math
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from turbo_forecast_tests.storage.telemetry.dialects import Dialect
from turbo_forecast_tests.storage.telemetry.traits import CAPACITY, CLOCKS, DELIMITERS, NAMES, NUMBERS

Row = dict[str, Any]
"""Column to cell: text, a number, None, a Value or a datetime."""


@dataclass(frozen=True, slots=True)
class Value:
    """A cell of a value column: percent of capacity, or text (or a number) that is none."""

    percent: float | None
    instead: Any = None
    scale: float = 1.0
    """Of the capacity that other values are of, where 100 percent is another one."""


def time_columns(d: Dialect) -> list[str]:
    columns: list[str] = CLOCKS[d.clock].options.get("time_columns", [NAMES[d.names][1]])
    return columns


def value_columns(d: Dialect) -> list[str]:
    if d.layout == "hosts":
        return list(d.fleet.hosts)
    bases = dict.fromkeys(name.split(":")[0] if d.device else name for name in d.fleet.resources)
    return list(bases) if d.layout.endswith("wide") else [NAMES[d.names][3]]


def _cell(d: Dialect, row: Row, name: str, place: int, number: int) -> Any:
    """One cell before it is text: None, text, a number, a time, a Value."""
    host_name, _, resource_name, _ = NAMES[d.names]
    times = time_columns(d)
    if name in times:
        if "@time" in row:
            return row["@time"]
        clock, moment = CLOCKS[d.clock], row["@moment"]
        cell = clock.write(moment.astimezone(UTC) if clock.states == "utc" else moment)
        return cell.split("|")[times.index(name)] if len(times) > 1 else cell
    cell = row.get(name)
    if name == host_name and not d.layout.startswith("file") and d.layout != "hosts":
        return _spelt(d, cell, place, number)
    if name == resource_name and d.spelling in ("padded", "NFD"):
        return _spelt(d, cell, place, number)
    if name == "rack":
        return f"r{d.fleet.hosts.index(row['@host'])}" if row["@host"] in d.fleet.hosts else "r"
    return cell


def _spelt(d: Dialect, name: str, place: int, number: int) -> str:
    if d.spelling == "padded" and number % 3 == 0 and name.strip():
        return (f" {name}", f"{name} ", f"\u00a0{name}\u3000" if d.encoding.startswith("utf") else f"\u00a0{name}")[
            number % 9 // 3
        ]
    if d.spelling == "NFD" and (place % 2 or number % 2):
        return unicodedata.normalize("NFD", name)
    if name.isdigit() and d.spelling in ("float", "scientific", "float typed") and (place % 2 or d.files == "one"):
        return f"{float(name)}" if d.spelling.startswith("float") else f"{float(name):.6E}"
    return name


def _in_unit(d: Dialect, cell: Value) -> float:
    percent = cell.percent or 0.0
    if d.unit == "capacity":
        return percent * CAPACITY / 100 * cell.scale
    return percent / 100 if d.unit == "fraction" else percent


def _number_text(d: Dialect, cell: Value) -> str:
    if cell.instead is not None:
        return str(cell.instead)
    if cell.percent is None:
        return d.null
    decimal, thousands, form = NUMBERS[d.number]
    value = _in_unit(d, cell)
    if form == "scientific":
        return f"{value:.9E}"
    text = f"{value:,.2f}" if form == "fixed" else f"{Decimal(repr(value)):,f}"
    if form != "fixed" and text.endswith(".0") and d.fleet.seed % 2:
        text = text.removesuffix(".0")
    if d.doubt == "hard spaces":
        thousands = "\u00a0\u202f"[d.fleet.seed % 2] if d.encoding.startswith("utf") else "\u00a0"
    text = text.translate({ord(","): thousands, ord("."): decimal})
    around = {"percent": (" %", "%")[d.fleet.seed % 2], "spaces around": "  "}.get(form, "")
    return text + around if form == "percent" else around + text + around


def csv_text(d: Dialect, names: list[str], rows: list[Row], place: int) -> str:
    """A CSV file as text, with its lines that are no data."""
    delimiter = _delimiter(d, place)
    quoting = {"none": csv.QUOTE_NONE, "minimal": csv.QUOTE_MINIMAL}.get(d.quoting, csv.QUOTE_ALL)
    marks = {"single": {"quotechar": "'"}, "backslash": {"doublequote": False, "escapechar": "\\"}}.get(d.quoting, {})

    def line(cells: list[str]) -> str:
        buffer = io.StringIO()
        csv.writer(buffer, delimiter=delimiter, quoting=quoting, lineterminator="", **marks).writerow(cells)
        return buffer.getvalue()

    header, body = [_in_header(d, name, place) for name in names], []
    for number, row in enumerate(rows):
        cells = [_cell(d, row, name, place, number) for name in names]
        body.append(
            [_number_text(d, cell) if isinstance(cell, Value) else "" if cell is None else str(cell) for cell in cells]
        )
    _fill_empty_values(d, names, rows, body)
    last = [row.get("@last", False) for row in rows]
    body = [cells for cells, end in zip(body, last, strict=True) if not end] + [
        cells for cells, end in zip(body, last, strict=True) if end
    ]
    if d.doubt.endswith("column twice"):
        twice = d.label if d.doubt.startswith("label") else value_columns(d)[0]
        at = names.index(twice)
        header.append(twice)
        for cells in body:
            cells.append(cells[at] if d.doubt.startswith("label") else "17")
    if d.junk == "influx":
        header = ["", "result", "table", *header]
        body = [["", "", "0", *cells] for cells in body]
    return _with_junk(d, line(header), [line(cells) for cells in body], len(header), delimiter)


def _delimiter(d: Dialect, place: int) -> str:
    """The delimiter of a file; with some dialects, every second file has the next one."""
    return DELIMITERS[(DELIMITERS.index(d.delimiter) + (place % 2 if d.delimiters_differ else 0)) % len(DELIMITERS)]


def _in_header(d: Dialect, name: str, place: int) -> str:
    if d.doubt == "spaces in the header":
        return f" {name} "
    if d.doubt == "another case in the next header" and place % 2:
        return name.upper()
    if d.doubt == "another Unicode form in the next header" and place % 2:
        return unicodedata.normalize("NFD", name)
    return name


def _fill_empty_values(d: Dialect, names: list[str], rows: list[Row], body: list[list[str]]) -> None:
    """Put the null marker where a wide row has no value."""
    for column in value_columns(d):
        if column in names:
            at = names.index(column)
            for row, cells in zip(rows, body, strict=True):
                if column not in row:
                    cells[at] = d.null


def _with_junk(d: Dialect, header: str, lines: list[str], width: int, delimiter: str) -> str:
    end, middle = d.line_end, len(lines) // 2
    top: list[str] = []
    if d.junk == "sep=":
        top = [f"sep={delimiter}"]
    elif d.junk == "comments":
        top = ["# exported 2025-12-31 by monitoring", f"# hosts{delimiter} all; it's complete"]
    elif d.junk == "metadata":
        top = ["Report: utilisation", f"Generated{delimiter}2025-12-31 10:00", ""]
    elif d.junk == "blank lines":
        top, lines = [""], [*lines[:middle], "", *lines[middle:], "", ""]
    elif d.junk == "trailing delimiter":
        header, lines = header + delimiter, [line + delimiter for line in lines]
    elif d.junk == "influx":
        top = [
            "#group" + ",false" * (width - 1),
            "#datatype" + ",string" * (width - 1),
            "#default,_result" + "," * (width - 2),
        ]
        if d.fleet.seed % 2:
            lines = [*lines[:middle], "", *top, header, *lines[middle:]]
    if d.doubt == "delimiter after rows":
        lines = [line + delimiter for line in lines]
    elif d.doubt == "comment inside":
        lines = [*lines[:middle], "# the agent was restarted", *lines[middle:]]
    elif d.doubt == "header again":
        lines = [*lines[:middle], header, *lines[middle:]]
    return end.join([*top, header, *lines]) + (end if d.final_newline else "")


def write_typed(d: Dialect, path: Path, names: list[str], rows: list[Row], place: int) -> None:
    """A Parquet file or a DuckDB table, with columns of the dialect's types."""
    columns: dict[str, pl.Series] = {}
    with_values = value_columns(d)
    for name in names:
        cells = [_cell(d, row, name, place, number) for number, row in enumerate(rows)]
        if name in with_values:
            columns[name] = _value_series(d, name, cells)
        elif name in time_columns(d):
            columns[name] = _time_series(d, name, cells)
        elif name == NAMES[d.names][0] and not d.layout.startswith("file"):
            columns[name] = _host_series(d, name, cells, place)
        else:
            columns[name] = pl.Series(name, cells, dtype=pl.Int64 if name in ("cores", "samples") else pl.String)
    if d.doubt == "nested column":
        nested = ([{"os": "Linux"}] * len(rows), [["a", "b"]] * len(rows))[d.fleet.seed % 2]
        columns["tags"] = pl.Series("tags", nested)
    frame = pl.DataFrame([column.alias(_in_header(d, column.name, place)) for column in columns.values()])
    if path.suffix == ".parquet":
        frame.write_parquet(path)
        return
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE TABLE metrics AS FROM frame")
        if d.has_another_table:
            con.execute("CREATE TABLE hosts AS SELECT 'web-1' AS host, 8 AS cores")


def _value_series(d: Dialect, name: str, cells: list[Value | None]) -> pl.Series:
    if d.dtype == "text":
        return pl.Series(name, [d.null if cell is None else _number_text(d, cell) for cell in cells], dtype=pl.String)
    nothing = math.nan if d.null == "NaN" and d.dtype != "decimal" else None
    numbers: list[Any] = []
    for cell in cells:
        if cell is None or (cell.percent is None and cell.instead is None):
            numbers.append(nothing)
        else:
            numbers.append(float(cell.instead) if cell.percent is None else _in_unit(d, cell))
    if d.dtype == "decimal" and all(number is None or abs(number) < 1e9 for number in numbers):
        return pl.Series(name, [None if n is None else Decimal(repr(n)) for n in numbers], dtype=pl.Decimal(18, 4))
    return pl.Series(name, numbers, dtype=pl.Float32 if d.dtype == "float" else pl.Float64)


def _time_series(d: Dialect, name: str, cells: list[Any]) -> pl.Series:
    if d.clock == "typed date":
        return pl.Series(name, cells, dtype=pl.Date)
    if not CLOCKS[d.clock].typed:
        if any(isinstance(cell, str) for cell in cells):
            return pl.Series(name, [str(cell) for cell in cells], dtype=pl.String)
        return pl.Series(name, cells)
    unit: Any = d.clock.split()[1]
    zone = d.fleet.zone or None
    moments = [datetime(cell.year, cell.month, cell.day) if type(cell) is date else cell for cell in cells]
    wall = [moment.replace(tzinfo=None) - (moment.utcoffset() or timedelta()) for moment in moments]
    series = pl.Series(name, wall, dtype=pl.Datetime("us")).dt.cast_time_unit(unit)
    return series.dt.replace_time_zone("UTC").dt.convert_time_zone(zone) if zone else series


def _host_series(d: Dialect, name: str, cells: list[str], place: int) -> pl.Series:
    numeric = d.family in ("integers", "long integers") and (d.spelling == "float typed" or d.fleet.seed % 2)
    if not numeric or d.spelling not in ("plain", "float typed"):
        return pl.Series(name, cells, dtype=pl.String)
    as_float = d.spelling == "float typed" and (place % 2 or d.files == "one")
    number = float if as_float else int
    return pl.Series(name, [number(cell) if cell[:1].isdigit() else None for cell in cells])
