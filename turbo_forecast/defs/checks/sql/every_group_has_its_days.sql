-- name: prepared
SELECT group_name AS host_id, resource, sum(present) AS present
FROM group_members WHERE cutoff = {cutoff} GROUP BY ALL HAVING sum(present) > 0
-- name: total
SELECT count(*) FROM prepared
-- name: failing_rows
WITH found AS (
    SELECT {series}, count(*) AS days, max(ds) AS last_day, {cutoff} - min(ds) + 1 AS days_due, arg_max(hosts, ds) AS hosts,
           count(*) FILTER (observed_hosts > hosts OR (y IS NULL) != (observed_capacity < 0.5)) AS odd_days
    FROM {stored} GROUP BY {series}
)
SELECT {series}, present, hosts, days, days_due, last_day, odd_days
FROM prepared FULL JOIN found USING ({series})
WHERE NOT coalesce(present = hosts AND days = days_due AND last_day = {cutoff} AND odd_days = 0, false)
ORDER BY ALL
