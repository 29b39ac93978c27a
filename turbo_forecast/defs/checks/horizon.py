"""Every entrant's forecast of a series covers every day asked for, and no other."""

from turbo_forecast.defs.checks.judging import month_check
from turbo_forecast.defs.checks.properties import Property
from turbo_forecast.schemas import FLEET_FORECAST, FORECAST_PARQUET, TOURNAMENT_RESULTS

COMPLETE = Property(
    name="horizon_is_complete",
    sentence="every forecast covers each day of the horizon, every backtest each day of its window",
    judged="SELECT count(*) FROM (SELECT DISTINCT host_id, resource, model FROM {stored})",
    offenders="""
        SELECT host_id, resource, model,
               count(DISTINCT ds) FILTER (phase = 'forecast') AS forecast_days,
               count(DISTINCT ds) FILTER (phase = 'backtest') AS backtest_days,
               min(ds) AS first_day, max(ds) AS last_day
        FROM {stored} GROUP BY host_id, resource, model
        HAVING forecast_days != {horizon_days}
            OR backtest_days NOT IN (0, {backtest_days})
            OR last_day != {horizon_end}
            OR count(*) FILTER (phase NOT IN ('forecast', 'backtest')) > 0
            OR count(*) FILTER (phase = 'forecast' AND ds <= {cutoff}) > 0
            OR count(*) FILTER (phase = 'backtest' AND ds NOT BETWEEN {backtest_start} AND {cutoff}) > 0
        ORDER BY ALL
    """,
    items="forecasts",
)

checks = [month_check(COMPLETE, table) for table in (FLEET_FORECAST, TOURNAMENT_RESULTS, FORECAST_PARQUET)]
