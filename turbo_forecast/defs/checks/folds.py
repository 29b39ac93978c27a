"""Folds are held for everyone or for no one, on the right days, with what was observed, and before the backtest.

Expectations are derived from the base table alone: who had enough training before a fold, and something to score in it.
"""

from turbo_forecast.defs.checks.judging import month_check
from turbo_forecast.defs.checks.properties import Property
from turbo_forecast.schemas import FOLD_FORECAST

_DUE = """
    seen AS (
        SELECT host_id, resource, fold, any_value(fold_days) AS fold_days,
               count(*) FILTER (ds <= train_end) AS train_days,
               count(*) FILTER (ds > train_end AND ds <= fold_end) AS fold_observed
        FROM base_table, {folds} WHERE ds >= {history_start} GROUP BY ALL
    ), due AS (
        SELECT host_id, resource, fold, model, fold_days AS days_due
        FROM seen JOIN {outcomes} USING (host_id, resource), (SELECT unnest({models}) AS model)
        WHERE train_days >= {min_train_days} AND fold_observed > 0
          AND ((outcome = 'forecast' AND NOT contains('; ' || coalesce(reason, ''), '; ' || model || ' raised '))
               OR (outcome = 'failed' AND model = {fallback}))
    )
"""

HELD = Property(
    name="every_fold_is_held_by_everyone",
    sentence="every entrant of a series has all days of every fold the series' history allows, and no others",
    judged=f"WITH {_DUE} SELECT count(*) FROM (SELECT DISTINCT host_id, resource, fold FROM due)",
    offenders=f"""
        WITH {_DUE}, stored AS (
            SELECT host_id, resource, fold, model, count(DISTINCT ds) AS days FROM {{stored}} GROUP BY ALL
        )
        SELECT host_id, resource, fold, string_agg(model || ': ' || coalesce(days, 0) || ' of ' || coalesce(days_due, 0), '; '
               ORDER BY model) AS faults
        FROM due FULL JOIN stored USING (host_id, resource, fold, model)
        WHERE days IS DISTINCT FROM days_due GROUP BY ALL ORDER BY ALL
    """,
    items="folds of series",
)
OBSERVED = Property(
    name="folds_end_before_the_backtest",
    sentence="every row is of this month, lies inside its fold and before the backtest, and y is the base table's",
    judged="SELECT count(*) FROM {stored}",
    offenders="""
        SELECT host_id, resource, model, fold, ds, stored.y AS stored_y, base_table.y AS observed_y
        FROM {stored} AS stored LEFT JOIN base_table USING (host_id, resource, ds) LEFT JOIN {folds} AS held USING (fold)
        WHERE NOT coalesce(ds > held.train_end AND ds <= held.fold_end AND ds <= {train_end} AND cutoff = {cutoff}, false)
           OR stored.y IS DISTINCT FROM base_table.y
        ORDER BY ALL
    """,
    items="rows",
)

checks = [month_check(prop, FOLD_FORECAST) for prop in (HELD, OBSERVED)]
