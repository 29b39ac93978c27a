-- name: prepared
WITH published AS (
    SELECT DISTINCT {series} FROM group_forecast WHERE cutoff = {cutoff} AND phase = 'forecast'
), scenarios AS (
    SELECT DISTINCT scenario FROM {stored}
)
SELECT scenario, {series}, unnest({thresholds}) AS threshold, 1 AS due FROM published, scenarios
-- name: total
SELECT count(*) FROM prepared
-- name: failing_rows
WITH found AS (
    SELECT scenario, {series}, threshold, count(*) AS statements FROM {stored} WHERE kind = 'group' GROUP BY ALL
)
SELECT scenario, {series}, threshold, coalesce(statements, 0) AS statements, coalesce(due, 0) AS due
FROM prepared FULL JOIN found USING (scenario, {series}, threshold)
WHERE due IS DISTINCT FROM statements
ORDER BY ALL
