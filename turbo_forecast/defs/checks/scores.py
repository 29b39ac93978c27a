"""Every window is scored, over all the days that were observed, in finite numbers."""

from turbo_forecast.defs.checks.judging import month_check
from turbo_forecast.defs.checks.properties import Property
from turbo_forecast.schemas import TOURNAMENT_SCORES

_WINDOWS = """
    (SELECT host_id, resource, model, 0 AS fold, count(*) AS observed FROM tournament_results
     WHERE cutoff = {cutoff} AND phase = 'backtest' AND y IS NOT NULL GROUP BY ALL
     UNION ALL
     SELECT host_id, resource, model, fold, count(*) FROM {fold_rows} WHERE y IS NOT NULL GROUP BY ALL)
"""

SCORED = Property(
    name="every_window_is_scored",
    sentence="every entrant's backtest and folds of a series are scored on all their observed days, and nothing else is",
    judged=f"SELECT count(*) FROM {_WINDOWS}",
    offenders=f"""
        SELECT host_id, resource, model, fold, observed, n
        FROM {_WINDOWS} AS windows FULL JOIN {{stored}} AS scores USING (host_id, resource, model, fold)
        WHERE observed IS DISTINCT FROM n ORDER BY ALL
    """,
    items="windows of a series and an entrant",
)
FINITE_SCORES = Property(
    name="scores_are_finite",
    sentence="scores are finite and possible: errors not negative, coverage and sMAPE in [0, 1], RMSE at least MAE",
    judged="SELECT count(*) FROM {stored}",
    offenders="""
        SELECT * FROM {stored}
        WHERE NOT coalesce(
            mae >= 0 AND isfinite(rmse) AND rmse >= mae - 1e-9 AND smape BETWEEN 0 AND 1 AND isfinite(bias)
            AND coverage BETWEEN 0 AND 1 AND interval_score >= 0 AND isfinite(interval_score)
            AND pinball >= 0 AND isfinite(pinball), false)
           OR NOT coalesce(isfinite(mase) AND mase >= 0, true) OR NOT coalesce(isfinite(wape) AND wape >= 0, true)
        ORDER BY ALL
    """,
    items="rows of scores",
)

checks = [month_check(prop, TOURNAMENT_SCORES) for prop in (SCORED, FINITE_SCORES)]
