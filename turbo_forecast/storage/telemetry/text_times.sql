-- What kinds of time a text column holds. Only what is written as an ISO time counts as one: a cast takes much more (epoch,
-- infinity, years BC, abbreviations by a table of its own), and less (no space before an offset). A zone comes after a time
-- of day, so at the 12th character at the earliest: before it, signs belong to the date.
SELECT
    count(written) AS known,
    count(*) FILTER (is_number) AS numbers,
    count(stamp) AS stamps,
    count(*) FILTER (
        stamp IS NOT NULL AND (
            NOT right(written, 1) BETWEEN '0' AND '9' OR contains(substr(written, 12), '+') OR contains(substr(written, 12), '-')
            OR contains(substr(written, 12), '/')
        )
    ) AS zoned,
    epoch(min(stamp)) AS first,
    epoch(max(stamp)) AS last,
    min(written) FILTER (stamp IS NULL AND NOT is_number) AS bad,
    arg_min(source, written) FILTER (stamp IS NULL AND NOT is_number) AS bad_source
FROM (
    SELECT
        source,
        written,
        stamp,
        stamp IS NULL AND regexp_full_match(written, '[-+]?[0-9]+([.][0-9]*)?') AS is_number
    FROM (
        SELECT
            source,
            written,
            CASE
                WHEN regexp_full_match(written, '{date}(?:[ T]+{clock}\s*(?:{zone})?)?') THEN {instant}
            END AS stamp
        FROM (SELECT {source} AS source, {text} AS written FROM {relation})
    )
)
