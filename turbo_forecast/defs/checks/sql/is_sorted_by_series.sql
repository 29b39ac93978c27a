-- What stands together is one block of rows: its first and last row number, and how many there are between. Within a
-- block each row is one day after the row before where day number minus row number is the same throughout.
-- name: prepared
SELECT filename, {series}, {block}, min(file_row_number) AS first_row, max(file_row_number) AS last_row, count(*) AS n,
       min(ds) AS first_day, count(ds) AS days,
       min(ds - DATE '1970-01-01' - file_row_number) AS least, max(ds - DATE '1970-01-01' - file_row_number) AS most
FROM {numbered} GROUP BY filename, {series}, {block}
-- name: failing_rows
WITH parts AS (
    SELECT *, coalesce(lag(hi) OVER (ORDER BY lo, hi), 0) AS due_lo,
           lead(lo) OVER (ORDER BY lo, hi) IS NULL AS is_last
    FROM {parts}
), fleet AS (
    SELECT {series}, row_number() OVER (ORDER BY {series}) - 1 AS place FROM (SELECT DISTINCT {series} FROM {outcomes})
), placed AS (
    SELECT *, lag(({series}, {order})) OVER (ORDER BY coalesce(lo, 0), filename, first_row) AS before,
           min(filename) OVER (PARTITION BY {series}) != max(filename) OVER (PARTITION BY {series}) AS is_split
    FROM prepared LEFT JOIN parts USING (filename) LEFT JOIN fleet USING ({series})
), faults AS (
    SELECT filename, NULL AS host_id, NULL AS resource,
           'its name tells no series, or not those that follow the part before: from ' || due_lo AS fault
    FROM parts WHERE is_part AND (lo IS NULL OR lo != due_lo OR hi <= lo)
    UNION ALL
    SELECT filename, NULL, NULL, 'no part after it has the series from ' || hi || ' to ' || (SELECT count(*) - 1 FROM fleet)
    FROM parts WHERE is_part AND is_last AND hi != (SELECT count(*) FROM fleet)
    UNION ALL
    SELECT filename, {series}, CASE
        WHEN is_split THEN 'rows of the series stand in several parts'
        WHEN is_part AND NOT coalesce(place >= lo AND place < hi, false) THEN 'the series is not of this part'
        WHEN last_row - first_row + 1 != n THEN 'rows of one window stand apart'
        WHEN least != most OR days != n THEN 'days do not follow each other'
        ELSE 'stands after what it comes before' END
    FROM placed
    WHERE is_split OR (is_part AND NOT coalesce(place >= lo AND place < hi, false)) OR last_row - first_row + 1 != n
       OR coalesce(least != most, true) OR days != n OR ({series}, {order}) < before
)
SELECT DISTINCT parse_filename(filename) AS part, {series}, fault FROM faults ORDER BY ALL
