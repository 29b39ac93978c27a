"""Every series of the base table has the one outcome its history asks for, and exactly the rows its outcome promises.

Expectations are derived from the base table alone, and compared as sets: what is missing and what is too much.
"""

from turbo_forecast.defs.checks.judging import month_check
from turbo_forecast.defs.checks.properties import Property
from turbo_forecast.schemas import FLEET_FORECAST, FORECAST_PARQUET, TOURNAMENT_RESULTS

_OUTCOMES = """
    outcomes AS (
        SELECT host_id, resource, count(*) AS outcomes, any_value(outcome) AS outcome, any_value(reason) AS reason
        FROM {outcomes} GROUP BY ALL
    ), told AS (
        SELECT host_id, resource, live.train_days, coalesce(outcomes, 0) AS outcomes, outcome, coalesce(reason, '') AS reason,
               CASE WHEN live.host_id IS NULL THEN 'not in the base table'
                    WHEN backtest_days_observed = 0 THEN 'retired'
                    WHEN train_days < {min_train_days} THEN 'fallback' ELSE 'forecast' END AS due
        FROM {live} AS live FULL JOIN outcomes USING (host_id, resource)
    )
"""
_FAULTS = """
    stored AS (
        SELECT host_id, resource, model, count(*) FILTER (phase = 'backtest') AS backtest_rows,
               count(*) FILTER (phase = 'forecast') AS forecast_rows
        FROM {stored} GROUP BY ALL
    ), compared AS (
        SELECT host_id, resource, model, coalesce(backtest_due, 0) AS backtest_due,
               coalesce(backtest_rows, 0) AS backtest_rows, coalesce(forecast_due, 0) AS forecast_due,
               coalesce(forecast_rows, 0) AS forecast_rows
        FROM due FULL JOIN stored USING (host_id, resource, model)
    ), faults AS (
        SELECT host_id, resource, outcomes || ' × outcome ' || coalesce(outcome, 'none') || ', due: ' || due AS fault FROM told
        WHERE NOT coalesce(outcomes = 1 AND (outcome = due OR (outcome = 'failed' AND due IN ('forecast', 'fallback'))), false)
        UNION ALL
        SELECT host_id, resource, coalesce(model, 'no model') || ': ' || backtest_rows || ' of ' || backtest_due || ' backtest and '
               || forecast_rows || ' of ' || forecast_due || ' forecast days' FROM compared
        WHERE backtest_due != backtest_rows OR forecast_due != forecast_rows
    )
    SELECT host_id, resource, string_agg(fault, '; ' ORDER BY fault) AS faults FROM faults GROUP BY ALL ORDER BY ALL
"""
# whose rows are due: of every entrant unless its failure is recorded, of the fallback alone where none could be asked
_DUE = """
    due AS (
        SELECT host_id, resource, model, outcome, {horizon_days} AS forecast_due,
               CASE WHEN train_days >= {min_train_days} THEN {backtest_days} ELSE 0 END AS backtest_due
        FROM told, (SELECT unnest({models}) AS model)
        WHERE (outcome = 'forecast' AND NOT contains('; ' || reason, '; ' || model || ' raised '))
           OR (outcome IN ('fallback', 'failed') AND model = {fallback})
    )
"""
_CHAMPIONS_DUE = """
    due AS (
        SELECT host_id, resource, model, outcome, {horizon_days} AS forecast_due,
               CASE WHEN train_days >= {min_train_days} THEN {backtest_days} ELSE 0 END AS backtest_due
        FROM told JOIN (SELECT host_id, resource, model FROM champions WHERE cutoff = {cutoff}) USING (host_id, resource)
        WHERE outcome != 'retired'
        UNION ALL
        SELECT host_id, resource, '(no champion)', outcome, {horizon_days}, 0 FROM told
        WHERE outcome != 'retired' AND (host_id, resource) NOT IN (SELECT (host_id, resource) FROM champions WHERE cutoff = {cutoff})
    )
"""

_NAME = "every_series_has_an_outcome_and_its_rows"
_SENTENCE = "every series has the one outcome its history asks for, and exactly the rows that outcome promises"
_JUDGED = "SELECT count(*) FROM {live}"
EVERY_ENTRANT = Property(_NAME, _SENTENCE, _JUDGED, f"WITH {_OUTCOMES}, {_DUE}, {_FAULTS}", items="series")
EVERY_CHAMPION = Property(_NAME, _SENTENCE, _JUDGED, f"WITH {_OUTCOMES}, {_CHAMPIONS_DUE}, {_FAULTS}", items="series")

checks = [
    *(month_check(EVERY_ENTRANT, table) for table in (FLEET_FORECAST, TOURNAMENT_RESULTS)),
    month_check(EVERY_CHAMPION, FORECAST_PARQUET),
]
