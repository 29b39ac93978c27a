-- name: failing_rows
SELECT * FROM {stored}
WHERE NOT coalesce(
    mae >= 0 AND isfinite(mae) AND isfinite(bias) AND coverage BETWEEN 0 AND 1
    AND mean_coverage BETWEEN 0 AND 1 AND isfinite(interval_score) AND n >= series AND mean_rank >= 1
    AND wins BETWEEN 0 AND series AND own BETWEEN 0 AND series AND mase_series BETWEEN 0 AND series, false)
   OR NOT coalesce(mase_low <= mase * (1 + 1e-9) + 1e-9 AND mase <= mase_high * (1 + 1e-9) + 1e-9 AND isfinite(mase_high), true)
   OR NOT coalesce(0 <= beats_low AND beats_low <= beats_high AND beats_high <= 1, true)
ORDER BY ALL
