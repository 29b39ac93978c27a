-- What a text column holds in the strptime format given: how far its times reach, and what does not fit the format.
SELECT
    count(written) AS known,
    epoch(min(stamp)) AS first,
    epoch(max(stamp)) AS last,
    min(written) FILTER (stamp IS NULL) AS bad,
    arg_min(source, written) FILTER (stamp IS NULL) AS bad_source
FROM (
    SELECT source, written, try_strptime(written, {format}) AS stamp
    FROM (SELECT {source} AS source, {text} AS written FROM {relation})
)
