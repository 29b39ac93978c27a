-- name: failing_rows
SELECT {series}, model, phase, cutoff, ds FROM {stored}
WHERE NOT coalesce(
    host_id IS NOT NULL AND resource IS NOT NULL AND ds IS NOT NULL AND cutoff = {cutoff}
    AND phase IN ('backtest', 'forecast') AND list_contains({models}, model), false)
ORDER BY ALL
