"""Few live series rest on the fallback; more is a warning, not an error."""

import dagster as dg

from turbo_forecast.defs.checks.expectations import Expectation, Validation
from turbo_forecast.defs.checks.month_checks import MonthValidation, month_check, validate_month
from turbo_forecast.defs.resources import DataFolder, Warehouse
from turbo_forecast.schemas import SERIES_OUTCOMES
from turbo_forecast.settings import ForecastSettings


def few_fallbacks(tolerance: float) -> Expectation:
    """At most this share of the live series is published from the fallback."""
    return Expectation(
        name="few_series_rest_on_the_fallback",
        description=f"live series have an entrant's own forecast (up to {tolerance:.0%} may rest on the fallback)",
        tolerance=tolerance,
        blocking=False,
        severity=dg.AssetCheckSeverity.WARN,
        items="live series",
        remedy="series_outcomes.reason says why of each; where that is right, raise max_fallback_share",
        summary=lambda validation: _resting(validation, tolerance),
    )


def _resting(validation: Validation, tolerance: float) -> str:
    """How many live series are published from the fallback, beside how many may be, in words."""
    if not validation.total:
        return "there is no live series"
    resting = len(validation.failing_rows)
    share = f"{resting:,} of {validation.total:,} live series ({resting / validation.total:.1%})"
    allowed = f"{100 * tolerance:g} % may"
    return (
        f"{share} have no forecast but the fallback's; {'only ' if not validation.passes(tolerance) else ''}{allowed}"
    )


def validated(
    context: dg.AssetCheckExecutionContext, settings: ForecastSettings, warehouse: Warehouse, folder: DataFolder
) -> MonthValidation:
    """Validate the month at the run's own max_fallback_share."""
    expectation = few_fallbacks(settings.max_fallback_share)
    return validate_month(context, expectation, SERIES_OUTCOMES, settings, warehouse, folder)


checks = [month_check(few_fallbacks(ForecastSettings().max_fallback_share), SERIES_OUTCOMES, validated)]
