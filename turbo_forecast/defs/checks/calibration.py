"""Calibrated intervals: there for every champion and month, finite, around yhat; and they held in the backtest."""

import dagster as dg

from turbo_forecast.defs.checks.expectations import Expectation, Validation
from turbo_forecast.defs.checks.month_checks import month_check
from turbo_forecast.number_words import counted
from turbo_forecast.schemas import CALIBRATION, FORECAST_PARQUET
from turbo_forecast.tournament.standings import POOR

COMPLETE = Expectation(
    name="every_champion_is_calibrated",
    description="every champion has finite offsets, lower < 0 < upper, for every month of the phases it has rows of",
    items="horizon months of series",
)

WARN_OUTSIDE, ERROR_OUTSIDE = 0.05, 0.15
"""How far the backtest's coverage may be from the interval's width: 75 to 85 %, 65 to 95 % for an 80 % interval."""
FEW_SERIES = 30
"""Below this many series, two standard errors more: the days of a series are one independent observation, not a hundred."""


def _held(validation: Validation) -> str:
    """How much of the backtest the interval held, in words."""
    coverage, nominal, allowed = (validation.metrics[name] for name in ("coverage", "nominal", "allowed"))
    if coverage is None:
        return "no series that varies has a backtest: there was nothing to check"
    days, series = validation.metrics["days"], validation.metrics["series"]
    wrong = bool(len(validation.failing_rows))
    held = f"{100 * coverage:.{2 if wrong else 1}f} % of the {counted(days, 'backtest day')}, taken together, of the {counted(series, 'series that varies', 'series that vary')}"
    low, high = max(0.0, nominal - allowed), min(1.0, nominal + allowed)
    between = f"{100 * low:.3g} to {100 * high:.3g} %"
    text = f"the published {100 * nominal:g} % interval held {held}"
    if not wrong:
        return f"{text} ({between} is allowed)"
    return f"{text}, not {between}: it is too {'narrow' if coverage < nominal else 'wide'}"


def holds(name: str, tolerance: float, severity: dg.AssetCheckSeverity, *, blocking: bool, remedy: str) -> Expectation:
    """The published interval's coverage of the backtest is near its nominal width."""
    return Expectation(
        name=name,
        description=f"the published interval held its nominal share of the varying series' backtest days, ± {tolerance:.0%}",
        sql="intervals_hold",
        parameters={"tolerance": str(tolerance), "few_series": str(FEW_SERIES)},
        blocking=blocking,
        severity=severity,
        items="published intervals",
        remedy=remedy,
        summary=_held,
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

POOR_SHARE = 0.12
"""How many of the series may have been covered below three quarters of the interval's width; 8 to 9 % of car parks are."""
STEEPEST_STEP = 0.15
"""How much wider than a month's the next month's intervals may be, beyond what the champions' own bounds are."""
NARROWER = 0.02
"""How much narrower, where the forecasts' levels change with the months."""
FEW_SPARE = 0.25
"""What is added to both for few series, whose mean goes up and down with the room that each forecast leaves."""


def _by_series(validation: Validation) -> str:
    """How many of the series the interval failed, in words."""
    share, series, floor = (validation.metrics[name] for name in ("poorly_covered", "series", "floor"))
    if not series:
        return "no series that varies has a backtest: there was nothing to check"
    return (
        f"{100 * share:.1f} % of the {counted(series, 'series that varies', 'series that vary')} had less than {100 * floor:.3g} % of their backtest days "
        f"inside their interval ({100 * validation.metrics['allowed']:.3g} % is allowed)"
    )


SERIES_HOLD = Expectation(
    name="intervals_hold_for_nearly_every_series",
    description=f"at most {POOR_SHARE:.0%} of the varying series were covered below three quarters of the interval's width",
    parameters={"allowed": str(POOR_SHARE), "poor": str(POOR), "few_series": str(FEW_SERIES)},
    blocking=False,
    severity=dg.AssetCheckSeverity.WARN,
    items="published intervals",
    remedy="A level has moved in many series at once, or some kind of series differs from the others of its resource: see "
    "forecast_parquet for the worst covered",
    summary=_by_series,
)
SMOOTH = Expectation(
    name="intervals_widen_smoothly",
    description="from each horizon month to the next, intervals do not narrow, nor widen by over "
    f"{STEEPEST_STEP:.0%} beyond what the champions' own bounds do, on average",
    parameters={
        "steepest": str(STEEPEST_STEP),
        "narrower": str(NARROWER),
        "few_series": str(FEW_SERIES),
        "few_spare": str(FEW_SPARE),
    },
    blocking=False,
    severity=dg.AssetCheckSeverity.WARN,
    items="steps from month to month",
    remedy="See calibration for the resource whose offsets jump; report it as a fault of the program",
)

checks = [
    month_check(COMPLETE, CALIBRATION),
    month_check(SMOOTH, CALIBRATION),
    month_check(WARNS, FORECAST_PARQUET),
    month_check(SERIES_HOLD, FORECAST_PARQUET),
    month_check(FAILS, FORECAST_PARQUET),
]
