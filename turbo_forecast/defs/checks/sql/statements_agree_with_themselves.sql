-- Each date is the first day by which the probability is so high, so the two tell the same of every horizon.
-- name: failing_rows
WITH said AS (
    SELECT *, coalesce(
               (probability_30 >= 0.1) = coalesce(early <= {cutoff} + 30, false)
               AND (probability_30 >= 0.5) = coalesce(likely <= {cutoff} + 30, false)
               AND (probability_30 >= 0.9) = coalesce(late <= {cutoff} + 30, false)
               AND coalesce((probability_91 >= 0.1) = coalesce(early <= {cutoff} + 91, false), true)
               AND coalesce((probability_91 >= 0.5) = coalesce(likely <= {cutoff} + 91, false), true)
               AND coalesce((probability_91 >= 0.9) = coalesce(late <= {cutoff} + 91, false), true)
               AND (probability_182 >= 0.1) = coalesce(early <= {cutoff} + 182, false)
               AND (probability_182 >= 0.5) = coalesce(likely <= {cutoff} + 182, false)
               AND (probability_182 >= 0.9) = coalesce(late <= {cutoff} + 182, false), false) AS dates_fit,
           CASE WHEN state = 'unusable' AND kind = 'group' AND level IS NULL AND probability_30 = 1 THEN 'unusable'
                WHEN level >= threshold THEN 'over' WHEN likely IS NOT NULL THEN 'expected'
                WHEN early IS NOT NULL THEN 'possible' ELSE 'unlikely' END AS due_state,
           list_position(['over', 'expected', 'possible', 'unlikely'], due_state) AS due_place,
           max(due_place) OVER (PARTITION BY scenario ORDER BY urgency) AS worst_so_far,
           count(*) OVER (PARTITION BY scenario) AS statements,
           count(*) OVER (PARTITION BY scenario, urgency) AS equally_urgent
    FROM {stored}
)
SELECT scenario, kind, {series}, threshold, CASE
    WHEN (probability_91 IS NULL) = list_contains({stated}, 91) THEN 'probability_91 lacks, or is of no day of the forecast'
    WHEN NOT dates_fit THEN 'dates and probabilities differ'
    WHEN state IS DISTINCT FROM due_state THEN concat('state is ', state, ', not ', due_state)
    WHEN coalesce(abs(threshold - level - headroom) > 1e-9, (headroom IS NULL) != (level IS NULL))
        THEN concat('headroom is ', headroom, ', not ', threshold - level)
    WHEN NOT coalesce(urgency BETWEEN 1 AND statements AND equally_urgent = 1, false)
        THEN concat('urgency is ', urgency, ', once each from 1 to ', statements)
    WHEN due_place < worst_so_far THEN concat(state, ' comes after what is less urgent')
    END AS problem
FROM said WHERE problem IS NOT NULL
ORDER BY ALL
