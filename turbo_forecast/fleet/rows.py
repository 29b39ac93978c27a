"""What one entrant projected on one window of one series.

Belongs here: the rows while they are in memory, and how windows are numbered. Does not belong here: files (`chunks.py`).
"""

from dataclasses import dataclass

import numpy as np

from turbo_forecast.models.protocol import Days, Values
from turbo_forecast.windows import BACKTEST, FORECAST

PHASES = {BACKTEST: "backtest", FORECAST: "forecast"}


@dataclass(frozen=True, slots=True)
class Rows:
    """One entrant's projected days of one window, clamped to the envelope; y is NaN where nothing was observed."""

    model: str
    window: int
    days: Days
    y: Values
    yhat: Values
    lower: Values
    upper: Values

    @property
    def error(self) -> float:
        """Mean absolute error over the observed days, percentage points; NaN where there is none."""
        seen = ~np.isnan(self.y)
        return float(np.abs(self.yhat[seen] - self.y[seen]).mean()) if seen.any() else float("nan")
