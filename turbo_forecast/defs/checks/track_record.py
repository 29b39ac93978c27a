"""How good the outlook's statements were: better than the base rate, as frequent as their probability, and scored once their days have passed."""

import dagster as dg

from turbo_forecast.defs.checks.expectations import Expectation
from turbo_forecast.defs.checks.month_checks import month_check
from turbo_forecast.schemas import OUTLOOK_ACCURACY, OUTLOOK_OVER_TIME, OUTLOOK_RELIABILITY
from turbo_forecast.schemas.outlook import STATED
from turbo_forecast.storage.telemetry.sql import listed

FEWEST = 30
"""Statements, or events, below which a share is chance."""
TOLERATED = 0.1
"""How far the share that came true may be from what was said."""

SKILL = Expectation(
    name="outlook_has_skill",
    description=(
        "statements about a threshold have a better Brier score than the base rate, wherever at least "
        f"{FEWEST} came true and {FEWEST} did not"
    ),
    parameters={"fewest": str(FEWEST)},
    blocking=False,
    severity=dg.AssetCheckSeverity.WARN,
    items="thresholds and horizons with enough of both",
    remedy="Plan with the share of the fleet that reaches the threshold, not with single probabilities; see outlook_accuracy",
)
RELIABLE = Expectation(
    name="outlook_is_reliable",
    description=(
        f"of the backtest's statements of about the same probability, so many came true, within {100 * TOLERATED:.0f} points "
        f"in bins of {FEWEST} or more (those of one series are not independent: the column series says of how many they are)"
    ),
    parameters={"fewest": str(FEWEST), "tolerance": str(TOLERATED)},
    blocking=False,
    severity=dg.AssetCheckSeverity.WARN,
    items="bins",
    remedy="Read a probability of such a bin as the share that came true (outlook_reliability.observed)",
)
JUDGED = Expectation(
    name="earlier_statements_are_judged",
    description="every earlier complete month's statements are judged once the days that they are about have passed",
    parameters={"stated_horizons": listed(str(days) for days in STATED)},
    items="thresholds and horizons of earlier statements",
)

checks = [
    month_check(SKILL, OUTLOOK_ACCURACY),
    month_check(RELIABLE, OUTLOOK_RELIABILITY),
    month_check(JUDGED, OUTLOOK_OVER_TIME),
]
