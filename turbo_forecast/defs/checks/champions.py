"""Every series with a forecast has exactly one champion, who has that forecast and did no worse than the fallback."""

from turbo_forecast.defs.checks.judging import month_check
from turbo_forecast.defs.checks.properties import Property
from turbo_forecast.schemas import CHAMPIONS

ONE_CHAMPION = Property(
    name="exactly_one_champion_per_series",
    sentence="every series with a forecast has exactly one champion, and the champion has a forecast of it",
    judged="SELECT count(DISTINCT (host_id, resource)) FROM tournament_results WHERE cutoff = {cutoff}",
    offenders="""
        WITH forecasters AS (
            SELECT host_id, resource, list(DISTINCT model) AS models
            FROM tournament_results WHERE cutoff = {cutoff} AND phase = 'forecast' GROUP BY ALL
        ), chosen AS (
            SELECT host_id, resource, count(*) AS champions, any_value(model) AS model FROM {stored} GROUP BY ALL
        )
        SELECT host_id, resource, coalesce(champions, 0) AS champions, model
        FROM forecasters FULL JOIN chosen USING (host_id, resource)
        WHERE coalesce(champions, 0) != 1 OR NOT coalesce(list_contains(models, model), false)
        ORDER BY ALL
    """,
    items="series",
)
NOT_WORSE = Property(
    name="no_champion_is_worse_than_the_fallback",
    sentence="over a series' folds, the champion's mean MAE is not above the fallback's",
    judged="SELECT count(*) FROM {stored}",
    offenders="""
        WITH folds AS (
            SELECT host_id, resource, model, avg(mae) AS fold_mae FROM tournament_scores
            WHERE cutoff = {cutoff} AND fold > 0 GROUP BY ALL
        )
        SELECT chosen.host_id, chosen.resource, chosen.model, own.fold_mae, other.fold_mae AS fallback_fold_mae
        FROM {stored} AS chosen
        LEFT JOIN folds AS own USING (host_id, resource, model)
        JOIN folds AS other ON (other.host_id, other.resource, other.model) = (chosen.host_id, chosen.resource, {fallback})
        WHERE NOT coalesce(own.fold_mae <= other.fold_mae + 1e-9, false)
        ORDER BY ALL
    """,
    items="series",
)

checks = [month_check(prop, CHAMPIONS) for prop in (ONE_CHAMPION, NOT_WORSE)]
