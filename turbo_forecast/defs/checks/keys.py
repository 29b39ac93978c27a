"""No two rows are about the same thing.

Belongs here: the check of a table's key, whatever the table. Does not belong here: which tables there are.
"""

from collections.abc import Iterable

import dagster as dg

from turbo_forecast import schemas
from turbo_forecast.defs.checks.expectations import Expectation
from turbo_forecast.defs.checks.month_checks import month_check
from turbo_forecast.schemas import TOURNAMENT_RESULTS
from turbo_forecast.storage.months import STEPS
from turbo_forecast.storage.telemetry.sql import identifier
from turbo_forecast.tables import Table

NAME = "no_duplicate_keys"
VIEWS = {TOURNAMENT_RESULTS.name}
"""Tables that store no rows of their own, but serve those of fleet_forecast."""


def no_duplicates(table: Table, name: str = NAME) -> Expectation:
    """The key of a table is a key."""
    description = f"no two rows share {', '.join(table.key)}"
    key = ", ".join(identifier(column) for column in table.key)
    if table.name in VIEWS:
        return Expectation(name, description, "every_row_is_served_once", items="rows")
    if "ds" not in table.key:
        return Expectation(name, description, NAME, {"key": key}, items="rows")
    of = [identifier(column) for column in table.key if column != "ds"]
    same = " AND ".join(f"stored.{column} IS NOT DISTINCT FROM suspects.{column}" for column in of)
    return Expectation(
        name, description, "no_duplicate_days", {"key": key, "of": ", ".join(of), "same": same}, items="rows"
    )


def key_check(table: Table) -> dg.AssetChecksDefinition:
    """The check that a month's rows of the table have different keys."""
    return month_check(no_duplicates(table), table)


def key_checks(tables: Iterable[Table]) -> list[dg.AssetChecksDefinition]:
    """The check of its key for each of a month's tables."""
    return [key_check(table) for table in tables]


checks = key_checks(getattr(schemas, name.upper()) for name in (*STEPS, schemas.MONTHS.name))
