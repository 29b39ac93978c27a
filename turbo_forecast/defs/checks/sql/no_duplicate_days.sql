-- Days are bits of their year: a group with fewer bits than rows names a day twice, or has a row without a day. In
-- whatever order rows stand, that costs a twentieth of grouping them by day, which is done for suspects alone.
-- name: failing_rows
WITH suspects AS (
    SELECT DISTINCT {of} FROM (
        SELECT {of}, year(ds) AS of_year, count(*) AS n, bit_count(bitstring_agg(dayofyear(ds), 1, 366)) AS days
        FROM {stored} GROUP BY {of}, of_year
    ) WHERE n IS DISTINCT FROM days
)
SELECT {key}, count(*) AS n FROM {stored} AS stored SEMI JOIN suspects ON {same}
GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL
