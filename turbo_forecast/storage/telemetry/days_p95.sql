-- As days.sql, for the 95th percentile (linear between ranks, as NumPy and quantile_cont). Ranks come from a window, which
-- spills to disk; quantile_cont holds every value of every group in memory at once.
INSERT INTO telemetry_days
SELECT
    host_id,
    resource,
    ds,
    least(100, sum(CASE
        WHEN NOT agreed THEN 0
        WHEN place = floor(spot) THEN (1 - (spot - floor(spot))) * low
        WHEN place = floor(spot) + 1 THEN (spot - floor(spot)) * low
        ELSE 0
    END)) AS y,
    count(*) FILTER (agreed) AS kept,
    sum(cells) AS cells,
    coalesce(sum(cells) FILTER (NOT agreed), 0) AS conflicting,
    count(*) FILTER (agreed AND clips) AS clipped
FROM (
    SELECT
        *,
        row_number() OVER ranked - 1 AS place,
        0.95 * (count(*) OVER (PARTITION BY host_id, resource, ds, agreed) - 1) AS spot
    FROM (
        SELECT
            host_id, resource, {day} AS ds, cells,
            low = high AS agreed, low > 100 AS clips, least(low, 100) AS low
        FROM (
            SELECT host_id, resource, moment, count(*) AS cells, min(percent) AS low, max(percent) AS high
            FROM telemetry_values
            WHERE usable{only}
            GROUP BY host_id, resource, moment
        )
    )
    WINDOW ranked AS (PARTITION BY host_id, resource, ds, agreed ORDER BY low)
)
GROUP BY ALL
