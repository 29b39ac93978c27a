"""Engine `turbo`: Prophet's posterior maximised in process. What it cannot solve goes to Stan, and says why.

Does not belong here: the solver (`turbo_prophet/`), and the rule for constant windows (`prophet.py`).
"""

import time

from turbo_forecast.models.prophet_spec import spec_of
from turbo_forecast.models.protocol import Days, Forecast, Window
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.turbo_prophet.daily import compile_kernels, fit_daily, forecast_daily
from turbo_forecast.turbo_prophet.daily_calendar import Calendar
from turbo_forecast.turbo_prophet.prediction import Interval
from turbo_forecast.turbo_prophet.problem import Status
from turbo_forecast.types import Solver

HANDED_OVER = {
    Status.ITERATION_LIMIT: "the turbo solver was not done after its largest number of steps",
    Status.NO_FINITE_MAP: "the window can be fitted exactly, or so nearly that the turbo solver cannot judge a fit",
    Status.NUMERICAL_FAILURE: "the turbo solver met numbers it cannot compute with",
}
"""Why a fit goes to Stan, as a series' reason says it."""
MARGIN_DAYS = 400
"""A calendar reaches this far beyond the first window's days, so that one serves a whole run."""


class TurboEngine:
    """Turbo Prophet at the run's settings. One per process: it keeps features by calendar."""

    def __init__(self, settings: ForecastSettings) -> None:
        self._settings = settings
        self._spec = spec_of(settings)
        self._interval = Interval(settings.interval_width, settings.uncertainty_samples)
        self._calendar: Calendar | None = None
        compile_kernels()  # from the cache the parent filled: no series waits for it

    def forecast(self, window: Window) -> Forecast:
        """Fit and forecast the window; hand over to Stan what does not converge."""
        started = time.perf_counter()
        calendar = self._calendar_for(window.days, window.horizon)
        fit = fit_daily(window.days, window.y, calendar, cap=self._settings.cap, floor=self._settings.floor)
        fitted = time.perf_counter()
        if fit.status is not Status.CONVERGED:
            return self._hand_over(window, fit.status)
        forecast = forecast_daily(fit, window.horizon, calendar, self._interval, seed=window.seed)
        return Forecast(
            yhat=forecast.yhat,
            lower=forecast.lower,
            upper=forecast.upper,
            solver=Solver.TURBO,
            iterations=fit.result.iterations,
            fit_seconds=fitted - started,
            predict_seconds=time.perf_counter() - fitted,
        )

    def _calendar_for(self, days: Days, horizon: Days) -> Calendar:
        first, last = int(days[0]), int(horizon[-1])
        known = self._calendar
        if known is None or first < known.first or last > known.last:
            if known is not None:
                first, last = min(first, known.first), max(last, known.last)
            self._calendar = known = Calendar(first - MARGIN_DAYS, last + MARGIN_DAYS, self._spec)
        return known

    def _hand_over(self, window: Window, status: Status) -> Forecast:
        from turbo_forecast.models.prophet_stan import StanEngine  # brings pandas and prophet: only when needed

        forecast = StanEngine(self._settings).forecast(window)
        forecast.note = f"Prophet was fitted by Stan: {HANDED_OVER[status]}"
        return forecast


def build(settings: ForecastSettings) -> TurboEngine:
    """The turbo engine of a run."""
    return TurboEngine(settings)
