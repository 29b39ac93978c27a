"""The month partitions, and what every partitioned asset shares."""

import dagster as dg

MONTHS = dg.MonthlyPartitionsDefinition(start_date="2000-01-01")
"""A partition exists once its month is over."""


def month_name(key: str | None) -> str:
    """A partition key as a person writes the month: `2025-12` for `2025-12-01`."""
    return (key or "")[:7]


ONE_RUN = dg.BackfillPolicy.single_run()
"""A range of months is one run: its assets loop over the months."""

WAREHOUSE_POOL = "duckdb_writer"
"""DuckDB allows one process at a time; dagster.yaml limits this pool to one step, across runs."""
