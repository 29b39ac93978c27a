-- name: failing_rows
SELECT {series}, model, fold, ds, stored.y AS stored_y, observed.y AS observed_y
FROM {stored} AS stored
LEFT JOIN (SELECT * FROM base_table WHERE ds BETWEEN (SELECT min(ds) FROM {stored}) AND (SELECT max(ds) FROM {stored}))
    AS observed USING ({series}, ds)
LEFT JOIN {windows} AS windows USING (fold)
WHERE NOT coalesce(ds > windows.train_end AND ds <= windows.last_day AND ds <= {train_end} AND cutoff = {cutoff}, false)
   OR stored.y IS DISTINCT FROM observed.y
ORDER BY ALL
