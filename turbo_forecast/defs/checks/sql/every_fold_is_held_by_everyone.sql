-- name: prepared
SELECT {series}, fold, model, days AS days_due
FROM (SELECT * FROM {held} WHERE window_name != 'backtest') JOIN {entrants_due} USING ({series})
-- name: total
SELECT count(*) FROM (SELECT DISTINCT {series}, fold FROM prepared)
-- name: failing_rows
WITH stored AS (
    SELECT {series}, fold, model,
           coalesce(bit_count(bitstring_agg(ds - {history_start}, 0::BIGINT, {history_days}::BIGINT)
                              FILTER (ds BETWEEN {history_start} AND {cutoff})), 0) AS days
    FROM {stored} GROUP BY {series}, fold, model
)
SELECT {series}, fold,
       string_agg(model || ': ' || coalesce(days, 0) || ' of ' || coalesce(days_due, 0), '; ' ORDER BY model) AS faults
FROM prepared FULL JOIN stored USING ({series}, fold, model)
WHERE days IS DISTINCT FROM days_due GROUP BY ALL ORDER BY ALL
