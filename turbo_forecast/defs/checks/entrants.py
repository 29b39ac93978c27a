"""Every entrant of the run has a forecast of some series: one that fails for all of them is no entrant, but a fault."""

from turbo_forecast.defs.checks.judging import month_check
from turbo_forecast.defs.checks.properties import Property, Verdict
from turbo_forecast.schemas import FLEET_FORECAST

SOMETHING = Property(
    name="every_entrant_forecasts_something",
    sentence="every entrant, external models and combinations too, has a forecast of at least one of the series asked for",
    items="entrants",
    remedy="model_runs.error_message says why, fit by fit; mend the entrant or take it out of the run",
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
