-- The 7-day mean again, of the base table alone: on every day of the backtest, whether it was observed or not.
-- name: prepared
WITH judged AS (
    SELECT DISTINCT {series} FROM {stored} WHERE kind = 'series'
), days AS (
    SELECT {series}, ds, y FROM base_table SEMI JOIN judged USING ({series})
    WHERE ds > {train_end} - 7 AND ds <= {cutoff}
    UNION ALL
    SELECT {series}, unnest(generate_series({train_end} - 6, {cutoff}, INTERVAL 1 DAY))::DATE, NULL FROM judged
), levels AS (
    SELECT {series}, ds, round(avg(y) OVER week, 9) AS level, count(y) OVER week AS observed FROM days
    WINDOW week AS (PARTITION BY {series} ORDER BY ds RANGE BETWEEN INTERVAL 6 DAYS PRECEDING AND CURRENT ROW)
), known AS (
    SELECT {series}, ds, any_value(level) AS level FROM levels WHERE ds > {train_end} AND observed >= 4 GROUP BY ALL
)
SELECT {series}, threshold, min(ds) AS reached
FROM (SELECT DISTINCT {series}, threshold FROM {stored} WHERE kind = 'series')
LEFT JOIN known USING ({series})
WHERE level >= threshold GROUP BY ALL
-- name: total
SELECT count(*) FROM {stored} WHERE kind = 'series'
-- name: failing_rows
SELECT {series}, threshold, horizon_days, actual, reached
FROM (SELECT * FROM {stored} WHERE kind = 'series') LEFT JOIN prepared USING ({series}, threshold)
WHERE actual IS DISTINCT FROM reached
ORDER BY ALL
