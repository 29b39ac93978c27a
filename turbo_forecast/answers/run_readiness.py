"""Which months a run could make of telemetry, and what would become of its series, before anything is run.

Belongs here: the run's own rules asked of days that were observed. Does not belong here: how telemetry is read
(`storage/telemetry/`), and the rules (`windows.py`, `fleet/series_forecaster.py`).
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars as pl

from turbo_forecast.errors import PartitionError
from turbo_forecast.fleet.series_forecaster import SeriesForecaster
from turbo_forecast.fleet.store import Series
from turbo_forecast.models.protocol import Days
from turbo_forecast.month_keys import last_over, month_key, shifted
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.types import Outcome
from turbo_forecast.windows import Windows, cutoff_of, day_number, require_complete, run_windows


@dataclass(frozen=True, slots=True)
class Readiness:
    """What a run could do with telemetry.

    months: keys of those that can be run, ascending. first_with_backtest: from the first month on in which a series has a backtest, None without
    one; whole: from the first month on whose training and backtest months telemetry covers, None without one. outcomes: how many
    series of the last month would be forecast, published by the fallback (too short for a backtest), or retired.
    why_none: why no month can be run, of the last one that is over; empty where one can.
    """

    months: list[str]
    first_with_backtest: str | None = None
    whole: str | None = None
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    why_none: str = ""

    @property
    def last(self) -> str | None:
        """The last month that can be run."""
        return self.months[-1] if self.months else None


def run_readiness(histories: pl.DataFrame, settings: ForecastSettings, today: date) -> Readiness:
    """What a run could make of these series. histories: `host_id, resource, days` (a list of dates, ascending), of one or more."""
    days = histories["days"].explode(empty_as_null=True).unique().sort().to_list()
    months, why = _complete(days, settings, today)
    if not months:
        return Readiness([], why_none=why)
    numbers = [np.asarray(each, dtype=np.int64) for each in histories["days"].cast(pl.List(pl.Int32)).to_list()]
    first_with_backtest = next((key for key in months if Outcome.FORECAST in _outcomes(numbers, key, settings)), None)
    whole = next((key for key in months if _windows(key, settings).history_start >= days[0]), None)
    return Readiness(months, first_with_backtest, whole, dict(Counter(_outcomes(numbers, months[-1], settings))))


def _complete(days: Sequence[date], settings: ForecastSettings, today: date) -> tuple[list[str], str]:
    """The months that can be run, ascending; and where none can, why the last one that is over and has any day cannot."""
    over, first = last_over(today), month_key(days[0])
    keys = [shifted(first, number) for number in range(_months_between(first, month_key(days[-1])) + 1)]
    found, why = [], f"month {first}, in which the telemetry begins, is not over"
    for key in (key for key in keys if key <= over):
        cutoff = cutoff_of(key)
        try:
            require_complete(days[bisect_right(days, cutoff) - 1], cutoff, settings)
        except PartitionError as error:
            why = str(error)
        else:
            found.append(key)
    return found, why


def _months_between(first: str, last: str) -> int:
    (year, month), (last_year, last_month) = (map(int, key.split("-")) for key in (first, last))
    return 12 * (last_year - year) + last_month - month


def _windows(key: str, settings: ForecastSettings) -> Windows:
    return run_windows(cutoff_of(key), settings)


def _outcomes(numbers: Sequence[Days], key: str, settings: ForecastSettings) -> Iterator[Outcome]:
    """What becomes of each series that is known by the month's end. numbers: (n,) day numbers of each, ascending."""
    windows = _windows(key, settings)
    forecaster = SeriesForecaster(windows, settings, {})
    start, end = day_number(windows.history_start), day_number(windows.cutoff)
    for place, days in enumerate(numbers):
        if days[0] <= end:
            seen = days[np.searchsorted(days, start) : np.searchsorted(days, end, side="right")]
            yield forecaster.expected(Series(place, "", "", seen, np.empty(0)))
