"""Rows of CAPACITY_OUTLOOK and OUTLOOK_BACKTEST, made of signals of series, their forecasts and thresholds.

Belongs here: which statements are made of a forecast, and their columns. Does not belong here: probabilities
(`statements.py`), where series, forecasts and thresholds come from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from turbo_forecast.outlook.learning import OutlookModel
from turbo_forecast.outlook.levels import Floats, Integers, first_day_reached, highest_so_far, levels_after
from turbo_forecast.outlook.planned import Planned, planned_probabilities
from turbo_forecast.outlook.signals import MIN_DAY_SHARE, Signals
from turbo_forecast.outlook.statements import first_days, growth, probabilities, states
from turbo_forecast.schemas.outlook import CAPACITY_OUTLOOK, DAYS_BEFORE, OUTLOOK_BACKTEST, STATED

SERIES, GROUP = "series", "group"
"""Kinds of what a statement is about."""
BASELINE = "baseline"
BACKTEST_HORIZONS = (30, 61, 91, 122)
"""Days after the backtest's origin within which its statements are compared with what happened."""
BEFORE = tuple(f"before_{days}" for days in range(DAYS_BEFORE - 1, -1, -1))
"""Columns: what was observed so many days before the last known day, that day the last."""


@dataclass(frozen=True, slots=True)
class OutlookInputs:
    """What is known of n series at an origin. names: `host_id, resource`. before: (n, 6) the last days' observed percent, NaN
    where there is none. usable: (n,) share of the capacity that may be used; of a series, all of it."""

    names: pl.DataFrame
    signals: Signals
    before: Floats
    usable: Floats

    @classmethod
    def from_frame(cls, rows: pl.DataFrame, usable: Floats | None = None) -> "OutlookInputs":
        """Of rows of OUTLOOK_SERIES, of one phase."""
        before = rows.select(BEFORE).fill_null(float("nan")).to_numpy()
        share = np.ones(len(rows)) if usable is None else usable
        return cls(rows.select("host_id", "resource"), Signals.from_frame(rows), before, share)


def available_horizons(days: int, horizons: Sequence[int]) -> list[int]:
    """Those of the horizons, in days, that a window of so many days has: four months are 120 to 123 days, and have the 122."""
    return [each for each in horizons if days >= MIN_DAY_SHARE * each]


def capacity_rows(
    inputs: OutlookInputs,
    forecast: Floats,
    thresholds: Sequence[Sequence[float]],
    model: OutlookModel,
    cutoff: date,
    *,
    kind: str = SERIES,
    scenario: str = BASELINE,
    planned: Planned | None = None,
) -> pl.DataFrame:
    """One row of CAPACITY_OUTLOOK for each series and threshold, in their order, without the urgency.

    forecast: (n, h) published percent of the days after the cutoff, planned changes and all. thresholds: percent of what is
    usable, each series' own. planned: what is planned of them.
    """
    statements = _statements(inputs, forecast, thresholds, model, planned)
    days = forecast.shape[1]
    level = inputs.signals.level[:, None] / inputs.usable[:, None]
    first = [_dates(statements.first[:, :, index], cutoff) for index in range(3)]
    slope = growth(statements.levels) / inputs.usable
    columns: dict[str, NDArray[np.generic]] = {
        **{f"probability_{each}": statements.chances[:, :, min(each, days) - 1].ravel() for each in STATED},
        **{name: dates.ravel() for name, dates in zip(("early", "likely", "late"), first, strict=True)},
        "forecast_date": _dates(first_day_reached(statements.highest, statements.thresholds), cutoff).ravel(),
        "level": statements.repeated(level),
        "headroom": (statements.nominal - level).ravel(),
        "growth": statements.repeated(slope[:, None]),
        "recent_shift": statements.repeated(inputs.signals.shift[:, None] / inputs.usable[:, None]),
        "state": states(level[:, 0], statements.nominal, statements.chances[:, :, -1]).ravel(),
    }
    rows = statements.rows(inputs.names, columns).with_columns(
        cutoff=pl.lit(cutoff), scenario=pl.lit(scenario), kind=pl.lit(kind), urgency=pl.lit(0, pl.Int64)
    )
    if not available_horizons(days, [91]):
        rows = rows.with_columns(probability_91=pl.lit(None, pl.Float64))
    return CAPACITY_OUTLOOK.conform(rows)


