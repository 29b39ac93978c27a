-- name: prepared
WITH compared AS (
    SELECT DISTINCT {series}, unnest([0, date_diff('month', {train_end}, ds)])::INTEGER AS horizon_month
    FROM {fleet_rows} WHERE phase = 'backtest' AND model = {fallback} AND y IS NOT NULL
)
SELECT stands_in AS resource, horizon_month, model, count(DISTINCT ({series})) AS due
FROM (SELECT {series}, unnest([resource, 'all']) AS stands_in, horizon_month FROM compared),
     (SELECT unnest({models}) AS model UNION SELECT 'champion')
GROUP BY stands_in, horizon_month, model
-- name: total
SELECT count(*) FROM prepared
-- name: failing_rows
SELECT resource, horizon_month, model, series, due
FROM prepared FULL JOIN {stored} AS stored USING (resource, horizon_month, model)
WHERE series IS DISTINCT FROM due ORDER BY ALL
