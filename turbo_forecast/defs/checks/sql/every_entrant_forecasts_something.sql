-- The series that entrants were asked for: too short or retired ones are asked of nobody but the fallback.
-- name: prepared
SELECT {series} FROM {outcomes} WHERE outcome IN ('forecast', 'failed')
-- name: total
SELECT if(count(*) > 0, len({models}), 0) FROM prepared
-- name: failing_rows
WITH able AS (
    SELECT DISTINCT model FROM (SELECT DISTINCT {series}, model FROM {stored} WHERE phase = 'forecast')
    SEMI JOIN prepared USING ({series})
)
SELECT model, (SELECT count(*) FROM prepared) AS series_asked,
       (SELECT min(coalesce(error_message, status)) FROM {runs} AS runs
        WHERE runs.model = entrants.model AND status != 'ok') AS example
FROM (SELECT unnest({models}) AS model) AS entrants ANTI JOIN able USING (model)
WHERE (SELECT count(*) FROM prepared) > 0
ORDER BY model
