"""Everyone stands in the standings, everywhere, in finite numbers; and earlier forecasts are judged on what has arrived."""

from turbo_forecast.defs.checks.judging import month_check
from turbo_forecast.defs.checks.properties import Property
from turbo_forecast.schemas import FORECAST_ACCURACY, TOURNAMENT_STANDINGS

_DUE = """
    (SELECT stands_in AS resource, horizon_month, model, count(DISTINCT (host_id, resource)) AS due
     FROM (SELECT host_id, resource, unnest([resource, 'all']) AS stands_in, month AS horizon_month
           FROM (SELECT DISTINCT host_id, resource, unnest([0, date_diff('month', {train_end}, ds)])::INTEGER AS month
                 FROM tournament_results
                 WHERE cutoff = {cutoff} AND phase = 'backtest' AND model = {fallback} AND y IS NOT NULL)),
          (SELECT unnest({models}) AS model UNION SELECT 'champion')
     GROUP BY ALL)
"""

COMPLETE = Property(
    name="everyone_stands_everywhere",
    sentence="every entrant, and what was published, stands in every resource and month, on all series with a backtest",
    judged=f"SELECT count(*) FROM {_DUE}",
    offenders=f"""
        SELECT resource, horizon_month, model, series, due
        FROM {_DUE} AS asked FULL JOIN {{stored}} AS stored USING (resource, horizon_month, model)
        WHERE series IS DISTINCT FROM due ORDER BY ALL
    """,
    items="rows of the standings",
)
FINITE = Property(
    name="standings_are_finite",
    sentence="standings are finite and possible: shares in [0, 1], ranks from 1, intervals in order",
    judged="SELECT count(*) FROM {stored}",
    offenders="""
        SELECT * FROM {stored}
        WHERE NOT coalesce(
            mae >= 0 AND isfinite(mae) AND isfinite(bias) AND coverage BETWEEN 0 AND 1
            AND mean_coverage BETWEEN 0 AND 1 AND isfinite(interval_score) AND n >= series AND mean_rank >= 1
            AND wins BETWEEN 0 AND series AND own BETWEEN 0 AND series AND mase_series BETWEEN 0 AND series, false)
           OR NOT coalesce(mase_low <= mase + 1e-9 AND mase <= mase_high + 1e-9 AND isfinite(mase_high), true)
           OR NOT coalesce(0 <= beats_low AND beats_low <= beats_high AND beats_high <= 1, true)
        ORDER BY ALL
    """,
    items="rows of the standings",
)

_EARLIER = """
    (SELECT DISTINCT cutoff AS forecast_cutoff, date_diff('month', cutoff, ds)::INTEGER AS lead_month, model
     FROM (SELECT * FROM tournament_results WHERE phase = 'forecast' AND cutoff < {cutoff} AND ds <= {cutoff}
           AND cutoff >= last_day({cutoff} - to_months({months})) AND cutoff IN {settled})
     JOIN base_table USING (host_id, resource, ds))
"""
# an earlier month that was made again after it was judged: what was judged then is not there any more
_CHANGED = "(forecast_cutoff IN (SELECT cutoff FROM months) AND forecast_cutoff NOT IN {settled})"
JUDGED = Property(
    name="earlier_forecasts_are_judged",
    sentence="every earlier complete month's forecast, of every entrant, is judged on each month observed since",
    judged=f"SELECT count(*) FROM {_EARLIER}",
    offenders=f"""
        SELECT forecast_cutoff, lead_month, model, n
        FROM {_EARLIER} AS due
        FULL JOIN (SELECT * FROM {{stored}} WHERE resource = 'all' AND model != 'champion' AND NOT {_CHANGED}) AS stored
             USING (forecast_cutoff, lead_month, model)
        WHERE due.model IS NULL OR NOT coalesce(
            n > 0 AND mae >= 0 AND isfinite(mae) AND isfinite(bias) AND coverage BETWEEN 0 AND 1
            AND isfinite(interval_score), false)
        ORDER BY ALL
    """,
    items="observed months of an entrant's earlier forecasts",
)

checks = [
    *(month_check(prop, TOURNAMENT_STANDINGS) for prop in (COMPLETE, FINITE)),
    month_check(JUDGED, FORECAST_ACCURACY),
]
