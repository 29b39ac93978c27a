-- name: offenders
WITH folds AS (
    SELECT {series}, model, avg(mae) AS fold_mae FROM {scores} WHERE window_name != 'backtest' GROUP BY {series}, model
), fallback AS (
    SELECT {series}, fold_mae AS fallback_fold_mae FROM folds WHERE model = {fallback}
)
SELECT {series}, model, fold_mae, fallback_fold_mae
FROM (SELECT {series}, model FROM {stored}) LEFT JOIN folds USING ({series}, model) JOIN fallback USING ({series})
WHERE NOT coalesce(fold_mae <= fallback_fold_mae + 1e-9, false)
ORDER BY ALL
