"""Turbo Prophet beside stock Prophet on the same window: who found the higher posterior, and how fast.

Belongs here: the comparison. Does not belong here: which series are compared, and the verdict (`defs/checks/`).
"""

import time
from dataclasses import dataclass, fields

import numpy as np

from turbo_forecast.models.prophet_spec import spec_of
from turbo_forecast.models.prophet_stan import StanEngine
from turbo_forecast.models.protocol import Days, Values
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.turbo_prophet.daily import compile_kernels, fit_daily
from turbo_forecast.turbo_prophet.daily_calendar import Calendar
from turbo_forecast.turbo_prophet.problem import Problem
from turbo_forecast.turbo_prophet.reference_posterior import log_posterior

ALLOWED_NATS = 1e-6
"""How far below stock's log posterior still counts as agreement: rounding, in sums of a thousand terms."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Log posteriors (nats, on Stan's lp__ scale) and fit seconds of both, for one window."""

    turbo: float
    stan: float
    turbo_seconds: float
    stan_seconds: float

    @property
    def holds(self) -> bool:
        """Whether turbo's solution is at least as probable as stock's."""
        return self.turbo >= self.stan - ALLOWED_NATS


def compare(days: Days, y: Values, settings: ForecastSettings) -> Agreement:
    """Fit a window (as `Window.days`, `Window.y`; not constant) with both, and compare both by the plain posterior."""
    compile_kernels()
    calendar = Calendar(int(days[0]), int(days[-1]), spec_of(settings))
    fit_daily(
        days, y, calendar, cap=settings.cap, floor=settings.floor
    )  # features are cached from here on, as in a run
    started = time.perf_counter()
    turbo = fit_daily(days, y, calendar, cap=settings.cap, floor=settings.floor).result
    turbo_seconds = time.perf_counter() - started
    engine = StanEngine(settings)
    started = time.perf_counter()
    season = engine.season(days)
    model = engine.fit(days, y, seed=0, season=season)
    stan_seconds = time.perf_counter() - started
    inputs = engine.model(season).preprocess(engine.history(days, y, season))
    problem = Problem.from_stan_data({field.name: getattr(inputs, field.name) for field in fields(inputs)})
    stock = {
        name: np.asarray(value, dtype=np.float64).ravel() for name, value in model.params.items() if name != "trend"
    }
    return Agreement(
        turbo=log_posterior(problem, turbo.k, turbo.m, turbo.delta, turbo.sigma_obs, turbo.beta),
        stan=log_posterior(
            problem,
            float(stock["k"][0]),
            float(stock["m"][0]),
            stock["delta"],
            float(stock["sigma_obs"][0]),
            stock["beta"],
        ),
        turbo_seconds=turbo_seconds,
        stan_seconds=stan_seconds,
    )
