-- name: prepared
SELECT kind, population, bin, predicted, observed, n, series FROM {stored} WHERE n >= {fewest}
-- name: judged
SELECT count(*) FROM prepared
-- name: offenders
SELECT * FROM prepared WHERE NOT coalesce(abs(predicted - observed) <= {tolerance} + 1e-9, false) ORDER BY ALL
