"""Sortable tables: the order is in the query of the address, `sort=level` upwards, `sort=-level` downwards.

Does not belong here: what columns mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from turbo_forecast.errors import SettingsError
from turbo_forecast.option_rules import shown


@dataclass(frozen=True, slots=True)
class Heading:
    """A column: its name, what stands above it, whether it holds numbers, and whether the largest come first at the first click."""

    column: str
    title: str
    number: bool = False
    downwards: bool = False


@dataclass(frozen=True, slots=True)
class SortLink:
    """A heading as a page shows it. order: ascending, descending or none, as aria-sort says it. query: of the page sorted by it."""

    heading: Heading
    order: str
    query: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Sorting:
    """The columns a table may be sorted by. order: of words, which comes first."""

    headings: tuple[Heading, ...]
    order: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def parse(self, text: str) -> "Order":
        """The order that the address asks for; the table's own without. Raises SettingsError, which names the columns."""
        column = text.removeprefix("-")
        heading = next((each for each in self.headings if each.column == column), None)
        if text and heading is None:
            raise SettingsError(
                f"sort must be one of {', '.join(each.column for each in self.headings)}, with - before it for the other way, "
                f"not {shown(text)}"
            )
        return Order(self, heading, text.startswith("-"))


@dataclass(frozen=True, slots=True)
class Order:
    """One of the orders of a table. heading: None for its own."""

    sorting: Sorting
    heading: Heading | None
    is_reversed: bool

    def sorted(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows in this order: what is not known last, either way; equals in the order in which they come, the table's own."""
        if self.heading is None:
            return rows
        column = pl.col(self.heading.column)
        words = self.sorting.order.get(self.heading.column)
        if words:
            column = column.replace_strict(list(words), list(range(len(words))), default=None, return_dtype=pl.Int32)
        elif rows.schema[self.heading.column] == pl.String:
            column = column.str.to_lowercase()
        descending = self.heading.downwards != self.is_reversed
        return rows.sort(column, descending=descending, nulls_last=True, maintain_order=True)

    def headings(self, parameters: Mapping[str, object]) -> list[SortLink]:
        """All headings, each with the address of the page that is sorted by it; parameters: the address's other parameters."""
        others = {name: value for name, value in parameters.items() if name != "sort"}
        found = []
        for each in self.sorting.headings:
            is_chosen = each == self.heading
            again = f"-{each.column}" if is_chosen and not self.is_reversed else each.column
            order = "none" if not is_chosen else "descending" if each.downwards != self.is_reversed else "ascending"
            found.append(SortLink(each, order, {**others, "sort": again}))
        return found
