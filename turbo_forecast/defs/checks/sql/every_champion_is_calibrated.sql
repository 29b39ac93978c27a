-- A young series has no backtest; and in a young fleet nobody has a fold: nothing calibrates the backtest then.
-- name: prepared
WITH published AS (
    SELECT DISTINCT {series}, phase FROM {fleet_rows} SEMI JOIN {chosen} AS chosen USING ({series}, model)
), known AS (
    SELECT EXISTS (FROM {fold_rows} SEMI JOIN {chosen} AS chosen USING ({series}, model) WHERE y IS NOT NULL) AS has_folds,
           EXISTS (FROM {fleet_rows} SEMI JOIN {chosen} AS chosen USING ({series}, model)
                   WHERE phase = 'backtest' AND y IS NOT NULL) AS has_backtest
), months AS (
    SELECT 'backtest' AS phase, unnest(range(1, {backtest_months} + 1)) AS month FROM known WHERE has_folds
    UNION ALL
    SELECT 'forecast', unnest(range(1, {months} + 1)) FROM known WHERE has_folds OR has_backtest
)
SELECT {series}, phase, month::INTEGER AS horizon_month
FROM published JOIN months USING (phase)
WHERE EXISTS (SELECT 1 FROM {windows} WHERE window_name != 'backtest')
-- name: total
SELECT count(*) FROM prepared
-- name: failing_rows
SELECT {series}, phase, horizon_month, scale, lower, upper
FROM prepared FULL JOIN {stored} AS stored USING ({series}, phase, horizon_month)
WHERE prepared.host_id IS NULL
   OR NOT coalesce(lower < 0 AND 0 < upper AND isfinite(lower) AND isfinite(upper) AND scale > 0, false)
ORDER BY ALL
