-- name: prepared
SELECT {series}, model FROM {fleet_rows} WHERE phase = 'forecast' GROUP BY {series}, model
-- name: total
SELECT count(*) FROM (SELECT DISTINCT {series} FROM prepared)
-- name: failing_rows
WITH forecasters AS (
    SELECT {series}, list(model) AS models FROM prepared GROUP BY {series}
), chosen AS (
    SELECT {series}, count(*) AS champions, any_value(model) AS model FROM {stored} GROUP BY {series}
)
SELECT {series}, coalesce(champions, 0) AS champions, model
FROM forecasters FULL JOIN chosen USING ({series})
WHERE coalesce(champions, 0) != 1 OR NOT coalesce(list_contains(models, model), false)
ORDER BY ALL
