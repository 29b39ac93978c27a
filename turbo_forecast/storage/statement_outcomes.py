"""Outcomes of earlier months' statements about thresholds, from what was observed since, by one query.

Belongs here: the join of statements with the levels observed since. Does not belong here: how good statements were
(`outlook/track_record.py`), and the backtest's.
"""

from collections.abc import Collection
from datetime import date

import duckdb
import polars as pl

from turbo_forecast.schemas import CAPACITY_OUTLOOK, GROUP_HISTORY, OUTLOOK_BACKTEST
from turbo_forecast.schemas.outlook import LEVEL_DAYS, LEVEL_OBSERVED, STATED
from turbo_forecast.storage.accuracy import first_scored
from turbo_forecast.storage.warehouse import has_table, query

# a day without an observation has a level too: that of the days before it; a group's day is of the hosts that it had then, as the
# first month that knows the day has it
_LEVELS = f"""
    CREATE OR REPLACE TEMP TABLE later_levels AS WITH scored AS (
        SELECT DISTINCT kind, host_id, resource FROM capacity_outlook WHERE cutoff >= {{first}} AND cutoff < {{cutoff}}
    ), days AS (
        SELECT kind, host_id, resource, ds, y
        FROM (SELECT 'series' AS kind, host_id, resource, ds, y FROM base_table) SEMI JOIN scored USING (kind, host_id, resource)
        WHERE ds > {{first}} - {LEVEL_DAYS} AND ds <= {{cutoff}}
        UNION ALL
        SELECT 'group', host_id, resource, ds, arg_min(y, cutoff) FROM group_history
        WHERE ds > {{first}} - {LEVEL_DAYS} AND ds <= {{cutoff}} AND cutoff <= {{cutoff}} GROUP BY ALL
        UNION ALL
        SELECT kind, host_id, resource, unnest(generate_series({{first}} + 1, {{cutoff}}, INTERVAL 1 DAY))::DATE, NULL FROM scored
    ), levels AS (
        SELECT kind, host_id, resource, ds, round(avg(y) OVER week, 9) AS level, count(y) OVER week AS observed FROM days
        WINDOW week AS (PARTITION BY kind, host_id, resource ORDER BY ds
                        RANGE BETWEEN INTERVAL {LEVEL_DAYS - 1} DAYS PRECEDING AND CURRENT ROW)
    )
    SELECT kind, host_id, resource, ds, any_value(level) AS level FROM levels
    WHERE ds > {{first}} AND observed >= {LEVEL_OBSERVED} GROUP BY ALL
"""
# a group's statement is in percent of what was usable of it then: its stated level over that of all its capacity says how much
_SCORED = f"""
    WITH all_of_it AS (
        SELECT cutoff, 'group' AS kind, host_id, resource, avg(y) AS level_of_all
        FROM group_history WHERE ds > cutoff - {LEVEL_DAYS} GROUP BY ALL
    ), said AS (
        SELECT cutoff, kind, host_id, resource, threshold, level AS level_then, likely, forecast_date,
               unnest([{", ".join(map(str, STATED))}]) AS horizon_days,
               unnest([{", ".join(f"probability_{days}" for days in STATED)}]) AS probability,
               last_day(cutoff + to_months($months::INTEGER)) AS forecast_end,
               round(threshold * if(kind = 'series', 1, level_of_all / nullif(level, 0)), 9) AS bound
        FROM capacity_outlook LEFT JOIN all_of_it USING (cutoff, kind, host_id, resource)
        WHERE scenario = 'baseline' AND cutoff >= $first AND cutoff < $cutoff AND list_contains($settled::DATE[], cutoff)
    ), passed AS (
        SELECT * EXCLUDE forecast_end, least(cutoff + horizon_days, forecast_end)::DATE AS until FROM said
        WHERE probability IS NOT NULL AND until <= $cutoff AND bound IS NOT NULL
    ), periods AS (
        SELECT DISTINCT cutoff, until FROM passed
    ), highest AS (
        SELECT cutoff, until, kind, host_id, resource, max(level) AS highest
        FROM periods JOIN later_levels ON ds > cutoff AND ds <= until GROUP BY ALL
    ), found AS (
        SELECT passed.*, highest >= bound AS happened
        FROM passed JOIN highest USING (cutoff, until, kind, host_id, resource)
    ), reached AS (
        SELECT cutoff, until, kind, host_id, resource, threshold, min(ds) AS actual
        FROM (SELECT DISTINCT cutoff, until, kind, host_id, resource, threshold, bound FROM found WHERE happened) AS found
        JOIN later_levels USING (kind, host_id, resource)
        WHERE ds > cutoff AND ds <= until AND later_levels.level >= bound GROUP BY ALL
    )
    SELECT cutoff, kind, host_id, resource, threshold, horizon_days::INTEGER AS horizon_days, probability,
           happened::INTEGER AS happened, coalesce(forecast_date <= until, false)::INTEGER AS point,
           level_then AS level, likely, actual
    FROM found LEFT JOIN reached USING (cutoff, until, kind, host_id, resource, threshold)
    ORDER BY ALL
"""


def statements_since(
    con: duckdb.DuckDBPyConnection, cutoff: date, settled: Collection[date], horizon_months: int
) -> pl.DataFrame:
    """Every statement of the `horizon_months` months before the cutoff whose days have passed, and what happened.

    Columns as of OUTLOOK_BACKTEST; cutoff is that of the statement's month. Series that were not observed for long enough
    to have a level since are left out: nobody knows what happened to them. So are groups of which nothing was usable. A group is
    scored by its level as it was each day, of the hosts that it had, against what was usable of it when the statement was made.
    settled: cutoffs of the months that may be scored. Nothing after the cutoff is read.
    """
    if not (has_table(con, CAPACITY_OUTLOOK) and has_table(con, GROUP_HISTORY)):
        return pl.DataFrame(schema=OUTLOOK_BACKTEST.polars_schema)
    first = first_scored(cutoff, horizon_months)
    con.execute(_LEVELS.format(first=f"DATE '{first}'", cutoff=f"DATE '{cutoff}'"))
    days = {"cutoff": cutoff, "first": first, "settled": list(settled), "months": horizon_months}
    return query(con, _SCORED, **days).pipe(OUTLOOK_BACKTEST.conform)
