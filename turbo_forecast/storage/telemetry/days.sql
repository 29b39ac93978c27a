-- The bulk pass: usable values to one row per series and day. Moments first (DuckDB spills their hash table to disk when
-- memory ends), because what is said twice of a moment must count once, and what is contradictory must not count.
INSERT INTO telemetry_days
SELECT
    host_id,
    resource,
    {day} AS ds,
    {y} AS y,
    count(*) FILTER (low = high) AS kept,
    sum(cells) AS cells,
    coalesce(sum(cells) FILTER (low <> high), 0) AS conflicting,
    count(*) FILTER (low = high AND low > 100) AS clipped
FROM (
    SELECT host_id, resource, moment, count(*) AS cells, min(percent) AS low, max(percent) AS high
    FROM telemetry_values
    WHERE usable{only}
    GROUP BY host_id, resource, moment
)
GROUP BY ALL
