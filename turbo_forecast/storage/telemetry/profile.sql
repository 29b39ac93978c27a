-- One row per resource: what its values are like. The only pass before the bulk one; it keeps nothing but these counts.
SELECT
    resource,
    count(*) AS cells,
    count(*) FILTER (reason = 'not a number') AS not_numbers,
    count(*) FILTER (reason = 'in the future') AS in_the_future,
    count(*) FILTER (usable) AS usable,
    count(*) FILTER (number >= 0 AND isfinite(number)) AS measured,
    count(*) FILTER (number > 0 AND isfinite(number)) AS positive,
    count(*) FILTER (number > {fraction} AND isfinite(number)) AS above_fraction,
    count(*) FILTER (percent > {overshoot} AND isfinite(percent)) AS above,
    count(*) FILTER (percent > {far} AND isfinite(percent)) AS far_above,
    count(*) FILTER (moment <> CAST(CAST(moment AS DATE) AS TIMESTAMP)) AS off_midnight
FROM telemetry_values
GROUP BY resource
ORDER BY resource
