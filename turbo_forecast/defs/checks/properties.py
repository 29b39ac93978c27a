"""What a check is made of: a sentence that must hold of every item, and the verdict on it.

Belongs here: the two, and judging one by the other in SQL. Does not belong here: properties, and the words for a verdict.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import duckdb
import polars as pl

from turbo_forecast.storage.warehouse import query

AGAIN = "Materialise the asset again; if the check fails again, it is a fault of the program: please report it"


@dataclass(frozen=True, slots=True)
class Verdict:
    """expected: items judged; offenders: those for which the sentence is false; figures: what the sentence measures."""

    expected: int
    offenders: pl.DataFrame
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def got(self) -> int:
        """Items for which the sentence holds; offenders beyond those expected (a row too many, say) take none away."""
        return max(0, self.expected - len(self.offenders))

    def holds(self, tolerated: float) -> bool:
        """Whether at most this share of the items offends."""
        return len(self.offenders) <= tolerated * self.expected


@dataclass(frozen=True, slots=True)
class Property:
    """A sentence that must hold of every item.

    judged: SELECT of how many items there are. offenders: SELECT of those for which the sentence is false.
    figures: SELECT of the one row of figures that `says` puts into words, where the sentence is about a single thing.
    tolerated: share of offenders up to which the check passes.
    In all three, `{stored}` is the asset's stored rows of the month, and `places` gives the other names.
    items: what is counted, in the plural. remedy: what to do when the check does not pass, a sentence without its stop.
    says: words of its own for a month's verdict, in place of the counted ones; without what to do.
    """

    name: str
    sentence: str
    judged: str
    offenders: str
    tolerated: float = 0.0
    blocking: bool = True
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR
    items: str = "items"
    remedy: str = AGAIN
    figures: str = ""
    says: Callable[[Verdict], str] | None = None


def judge(con: duckdb.DuckDBPyConnection, prop: Property, places: Mapping[str, str]) -> Verdict:
    """Judge a property by re-reading what is stored at `places`."""
    expected = query(con, prop.judged.format_map(places)).item()
    figures = query(con, prop.figures.format_map(places)).row(0, named=True) if prop.figures else {}
    return Verdict(int(expected), query(con, prop.offenders.format_map(places)), figures)
