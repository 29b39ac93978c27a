-- name: prepared
SELECT {series}, model,
       coalesce(bit_count(bitstring_agg(ds - {cutoff}, 1::BIGINT, {horizon_days}::BIGINT)
                          FILTER (phase = 'forecast' AND ds > {cutoff} AND ds <= {horizon_end})), 0) AS forecast_days,
       coalesce(bit_count(bitstring_agg(ds - {train_end}, 1::BIGINT, {backtest_days}::BIGINT)
                          FILTER (phase = 'backtest' AND ds > {train_end} AND ds <= {cutoff})), 0) AS backtest_days,
       min(ds) AS first_day, max(ds) AS last_day,
       count(*) FILTER (NOT coalesce((phase = 'forecast' AND ds > {cutoff} AND ds <= {horizon_end})
                                     OR (phase = 'backtest' AND ds > {train_end} AND ds <= {cutoff}), false)) AS other_rows
FROM {stored} GROUP BY {series}, model
-- name: total
SELECT count(*) FROM prepared
-- name: failing_rows
SELECT * FROM prepared
WHERE forecast_days != {horizon_days} OR backtest_days NOT IN (0, {backtest_days}) OR other_rows > 0
ORDER BY ALL
