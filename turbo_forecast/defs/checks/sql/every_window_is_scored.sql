-- name: prepared
SELECT {series}, model, 'backtest' AS window_name, count(*) AS observed FROM {fleet_rows}
WHERE phase = 'backtest' AND y IS NOT NULL GROUP BY {series}, model
UNION ALL
SELECT {series}, model, 'fold ' || fold, count(*) FROM {fold_rows} WHERE y IS NOT NULL GROUP BY {series}, model, fold
-- name: total
SELECT count(*) FROM prepared
-- name: failing_rows
SELECT {series}, model, window_name, observed, n
FROM prepared FULL JOIN {stored} AS scores USING ({series}, model, window_name)
WHERE observed IS DISTINCT FROM n ORDER BY ALL
