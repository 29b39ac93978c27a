"""No two rows are about the same thing."""

from collections.abc import Iterable

import dagster as dg

from turbo_forecast import schemas
from turbo_forecast.defs.checks.judging import month_check
from turbo_forecast.defs.checks.properties import Property
from turbo_forecast.storage.months import STEPS
from turbo_forecast.tables import Table


def no_duplicates(table: Table) -> Property:
    """The key of a table is a key."""
    key = ", ".join(table.key)
    return Property(
        name="no_duplicate_keys",
        sentence=f"no two rows share {key}",
        judged="SELECT count(*) FROM {stored}",
        offenders=f"SELECT {key}, count(*) AS n FROM {{stored}} GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL",
        items="rows",
    )


def key_checks(tables: Iterable[Table]) -> list[dg.AssetChecksDefinition]:
    """The check of its key for each of a month's tables."""
    return [month_check(no_duplicates(table), table) for table in tables]


checks = key_checks(getattr(schemas, name.upper()) for name in (*STEPS, schemas.MONTHS.name))
