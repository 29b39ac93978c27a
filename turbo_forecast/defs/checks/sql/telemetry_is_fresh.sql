-- name: judged
SELECT 1
-- name: offenders
SELECT max(ds) AS last_day FROM {stored} HAVING coalesce(max(ds) < current_date - {fresh_days}, true)
-- name: figures
SELECT max(ds) AS last_day, (current_date - max(ds))::INTEGER AS days_ago FROM {stored}
