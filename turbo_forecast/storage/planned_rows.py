"""Published rows with planned changes, as SQL: what reports ask before the master file is written, and what checks compare.

Belongs here: the rule of `planned_loads` in SQL. Does not belong here: the same rule as it makes the master file
(`outlook/loads.py`): each is written by itself, so that the check compares two answers.
"""

from datetime import date

_PLANNED = """(
    SELECT * EXCLUDE (weight_of_own, shift_of_own, yhat_come, lower_come, upper_come) REPLACE (
               greatest(0, least(100, weight_of_own * yhat + shift_of_own + yhat_come))::FLOAT AS yhat,
               greatest(0, least(100, weight_of_own * yhat_lower + shift_of_own + lower_come))::FLOAT AS yhat_lower,
               greatest(0, least(100, weight_of_own * yhat_upper + shift_of_own + upper_come))::FLOAT AS yhat_upper
           )
    FROM (
        SELECT unplanned.*, coalesce(own.weight, 1) AS weight_of_own, coalesce(own.shift, 0) AS shift_of_own,
               coalesce(come.yhat, 0) AS yhat_come, coalesce(come.lower, 0) AS lower_come,
               coalesce(come.upper, 0) AS upper_come, coalesce(come.loads, 0) AS loads_come
        FROM {rows} AS unplanned
        LEFT JOIN (SELECT * FROM {loads} WHERE source = host_id) AS own
            ON unplanned.phase = 'forecast' AND own.host_id = unplanned.host_id AND own.resource = unplanned.resource
               AND unplanned.ds BETWEEN own.from_ds AND own.until_ds
        LEFT JOIN (
            SELECT taken.host_id, taken.resource, others.ds, sum(weight * yhat::DOUBLE) AS yhat,
                   sum(weight * yhat_lower::DOUBLE) AS lower, sum(weight * yhat_upper::DOUBLE) AS upper, count(*) AS loads
            FROM {rows} AS others JOIN (SELECT * FROM {loads} WHERE source != host_id) AS taken
                ON others.phase = 'forecast' AND others.host_id = taken.source AND others.resource = taken.resource
                   AND others.ds BETWEEN taken.from_ds AND taken.until_ds
            GROUP BY ALL
        ) AS come ON unplanned.phase = 'forecast' AND come.host_id = unplanned.host_id
                     AND come.resource = unplanned.resource AND come.ds = unplanned.ds
    )
)"""
_LOADS = "(SELECT * FROM planned_loads WHERE cutoff = {cutoff} AND scenario = 'baseline' AND kind = 'series')"


def planned_rows(rows: str, cutoff: str) -> str:
    """SQL for rows of FORECAST_PARQUET with the baseline's planned changes, and of how many other hosts' loads each consists.

    rows: SQL for the rows as they are without plans; cutoff: SQL for the month's last day.
    """
    return _PLANNED.format(rows=rows, loads=_LOADS.format(cutoff=cutoff))


def published_rows(rows: str, cutoff: date) -> str:
    """SQL for the master file's rows. rows: as for `planned_rows`."""
    day = f"DATE '{cutoff}'"
    return f"(SELECT * EXCLUDE loads_come FROM {planned_rows(rows, day)})"
