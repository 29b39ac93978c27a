"""From what is known of some series to rows of CAPACITY_OUTLOOK and OUTLOOK_BACKTEST.

Belongs here: which statements are made of a forecast, and their columns. Does not belong here: probabilities
(`statements.py`), where series, forecasts and thresholds come from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from turbo_forecast.outlook.learning import Learnt
from turbo_forecast.outlook.levels import Floats, Integers, first_day_reached, highest_so_far, levels_after
from turbo_forecast.outlook.planned import Planned, planned_probabilities
from turbo_forecast.outlook.signals import SHORT_MONTHS, Signals
from turbo_forecast.outlook.statements import first_days, growth, probabilities, states
from turbo_forecast.schemas.outlook import CAPACITY_OUTLOOK, DAYS_BEFORE, OUTLOOK_BACKTEST, STATED

SERIES, GROUP = "series", "group"
"""What a statement is about."""
BASELINE = "baseline"
JUDGED = (30, 61, 91, 122)
"""Days after the backtest's origin whose statements are judged."""
BEFORE = tuple(f"before_{days}" for days in range(DAYS_BEFORE - 1, -1, -1))
"""Columns: what was observed so many days before the last known day, that day the last."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of n series at an origin. names: `host_id, resource`. before: (n, 6) the last days' observed percent, NaN
    where there is none. usable: (n,) share of the capacity that may be used; of a series, all of it."""

    names: pl.DataFrame
    signals: Signals
    before: Floats
    usable: Floats

    @classmethod
    def from_frame(cls, rows: pl.DataFrame, usable: Floats | None = None) -> "Known":
        """Of rows of OUTLOOK_SERIES, of one phase."""
        before = rows.select(BEFORE).fill_null(float("nan")).to_numpy()
        share = np.ones(len(rows)) if usable is None else usable
        return cls(rows.select("host_id", "resource"), Signals.from_frame(rows), before, share)


def held_days(days: int, asked: Sequence[int]) -> list[int]:
    """Those of the horizons that a window of so many days has: four months are 120 to 123 days, and have the 122."""
    return [each for each in asked if days >= SHORT_MONTHS * each]


def capacity_rows(
    known: Known,
    forecast: Floats,
    thresholds: Sequence[Sequence[float]],
    learnt: Learnt,
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
    said = _statements(known, forecast, thresholds, learnt, planned)
    days = forecast.shape[1]
    level = known.signals.level[:, None] / known.usable[:, None]
    first = [_dates(said.first[:, :, place], cutoff) for place in range(3)]
    slope = growth(said.levels) / known.usable
    columns: dict[str, NDArray[np.generic]] = {
        **{f"probability_{each}": said.chances[:, :, min(each, days) - 1].ravel() for each in STATED},
        **{name: dates.ravel() for name, dates in zip(("early", "likely", "late"), first, strict=True)},
        "forecast_date": _dates(first_day_reached(said.highest, said.thresholds), cutoff).ravel(),
        "level": said.spread(level),
        "headroom": (said.nominal - level).ravel(),
        "growth": said.spread(slope[:, None]),
        "recent_shift": said.spread(known.signals.shift[:, None] / known.usable[:, None]),
        "state": states(level[:, 0], said.nominal, said.chances[:, :, -1]).ravel(),
    }
    rows = said.named(known.names, columns).with_columns(
        cutoff=pl.lit(cutoff), scenario=pl.lit(scenario), kind=pl.lit(kind), urgency=pl.lit(0, pl.Int64)
    )
    if not held_days(days, [91]):
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
    known: Known,
    forecast: Floats,
    observed: Floats,
    thresholds: Sequence[Sequence[float]],
    learnt: Learnt,
    origin: date,
    cutoff: date,
    *,
    kind: str = SERIES,
) -> pl.DataFrame:
    """Rows of OUTLOOK_BACKTEST, one for each series, threshold and horizon that the backtest has.

    forecast, observed: (n, h) percent of the days after `origin`, the last day that was known; observed is NaN where nothing
    was. thresholds: as for `capacity_rows`. cutoff: the month's.
    """
    said = _statements(known, forecast, thresholds, learnt, None)
    highest = highest_so_far(levels_after(known.before, observed))
    happened, pointed = (first_day_reached(each, said.thresholds) for each in (highest, said.highest))
    shared = {
        "level": said.spread((known.signals.level / known.usable)[:, None]),
        "likely": _dates(said.first[:, :, 1], origin).ravel(),
        "actual": _dates(happened, origin).ravel(),
    }
    parts = []
    for days in held_days(forecast.shape[1], JUDGED):
        columns: dict[str, NDArray[np.generic]] = {
            "probability": said.chances[:, :, min(days, forecast.shape[1]) - 1].ravel(),
            "happened": _within(happened, days),
            "point": _within(pointed, days),
        }
        rows = said.named(known.names, {**columns, **shared})
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

    def spread(self, of_series: Floats) -> Floats:
        """(n · t,) the same for all thresholds of a series. of_series: (n, 1)."""
        return np.broadcast_to(of_series, self.nominal.shape).ravel()

    def named(self, names: pl.DataFrame, columns: dict[str, NDArray[np.generic]]) -> pl.DataFrame:
        """A row for each threshold that a series has; NaN and NaT become null."""
        place = pl.Series(np.repeat(np.arange(len(names)), self.nominal.shape[1]))
        rows = names.select(pl.all().gather(place)).hstack(
            pl.DataFrame({"threshold": self.nominal.ravel(), **columns}).with_columns(
                pl.selectors.float().fill_nan(None)
            )
        )
        return rows.filter(pl.col("threshold").is_not_null())


def _statements(
    known: Known, forecast: Floats, thresholds: Sequence[Sequence[float]], learnt: Learnt, planned: Planned | None
) -> _Statements:
    nominal = _padded(thresholds)
    levels = levels_after(known.before, forecast)
    highest = highest_so_far(levels)
    own = nominal * known.usable[:, None]
    resource = learnt.rows_of(known.names["resource"])
    if planned is None:
        chances = probabilities(learnt, resource, known.signals, highest, own)
    else:
        chances = planned_probabilities(learnt, resource, known.signals, known.before, forecast, planned, own)
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


def _within(days: Integers, asked: int) -> NDArray[np.int32]:
    """(n · t,) 1 where it was one of the first so many days, else 0; days is 0 for never."""
    return ((days > 0) & (days <= asked)).astype(np.int32).ravel()
