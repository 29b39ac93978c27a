"""What a check is made of: a sentence that must hold of every item, and the verdict on it.

Belongs here: the two, and judging one by the other in SQL. Does not belong here: properties, and the words for a verdict.
"""

from collections import ChainMap
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import duckdb
import polars as pl

from turbo_forecast.defs.checks.statements import statements
from turbo_forecast.storage.warehouse import query

AGAIN = "Materialise the asset again; if the check fails again, it is a fault of the program: please report it"
EVERY_ROW = "SELECT count(*) FROM {stored}"


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

    Its SQL is the file `sql/<name>.sql`, or `sql/<sql>.sql` where several properties share one, with up to four
    statements. offenders: SELECT of the items for which the sentence is false. judged: SELECT of how many items there
    are; without it, every stored row is one. prepared: SELECT of what the others read as the table `prepared`, so that
    rows are read once. figures: SELECT of the one row of figures that `says` puts into words, where the sentence is about
    a single thing. In all of them `{stored}` is the asset's stored rows of the month, `places` gives the other names, and
    parts: more names of this property's own, which may use those.
    tolerated: share of offenders up to which the check passes.
    items: what is counted, in the plural. remedy: what to do when the check does not pass, a sentence without its stop.
    says: words of its own for a month's verdict, in place of the counted ones; without what to do.
    """

    name: str
    sentence: str
    sql: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    tolerated: float = 0.0
    blocking: bool = True
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR
    items: str = "items"
    remedy: str = AGAIN
    says: Callable[[Verdict], str] | None = None

    @property
    def stops_a_month(self) -> bool:
        """Whether a month must pass it to be complete."""
        return self.blocking and self.severity == dg.AssetCheckSeverity.ERROR


def judge(con: duckdb.DuckDBPyConnection, prop: Property, places: MutableMapping[str, str]) -> Verdict:
    """Judge a property by re-reading what is stored at `places`.

    Raises what DuckDB raises, and StorageError where a place is a file that is not there.
    """
    found = statements(prop.sql or prop.name)
    own = {name: text.format_map(places) for name, text in prop.parts.items()}
    names = ChainMap(own, places)
    if "prepared" in found:
        con.execute(f"CREATE OR REPLACE TEMP TABLE prepared AS {found['prepared'].format_map(names)}")
    expected = query(con, found.get("judged", EVERY_ROW).format_map(names)).item()
    figures = query(con, found["figures"].format_map(names)).row(0, named=True) if "figures" in found else {}
    return Verdict(int(expected), query(con, found["offenders"].format_map(names)), figures)
