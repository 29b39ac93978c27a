"""Which series are full, or will be: from the base table and the published forecast.

Belongs here: the query. Does not belong here: what is printed of it (`summary.py`).
"""

from datetime import date

import duckdb
import polars as pl

from turbo_forecast.storage.warehouse import query

FULL_PERCENT = 95.0
LEVEL_DAYS = 7
"""Observed days whose mean is a series' level now: a whole week, so that no weekday decides."""

_CHAMPIONS_ROWS = "tournament_results JOIN champions USING (cutoff, host_id, resource, model)"
_FULLEST = f"""
    WITH forecast AS (
        SELECT host_id, resource, min(ds) FILTER (yhat >= $full) AS day, arg_min(yhat, ds) FILTER (yhat >= $full) AS reached,
               max(yhat) AS peak, arg_max(ds, (yhat, -date_diff('day', $cutoff::DATE, ds))) AS peak_day
        FROM {{published}}
        WHERE cutoff = $cutoff AND phase = 'forecast'
        GROUP BY host_id, resource
    ), now AS (
        SELECT host_id, resource, list_avg(arg_max(y, ds, {LEVEL_DAYS})) AS level, max(ds) AS last_day
        FROM base_table WHERE ds <= $cutoff GROUP BY host_id, resource
    )
    SELECT host_id, resource, level >= $full AS already, level, last_day, day, reached, peak, peak_day
    FROM forecast JOIN now USING (host_id, resource)
    WHERE day IS NOT NULL OR level >= $full
    ORDER BY already DESC, if(already, NULL, day), level DESC, host_id, resource
"""


def fullest_first(con: duckdb.DuckDBPyConnection, cutoff: date, published: str | None = None) -> pl.DataFrame:
    """The series that are full at the cutoff, or reach it in the published forecast, the most urgent first.

    published: SQL for the published rows where a file holds them, which is faster than to look for the champions' rows
    among all entrants'.

    Columns: host_id, resource; already: whether `level`, the mean of the last LEVEL_DAYS observed days, is at least
    FULL_PERCENT; last_day: the last observed; day: the first on which the forecast is at least that, and `reached`,
    its value then (null where it never is); peak and peak_day: its largest value, and the first day of it. First those
    that are full already, by level; then by day, and where days are tied by level. Levels in percent.
    """
    return query(con, _FULLEST.format(published=published or _CHAMPIONS_ROWS), cutoff=cutoff, full=FULL_PERCENT)
