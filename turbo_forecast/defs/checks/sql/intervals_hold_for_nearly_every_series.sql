-- An interval around a constant is no evidence for the others, and a fleet is full of idle hosts.
-- name: prepared
SELECT avg((coverage < floor - 1e-9)::INTEGER) AS poorly_covered, count(*) AS series, any_value(floor) AS floor,
       {allowed} + if(count(*) < {few_series}, 2 * sqrt({allowed} * (1 - {allowed}) / greatest(count(*), 1)), 0) AS allowed
FROM (
    SELECT avg((y BETWEEN yhat_lower AND yhat_upper)::INTEGER) AS coverage, {poor} * {interval_width}::DOUBLE AS floor
    FROM {stored}
    SEMI JOIN (SELECT {series} FROM {scores} WHERE window_name = 'backtest' AND mase IS NOT NULL) USING ({series})
    WHERE phase = 'backtest' AND y IS NOT NULL
    GROUP BY {series}
)
-- name: total
SELECT 1
-- name: failing_rows
SELECT round(poorly_covered, 4) AS poorly_covered, series, floor, allowed FROM prepared
WHERE series > 0 AND poorly_covered > allowed + 1e-9
-- name: metrics
FROM prepared