def with_urgency(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of CAPACITY_OUTLOOK of one month, ranked within their scenario, 1 the most urgent.

    First what is over its threshold: the higher threshold, then the higher level. Then by the likely date, and what has none
    by the probability; then by headroom. Ties go by name.
    """
    over = pl.col("state") == "over"
    keys = {
        "not_over": ~over,
        "harder": pl.when(over).then(-pl.col("threshold")),
        "higher": pl.when(over).then("headroom"),
        "waits": pl.when(~over).then("likely"),
        "improbable": 1 - pl.col("probability_182"),
        "room": pl.col("headroom"),
    }
    ordered = rows.with_columns(**keys).sort(
        "scenario", *keys, "kind", "host_id", "resource", "threshold", nulls_last=True, maintain_order=True
    )
    ranked = ordered.with_columns(urgency=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("scenario"))
    return CAPACITY_OUTLOOK.conform(ranked.sort(CAPACITY_OUTLOOK.key))


def backtest_rows(
    inputs: OutlookInputs,
    forecast: Floats,
    observed: Floats,
    thresholds: Sequence[Sequence[float]],
    model: OutlookModel,
    origin: date,
    cutoff: date,
    *,
    kind: str = SERIES,
) -> pl.DataFrame:
    """Rows of OUTLOOK_BACKTEST, one for each series, threshold and horizon that the backtest has.

    forecast, observed: (n, h) percent of the days after `origin`, the last day that was known; observed is NaN where nothing
    was. thresholds: as for `capacity_rows`. cutoff: the month's.
    """
    statements = _statements(inputs, forecast, thresholds, model, None)
    highest = highest_so_far(levels_after(inputs.before, observed))
    happened, forecast_days = (first_day_reached(each, statements.thresholds) for each in (highest, statements.highest))
    shared = {
        "level": statements.repeated((inputs.signals.level / inputs.usable)[:, None]),
        "likely": _dates(statements.first[:, :, 1], origin).ravel(),
        "actual": _dates(happened, origin).ravel(),
    }
    parts = []
    for days in available_horizons(forecast.shape[1], BACKTEST_HORIZONS):
        columns: dict[str, NDArray[np.generic]] = {
            "probability": statements.chances[:, :, min(days, forecast.shape[1]) - 1].ravel(),
            "happened": _within(happened, days),
            "point": _within(forecast_days, days),
        }
        rows = statements.rows(inputs.names, {**columns, **shared})
        parts.append(rows.with_columns(horizon_days=pl.lit(days), cutoff=pl.lit(cutoff), kind=pl.lit(kind)))
    if not parts:
        return pl.DataFrame(schema=OUTLOOK_BACKTEST.polars_schema)
    return OUTLOOK_BACKTEST.conform(pl.concat(parts)).sort(OUTLOOK_BACKTEST.key)


@dataclass(frozen=True, slots=True)
class _Statements:
    """nominal, thresholds: (n, t) as stated, and of all capacity; NaN where a series has fewer. levels, highest: (n, h) the
    forecast's 7-day mean, and the highest up to each day. chances: (n, t, h). first: (n, t, 3) as `first_days` gives them.
    """

    nominal: Floats
    thresholds: Floats
    levels: Floats
    highest: Floats
    chances: Floats
    first: Integers

    def repeated(self, of_series: Floats) -> Floats:
        """(n · t,) the same for all thresholds of a series. of_series: (n, 1)."""
        return np.broadcast_to(of_series, self.nominal.shape).ravel()

    def rows(self, names: pl.DataFrame, columns: dict[str, NDArray[np.generic]]) -> pl.DataFrame:
        """A row for each threshold that a series has; NaN and NaT become null."""
        index = pl.Series(np.repeat(np.arange(len(names)), self.nominal.shape[1]))
        rows = names.select(pl.all().gather(index)).hstack(
            pl.DataFrame({"threshold": self.nominal.ravel(), **columns}).with_columns(
                pl.selectors.float().fill_nan(None)
            )
        )
        return rows.filter(pl.col("threshold").is_not_null())


def _statements(
    inputs: OutlookInputs,
    forecast: Floats,
    thresholds: Sequence[Sequence[float]],
    model: OutlookModel,
    planned: Planned | None,
) -> _Statements:
    nominal = _padded(thresholds)
    levels = levels_after(inputs.before, forecast)
    highest = highest_so_far(levels)
    own = nominal * inputs.usable[:, None]
    resource = model.rows_of(inputs.names["resource"])
    if planned is None:
        chances = probabilities(model, resource, inputs.signals, highest, own)
    else:
        chances = planned_probabilities(model, resource, inputs.signals, inputs.before, forecast, planned, own)
    return _Statements(nominal, own, levels, highest, chances, first_days(chances))


def _padded(thresholds: Sequence[Sequence[float]]) -> Floats:
    """(n, t) each series' thresholds in a row, NaN after the last."""
    most = max((len(own) for own in thresholds), default=1)
    padded = np.full((len(thresholds), most), np.nan)
    for row, own in enumerate(thresholds):
        padded[row, : len(own)] = own
    return padded


def _dates(days: Integers, origin: date) -> NDArray[np.datetime64]:
    """Days after the origin as dates, NaT for 0."""
    dates = np.datetime64(origin, "D") + days.astype("timedelta64[D]")
    return np.where(days > 0, dates, np.datetime64("NaT", "D"))


def _within(days: Integers, horizon: int) -> NDArray[np.int32]:
    """(n · t,) 1 where it was one of the first so many days, else 0; days is 0 for never."""
    return ((days > 0) & (days <= horizon)).astype(np.int32).ravel()
