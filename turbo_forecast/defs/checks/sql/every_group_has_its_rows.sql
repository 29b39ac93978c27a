-- name: prepared
SELECT {series} FROM group_history
WHERE cutoff = {cutoff} AND y IS NOT NULL GROUP BY {series} HAVING max(ds) > {train_end}
-- name: total
SELECT count(*) FROM prepared
-- name: failing_rows
WITH found AS (
    SELECT {series},
           count(DISTINCT ds) FILTER (phase = 'forecast' AND ds > {cutoff} AND ds <= {horizon_end}) AS forecast_days,
           count(*) FILTER (NOT coalesce(yhat_lower BETWEEN 0 AND yhat AND yhat_upper BETWEEN yhat AND 100, false)) AS odd_rows,
           count(DISTINCT model) AS models
    FROM {stored} GROUP BY {series}
), due AS (SELECT *, true AS due FROM prepared)
SELECT {series}, coalesce(due, false) AS due, forecast_days, odd_rows, models
FROM due FULL JOIN found USING ({series})
WHERE NOT coalesce(due AND forecast_days = {horizon_days} AND odd_rows = 0 AND models = 1, false)
ORDER BY ALL
