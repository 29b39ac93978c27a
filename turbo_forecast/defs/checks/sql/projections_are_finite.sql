-- name: failing_rows
SELECT {series}, model, ds, yhat, yhat_lower, yhat_upper, y FROM {stored}
WHERE NOT coalesce(isfinite(yhat) AND isfinite(yhat_lower) AND isfinite(yhat_upper), false)
   OR NOT coalesce(isfinite(y), true)
ORDER BY ALL
