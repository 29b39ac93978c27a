"""Every series with a forecast has exactly one champion, and the champion has that forecast."""

from turbo_forecast.defs.checks.judging import Property, month_check
from turbo_forecast.schemas import CHAMPIONS

ONE_CHAMPION = Property(
    name="exactly_one_champion_per_series",
    sentence="every series with a forecast has exactly one champion, who has a forecast",
    judged="SELECT count(DISTINCT (host_id, resource)) FROM tournament_results WHERE cutoff = {cutoff}",
    offenders="""
        WITH forecast AS (
            SELECT DISTINCT host_id, resource, model FROM tournament_results
            WHERE cutoff = {cutoff} AND phase = 'forecast'
        ), chosen AS (
            SELECT host_id, resource, count(*) AS champions, any_value(model) AS model FROM {stored} GROUP BY ALL
        ), series AS (SELECT DISTINCT host_id, resource FROM forecast)
        SELECT host_id, resource, coalesce(champions, 0) AS champions, chosen.model,
               forecast.model IS NOT NULL AS champion_has_a_forecast
        FROM series FULL JOIN chosen USING (host_id, resource)
        LEFT JOIN forecast USING (host_id, resource, model)
        WHERE coalesce(champions, 0) != 1 OR forecast.model IS NULL
        ORDER BY ALL
    """,
)

checks = [month_check(ONE_CHAMPION, CHAMPIONS)]
