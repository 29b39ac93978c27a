-- name: failing_rows
SELECT {series}, model, phase, ds, y AS stored_y, NULL AS observed_y FROM {stored} WHERE ds > {cutoff} AND y IS NOT NULL
UNION ALL
SELECT {series}, model, phase, ds, stored.y, observed.y
FROM (SELECT * FROM {stored} WHERE coalesce(ds <= {cutoff}, true)) AS stored
LEFT JOIN (SELECT * FROM base_table WHERE ds >= (SELECT min(ds) FROM {stored})) AS observed USING ({series}, ds)
WHERE stored.y IS DISTINCT FROM observed.y
ORDER BY ALL
