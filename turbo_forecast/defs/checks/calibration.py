"""Calibrated intervals: there for every champion and month, finite, around yhat; and they held in the backtest."""

import dagster as dg

from turbo_forecast.defs.checks.judging import month_check
from turbo_forecast.defs.checks.properties import Property, Verdict
from turbo_forecast.schemas import CALIBRATION, FORECAST_PARQUET

COMPLETE = Property(
    name="every_champion_is_calibrated",
    sentence="every champion has finite offsets, lower < 0 < upper, for every month of the phases it has rows of",
    items="horizon months of series",
)

WARN_OUTSIDE, ERROR_OUTSIDE = 0.05, 0.15
"""How far the backtest's coverage may be from the interval's width: 75 to 85 %, 65 to 95 % for an 80 % interval."""
FEW_SERIES = 30
"""Below this many series, two standard errors more: the days of a series are one witness, not a hundred."""


def _held(verdict: Verdict) -> str:
    """How much of the backtest the interval held, in words."""
    coverage, nominal, allowed = (verdict.figures[name] for name in ("coverage", "nominal", "allowed"))
    if coverage is None:
        return "no series that varies has a backtest: there was nothing to check"
    days, series = verdict.figures["days"], verdict.figures["series"]
    wrong = bool(len(verdict.offenders))
    held = f"{100 * coverage:.{2 if wrong else 1}f} % of the {days:,} backtest days, taken together, of the {series:,} series that vary"
    low, high = max(0.0, nominal - allowed), min(1.0, nominal + allowed)
    between = f"{100 * low:.3g} to {100 * high:.3g} %"
    text = f"the published {100 * nominal:g} % interval held {held}"
    if not wrong:
        return f"{text} ({between} is allowed)"
    return f"{text}, not {between}: it is too {'narrow' if coverage < nominal else 'wide'}"


def holds(name: str, tolerance: float, severity: dg.AssetCheckSeverity, *, blocking: bool, remedy: str) -> Property:
    """The published interval's coverage of the backtest is near its nominal width."""
    return Property(
        name=name,
        sentence=f"the published interval held its nominal share of the varying series' backtest days, ± {tolerance:.0%}",
        sql="intervals_hold",
        parts={"tolerance": str(tolerance), "few_series": str(FEW_SERIES)},
        blocking=blocking,
        severity=severity,
        items="published intervals",
        remedy=remedy,
        says=_held,
    )


WARNS = holds(
    "intervals_hold_in_the_backtest",
    WARN_OUTSIDE,
    dg.AssetCheckSeverity.WARN,
    blocking=False,
    remedy="Plan with the share that it held, and see tournament_standings for the resource and month that are off",
)
FAILS = holds(
    "intervals_do_not_break_in_the_backtest",
    ERROR_OUTSIDE,
    dg.AssetCheckSeverity.ERROR,
    blocking=True,
    remedy="Do not use the intervals; look in forecast_parquet for what changed in the backtest months",
)

checks = [
    month_check(COMPLETE, CALIBRATION),
    month_check(WARNS, FORECAST_PARQUET),
    month_check(FAILS, FORECAST_PARQUET),
]
