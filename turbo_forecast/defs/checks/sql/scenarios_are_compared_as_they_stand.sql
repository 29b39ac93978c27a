-- name: failing_rows
SELECT scenario, kind, {series}, threshold, likely, baseline_likely, days_gained, state, baseline_state,
       probability_182, baseline_probability_182
FROM {stored}
WHERE days_gained IS DISTINCT FROM date_diff('day', baseline_likely, likely)
   OR scenario = 'baseline'
   OR NOT coalesce(probability_182 BETWEEN 0 AND 1 AND baseline_probability_182 BETWEEN 0 AND 1, false)
   OR (likely IS NOT NULL) IS DISTINCT FROM (probability_182 >= 0.5)
   OR (baseline_likely IS NOT NULL) IS DISTINCT FROM (baseline_probability_182 >= 0.5)
   OR (state = 'expected' AND likely IS NULL) OR (baseline_state = 'expected' AND baseline_likely IS NULL)
   OR (state IN ('possible', 'unlikely') AND likely IS NOT NULL)
   OR (baseline_state IN ('possible', 'unlikely') AND baseline_likely IS NOT NULL)
ORDER BY ALL
