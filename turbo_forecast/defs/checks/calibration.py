"""Calibrated intervals: there for every champion and month, finite, around yhat; and they held in the backtest."""

import dagster as dg

from turbo_forecast.defs.checks.judging import Property, month_check
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
)

WARN_OUTSIDE, ERROR_OUTSIDE = 0.05, 0.15
"""How far the backtest's coverage may be from the interval's width: 75 to 85 %, 65 to 95 % for an 80 % interval."""
FEW_SERIES = 30
"""Below this many series, two standard errors more: the days of a series are one witness, not a hundred."""


# an interval around a constant tells nothing of the others, and a fleet is full of idle hosts
_VARYING = """
    (SELECT DISTINCT host_id, resource FROM tournament_scores WHERE cutoff = {cutoff} AND fold = 0 AND mase IS NOT NULL)
"""


def holds(name: str, tolerance: float, severity: dg.AssetCheckSeverity, *, blocking: bool) -> Property:
    """The published interval's coverage of the backtest is near its nominal width."""
    return Property(
        name=name,
        sentence=f"the published interval held its nominal share of the varying series' backtest days, ± {tolerance:.0%}",
        judged="SELECT 1",
        offenders=f"""
            SELECT round(coverage, 4) AS coverage, nominal, days, series
            FROM (SELECT avg((y BETWEEN yhat_lower AND yhat_upper)::INTEGER) AS coverage, {{interval_width}} AS nominal,
                         count(*) AS days, count(DISTINCT (host_id, resource)) AS series
                  FROM {{stored}} JOIN {_VARYING} USING (host_id, resource)
                  WHERE phase = 'backtest' AND y IS NOT NULL)
            WHERE days > 0 AND abs(coverage - nominal) > {tolerance} + 1e-9
                  + if(series < {FEW_SERIES}, 2 * sqrt(nominal * (1 - nominal) / series), 0)
        """,
        blocking=blocking,
        severity=severity,
    )


WARNS = holds("intervals_hold_in_the_backtest", WARN_OUTSIDE, dg.AssetCheckSeverity.WARN, blocking=False)
FAILS = holds("intervals_do_not_break_in_the_backtest", ERROR_OUTSIDE, dg.AssetCheckSeverity.ERROR, blocking=True)

checks = [
    month_check(COMPLETE, CALIBRATION),
    month_check(WARNS, FORECAST_PARQUET),
    month_check(FAILS, FORECAST_PARQUET),
]
