-- The view reads the files, whose keys their own check compares: here, that it reads each file of the month, and once.
-- name: failing_rows
SELECT {cutoff} AS cutoff, served, stored
FROM (SELECT count(*) AS served FROM {stored}), (SELECT count(*) AS stored FROM {fleet_rows})
WHERE served != stored
