-- What is missing and what is too much: expectations follow from the base table and from what happened to each fit.
-- name: prepared
WITH found AS (
    SELECT {series}, count(*) AS outcomes, any_value(outcome) AS outcome FROM {outcomes} GROUP BY ALL
)
SELECT {series}, live.train_days, coalesce(outcomes, 0) AS outcomes, outcome, live.host_id IS NOT NULL AS is_live,
       CASE WHEN live.host_id IS NULL THEN 'not in the base table'
            WHEN backtest_days_observed = 0 THEN 'retired'
            WHEN train_days < {min_train_days} THEN 'fallback' ELSE 'forecast' END AS due
FROM {live} AS live FULL JOIN found USING ({series})
-- name: total
SELECT count(*) FROM prepared WHERE is_live
-- name: failing_rows
WITH due AS (
    SELECT {series}, model, {horizon_days} AS forecast_due,
           if(train_days >= {min_train_days}, {backtest_days}, 0) AS backtest_due
    FROM prepared JOIN (SELECT DISTINCT * FROM {owed}) USING ({series})
), stored AS (
    SELECT {series}, model, count(*) FILTER (phase = 'backtest') AS backtest_rows,
           count(*) FILTER (phase = 'forecast') AS forecast_rows
    FROM {stored} GROUP BY {series}, model
), compared AS (
    SELECT {series}, model, coalesce(backtest_due, 0) AS backtest_due, coalesce(backtest_rows, 0) AS backtest_rows,
           coalesce(forecast_due, 0) AS forecast_due, coalesce(forecast_rows, 0) AS forecast_rows
    FROM due FULL JOIN stored USING ({series}, model)
), faults AS (
    SELECT {series}, outcomes || ' × outcome ' || coalesce(outcome, 'none') || ', due: ' || due AS fault FROM prepared
    WHERE NOT coalesce(
        outcomes = 1 AND (outcome = due OR (outcome = 'failed' AND due IN ('forecast', 'fallback'))), false)
    UNION ALL
    SELECT {series}, coalesce(model, 'no model') || ': ' || backtest_rows || ' of ' || backtest_due
           || ' backtest and ' || forecast_rows || ' of ' || forecast_due || ' forecast days' FROM compared
    WHERE backtest_due != backtest_rows OR forecast_due != forecast_rows
)
SELECT {series}, string_agg(fault, '; ' ORDER BY fault) AS faults FROM faults GROUP BY ALL ORDER BY ALL
