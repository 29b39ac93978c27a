-- name: judged
SELECT count(*) FROM {outcomes} WHERE outcome != 'retired'
-- name: offenders
SELECT {series}, outcome, reason FROM {outcomes} WHERE outcome IN ('fallback', 'failed') ORDER BY ALL
