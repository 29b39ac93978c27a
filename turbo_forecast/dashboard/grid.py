"""A table of a page, as its template lays it out (`templates/grid.html`): a caption, headings, rows of cells, and what is left out.

Belongs here: the parts of it. Does not belong here: what any one table says (`pages/`), and tables that a reader sorts (`sorting.py`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MAX_ROWS = 50
"""Rows of a list that is not the page's own subject."""


@dataclass(frozen=True, slots=True)
class Cell:
    """text: what it says. quiet: secondary text, such as how many it is of. link: where it leads. kind: a class of the style sheet."""

    text: str
    quiet: str = ""
    link: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """title: its heading. number: whether figures stand in it, which are read from the right."""

    title: str
    number: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """rows: the first cell of each is its heading. empty_text: the sentence in its place where there is no row. more: a sentence below."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    empty_text: str
    more: str = ""


def grid(
    caption: str,
    headings: str,
    rows: Iterable[Sequence[Cell | str]],
    empty_text: str,
    *,
    total: int = 0,
    where: str = "",
) -> Grid:
    """A grid of cells and plain texts. headings: parted by |, and > before the title of a column of numbers.

    total: how many rows there are in all, where these are the first of them; where: the table that holds the others.
    """
    columns = [
        Column(title.strip().removeprefix(">").strip(), title.strip().startswith(">")) for title in headings.split("|")
    ]
    cells = [[each if isinstance(each, Cell) else Cell(each) for each in row] for row in rows]
    left = total - len(cells)
    more = f"{left:,} more {'is' if left == 1 else 'are'} in {where}." if left > 0 else ""
    return Grid(caption, columns, cells, empty_text, more)
