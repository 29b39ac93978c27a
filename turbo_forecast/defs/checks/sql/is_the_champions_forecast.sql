-- The order of a sum of several hosts' loads is anyone's: only there the last digits may differ.
-- name: failing_rows
WITH champion AS (
    SELECT {series}, model, phase, cutoff, ds, y, yhat, yhat_lower, yhat_upper,
           date_diff('month', if(phase = 'backtest', {train_end}, {cutoff}), ds)::INTEGER AS horizon_month
    FROM {fleet_rows} SEMI JOIN {chosen} AS chosen USING ({series}, model)
), usual AS (
    SELECT {series}, outcome FROM {outcomes}
    WHERE coalesce(unobserved_weekdays, unobserved_months, unobserved_stretches) IS NULL
), unusual AS (
    SELECT {series}, outcome, unobserved_weekdays, unobserved_months, unobserved_stretches
    FROM {outcomes} ANTI JOIN usual USING ({series})
), known AS (
    SELECT champion.*, outcome, false AS is_unknown FROM champion JOIN usual USING ({series})
    UNION ALL
    SELECT champion.*, outcome, {unobserved_day} FROM champion JOIN unusual USING ({series})
), unplanned AS (
    SELECT {series}, model, phase, known.cutoff, ds, y, yhat,
           (if(is_unknown, 0, if(lower IS NULL, yhat_lower, greatest(yhat + lower, 0))))::FLOAT AS yhat_lower,
           (if(is_unknown, 100, if(upper IS NULL, yhat_upper, least(yhat + upper, 100))))::FLOAT AS yhat_upper, outcome
    FROM known
    LEFT JOIN (SELECT {series}, phase, horizon_month, lower, upper FROM calibration WHERE cutoff = {cutoff})
        USING ({series}, phase, horizon_month)
), due AS (
    SELECT * FROM {planned}
)
SELECT CASE WHEN stored.host_id IS NULL THEN 'missing' WHEN due.host_id IS NULL THEN 'not published' ELSE 'differs' END
           AS problem,
       {series}, phase, ds, stored.model, stored.cutoff, stored.outcome, stored.y, due.y AS due_y,
       stored.yhat, due.yhat AS due_yhat, stored.yhat_lower, due.yhat_lower AS due_lower,
       stored.yhat_upper, due.yhat_upper AS due_upper
FROM due FULL JOIN {stored} AS stored USING ({series}, phase, ds)
WHERE stored.host_id IS NULL OR due.host_id IS NULL
   OR (stored.model, stored.cutoff, stored.outcome, stored.y) IS DISTINCT FROM (due.model, due.cutoff, due.outcome, due.y)
   OR CASE WHEN loads_come > 0 THEN NOT coalesce(
          greatest(abs(stored.yhat - due.yhat), abs(stored.yhat_lower - due.yhat_lower),
                   abs(stored.yhat_upper - due.yhat_upper)) <= {rounding_percent}, false)
      ELSE (stored.yhat, stored.yhat_lower, stored.yhat_upper) IS DISTINCT FROM (due.yhat, due.yhat_lower, due.yhat_upper)
      END
ORDER BY ALL
