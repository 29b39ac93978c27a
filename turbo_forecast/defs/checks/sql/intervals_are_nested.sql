-- Sums of several hosts' loads may differ in their last digits.
-- name: failing_rows
WITH narrower AS (
    SELECT * REPLACE ({widths}[list_position({widths}, interval_width) + 1] AS interval_width) FROM {stored}
), beside AS (
    SELECT {series}, phase, ds, interval_width, stored.lower, stored.upper, yhat, yhat_lower, yhat_upper,
           coalesce(narrower.lower, yhat) AS narrower_lower, coalesce(narrower.upper, yhat) AS narrower_upper,
           if(interval_width < {interval_width}, 1, -1) * (stored.lower - yhat_lower) AS below,
           if(interval_width < {interval_width}, 1, -1) * (yhat_upper - stored.upper) AS above
    FROM {stored} AS stored
    LEFT JOIN narrower USING ({series}, phase, ds, interval_width)
    LEFT JOIN {master_rows} AS main USING ({series}, phase, ds)
)
SELECT {series}, phase, ds, interval_width, lower, upper, narrower_lower, narrower_upper, yhat, yhat_lower, yhat_upper
FROM beside
WHERE NOT coalesce(
    lower >= 0 AND upper <= 100 AND isfinite(lower) AND isfinite(upper)
    AND lower <= least(yhat, narrower_lower) + {rounding_percent}
    AND upper >= greatest(yhat, narrower_upper) - {rounding_percent}
    AND below >= -{rounding_percent} AND above >= -{rounding_percent}, false)
ORDER BY ALL
