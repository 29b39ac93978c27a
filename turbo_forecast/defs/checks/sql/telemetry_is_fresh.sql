-- name: total
SELECT 1
-- name: failing_rows
SELECT max(ds) AS last_day FROM {stored} HAVING coalesce(max(ds) < current_date - {fresh_days}, true)
-- name: metrics
SELECT max(ds) AS last_day, (current_date - max(ds))::INTEGER AS days_ago FROM {stored}
