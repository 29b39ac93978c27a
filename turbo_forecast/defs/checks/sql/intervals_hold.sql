-- An interval around a constant is no evidence for the others, and a fleet is full of idle hosts.
-- name: prepared
SELECT *, {tolerance} + if(series < {few_series}, 2 * sqrt(nominal * (1 - nominal) / series), 0) AS allowed
FROM (
    SELECT avg((y BETWEEN yhat_lower AND yhat_upper)::INTEGER) AS coverage, {interval_width}::DOUBLE AS nominal,
           count(*) AS days, count(DISTINCT ({series})) AS series
    FROM {stored}
    SEMI JOIN (SELECT {series} FROM {scores} WHERE window_name = 'backtest' AND mase IS NOT NULL) USING ({series})
    WHERE phase = 'backtest' AND y IS NOT NULL
)
-- name: total
SELECT 1
-- name: failing_rows
SELECT round(coverage, 4) AS coverage, nominal, days, series FROM prepared
WHERE days > 0 AND abs(coverage - nominal) > allowed + 1e-9
-- name: metrics
FROM prepared
