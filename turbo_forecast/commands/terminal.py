"""How answers look on a terminal: aligned, at most a screen, coloured where there are colours; whole lines in pipes.

Belongs here: tables, numbers and names as text. Does not belong here: which rows and columns (each subcommand's module).
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from turbo_forecast.number_words import UNKNOWN, probability
from turbo_forecast.text import printable

PIPE = 100_000
"""Characters of a line where there is no screen: a row stays a line, that `grep` finds whole."""
GAP = 2
NARROWEST = 16
"""Characters that names have at least before a column is left out for them."""
LEAST_ROWS = 5
"""Rows that are shown however low the terminal is."""


def console() -> Console:
    """Standard output. Names are shown as they are: nothing in them is markup, and nothing is highlighted."""
    width = None if sys.stdout.isatty() else PIPE
    return Console(file=sys.stdout, width=width, markup=False, highlight=False, emoji=False, soft_wrap=False)


@dataclass(frozen=True, slots=True)
class Shown:
    """A column: its title, and the cell of a row. right: numbers. optional: the higher, the sooner it gives way to names.

    style: of the cell, by its row.
    """

    title: str
    cell: Callable[[dict[str, Any]], str]
    right: bool = False
    optional: int = 0
    style: Callable[[dict[str, Any]], str] = lambda row: ""


def print_rows(
    out: Console,
    name: Shown,
    columns: Sequence[Shown],
    rows: Sequence[dict[str, Any]],
    room: int | None,
    *,
    least: int = LEAST_ROWS,
) -> int:
    """Print rows as a table, whose first column is `name`; returns how many.

    Names are never cut: one that is longer than its column goes on in the next line. room: lines that there are for the table with
    its titles; None: all rows. least: rows that are shown in any case.
    """
    kept = _columns_that_fit(out.width, columns, rows)
    width = _name_width(out.width, name, kept, rows)
    shown = rows if room is None else rows[: max(_rows_that_fit(room - 1, width, name, rows), least)]
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, show_edge=False, header_style="bold")
    table.add_column(name.title, width=width, overflow="fold")
    for column, needed in zip(kept, _widths(kept, rows), strict=True):
        table.add_column(
            column.title, justify="right" if column.right else "left", no_wrap=True, min_width=needed - GAP
        )
    for row in shown:
        table.add_row(*(Text(each.cell(row), style=each.style(row)) for each in (name, *kept)))
    if shown:
        out.print(table)
    return len(shown)


def _widths(columns: Sequence[Shown], rows: Sequence[dict[str, Any]]) -> list[int]:
    return [max([cell_len(each.title), *(cell_len(each.cell(row)) for row in rows)]) + GAP for each in columns]


def _columns_that_fit(width: int, columns: Sequence[Shown], rows: Sequence[dict[str, Any]]) -> list[Shown]:
    """All columns, or without those that may be left out, until names have NARROWEST characters."""
    kept = list(columns)
    while sum(_widths(kept, rows)) + NARROWEST + GAP > width and any(each.optional for each in kept):
        kept.remove(max(kept, key=lambda each: each.optional))
    return kept


def _name_width(width: int, name: Shown, kept: Sequence[Shown], rows: Sequence[dict[str, Any]]) -> int:
    left = width - sum(_widths(kept, rows)) - GAP
    return max(min(left, _widths([name], rows)[0] - GAP), NARROWEST // 2)


def _rows_that_fit(room: int, width: int, name: Shown, rows: Sequence[dict[str, Any]]) -> int:
    """How many rows take so many lines."""
    lines = 0
    for count, row in enumerate(rows):
        lines += max(1, -(-cell_len(name.cell(row)) // width))
        if lines > room:
            return count
    return len(rows)


def room_on_screen(out: Console, taken: int) -> int | None:
    """Lines of a screen that are left beside `taken` others and the prompt; None where there is no screen."""
    return max(out.height - taken - 1, LEAST_ROWS + 1) if out.is_terminal and sys.stdout.isatty() else None


def name_of(row: dict[str, Any]) -> str:
    """The host's name, every character to be seen; of a group, with a word in front."""
    name = printable(row["host_id"])
    return f"group {name}" if row.get("kind") == "group" else name


def percent(share: float | None) -> str:
    """A probability as percent: what is not sure is never shown as 0 or 100 %."""
    return probability(share).replace("< ", "<").replace("> ", ">")  # columns are narrow


def decimals(value: float | None, places: int = 1) -> str:
    """A number, or a dash."""
    return UNKNOWN if value is None else f"{value:.{places}f}"
