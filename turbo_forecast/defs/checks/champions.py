"""Every series with a forecast has exactly one champion, and the champion has that forecast."""

from turbo_forecast.defs.checks.judging import Property, month_check
from turbo_forecast.schemas import CHAMPIONS

ONE_CHAMPION = Property(
    name="exactly_one_champion_per_series",
    sentence="every series with a forecast has exactly one champion: the first in order of preference with a forecast",
    judged="SELECT count(DISTINCT (host_id, resource)) FROM tournament_results WHERE cutoff = {cutoff}",
    offenders="""
        WITH due AS (
            SELECT host_id, resource, arg_min(model, list_position({models}, model)) AS due
            FROM tournament_results WHERE cutoff = {cutoff} AND phase = 'forecast' GROUP BY ALL
        ), chosen AS (
            SELECT host_id, resource, count(*) AS champions, any_value(model) AS model FROM {stored} GROUP BY ALL
        )
        SELECT host_id, resource, coalesce(champions, 0) AS champions, model, due
        FROM due FULL JOIN chosen USING (host_id, resource)
        WHERE coalesce(champions, 0) != 1 OR model IS DISTINCT FROM due
        ORDER BY ALL
    """,
)

checks = [month_check(ONE_CHAMPION, CHAMPIONS)]
