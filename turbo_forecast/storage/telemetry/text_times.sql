-- What kinds of time a text column holds. A trailing zone needs a time of day before it: 2025-12-31 ends in no offset.
SELECT
    count(written) AS known,
    count(number) AS numbers,
    count(stamp) FILTER (number IS NULL) AS stamps,
    count(*) FILTER (number IS NULL AND regexp_matches(written, ':[0-9.]+\s*([zZ]|[+-]\d\d(:?\d\d)?|[A-Za-z][\w/+-]*)$'))
        AS zoned,
    min(written) FILTER (number IS NULL AND stamp IS NULL) AS bad,
    arg_min(source, written) FILTER (number IS NULL AND stamp IS NULL) AS bad_file
FROM (
    SELECT
        source,
        written,
        TRY_CAST(written AS DOUBLE) AS number,
        CASE WHEN isfinite(TRY_CAST(written AS TIMESTAMPTZ)) THEN written END AS stamp
    FROM (SELECT {source} AS source, {text} AS written FROM {relation})
)
