-- name: total
SELECT count(*) FROM {outcomes} WHERE outcome != 'retired'
-- name: failing_rows
SELECT {series}, outcome, reason FROM {outcomes} WHERE outcome IN ('fallback', 'failed') ORDER BY ALL
