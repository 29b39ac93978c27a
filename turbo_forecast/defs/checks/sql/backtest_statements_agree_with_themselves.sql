-- Within a threshold nothing is taken back with more days; within a horizon no harder threshold is more probable.
-- name: failing_rows
WITH neighbours AS (
    SELECT *, lag(probability, 1, 0) OVER longer AS before, lag(happened, 1, 0) OVER longer AS happened_before,
           lag(point, 1, 0) OVER longer AS point_before, lag(probability, 1, 1) OVER harder AS easier,
           lag(happened, 1, 1) OVER harder AS happened_easier
    FROM {stored}
    WINDOW longer AS (PARTITION BY kind, {series}, threshold ORDER BY horizon_days),
           harder AS (PARTITION BY kind, {series}, horizon_days ORDER BY threshold)
)
SELECT kind, {series}, threshold, horizon_days, CASE
    WHEN NOT coalesce(0 <= probability AND probability <= 1, false) THEN 'probability is not in [0, 1]'
    WHEN probability < before OR happened < happened_before OR point < point_before THEN 'taken back with more days'
    WHEN probability > easier OR happened > happened_easier THEN 'a lower threshold is less probable'
    WHEN happened NOT IN (0, 1) OR point NOT IN (0, 1) THEN 'neither happened nor did not'
    WHEN happened != coalesce(actual <= {train_end} + horizon_days, false)::INTEGER THEN 'happened, and actual differ'
    WHEN (probability >= 0.5) != coalesce(likely <= {train_end} + horizon_days, false) THEN 'probability and likely differ'
    WHEN least(actual, likely) <= {train_end} OR greatest(actual, likely) > {cutoff} THEN 'a date is not of the backtest'
    END AS problem
FROM neighbours WHERE problem IS NOT NULL
ORDER BY ALL
