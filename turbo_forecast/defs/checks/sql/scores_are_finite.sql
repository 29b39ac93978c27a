-- name: failing_rows
SELECT * FROM {stored}
WHERE NOT coalesce(
    mae >= 0 AND isfinite(rmse) AND rmse >= mae - 1e-9 AND smape BETWEEN 0 AND 1 AND isfinite(bias)
    AND coverage BETWEEN 0 AND 1 AND interval_score >= 0 AND isfinite(interval_score)
    AND pinball >= 0 AND isfinite(pinball), false)
   OR NOT coalesce(isfinite(mase) AND mase >= 0, true) OR NOT coalesce(isfinite(wape) AND wape >= 0, true)
ORDER BY ALL
