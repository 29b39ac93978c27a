"""The master file holds the champions' stored rows, all of them and nothing else, sorted by series."""

from turbo_forecast.defs.checks.judging import month_check
from turbo_forecast.defs.checks.properties import Property
from turbo_forecast.schemas import FORECAST_PARQUET

_COLUMNS = ", ".join(FORECAST_PARQUET.names)

_SAME = "host_id, resource, model, phase, cutoff, ds, y, yhat, outcome"
_UNKNOWN = """
    coalesce(list_contains(string_split(unobserved_weekdays, ', '), dayname(ds)), false)
    OR coalesce(list_contains(string_split(unobserved_months, ', '), monthname(ds)), false)
    OR coalesce(list_bool_or([
        if(stretch[:5] <= stretch[-5:], strftime(ds, '%m-%d') BETWEEN stretch[:5] AND stretch[-5:],
           strftime(ds, '%m-%d') NOT BETWEEN stretch[-5:] AND stretch[:5] OR strftime(ds, '%m-%d') IN (stretch[:5], stretch[-5:]))
        FOR stretch IN string_split(unobserved_stretches, ', ')
    ]), false)
"""

SAME_ROWS = Property(
    name="is_the_champions_forecast",
    sentence="the file's rows are the champions' stored rows, with calibrated bounds ([0, 100] on days like none observed), no more and no less",
    judged="SELECT count(*) FROM {stored}",
    offenders=f"""
        WITH champion AS (
            SELECT *, month(ds) + 12 * year(ds) - if(phase = 'backtest', month({{train_end}}) + 12 * year({{train_end}}),
                                                     month(cutoff) + 12 * year(cutoff)) AS horizon_month
            FROM (SELECT * FROM tournament_results WHERE cutoff = {{cutoff}})
            JOIN (SELECT cutoff, host_id, resource, model FROM champions) USING (cutoff, host_id, resource, model)
            JOIN series_outcomes USING (cutoff, host_id, resource)
        ), published AS (
            SELECT {_SAME},
                   if({_UNKNOWN}, 0, if(lower IS NULL, yhat_lower, greatest(yhat + lower, 0))) AS yhat_lower,
                   if({_UNKNOWN}, 100, if(upper IS NULL, yhat_upper, least(yhat + upper, 100))) AS yhat_upper
            FROM champion LEFT JOIN calibration USING (cutoff, host_id, resource, phase, horizon_month)
        )
        SELECT 'missing' AS problem, * FROM (SELECT {_COLUMNS} FROM published EXCEPT SELECT {_COLUMNS} FROM {{stored}})
        UNION ALL
        SELECT 'not published' AS problem, * FROM (SELECT {_COLUMNS} FROM {{stored}} EXCEPT SELECT {_COLUMNS} FROM published)
        ORDER BY ALL
    """,
    items="rows",
)
SORTED = Property(
    name="is_sorted_by_series",
    sentence="series stand together and in order, so that one is read in milliseconds",
    judged="SELECT count(*) FROM {stored}",
    offenders="""
        SELECT host_id, resource, ds FROM (
            SELECT *, lag((host_id, resource, phase, ds)) OVER (ORDER BY file_row_number) AS before
            FROM {numbered}
        ) WHERE (host_id, resource, phase, ds) < before ORDER BY ALL
    """,
    items="rows",
)

checks = [month_check(prop, FORECAST_PARQUET) for prop in (SAME_ROWS, SORTED)]
