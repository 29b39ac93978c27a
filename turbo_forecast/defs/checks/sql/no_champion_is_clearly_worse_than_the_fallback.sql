-- name: failing_rows
WITH folds AS (
    SELECT {series}, window_name, model, mae FROM {scores} WHERE window_name != 'backtest'
), paired AS (
    SELECT {series}, own.model, own.mae, fallback.mae AS fallback_mae, ln((own.mae + 0.1) / (fallback.mae + 0.1)) AS worse
    FROM folds AS own JOIN folds AS fallback USING ({series}, window_name)
    WHERE fallback.model = {fallback}
), compared AS (
    SELECT {series}, model, avg(mae) AS fold_mae, avg(fallback_mae) AS fallback_fold_mae,
        avg(worse) AS apart, coalesce(stddev_samp(worse) / sqrt(count(*)), 'infinity') AS standard_error
    FROM paired GROUP BY {series}, model
)
SELECT {series}, model, fold_mae, fallback_fold_mae, exp(apart) - 1 AS worse_by, standard_error
FROM (SELECT {series}, model FROM {stored})
    SEMI JOIN paired USING ({series})
    LEFT JOIN compared USING ({series}, model)
WHERE NOT coalesce(apart <= standard_error + 2e-9, false)
ORDER BY ALL
