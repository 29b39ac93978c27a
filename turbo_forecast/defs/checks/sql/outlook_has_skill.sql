-- With few events, or few that did not happen, a skill is chance.
-- name: prepared
SELECT kind, threshold, horizon_days, n, events, brier, base_rate_brier, skill FROM {stored}
WHERE population = 'all' AND resource = 'all' AND least(events, n - events) >= {fewest}
-- name: total
SELECT count(*) FROM prepared
-- name: failing_rows
SELECT * FROM prepared WHERE NOT coalesce(skill > 0, false) ORDER BY ALL
