"""Every row is about this month, from an entrant that takes part, and tells what was observed, no more."""

from turbo_forecast.defs.checks.judging import month_check
from turbo_forecast.defs.checks.properties import Property
from turbo_forecast.schemas import FLEET_FORECAST, FORECAST_PARQUET, TOURNAMENT_RESULTS

OBSERVED = Property(
    name="rows_tell_what_was_observed",
    sentence="y is the base table's in the backtest, and absent after the cutoff",
    judged="SELECT count(*) FROM {stored}",
    offenders="""
        SELECT host_id, resource, model, phase, ds, stored.y AS stored_y, base_table.y AS observed_y
        FROM {stored} AS stored LEFT JOIN base_table USING (host_id, resource, ds)
        WHERE CASE WHEN ds > {cutoff} THEN stored.y IS NOT NULL ELSE stored.y IS DISTINCT FROM base_table.y END
        ORDER BY ALL
    """,
    items="rows",
)
OF_THIS_MONTH = Property(
    name="rows_belong_to_this_month",
    sentence="every row names its series, an entrant that takes part, a phase, a day, and this month's cutoff",
    judged="SELECT count(*) FROM {stored}",
    offenders="""
        SELECT host_id, resource, model, phase, cutoff, ds FROM {stored}
        WHERE NOT coalesce(
            host_id IS NOT NULL AND resource IS NOT NULL AND ds IS NOT NULL AND cutoff = {cutoff}
            AND phase IN ('backtest', 'forecast') AND list_contains({models}, model), false)
        ORDER BY ALL
    """,
    items="rows",
)

checks = [
    month_check(prop, table)
    for table in (FLEET_FORECAST, TOURNAMENT_RESULTS, FORECAST_PARQUET)
    for prop in (OBSERVED, OF_THIS_MONTH)
]
