"""Every series of the base table has exactly one outcome, and the rows its outcome promises."""

from turbo_forecast.defs.checks.judging import Property, month_check
from turbo_forecast.schemas import FLEET_FORECAST, FORECAST_PARQUET, TOURNAMENT_RESULTS

EVERY_SERIES = Property(
    name="every_series_has_an_outcome_and_its_rows",
    sentence="every series has exactly one outcome and its forecast rows",
    judged="SELECT count(*) FROM {live}",
    offenders="""
        WITH outcomes AS (
            SELECT host_id, resource, count(*) AS outcomes, any_value(outcome) AS outcome,
                   any_value(observations) AS observations
            FROM {outcomes} GROUP BY ALL
        ), stored AS (
            SELECT host_id, resource, count(*) FILTER (phase = 'forecast') AS forecast_rows,
                   count(*) FILTER (phase = 'backtest') AS backtest_rows
            FROM {stored} GROUP BY ALL
        ), judged AS (
            SELECT host_id, resource, live.host_id IS NOT NULL AS in_base_table,
                   last_day,
                   coalesce(outcomes, 0) AS outcomes, outcome,
                   coalesce(forecast_rows, 0) AS forecast_rows, coalesce(backtest_rows, 0) AS backtest_rows
            FROM (SELECT *, true AS present FROM {live}) AS live
            FULL JOIN outcomes USING (host_id, resource) FULL JOIN stored USING (host_id, resource)
        )
        SELECT * FROM judged
        WHERE NOT in_base_table OR outcomes != 1
           OR (outcome = 'retired' AND (forecast_rows + backtest_rows > 0 OR last_day >= {backtest_start}))
           OR (outcome != 'retired' AND forecast_rows < {horizon_days})
           OR (outcome = 'forecast' AND backtest_rows < {backtest_days})
           OR outcome NOT IN ('forecast', 'fallback', 'retired', 'failed')
        ORDER BY host_id, resource
    """,
)

checks = [month_check(EVERY_SERIES, table) for table in (FLEET_FORECAST, TOURNAMENT_RESULTS, FORECAST_PARQUET)]
