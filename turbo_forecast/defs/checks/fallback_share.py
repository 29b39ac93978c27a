"""Few live series rest on the fallback; more is a warning, not an error."""

import dagster as dg

from turbo_forecast.defs.checks.judging import Judged, judge_month, month_check
from turbo_forecast.defs.checks.properties import Property, Verdict
from turbo_forecast.defs.resources import DataFolder, Warehouse
from turbo_forecast.schemas import SERIES_OUTCOMES
from turbo_forecast.settings import ForecastSettings


def few_fallbacks(tolerated: float) -> Property:
    """At most this share of the live series is published from the fallback."""
    return Property(
        name="few_series_rest_on_the_fallback",
        sentence=f"live series have an entrant's own forecast (up to {tolerated:.0%} may rest on the fallback)",
        tolerated=tolerated,
        blocking=False,
        severity=dg.AssetCheckSeverity.WARN,
        items="live series",
        remedy="series_outcomes.reason says why of each; where that is right, raise max_fallback_share",
        says=lambda verdict: _resting(verdict, tolerated),
    )


def _resting(verdict: Verdict, tolerated: float) -> str:
    """How many live series are published from the fallback, beside how many may be, in words."""
    if not verdict.expected:
        return "there is no live series"
    resting = len(verdict.offenders)
    share = f"{resting:,} of {verdict.expected:,} live series ({resting / verdict.expected:.1%})"
    allowed = f"{100 * tolerated:g} % may"
    return f"{share} have no forecast but the fallback's; {'only ' if not verdict.holds(tolerated) else ''}{allowed}"


def judged(
    context: dg.AssetCheckExecutionContext, settings: ForecastSettings, warehouse: Warehouse, folder: DataFolder
) -> Judged:
    """Judge the month at the run's own max_fallback_share."""
    prop = few_fallbacks(settings.max_fallback_share)
    return judge_month(context, prop, SERIES_OUTCOMES, settings, warehouse, folder)


checks = [month_check(few_fallbacks(ForecastSettings().max_fallback_share), SERIES_OUTCOMES, judged)]
