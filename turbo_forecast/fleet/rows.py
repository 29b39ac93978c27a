"""What one entrant forecast on one window of one series, and how that came about.

Belongs here: both while they are in memory. Does not belong here: files (`pieces.py`), how windows are numbered
(`windows.py`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.models.protocol import Days, Values
from turbo_forecast.types import Solver, Status

Stored = NDArray[np.float32]
"""Forecasts as they are stored: single precision is a ten-thousandth of a hundredth of a percentage point."""


@dataclass(frozen=True, slots=True)
class Rows:
    """One entrant's forecast of one window, day by day, clamped to the envelope.

    days: (h,) every calendar day of the window, as day numbers. y: (h,) percent, NaN where nothing was observed.
    yhat, lower, upper: (h,) percent, as stored.
    """

    model: str
    window: int
    days: Days
    y: Values
    yhat: Stored
    lower: Stored
    upper: Stored

    @property
    def error(self) -> float:
        """Mean absolute error over the observed days, percentage points; NaN where there is none."""
        seen = ~np.isnan(self.y)
        return float(np.abs(self.yhat[seen] - self.y[seen]).mean()) if seen.any() else float("nan")


@dataclass(frozen=True, slots=True)
class ModelRun:
    """One entrant's attempt at one window of a series: a row of MODEL_RUNS without the series' name."""

    model: str
    window: int
    status: Status
    solver: str | None = None
    iterations: int | None = None
    note: str | None = None
    error_class: str | None = None
    error_message: str | None = None
    milliseconds: float = 0.0

    @property
    def clause(self) -> str | None:
        """What a person should know of it, as one clause of the series' reason; None where all went its ordinary way."""
        if self.status is Status.RAISED:
            return f"{self.model} raised {self.error_class}: {as_clause((self.error_message or '')[:200])}"
        return as_clause(self.note) if self.note else None


def solver_name(value: object) -> str:
    """The solver an entrant names, as MODEL_RUNS holds it; a word that is nobody's is `other`."""
    text = as_line(value)
    return text if text in set(map(str, Solver)) else Solver.OTHER.value


def as_line(value: object) -> str:
    """What an entrant or its error says, as one storable line, whatever it is."""
    try:
        return " ".join(str(value).encode(errors="replace").decode().split())
    except Exception:  # a __str__ that raises is still an error to be recorded
        return f"{type(value).__name__} that cannot be shown"


def as_clause(value: object) -> str:
    """The text as one clause among the reasons, which semicolons part: no error may speak for another entrant."""
    return as_line(value).replace(";", ",")
