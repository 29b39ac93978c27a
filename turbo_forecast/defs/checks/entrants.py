"""Every entrant of the run has a forecast of some series: one that fails for all of them is no entrant, but a fault."""

from turbo_forecast.defs.checks.judging import month_check
from turbo_forecast.defs.checks.properties import Property, Verdict
from turbo_forecast.schemas import FLEET_FORECAST

# the series that entrants were asked for: too short or retired ones are asked of nobody but the fallback
_ASKED = "(SELECT host_id, resource FROM {outcomes} WHERE outcome IN ('forecast', 'failed'))"
SOMETHING = Property(
    name="every_entrant_forecasts_something",
    sentence="every entrant, outside models and combinations too, has a forecast of at least one of the series asked for",
    judged=f"SELECT if(count(*) > 0, len({{models}}), 0) FROM {_ASKED}",
    offenders=f"""
        WITH able AS (
            SELECT DISTINCT model FROM {{stored}} SEMI JOIN {_ASKED} USING (host_id, resource) WHERE phase = 'forecast'
        )
        SELECT model, (SELECT count(*) FROM {_ASKED}) AS series_asked,
               (SELECT min(reason) FROM {{outcomes}} WHERE contains('; ' || reason, '; ' || model || ' raised ')) AS example
        FROM (SELECT unnest({{models}}) AS model) ANTI JOIN able USING (model)
        WHERE (SELECT count(*) FROM {_ASKED}) > 0
        ORDER BY model
    """,
    items="entrants",
    remedy="series_outcomes.reason says why, series by series; mend the entrant or take it out of the run",
    says=lambda verdict: _silent(verdict),
)


def _silent(verdict: Verdict) -> str:
    """Which entrants have no forecast at all, in words."""
    names = ", ".join(verdict.offenders["model"])
    if names:
        count = f"{len(verdict.offenders):,} of {verdict.expected:,} entrants"
        return f"{count} have no forecast of any series they were asked for: {names}"
    return f"each of the {verdict.expected:,} entrants has a forecast of some series"


checks = [month_check(SOMETHING, FLEET_FORECAST)]
