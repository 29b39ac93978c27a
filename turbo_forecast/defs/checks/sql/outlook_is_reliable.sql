-- name: prepared
SELECT kind, population, bin, predicted, observed, n, series FROM {stored} WHERE n >= {fewest}
-- name: total
SELECT count(*) FROM prepared
-- name: failing_rows
SELECT * FROM prepared WHERE NOT coalesce(abs(predicted - observed) <= {tolerance} + 1e-9, false) ORDER BY ALL
