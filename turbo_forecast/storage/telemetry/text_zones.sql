-- The zones a text column of instants states, each with a file that states it.
SELECT zone, min(source) AS source
FROM (
    SELECT
        {source} AS source,
        regexp_extract({text}, ':[0-9.]+\s*([zZ]|[+-]\d\d(?::?\d\d)?|[A-Za-z][\w/+-]*)$', 1) AS zone
    FROM {relation}
)
WHERE zone <> ''
GROUP BY zone
ORDER BY zone
