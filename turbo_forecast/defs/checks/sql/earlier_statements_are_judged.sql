-- Of a month that was made again, or whose statements are not there any more, nothing is due.
-- name: prepared
SELECT cutoff AS forecast_cutoff, kind, threshold, horizon_days
FROM (SELECT * FROM capacity_outlook WHERE scenario = 'baseline' AND kind = 'series'),
     (SELECT unnest({stated_horizons})::INTEGER AS horizon_days)
WHERE cutoff < {cutoff} AND cutoff >= last_day({cutoff} - to_months({months})) AND cutoff IN {settled}
  AND least(cutoff + horizon_days, last_day(cutoff + to_months({months}))) <= {cutoff}
  AND (horizon_days != 91 OR probability_91 IS NOT NULL)
GROUP BY ALL
-- name: total
SELECT count(*) FROM prepared
-- name: failing_rows
WITH stored AS (
    SELECT * FROM {stored} WHERE resource = 'all' AND population = 'all' AND kind = 'series'
      AND NOT (forecast_cutoff IN (SELECT cutoff FROM months) AND forecast_cutoff NOT IN {settled})
)
SELECT forecast_cutoff, threshold, horizon_days, n, brier
FROM prepared AS due FULL JOIN stored USING (forecast_cutoff, kind, threshold, horizon_days)
WHERE due.threshold IS NULL OR NOT coalesce(
    n > 0 AND events BETWEEN 0 AND n AND brier BETWEEN 0 AND 1 AND base_rate_brier BETWEEN 0 AND 0.25
    AND point_brier BETWEEN 0 AND 1, false)
ORDER BY ALL
