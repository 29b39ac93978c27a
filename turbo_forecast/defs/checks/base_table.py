"""The base table is one value in range per series and day, reaches today's telemetry, and has not shrunk."""

import dagster as dg

from turbo_forecast.defs.checks.expectations import Expectation, Validation, validate
from turbo_forecast.defs.checks.keys import no_duplicates
from turbo_forecast.defs.checks.month_checks import check_result
from turbo_forecast.defs.partitions import WAREHOUSE_POOL
from turbo_forecast.defs.reporting import plain_errors
from turbo_forecast.defs.resources import DataFolder, Warehouse
from turbo_forecast.number_words import days_ago
from turbo_forecast.schemas import BASE_TABLE
from turbo_forecast.storage.base_table import record_base_check, require_base_table, require_own_base_table
from turbo_forecast.storage.warehouse import transaction

FRESH_DAYS = 45
"""A monthly run needs telemetry up to the last month's end: older than this and a month is missing."""

LOOKED_BACK = 20
"""Materialisations among which the one before is looked for: each holds a picture of some 90 kB."""


def _freshness(validation: Validation) -> str:
    last, days = validation.metrics["last_day"], validation.metrics["days_ago"]
    if last is None:
        return "the base table holds no day at all"
    ends = f"the telemetry ends on {last}, {days_ago(days)}"
    if len(validation.failing_rows):
        return f"{ends}; a forecast of the latest month needs days of the last {FRESH_DAYS}"
    return f"{ends} (at most {FRESH_DAYS} are allowed)"


UNIQUE = no_duplicates(BASE_TABLE, "one_row_per_series_and_day")
IN_RANGE = Expectation(name="utilisation_is_in_range", description="y is a number in [0, 100]", items="rows")
FRESH = Expectation(
    name="telemetry_is_fresh",
    description=f"the fleet's last day is at most {FRESH_DAYS} days ago",
    parameters={"fresh_days": str(FRESH_DAYS)},
    blocking=False,
    severity=dg.AssetCheckSeverity.WARN,
    items="telemetry exports",
    remedy="Export newer telemetry, unless you forecast an earlier month on purpose",
    summary=_freshness,
)


def base_check(expectation: Expectation) -> dg.AssetChecksDefinition:
    """The expectation as an asset check of the base table."""

    @dg.asset_check(
        asset=BASE_TABLE.name,
        name=expectation.name,
        description=expectation.description,
        blocking=expectation.blocking,
        pool=WAREHOUSE_POOL,
    )
    def check(context: dg.AssetCheckExecutionContext, warehouse: Warehouse, folder: DataFolder) -> dg.AssetCheckResult:
        with plain_errors(), warehouse.get_connection(keep_duckdb=True) as con, transaction(con):
            require_base_table(con)
            require_own_base_table(con, context.run.run_id)
            validation = validate(con, expectation, {"stored": BASE_TABLE.name})
            if expectation.blocking:
                record_base_check(con, expectation.name, passed=validation.passes(expectation.tolerance))
        with plain_errors():
            return check_result(expectation, BASE_TABLE.name, validation, folder)

    return check


@dg.asset_check(
    asset=BASE_TABLE.name,
    name="fleet_has_not_shrunk",
    description="as many series as in the previous materialisation into the same warehouse; fewer is a warning",
    pool=WAREHOUSE_POOL,
)
def fleet_has_not_shrunk(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """Compare the stored series with what the materialisation before the last one reported of this warehouse."""
    with plain_errors(), warehouse.get_connection(keep_duckdb=True) as con, transaction(con):
        require_base_table(con)
        require_own_base_table(con, context.run.run_id)
        now = con.execute("SELECT count(*) FROM (SELECT DISTINCT host_id, resource FROM base_table)").fetchall()[0][0]
    before = previous_series(context.instance, warehouse.database)
    return dg.AssetCheckResult(
        passed=before is None or now >= before,
        severity=dg.AssetCheckSeverity.WARN,
        description=_size(now, before),
        metadata={"expected": before if before is not None else now, "got": now},
    )


def _size(now: int, before: int | None) -> str:
    """The fleet's size beside the run before, in words; and what to do when it is smaller."""
    if before is None:
        return f"the base table has {now:,} series; there is no run before to compare with"
    if now >= before:
        more = f"{now - before:,} more than" if now > before else "as many as"
        return f"the base table has {now:,} series, {more} in the run before"
    return (
        f"the base table has {now:,} series, {before - now:,} fewer than the {before:,} of the run before. Look for a "
        "file or filter that leaves hosts out, unless they were switched off."
    )


def previous_series(instance: dg.DagsterInstance, warehouse: str) -> int | None:
    """Series of the base table's last materialisation but one into the warehouse, if it is among the LOOKED_BACK last.

    One instance may serve several data folders: the size of another fleet has no bearing on this one's.
    """
    records = instance.fetch_materializations(dg.AssetKey(BASE_TABLE.name), limit=LOOKED_BACK).records
    metadata = [record.asset_materialization.metadata for record in records if record.asset_materialization]
    sizes = [found["series"].value for found in metadata if found.get("warehouse") == dg.MetadataValue.path(warehouse)]
    return int(sizes[1]) if len(sizes) > 1 else None  # type: ignore[arg-type]


checks = [*(base_check(expectation) for expectation in (UNIQUE, IN_RANGE, FRESH)), fleet_has_not_shrunk]
