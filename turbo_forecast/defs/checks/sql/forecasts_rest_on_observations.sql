-- The rules of turbo_forecast/seasonal_gaps.py, a second time and from the base table: a check does not trust what it checks.
-- name: prepared
WITH history AS (
    SELECT {series}, ds, y, date_diff('day', {cutoff}, ds) AS day FROM base_table
    WHERE ds BETWEEN {history_start} AND {cutoff}
), counted AS (
    SELECT {series}, dayname(any_value(ds)) AS weekday, monthname(any_value(ds)) AS month, count(*) AS n,
           min(day) AS first_day, max(day) AS last_day
    FROM history GROUP BY {series}, isodow(ds), month(ds)
), spans AS (
    SELECT {series}, min(first_day) AS first_day, max(last_day) AS last_day, sum(n) AS days FROM counted GROUP BY {series}
), weekdays AS (
    SELECT {series}, phase, n FROM spans
    JOIN (SELECT dayname(DATE '2024-01-01' + i::INTEGER) AS phase FROM range(7) AS t(i)) ON last_day - first_day >= 14
    LEFT JOIN (SELECT {series}, weekday AS phase, sum(n) AS n FROM counted GROUP BY ALL)
        USING ({series}, phase)
), months AS (
    SELECT {series}, phase, n FROM spans
    JOIN (SELECT monthname(make_date(2024, i::INTEGER, 1)) AS phase FROM range(1, 13) AS t(i))
        ON last_day - first_day >= 730
    LEFT JOIN (SELECT {series}, month AS phase, sum(n) AS n FROM counted GROUP BY ALL)
        USING ({series}, phase)
), places AS (
    SELECT DISTINCT {series}, dayofyear(make_date(2024, month(ds), day(ds))) AS place FROM history
    SEMI JOIN (SELECT * FROM spans WHERE last_day - first_day >= 730 AND last_day - first_day + 1 - days >= 52)
        USING ({series})
), stretches AS (
    SELECT {series}, list(struct_pack(before := place, after := following)) AS stretches FROM (
        SELECT *, coalesce(lead(place) OVER (PARTITION BY {series} ORDER BY place),
                           min(place) OVER (PARTITION BY {series}) + 366) AS following FROM places
    ) WHERE following - place > 28 GROUP BY ALL
), unobserved AS (
    SELECT {series}, phase FROM (
        SELECT *, coalesce(n, 0) AS seen, max(n) OVER (PARTITION BY {series}) AS most FROM weekdays
    ) WHERE seen < 4 AND 4 * seen < most
    UNION ALL
    SELECT {series}, phase FROM (
        SELECT *, coalesce(n, 0) AS seen, max(n) OVER (PARTITION BY {series}) AS most FROM months
    ) WHERE seen < 4 AND 4 * seen < most
), affected AS (
    SELECT {series}, coalesce(phases, []) AS phases, coalesce(stretches, []) AS stretches
    FROM (SELECT {series}, list(phase) AS phases FROM unobserved GROUP BY ALL)
    FULL JOIN stretches USING ({series})
), whole AS (
    SELECT {series}, min(y) AS low, max(y) AS high, regr_slope(y, day) AS slope, regr_intercept(y, day) AS intercept
    FROM history SEMI JOIN affected USING ({series}) GROUP BY {series}
), recent AS (
    SELECT {series}, regr_slope(y, day) AS recent_slope, regr_intercept(y, day) AS recent_intercept
    FROM history JOIN spans USING ({series}) SEMI JOIN affected USING ({series})
    WHERE day > last_day - {recent_days} GROUP BY ALL
), judged AS (
    SELECT {series}, phase, ds, yhat, date_diff('day', {cutoff}, ds) AS day,
           list_contains(phases, dayname(ds)) OR list_contains(phases, monthname(ds))
           OR coalesce(list_bool_or([place BETWEEN s.before + 1 AND s.after - 1 OR place < s.after - 366
                                     FOR s IN stretches]), false) AS is_unobserved
    FROM (SELECT *, dayofyear(make_date(2024, month(ds), day(ds))) AS place FROM {stored})
    JOIN affected USING ({series})
), others AS (
    SELECT {series}, phase, min(yhat) AS low_elsewhere, max(yhat) AS high_elsewhere
    FROM judged WHERE NOT is_unobserved GROUP BY ALL
), allowed AS (
    SELECT judged.*,
           least(low, low_elsewhere, intercept + slope * day, recent_intercept + recent_slope * day) AS lowest,
           greatest(high, high_elsewhere, intercept + slope * day, recent_intercept + recent_slope * day) AS highest
    FROM judged JOIN whole USING ({series}) LEFT JOIN recent USING ({series})
    LEFT JOIN others USING ({series}, phase)
    WHERE is_unobserved
)
SELECT {series}, phase, ds, yhat, lowest, highest FROM allowed
-- name: total
SELECT count(*) FROM prepared
-- name: failing_rows
SELECT * FROM prepared WHERE yhat NOT BETWEEN lowest - {margin_percent} AND highest + {margin_percent} ORDER BY ALL
