-- name: prepared
WITH published AS (
    SELECT DISTINCT {series} FROM {master_rows} WHERE phase = 'backtest'
), horizons AS (
    SELECT unnest({horizons})::INTEGER AS horizon_days
)
SELECT {series}, unnest({thresholds}) AS threshold, horizon_days, 1 AS due FROM published, horizons
-- name: total
SELECT count(*) FROM prepared
-- name: failing_rows
WITH found AS (
    SELECT {series}, threshold, horizon_days, count(*) AS statements FROM {stored} WHERE kind = 'series' GROUP BY ALL
)
SELECT {series}, threshold, horizon_days, coalesce(statements, 0) AS statements, coalesce(due, 0) AS due
FROM prepared FULL JOIN found USING ({series}, threshold, horizon_days)
WHERE due IS DISTINCT FROM statements
ORDER BY ALL
