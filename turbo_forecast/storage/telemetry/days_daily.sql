-- As days.sql, for telemetry of one moment a day: the moment is the day, any statistic of one value is that value.
INSERT INTO telemetry_days
SELECT
    host_id,
    resource,
    CAST(moment AS DATE) AS ds,
    CASE WHEN min(percent) = max(percent) THEN least(min(percent), 100) END AS y,
    CAST(min(percent) = max(percent) AS INTEGER) AS kept,
    count(*) AS cells,
    CASE WHEN min(percent) = max(percent) THEN 0 ELSE count(*) END AS conflicting,
    CAST(min(percent) = max(percent) AND min(percent) > 100 AS INTEGER) AS clipped
FROM telemetry_values
WHERE usable
GROUP BY host_id, resource, moment
