"""Every entrant of the run has a forecast of some series: one that fails for all of them is no entrant, but a fault."""

import dagster as dg

from turbo_forecast.defs.checks.judging import Property, judge, places, tell
from turbo_forecast.defs.partitions import MONTHS, WAREHOUSE_POOL
from turbo_forecast.defs.reporting import plain_errors
from turbo_forecast.defs.resources import DataFolder, ForecastResource, Warehouse
from turbo_forecast.schemas import FLEET_FORECAST

# the series that entrants were asked for: too short or retired ones are asked of nobody but the fallback
_ASKED = "(SELECT host_id, resource FROM {outcomes} WHERE outcome IN ('forecast', 'failed'))"
SOMETHING = Property(
    name="every_entrant_forecasts_something",
    sentence="every entrant, outside models and combinations too, has a forecast of at least one of the series asked for",
    judged=f"SELECT if(count(*) > 0, len({{models}}), 0) FROM {_ASKED}",
    offenders=f"""
        WITH able AS (
            SELECT DISTINCT model FROM {{stored}} SEMI JOIN {_ASKED} USING (host_id, resource) WHERE phase = 'forecast'
        )
        SELECT model, (SELECT count(*) FROM {_ASKED}) AS series_asked,
               (SELECT min(reason) FROM {{outcomes}} WHERE contains('; ' || reason, '; ' || model || ' raised ')) AS example
        FROM (SELECT unnest({{models}}) AS model) ANTI JOIN able USING (model)
        WHERE (SELECT count(*) FROM {_ASKED}) > 0
        ORDER BY model
    """,
)


@dg.asset_check(
    asset=FLEET_FORECAST.name,
    name=SOMETHING.name,
    description=SOMETHING.sentence,
    blocking=True,
    partitions_def=MONTHS,
    pool=WAREHOUSE_POOL,
)
def check(
    context: dg.AssetCheckExecutionContext, forecast: ForecastResource, warehouse: Warehouse, folder: DataFolder
) -> dg.AssetCheckResult:
    """Judge each month, and name the entrants without any forecast in the sentence itself."""
    settings = forecast.settings()
    with plain_errors(), warehouse.get_connection() as con:
        verdicts = {
            month: judge(con, SOMETHING, places(FLEET_FORECAST, month, settings, folder))
            for month in context.partition_keys
        }
    result = tell(SOMETHING, FLEET_FORECAST.name, {**verdicts}, folder)
    silent = sorted({name for verdict in verdicts.values() for name in verdict.offenders["model"]})
    named = f"; none has {', '.join(silent)}" if silent else ""
    return result._replace(description=f"{result.description}{named}")


checks = [check]
