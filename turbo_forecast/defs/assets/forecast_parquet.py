"""`forecast_parquet`: the master file for dashboards, the champion's rows of every series, intervals calibrated."""

from datetime import timedelta

import dagster as dg

from turbo_forecast.defs.monthly import month_asset, one_month
from turbo_forecast.defs.plots import fleet_forecast_lines
from turbo_forecast.defs.resources import DataFolder, ForecastResource, Warehouse
from turbo_forecast.fleet.library import run_windows
from turbo_forecast.schemas import CALIBRATION, CHAMPIONS, FORECAST_PARQUET, SERIES_OUTCOMES, TOURNAMENT_RESULTS
from turbo_forecast.storage.files import write_parquet
from turbo_forecast.storage.warehouse import query_stream

_OWN = "host_id, resource, model, phase, cutoff, ds, y, yhat, outcome"
CHAMPION_ROWS = f"""
    SELECT {_OWN},
           CASE WHEN lower IS NULL THEN yhat_lower ELSE greatest(0.0, yhat + lower) END AS yhat_lower,
           CASE WHEN upper IS NULL THEN yhat_upper ELSE least(100.0, yhat + upper) END AS yhat_upper
    FROM (SELECT *, date_diff('month', CASE phase WHEN 'backtest' THEN $train_end ELSE cutoff END, ds) AS horizon_month
          FROM tournament_results WHERE cutoff = $cutoff)
    JOIN (SELECT cutoff, host_id, resource, model FROM champions WHERE cutoff = $cutoff)
         USING (cutoff, host_id, resource, model)
    JOIN (SELECT cutoff, host_id, resource, outcome FROM series_outcomes WHERE cutoff = $cutoff)
         USING (cutoff, host_id, resource)
    LEFT JOIN (SELECT cutoff, host_id, resource, phase, horizon_month, lower, upper FROM calibration
               WHERE cutoff = $cutoff) USING (cutoff, host_id, resource, phase, horizon_month)
"""
PUBLISHED = f"SELECT {', '.join(FORECAST_PARQUET.names)} FROM ({CHAMPION_ROWS}) ORDER BY host_id, resource, phase, ds"
MONTHLY = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=40), warn_window=timedelta(days=33))


@dg.asset(
    **month_asset(
        FORECAST_PARQUET,
        deps=[CHAMPIONS, CALIBRATION, TOURNAMENT_RESULTS, SERIES_OUTCOMES],
        kind="parquet",
        group="forecast",
    ),
    freshness_policy=MONTHLY,
)
def forecast_parquet(
    context: dg.AssetExecutionContext, forecast: ForecastResource, warehouse: Warehouse, folder: DataFolder
) -> None:
    """Champions' rows, sorted by series, streamed into one file and published by rename."""
    for key in context.partition_keys:
        with one_month(context, FORECAST_PARQUET.name, key, forecast, warehouse) as month:
            path, window = folder.parquet(FORECAST_PARQUET.name, key), run_windows(month.cutoff, month.settings)
            timed, found = (
                month.timer.stage("write master file"),
                query_stream(month.con, PUBLISHED, cutoff=month.cutoff, train_end=window.train_end),
            )
            with timed, found as rows:
                stored = write_parquet(rows, FORECAST_PARQUET.arrow_schema, path)
            chart = fleet_forecast_lines(path)
            month.told = {"dagster/row_count": stored, "path": dg.MetadataValue.path(str(path)), "fleet": chart}
