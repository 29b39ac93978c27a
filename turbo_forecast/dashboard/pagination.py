"""Long tables a page at a time.

Does not belong here: their order (`sorting.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

ROWS = 50
"""Rows of a page."""


@dataclass(frozen=True, slots=True)
class PageOfRows:
    """Some rows of a table. frame: these; number: the page, from 1; pages: how many there are; total: rows of all of them."""

    frame: pl.DataFrame
    number: int
    pages: int
    total: int

    @property
    def first(self) -> int:
        """The first row's place among all, from 1; 0 of none."""
        return (self.number - 1) * ROWS + 1 if self.total else 0

    @property
    def last(self) -> int:
        """The last row's place."""
        return min(self.number * ROWS, self.total)


def page_of(rows: pl.DataFrame, number: int) -> PageOfRows:
    """A page of the rows; the last one where there are not so many, since a filter may have left fewer."""
    pages = max(-(-len(rows) // ROWS), 1)
    number = min(number, pages)
    return PageOfRows(rows.slice((number - 1) * ROWS, ROWS), number, pages, len(rows))


def page_links(page: PageOfRows, parameters: Mapping[str, object]) -> dict[str, Mapping[str, object]]:
    """The address's parameters of the pages before and after, where there are such. parameters: the other parameters."""
    found: dict[str, Mapping[str, object]] = {}
    if page.number > 1:
        found |= {"first": dict(parameters), "previous": {**parameters, "page": page.number - 1}}
    if page.number < page.pages:
        found |= {"next": {**parameters, "page": page.number + 1}, "last": {**parameters, "page": page.pages}}
    return found
