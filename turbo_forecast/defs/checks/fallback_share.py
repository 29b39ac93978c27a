"""Few live series rest on the fallback; more is a warning, not an error."""

import dagster as dg

from turbo_forecast.defs.checks.judging import Property, judge, places, tell
from turbo_forecast.defs.partitions import MONTHS, WAREHOUSE_POOL
from turbo_forecast.defs.reporting import plain_errors
from turbo_forecast.defs.resources import DataFolder, ForecastResource, Warehouse
from turbo_forecast.schemas import SERIES_OUTCOMES


def few_fallbacks(tolerated: float) -> Property:
    """At most this share of the live series is published from the fallback."""
    return Property(
        name="few_series_rest_on_the_fallback",
        sentence=f"live series have an entrant's own forecast (up to {tolerated:.0%} may rest on the fallback)",
        judged="SELECT count(*) FROM {outcomes} WHERE outcome != 'retired'",
        offenders="""
            SELECT host_id, resource, outcome, reason FROM {outcomes}
            WHERE outcome IN ('fallback', 'failed') ORDER BY ALL
        """,
        tolerated=tolerated,
        blocking=False,
        severity=dg.AssetCheckSeverity.WARN,
    )


@dg.asset_check(
    asset=SERIES_OUTCOMES.name,
    name="few_series_rest_on_the_fallback",
    description="warns when more live series rest on the fallback than max_fallback_share",
    partitions_def=MONTHS,
    pool=WAREHOUSE_POOL,
)
def check(
    context: dg.AssetCheckExecutionContext, forecast: ForecastResource, warehouse: Warehouse, folder: DataFolder
) -> dg.AssetCheckResult:
    """Judge each month at the run's own max_fallback_share."""
    settings = forecast.settings()
    prop = few_fallbacks(settings.max_fallback_share)
    with plain_errors(), warehouse.get_connection() as con:
        verdicts = {m: judge(con, prop, places(SERIES_OUTCOMES, m, settings, folder)) for m in context.partition_keys}
    return tell(prop, SERIES_OUTCOMES.name, {**verdicts}, folder)


checks = [check]
