-- name: prepared
SELECT unnest({steps}) AS asset
-- name: total
SELECT count(*) FROM prepared
-- name: failing_rows
WITH state AS (
    SELECT coalesce(any_value(state), {incomplete}) = {incomplete} OR any_value(finished_at) IS NULL AS is_unfinished
    FROM {stored}
), steps AS (
    SELECT asset, max(check_name) FILTER (result = {failed}) AS failed, count(*) FILTER (result = 'stored') AS stored
    FROM month_steps WHERE cutoff = {cutoff} GROUP BY asset
)
SELECT asset, CASE WHEN is_unfinished THEN 'the month is not complete'
                   WHEN failed IS NOT NULL THEN failed || ' has failed'
                   WHEN coalesce(stored, 0) = 0 THEN 'not stored' ELSE fault END AS fault
FROM prepared CROSS JOIN state LEFT JOIN steps USING (asset) LEFT JOIN {lost} USING (asset)
WHERE is_unfinished OR failed IS NOT NULL OR coalesce(stored, 0) = 0 OR fault IS NOT NULL
ORDER BY ALL
