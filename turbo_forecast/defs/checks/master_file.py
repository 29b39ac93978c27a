"""The master file holds the champions' stored rows, all of them and nothing else, sorted by series."""

from turbo_forecast.defs.checks.judging import Property, month_check
from turbo_forecast.schemas import FORECAST_PARQUET

_COLUMNS = ", ".join(FORECAST_PARQUET.names)

SAME_ROWS = Property(
    name="is_the_champions_forecast",
    sentence="the file's rows are the champions' stored rows, no more and no less",
    judged="SELECT count(*) FROM {stored}",
    offenders=f"""
        WITH published AS (
            SELECT {_COLUMNS} FROM (SELECT * FROM tournament_results WHERE cutoff = {{cutoff}})
            JOIN champions USING (cutoff, host_id, resource, model)
            JOIN series_outcomes USING (cutoff, host_id, resource)
        )
        SELECT 'missing' AS problem, * FROM (SELECT * FROM published EXCEPT SELECT {_COLUMNS} FROM {{stored}})
        UNION ALL
        SELECT 'not published' AS problem, * FROM (SELECT {_COLUMNS} FROM {{stored}} EXCEPT SELECT * FROM published)
        ORDER BY ALL
    """,
)
SORTED = Property(
    name="is_sorted_by_series",
    sentence="series stand together and in order, so that one is read in milliseconds",
    judged="SELECT count(*) FROM {stored}",
    offenders="""
        SELECT host_id, resource, ds FROM (
            SELECT *, lag((host_id, resource, phase, ds)) OVER (ORDER BY file_row_number) AS before
            FROM read_parquet({path}, file_row_number = true)
        ) WHERE (host_id, resource, phase, ds) < before ORDER BY ALL
    """,
)

checks = [month_check(prop, FORECAST_PARQUET) for prop in (SAME_ROWS, SORTED)]
