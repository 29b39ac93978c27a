"""The protocol of the tournament's forecasters: a window of one series in, its forecast out.

Belongs here: the one protocol that every entrant implements.
Does not belong here: any forecaster, and what becomes of its forecast (clamping, tagging: `fleet/series_forecaster.py`).
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.types import Solver

Log = Callable[[str], None]
"""Called with a line of progress for a person to read."""
Days = NDArray[np.int64]
Values = NDArray[np.float64]


class ForecastError(Exception):
    """An entrant cannot forecast this window; the message is recorded as the series' reason."""


@dataclass(frozen=True, slots=True)
class Window:
    """What an entrant forecasts from: the observed days of one series, and the days to forecast.

    days: (n,) day numbers since 1970-01-01 with a value, strictly increasing; n >= 1.
    y: (n,) finite utilisation in percent.
    horizon: (h,) day numbers to forecast, strictly increasing, all after the window's last calendar day (the origin),
        which is horizon[0] - 1.
    seed: what the entrant must seed every random draw from, so that answers never depend on the process.
    series: (host_id, resource), for an entrant that answers from what it has stored by name.
    """

    days: Days
    y: Values
    horizon: Days
    seed: int
    series: tuple[str, str] = ("", "")

    @property
    def asked(self) -> Days:
        """The name that `horizon` had, with a DeprecationWarning."""
        warnings.warn("models.protocol.Window.asked is called horizon now", DeprecationWarning, stacklevel=2)
        return self.horizon


@dataclass(slots=True)
class Forecast:
    """An entrant's forecast: (h,) point forecast and interval bounds in percent, not yet clamped.

    solver says what solved the model: one of ours, or a word of the entrant's own. iterations: steps of the solver,
    None where it counts none. note is recorded as a reason when something else than the ordinary fit answered (a
    constant series' own rule, say).
    """

    yhat: Values
    lower: Values
    upper: Values
    solver: Solver | str
    fits: int = 1
    fit_seconds: float = 0.0
    predict_seconds: float = 0.0
    note: str | None = None
    iterations: int | None = None


class Entrant(Protocol):
    """A forecaster that takes part in the tournament. Built once per worker process, called once per window."""

    def forecast(self, window: Window) -> Forecast:
        """Forecast the window's horizon.

        Any exception is caught and recorded in `model_runs`, and the entrant is out of that series, with all its windows: no other
        forecast takes its place. Where every entrant is out, the fallback's forecast is published.
        """
        ...


def __getattr__(name: str) -> Any:
    """`Projection`, the name that `Forecast` had, with a DeprecationWarning."""
    if name == "Projection":
        warnings.warn("models.protocol.Projection is called Forecast now", DeprecationWarning, stacklevel=2)
        return Forecast
    raise AttributeError(f"module {__name__} has no attribute {name}")
