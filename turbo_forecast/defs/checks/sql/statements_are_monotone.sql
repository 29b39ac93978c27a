-- The easier threshold is the next lower one of the same series.
-- name: failing_rows
WITH neighbours AS (
    SELECT *, lag(COLUMNS(['probability_30', 'probability_91', 'probability_182', 'early', 'likely', 'late']))
              OVER harder AS 'easier_\0'
    FROM {stored} WINDOW harder AS (PARTITION BY scenario, kind, {series} ORDER BY threshold)
)
SELECT scenario, kind, {series}, threshold, probability_30, probability_91, probability_182, early, likely, late
FROM neighbours
WHERE NOT coalesce(
    0 <= probability_30 AND probability_30 <= coalesce(probability_91, probability_182)
    AND coalesce(probability_91, probability_30) <= probability_182 AND probability_182 <= 1
    AND probability_30 <= coalesce(easier_probability_30, 1) AND probability_182 <= coalesce(easier_probability_182, 1)
    AND coalesce(probability_91, 0) <= coalesce(easier_probability_91, 1), false)
   OR least(early, likely, late) <= {cutoff} OR greatest(early, likely, late) > {horizon_end}
   OR coalesce(likely < early, likely IS NOT NULL AND early IS NULL)
   OR coalesce(late < likely, late IS NOT NULL AND likely IS NULL)
   OR (easier_probability_30 IS NOT NULL
       AND (coalesce(early < easier_early, early IS NOT NULL) OR coalesce(likely < easier_likely, likely IS NOT NULL)
            OR coalesce(late < easier_late, late IS NOT NULL)))
ORDER BY ALL
