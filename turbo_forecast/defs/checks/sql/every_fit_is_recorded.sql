-- Windows are asked for from the oldest on, and none after the one that failed. Of an entrant whose worker died, or
-- that was ended (too slow, too large), nothing else was kept than that: one row, of any window.
-- name: prepared
WITH held AS MATERIALIZED (
    SELECT {series}, window_name, fold FROM {held}
), windows AS (
    SELECT {series}, window_name, fold AS before FROM held
    UNION ALL
    SELECT {series}, 'forecast', -1 FROM {outcomes}
    WHERE {refit} OR ({series}) NOT IN (SELECT ({series}) FROM held WHERE window_name = 'backtest')
)
SELECT {series}, model, window_name, before
FROM {outcomes} JOIN windows USING ({series}) CROSS JOIN (SELECT unnest({singles}) AS model)
WHERE outcome IN ('forecast', 'failed') OR (outcome = 'fallback' AND model = {fallback} AND before = -1)
-- name: total
SELECT count(*) FROM (SELECT DISTINCT {series}, model FROM prepared)
-- name: failing_rows
WITH recorded AS (
    SELECT {series}, model, window_name, count(*) AS n, any_value(status) AS status FROM {stored} GROUP BY ALL
), failed AS (
    SELECT {series}, model, max(before) AS failed_before, count(*) AS failures,
           bool_or(status IN ('worker_died', 'timed_out', 'memory_exceeded')) AS is_lost
    FROM recorded JOIN prepared USING ({series}, model, window_name) WHERE status != 'ok' GROUP BY {series}, model
), compared AS (
    SELECT {series}, model, window_name, before, coalesce(n, 0) AS n, status, coalesce(failures, 0) AS failures,
           CASE WHEN before IS NULL THEN 0
                WHEN is_lost THEN (before = failed_before)::INTEGER
                ELSE (before >= coalesce(failed_before, before))::INTEGER END AS due
    FROM prepared FULL JOIN recorded USING ({series}, model, window_name) LEFT JOIN failed USING ({series}, model)
)
SELECT {series}, model, string_agg(window_name || ': ' || n || ' of ' || due || coalesce(' (' || status || ')', ''), '; '
                                   ORDER BY window_name) AS faults
FROM compared
WHERE n != due OR NOT coalesce(status IN ('ok', 'raised', 'timed_out', 'worker_died', 'memory_exceeded'), n = 0)
GROUP BY {series}, model ORDER BY ALL
