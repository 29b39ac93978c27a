-- name: prepared
SELECT {series}, model, 'backtest' AS "window", count(*) AS observed FROM {fleet_rows}
WHERE phase = 'backtest' AND y IS NOT NULL GROUP BY {series}, model
UNION ALL
SELECT {series}, model, 'fold ' || fold, count(*) FROM {fold_rows} WHERE y IS NOT NULL GROUP BY {series}, model, fold
-- name: judged
SELECT count(*) FROM prepared
-- name: offenders
SELECT {series}, model, "window", observed, n
FROM prepared FULL JOIN {stored} AS scores USING ({series}, model, "window")
WHERE observed IS DISTINCT FROM n ORDER BY ALL
