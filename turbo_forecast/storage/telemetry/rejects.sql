-- What could not be used, value by value. Of equal values of one moment the first (by file) was used, so the others are
-- listed; of contradictory ones none was. Only days known to hold either are looked at twice.
INSERT INTO telemetry_rejects
SELECT source, coalesce(host_id, found_host) AS host_id, coalesce(resource, found_resource) AS resource, time, value, reason
FROM telemetry_values
WHERE usable IS NOT TRUE
UNION ALL
SELECT source, host_id, resource, time, value, CASE WHEN agreed THEN 'duplicate' ELSE 'conflicting duplicate' END
FROM (
    SELECT
        source, host_id, resource, time, value,
        min(percent) OVER said = max(percent) OVER said AS agreed,
        row_number() OVER (PARTITION BY host_id, resource, moment ORDER BY source, time, value) AS place
    FROM telemetry_values
    SEMI JOIN (SELECT host_id, resource, ds FROM telemetry_days WHERE cells > kept) USING (host_id, resource, ds)
    WHERE usable
    WINDOW said AS (PARTITION BY host_id, resource, moment)
)
WHERE NOT agreed OR place > 1
