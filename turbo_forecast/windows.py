"""The windows of a month's run: the days it trains on, scores and forecasts.

Belongs here: calendar arithmetic of the windows, and whether the telemetry reaches them. Does not belong here: the series
themselves.
"""

import calendar
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.errors import PartitionError
from turbo_forecast.number_words import counted
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.types import Phase

FORECAST, BACKTEST = -1, 0
"""Positions of the two windows every series has, in arrays; a fold's is its own number: 1 for the latest, and up."""
PHASE_WINDOWS = {Phase.BACKTEST: BACKTEST, Phase.FORECAST: FORECAST}
"""The window that each published phase is."""
EPOCH = date(1970, 1, 1)
YEARS = (1970, 2200)
"""Telemetry is of these; the windows around them are days that a calendar has."""


def month_end(day: date) -> date:
    """Last day of the month that holds `day`."""
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def shift_month_end(day: date, months: int) -> date:
    """Last day of the month `months` calendar months after (before, if negative) the month of `day`."""
    index = day.year * 12 + day.month - 1 + months
    return month_end(date(index // 12, index % 12 + 1, 1))


def day_number(day: date) -> int:
    """Days since 1970-01-01, as Arrow's date32 counts them."""
    return (day - EPOCH).days


def date_of(number: int) -> date:
    """The day of a day number."""
    return EPOCH + timedelta(days=number)


def window_name(number: int) -> str:
    """The window as the column `window_name` names it, by its number: `forecast`, `backtest`, `fold 1` (the latest), `fold 2`, …"""
    return {FORECAST: Phase.FORECAST.value, BACKTEST: Phase.BACKTEST.value}.get(number, f"fold {number}")


def cutoff_of(partition: str) -> date:
    """The cutoff of month partition `YYYY-MM-01` (or `YYYY-MM`): the month's last day."""
    return month_end(date.fromisoformat(partition if len(partition) > 7 else f"{partition}-01"))


@dataclass(frozen=True, slots=True)
class Fold:
    """One more rolling-origin window, before the backtest. number 1 is the latest; bounds are inclusive days."""

    number: int
    train_end: date
    end: date

    @property
    def days(self) -> NDArray[np.int64]:
        """Day numbers of the fold, every calendar day."""
        return np.arange(day_number(self.train_end) + 1, day_number(self.end) + 1)


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of one run. All bounds are inclusive days."""

    history_start: date
    train_end: date
    cutoff: date
    horizon_end: date
    folds: tuple[Fold, ...] = ()

    @property
    def backtest_start(self) -> date:
        """First day of the backtest window."""
        return self.train_end + timedelta(days=1)

    @property
    def backtest_days(self) -> NDArray[np.int64]:
        """Day numbers of the backtest window, every calendar day."""
        return np.arange(day_number(self.train_end) + 1, day_number(self.cutoff) + 1)

    @property
    def origins(self) -> tuple[date, ...]:
        """The last day that may be known to the forecast of each window, oldest first, the cutoff last."""
        return (*(fold.train_end for fold in reversed(self.folds)), self.train_end, self.cutoff)

    @property
    def ends(self) -> dict[int, int]:
        """By the number of a window, the day number of the last day that may be known to it: folds, backtest, forecast."""
        ends = {**{fold.number: fold.train_end for fold in self.folds}, BACKTEST: self.train_end, FORECAST: self.cutoff}
        return {number: day_number(end) for number, end in ends.items()}

    @property
    def forecast_days(self) -> NDArray[np.int64]:
        """Day numbers of the forecast window, every calendar day."""
        return np.arange(day_number(self.cutoff) + 1, day_number(self.horizon_end) + 1)


def run_windows(cutoff: date, settings: ForecastSettings) -> Windows:
    """The windows of the month that ends at `cutoff`, in calendar months, at these settings.

    Folds follow each other backwards from the backtest, each as long as it; those that would have no month of
    training are left out. Raises PartitionError when `cutoff` is not the last day of a month, or beyond YEARS.
    """
    if not YEARS[0] <= cutoff.year <= YEARS[1]:
        raise PartitionError(f"cutoff {cutoff} is not in the years {YEARS[0]} to {YEARS[1]}")
    if cutoff != month_end(cutoff):
        raise PartitionError(f"cutoff {cutoff} is not the last day of a month; {month_end(cutoff)} would be")
    length = settings.backtest_months
    train_end = shift_month_end(cutoff, -length)
    return Windows(
        history_start=shift_month_end(train_end, -settings.train_months) + timedelta(days=1),
        train_end=train_end,
        cutoff=cutoff,
        horizon_end=shift_month_end(cutoff, settings.horizon_months),
        folds=tuple(
            Fold(
                number,
                train_end=shift_month_end(train_end, -number * length),
                end=shift_month_end(cutoff, -number * length),
            )
            for number in range(1, settings.folds_held + 1)
        ),
    )


def folds_left_out(settings: ForecastSettings) -> str | None:
    """The sentence for a run that holds fewer folds than `folds`, None for one that holds all of them.

    Only a default is cut so: more folds than fit are refused where somebody has asked for them.
    """
    if settings.folds_held == settings.folds:
        return None
    return (
        f"folds: {settings.folds_held} of {settings.folds} are held; train_months ({settings.train_months}) has no room "
        f"for more of backtest_months ({settings.backtest_months})"
    )


def require_complete(last: date | None, cutoff: date, settings: ForecastSettings) -> None:
    """Raises PartitionError unless telemetry, whose last day up to the cutoff is `last`, reaches the month's end."""
    month = f"{cutoff:%Y-%m}"
    if last is None:
        raise PartitionError(f"month {month} is before the data: nothing was observed up to {cutoff}")
    if cutoff - last > timedelta(days=settings.max_staleness_days):
        raise PartitionError(
            f"month {month} is not complete: the telemetry ends on {last}, {counted((cutoff - last).days, 'day')} before "
            f"{cutoff} (max_staleness_days is {settings.max_staleness_days})"
        )
