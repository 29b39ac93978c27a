"""What a check is made of: an expectation of every item that is stored, and the result of validating it in SQL.

Does not belong here: any one expectation (the other files of this folder), and the words for a result (`wording.py`).
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
class Validation:
    """The result of validating an expectation.

    total: how many items were validated; failing_rows: those that do not meet the expectation, a row each; metrics: what
    was measured, by name.
    """

    total: int
    failing_rows: pl.DataFrame
    metrics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def passing(self) -> int:
        """How many items meet the expectation; never negative: a row too many fails, and is none of the total."""
        return max(0, self.total - len(self.failing_rows))

    def passes(self, tolerance: float) -> bool:
        """Whether at most this share of the items, between 0 and 1, fails."""
        return len(self.failing_rows) <= tolerance * self.total


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must hold of every item that is stored; `description` says it in a sentence.

    Its SQL is the file `sql/<name>.sql`, or `sql/<sql>.sql` where several expectations share one, with up to four
    statements:

    - failing_rows: SELECT of the items that do not meet the expectation;
    - total: SELECT of how many items there are; without it, every stored row is one;
    - prepared: SELECT of what the others read as the table `prepared`, so that rows are read once;
    - metrics: SELECT of one row of measurements for `summary`, where the expectation is of the month as a whole.

    In all of them `{stored}` is the asset's stored rows of the month; `sql_context.py` has the other names.

    parameters: SQL for more names, of this expectation alone, which may use those.
    tolerance: share of failing items, between 0 and 1, up to which the check passes.
    items: what is counted, in the plural. remedy: what to do when the check does not pass, a sentence without its stop.
    summary: the result in words of its own, in place of the counted ones; without what to do.
    """

    name: str
    description: str
    sql: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    tolerance: float = 0.0
    blocking: bool = True
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR
    items: str = "items"
    remedy: str = AGAIN
    summary: Callable[[Validation], str] | None = None

    @property
    def is_required(self) -> bool:
        """Whether a month must pass it to be complete."""
        return self.blocking and self.severity == dg.AssetCheckSeverity.ERROR


def validate(
    con: duckdb.DuckDBPyConnection, expectation: Expectation, sql_context: MutableMapping[str, str]
) -> Validation:
    """Run the expectation's statements on what is stored. sql_context: SQL by the name that stands for it in a statement.

    Raises what DuckDB raises, and StorageError where a name stands for a file that is not there.
    """
    found = statements(expectation.sql or expectation.name)
    own = {name: text.format_map(sql_context) for name, text in expectation.parameters.items()}
    names = ChainMap(own, sql_context)
    if "prepared" in found:
        con.execute(f"CREATE OR REPLACE TEMP TABLE prepared AS {found['prepared'].format_map(names)}")
    total = query(con, found.get("total", EVERY_ROW).format_map(names)).item()
    metrics = query(con, found["metrics"].format_map(names)).row(0, named=True) if "metrics" in found else {}
    return Validation(int(total), query(con, found["failing_rows"].format_map(names)), metrics)
