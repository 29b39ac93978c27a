-- Where nothing was calibrated, a phase has the entrant's own interval, and none beside it.
-- name: prepared
WITH due AS (
    SELECT *, unnest({widths}::DOUBLE[]) AS interval_width FROM (
        SELECT {series}, phase, cutoff, count(*) AS days, min(ds) AS first_day, max(ds) AS last_day
        FROM {master_rows}
        SEMI JOIN (SELECT {series}, phase FROM calibration WHERE cutoff = {cutoff}) USING ({series}, phase)
        WHERE len({widths}) > 0
        GROUP BY ALL
    )
), found AS (
    SELECT {series}, phase, cutoff, interval_width, count(*) AS days, min(ds) AS first_day, max(ds) AS last_day
    FROM {stored} GROUP BY ALL
)
SELECT {series}, phase, cutoff, interval_width, due.days AS due_days, found.days, due.first_day AS due_first_day,
       found.first_day, due.last_day AS due_last_day, found.last_day
FROM due FULL JOIN found USING ({series}, phase, cutoff, interval_width)
-- name: total
SELECT count(due_days) FROM prepared
-- name: failing_rows
SELECT * FROM prepared
WHERE (days, first_day, last_day) IS DISTINCT FROM (due_days, due_first_day, due_last_day) ORDER BY ALL
