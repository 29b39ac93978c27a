"""`forecast_parquet`: the master file for dashboards, the champion's rows of every series."""

from datetime import timedelta

import dagster as dg

from turbo_forecast.defs.monthly import month_asset, one_month
from turbo_forecast.defs.plots import fleet_forecast_lines
from turbo_forecast.defs.resources import DataFolder, ForecastResource, Warehouse
from turbo_forecast.schemas import CHAMPIONS, FORECAST_PARQUET, SERIES_OUTCOMES, TOURNAMENT_RESULTS
from turbo_forecast.storage.files import write_parquet
from turbo_forecast.storage.warehouse import query_stream

CHAMPION_ROWS = f"""
    SELECT {", ".join(FORECAST_PARQUET.names)}
    FROM (SELECT * FROM tournament_results WHERE cutoff = $cutoff)
    JOIN (SELECT * FROM champions WHERE cutoff = $cutoff) USING (cutoff, host_id, resource, model)
    JOIN (SELECT cutoff, host_id, resource, outcome FROM series_outcomes WHERE cutoff = $cutoff)
         USING (cutoff, host_id, resource)
    ORDER BY host_id, resource, phase, ds
"""
MONTHLY = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=40), warn_window=timedelta(days=33))


@dg.asset(
    **month_asset(
        FORECAST_PARQUET, deps=[CHAMPIONS, TOURNAMENT_RESULTS, SERIES_OUTCOMES], kind="parquet", group="forecast"
    ),
    freshness_policy=MONTHLY,
)
def forecast_parquet(
    context: dg.AssetExecutionContext, forecast: ForecastResource, warehouse: Warehouse, folder: DataFolder
) -> None:
    """Champions' rows, sorted by series, streamed into one file and published by rename."""
    for key in context.partition_keys:
        with one_month(context, FORECAST_PARQUET.name, key, forecast, warehouse) as month:
            path = folder.parquet(FORECAST_PARQUET.name, key)
            timed, found = (
                month.timer.stage("write master file"),
                query_stream(month.con, CHAMPION_ROWS, cutoff=month.cutoff),
            )
            with timed, found as rows:
                stored = write_parquet(rows, FORECAST_PARQUET.arrow_schema, path)
            chart = fleet_forecast_lines(path)
            month.told = {"dagster/row_count": stored, "path": dg.MetadataValue.path(str(path)), "fleet": chart}
