"""Where nothing like a day was ever observed, its published forecast stays near what the series has shown.

The backtest cannot see such days: on them there is nothing to compare with. Expectations are derived from the base table.
"""

import dagster as dg

from turbo_forecast.defs.checks.judging import month_check
from turbo_forecast.defs.checks.properties import Property
from turbo_forecast.schemas import FORECAST_PARQUET

MARGIN_PERCENT = 10
"""How far, in percentage points, such a forecast may leave what was observed, or where the observed days' trend leads."""
RECENT_DAYS = 182
"""Days before a series' last one whose straight line counts as its recent trend."""

# the rules of turbo_forecast/phases.py, a second time and from the base table: a check does not trust what it checks
_UNOBSERVED = """
    history AS (
        SELECT host_id, resource, ds, y, date_diff('day', {cutoff}, ds) AS day FROM base_table
        WHERE ds BETWEEN {history_start} AND {cutoff}
    ), counted AS (
        SELECT host_id, resource, dayname(ds) AS weekday, monthname(ds) AS month, count(*) AS n FROM history GROUP BY ALL
    ), spans AS (
        SELECT host_id, resource, min(day) AS first_day, max(day) AS last_day, count(*) AS days, min(y) AS low, max(y) AS high,
               regr_slope(y, day) AS slope, regr_intercept(y, day) AS intercept
        FROM history GROUP BY ALL
    ), weekdays AS (
        SELECT host_id, resource, phase, n FROM spans
        JOIN (SELECT dayname(DATE '2024-01-01' + i::INTEGER) AS phase FROM range(7) AS t(i)) ON last_day - first_day >= 14
        LEFT JOIN (SELECT host_id, resource, weekday AS phase, sum(n) AS n FROM counted GROUP BY ALL)
            USING (host_id, resource, phase)
    ), months AS (
        SELECT host_id, resource, phase, n FROM spans
        JOIN (SELECT monthname(make_date(2024, i::INTEGER, 1)) AS phase FROM range(1, 13) AS t(i))
            ON last_day - first_day >= 730
        LEFT JOIN (SELECT host_id, resource, month AS phase, sum(n) AS n FROM counted GROUP BY ALL)
            USING (host_id, resource, phase)
    ), places AS (
        SELECT DISTINCT host_id, resource, dayofyear(make_date(2024, month(ds), day(ds))) AS place FROM history
        SEMI JOIN (SELECT * FROM spans WHERE last_day - first_day >= 730 AND last_day - first_day + 1 - days >= 52)
            USING (host_id, resource)
    ), stretches AS (
        SELECT host_id, resource, list({{'before': place, 'after': following}}) AS stretches FROM (
            SELECT *, coalesce(lead(place) OVER (PARTITION BY host_id, resource ORDER BY place),
                               min(place) OVER (PARTITION BY host_id, resource) + 366) AS following FROM places
        ) WHERE following - place > 28 GROUP BY ALL
    ), unobserved AS (
        SELECT host_id, resource, phase FROM (
            SELECT *, coalesce(n, 0) AS seen, max(n) OVER (PARTITION BY host_id, resource) AS most FROM weekdays
        ) WHERE seen < 4 AND 4 * seen < most
        UNION ALL
        SELECT host_id, resource, phase FROM (
            SELECT *, coalesce(n, 0) AS seen, max(n) OVER (PARTITION BY host_id, resource) AS most FROM months
        ) WHERE seen < 4 AND 4 * seen < most
    )
"""
_ALLOWED = f"""
    affected AS (
        SELECT host_id, resource, coalesce(phases, []) AS phases, coalesce(stretches, []) AS stretches
        FROM (SELECT host_id, resource, list(phase) AS phases FROM unobserved GROUP BY ALL)
        FULL JOIN stretches USING (host_id, resource)
    ), recent AS (
        SELECT host_id, resource, regr_slope(y, day) AS recent_slope, regr_intercept(y, day) AS recent_intercept
        FROM history JOIN spans USING (host_id, resource) SEMI JOIN affected USING (host_id, resource)
        WHERE day > last_day - {RECENT_DAYS} GROUP BY ALL
    ), judged AS (
        SELECT host_id, resource, phase, ds, yhat, date_diff('day', {{cutoff}}, ds) AS day,
               list_contains(phases, dayname(ds)) OR list_contains(phases, monthname(ds))
               OR coalesce(list_bool_or([place BETWEEN s.before + 1 AND s.after - 1 OR place < s.after - 366
                                         FOR s IN stretches]), false) AS is_unobserved
        FROM (SELECT *, dayofyear(make_date(2024, month(ds), day(ds))) AS place FROM {{stored}})
        JOIN affected USING (host_id, resource)
    ), others AS (
        SELECT host_id, resource, phase, min(yhat) AS low_elsewhere, max(yhat) AS high_elsewhere
        FROM judged WHERE NOT is_unobserved GROUP BY ALL
    ), allowed AS (
        SELECT judged.*,
               least(low, low_elsewhere, intercept + slope * day, recent_intercept + recent_slope * day) AS lowest,
               greatest(high, high_elsewhere, intercept + slope * day, recent_intercept + recent_slope * day) AS highest
        FROM judged JOIN spans USING (host_id, resource) LEFT JOIN recent USING (host_id, resource)
        LEFT JOIN others USING (host_id, resource, phase)
        WHERE is_unobserved
    )
"""

RESTS = Property(
    name="forecasts_rest_on_observations",
    sentence=(
        "on weekdays, in months and in stretches of the year that a series was never observed on, its forecast is within "
        f"{MARGIN_PERCENT} points of what was observed or of where the observed days' trend leads"
    ),
    judged=f"WITH {_UNOBSERVED}, {_ALLOWED} SELECT count(*) FROM allowed",
    offenders=f"""
        WITH {_UNOBSERVED}, {_ALLOWED}
        SELECT host_id, resource, phase, ds, yhat, lowest, highest FROM allowed
        WHERE yhat NOT BETWEEN lowest - {MARGIN_PERCENT} AND highest + {MARGIN_PERCENT} ORDER BY ALL
    """,
    items="rows of such days",
    # one series gone astray is shown in red, but must not keep the others from being compared
    blocking=False,
    severity=dg.AssetCheckSeverity.ERROR,
)

checks = [month_check(RESTS, FORECAST_PARQUET)]
