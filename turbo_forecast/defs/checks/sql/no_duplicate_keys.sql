-- name: failing_rows
SELECT {key}, count(*) AS n FROM {stored} GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL
