-- name: failing_rows
SELECT * FROM {stored} WHERE NOT coalesce(y BETWEEN 0 AND 100, false) ORDER BY ALL
