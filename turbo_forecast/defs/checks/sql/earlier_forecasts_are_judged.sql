-- An earlier month that was made again after it was judged is left out, and one whose rows were removed since: what was
-- judged then is not there any more.
-- name: prepared
WITH forecasts AS (
    SELECT cutoff AS forecast_cutoff, {series}, ds, model FROM {earlier_rows} AS earlier
    WHERE phase = 'forecast' AND cutoff < {cutoff} AND ds <= {cutoff}
      AND cutoff >= last_day({cutoff} - to_months({months})) AND cutoff IN {settled}
)
SELECT DISTINCT forecast_cutoff, date_diff('month', forecast_cutoff, ds)::INTEGER AS lead_month, model
FROM forecasts SEMI JOIN (SELECT * FROM base_table WHERE ds <= {cutoff}) USING ({series}, ds)
-- name: total
SELECT count(*) FROM prepared
-- name: failing_rows
WITH stored AS (
    SELECT * FROM {stored} WHERE resource = 'all' AND model != 'champion'
      AND NOT (forecast_cutoff IN (SELECT cutoff FROM months)
               AND (forecast_cutoff NOT IN {settled} OR forecast_cutoff NOT IN {kept}))
)
SELECT forecast_cutoff, lead_month, model, n
FROM prepared AS due FULL JOIN stored USING (forecast_cutoff, lead_month, model)
WHERE due.model IS NULL OR NOT coalesce(
    n > 0 AND mae >= 0 AND isfinite(mae) AND isfinite(bias) AND coverage BETWEEN 0 AND 1
    AND isfinite(interval_score), false)
ORDER BY ALL
