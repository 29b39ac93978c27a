"""Calibrated intervals: there for every champion and month, finite, around yhat; and they held in the backtest."""

import dagster as dg

from turbo_forecast.defs.checks.judging import month_check
from turbo_forecast.defs.checks.properties import Property, Verdict
from turbo_forecast.schemas import CALIBRATION, FORECAST_PARQUET

_FOLD_DAYS = """
    (SELECT 1 FROM {fold_rows} JOIN champions USING (cutoff, host_id, resource, model)
     WHERE cutoff = {cutoff} AND y IS NOT NULL)
"""
_BACKTEST_DAYS = """
    (SELECT 1 FROM tournament_results JOIN champions USING (cutoff, host_id, resource, model)
     WHERE cutoff = {cutoff} AND phase = 'backtest' AND y IS NOT NULL)
"""
# a young series has no backtest; and in a young fleet nobody has a fold: nothing calibrates the backtest then
_ASKED = f"""
    (SELECT host_id, resource, phase, month::INTEGER AS horizon_month
     FROM (SELECT DISTINCT host_id, resource, phase
           FROM tournament_results JOIN champions USING (cutoff, host_id, resource, model) WHERE cutoff = {{cutoff}})
     JOIN (SELECT 'backtest' AS phase, unnest(range(1, {{backtest_months}} + 1)) AS month WHERE EXISTS {_FOLD_DAYS}
           UNION ALL SELECT 'forecast', unnest(range(1, {{months}} + 1))
           WHERE EXISTS {_FOLD_DAYS} OR EXISTS {_BACKTEST_DAYS}) USING (phase)
     WHERE EXISTS (SELECT 1 FROM {{folds}}))
"""

COMPLETE = Property(
    name="every_champion_is_calibrated",
    sentence="every champion has finite offsets, lower < 0 < upper, for every month of the phases it has rows of",
    judged=f"SELECT count(*) FROM {_ASKED}",
    offenders=f"""
        SELECT host_id, resource, phase, horizon_month, scale, lower, upper
        FROM {_ASKED} AS asked FULL JOIN {{stored}} AS stored USING (host_id, resource, phase, horizon_month)
        WHERE asked.host_id IS NULL
           OR NOT coalesce(lower < 0 AND 0 < upper AND isfinite(lower) AND isfinite(upper) AND scale > 0, false)
        ORDER BY ALL
    """,
    items="horizon months of series",
)

WARN_OUTSIDE, ERROR_OUTSIDE = 0.05, 0.15
"""How far the backtest's coverage may be from the interval's width: 75 to 85 %, 65 to 95 % for an 80 % interval."""
FEW_SERIES = 30
"""Below this many series, two standard errors more: the days of a series are one witness, not a hundred."""


# an interval around a constant tells nothing of the others, and a fleet is full of idle hosts
_VARYING = """
    (SELECT DISTINCT host_id, resource FROM tournament_scores WHERE cutoff = {cutoff} AND fold = 0 AND mase IS NOT NULL)
"""


def _figures(tolerance: float) -> str:
    """SQL of the interval's coverage over all backtest days of the varying series together, and how far it may be off."""
    return f"""
        (SELECT *, {tolerance} + if(series < {FEW_SERIES}, 2 * sqrt(nominal * (1 - nominal) / series), 0) AS allowed
         FROM (SELECT avg((y BETWEEN yhat_lower AND yhat_upper)::INTEGER) AS coverage, {{interval_width}}::DOUBLE AS nominal,
                      count(*) AS days, count(DISTINCT (host_id, resource)) AS series
               FROM {{stored}} JOIN {_VARYING} USING (host_id, resource)
               WHERE phase = 'backtest' AND y IS NOT NULL))
    """


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
        judged="SELECT 1",
        offenders=f"""
            SELECT round(coverage, 4) AS coverage, nominal, days, series FROM {_figures(tolerance)}
            WHERE days > 0 AND abs(coverage - nominal) > allowed + 1e-9
        """,
        blocking=blocking,
        severity=severity,
        items="published intervals",
        remedy=remedy,
        figures=f"FROM {_figures(tolerance)}",
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
