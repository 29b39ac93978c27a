-- What kinds of time a text column holds. Only what is written as an ISO time counts as one: a cast takes much more (epoch,
-- infinity, years BC, abbreviations by a table of its own). A zone needs a time of day before it: 2025-12-31 ends in none.
SELECT
    count(written) AS known,
    count(*) FILTER (is_number) AS numbers,
    count(stamp) AS stamps,
    count(stamp) FILTER (NOT is_plain) AS zoned,
    epoch(min(stamp)) AS first,
    epoch(max(stamp)) AS last,
    arg_min(written, stamp) AS first_written,
    arg_max(written, stamp) AS last_written,
    arg_min(source, stamp) AS first_source,
    arg_max(source, stamp) AS last_source,
    min(written) FILTER (stamp IS NULL AND NOT is_number) AS bad,
    arg_min(source, written) FILTER (stamp IS NULL AND NOT is_number) AS bad_source
FROM (
    SELECT
        source,
        written,
        is_plain,
        CASE
            WHEN is_plain OR regexp_full_match(written, '{date}[ T]+{clock}\s*({zone})') THEN TRY_CAST(replace(replace(written, ' +', '+'), ' -', '-') AS TIMESTAMPTZ)
        END AS stamp,
        NOT is_plain AND regexp_full_match(written, '[-+]?[0-9]+([.][0-9]*)?') AS is_number
    FROM (
        SELECT source, written, regexp_full_match(written, '{date}([ T]+{clock})?') AS is_plain
        FROM (SELECT {source} AS source, {text} AS written FROM {relation})
    )
)
