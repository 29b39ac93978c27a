-- name: prepared
SELECT scenario, file_row, any_value(what) AS what, any_value(host_id) AS host_id,
       any_value(resource) AS resource, any_value(effect) AS effect,
       count(*) FILTER (effect = 'applied') AS series
FROM {stored} WHERE from_ds > {cutoff} AND from_ds <= {horizon_end} GROUP BY scenario, file_row
-- name: total
SELECT count(*) FROM prepared
-- name: failing_rows
SELECT file_row, what, host_id, resource, scenario, effect FROM prepared WHERE series = 0 ORDER BY ALL
