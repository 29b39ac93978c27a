"""Every entrant of the run has a forecast of some series: one that fails for all of them is no entrant, but a fault."""

from turbo_forecast.defs.checks.expectations import Expectation, Validation
from turbo_forecast.defs.checks.month_checks import month_check
from turbo_forecast.schemas import FLEET_FORECAST

SOMETHING = Expectation(
    name="every_entrant_forecasts_something",
    description="every entrant, external models and combinations too, has a forecast of at least one of the series asked for",
    items="entrants",
    remedy="model_runs.error_message says why, fit by fit; mend the entrant or take it out of the run",
    summary=lambda validation: _silent(validation),
)


def _silent(validation: Validation) -> str:
    """Which entrants have no forecast at all, in words."""
    names = ", ".join(validation.failing_rows["model"])
    if names:
        count = f"{len(validation.failing_rows):,} of {validation.total:,} entrants"
        return f"{count} have no forecast of any series they were asked for: {names}"
    return f"each of the {validation.total:,} entrants has a forecast of some series"


checks = [month_check(SOMETHING, FLEET_FORECAST)]
