"""Engine `stan`: stock Prophet, fitted by CmdStan in a process of its own for every fit.

On phases of the week or year that a window has not observed, both engines keep to the same rule
(`turbo_prophet/known_phases.py`): the centred columns go to stock Prophet as regressors, with the seasons' own prior.
Does not belong here: anything else that changes what stock Prophet computes.
"""

import logging
import tempfile
import time
from typing import TYPE_CHECKING

import numpy as np

from turbo_forecast.models.prophet_spec import spec_of
from turbo_forecast.models.protocol import Days, Forecast, Values, Window
from turbo_forecast.seasonal_gaps import slot_of_year
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.turbo_prophet.features import epoch_days, from_days, season_features, season_orders
from turbo_forecast.turbo_prophet.known_phases import Floats, Season, Unknown
from turbo_forecast.types import Solver

if TYPE_CHECKING:
    import pandas as pd
    from prophet import Prophet


class StanEngine:
    """Stock Prophet at the run's settings."""

    def __init__(self, settings: ForecastSettings) -> None:
        self._settings = settings
        for chatty in ("cmdstanpy", "prophet", "prophet.plot"):  # disabled: importing them resets levels
            logging.getLogger(chatty).disabled = True

    def season(self, days: Days) -> Season | None:
        """How the seasons keep to the phases that a window's days (n,) have observed; None if they observed all."""
        orders = season_orders(from_days(days), spec_of(self._settings))
        slots = slot_of_year(days)
        unknown = Unknown.of(days, slots, orders)
        return None if unknown is None else Season.of(unknown, orders, days, slots, _features(days, orders))

    def model(self, season: Season | None = None) -> "Prophet":
        """A stock Prophet at the run's settings, not yet fitted; its seasons as regressors where they are given."""
        from prophet import Prophet  # 1.5 s and 400 modules: only where a window is really fitted by Stan

        options = self._settings
        model = Prophet(
            growth=options.growth,
            n_changepoints=options.n_changepoints,
            changepoint_range=options.changepoint_range,
            changepoint_prior_scale=options.changepoint_prior_scale,
            yearly_seasonality=False if season else options.yearly_order or "auto",
            weekly_seasonality=False if season else "auto",
            seasonality_mode=options.seasonality_mode,
            seasonality_prior_scale=options.seasonality_prior_scale,
            interval_width=options.interval_width,
            uncertainty_samples=options.uncertainty_samples,
        )
        for name in _column_names(season):
            model.add_regressor(name, prior_scale=options.seasonality_prior_scale, standardize=False)
        return model

    def _frame(self, days: Days, season: Season | None) -> "pd.DataFrame":
        import pandas as pd

        frame = pd.DataFrame({"ds": days.astype("datetime64[D]").astype("datetime64[ns]")})
        if self._settings.growth == "logistic":
            frame["cap"] = self._settings.cap
            frame["floor"] = self._settings.floor
        if season:
            columns = season.columns(days, slot_of_year(days), _features(days, season.orders))
            frame[_column_names(season)] = columns
        return frame

    def history(self, days: Days, y: Values, season: Season | None = None) -> "pd.DataFrame":
        """Prophet's input for a window's observations."""
        return self._frame(days, season).assign(y=y)

    def fit(self, days: Days, y: Values, seed: int, season: Season | None = None) -> "Prophet":
        """A stock Prophet fitted to the observations. Raises what Prophet and CmdStan raise."""
        model = self.model(season)
        # CmdStan leaves a CSV per fit; 16,000 of them fill a disk unless each goes with its fit
        with tempfile.TemporaryDirectory(prefix="stan-") as folder:
            model.fit(self.history(days, y, season), output_dir=folder, seed=seed % 2**31)
        return model

    def forecast(self, window: Window) -> Forecast:
        """Fit and forecast the window. Raises what Prophet and CmdStan raise."""
        started = time.perf_counter()
        season = self.season(window.days)
        model = self.fit(window.days, window.y, window.seed, season)
        fitted = time.perf_counter()
        np.random.seed(window.seed % 2**32)  # Prophet draws from NumPy's global generator
        forecast = model.predict(self._frame(window.horizon, season))
        return Forecast(
            yhat=forecast["yhat"].to_numpy(),
            lower=forecast["yhat_lower"].to_numpy(),
            upper=forecast["yhat_upper"].to_numpy(),
            solver=Solver.STAN,
            fit_seconds=fitted - started,
            predict_seconds=time.perf_counter() - fitted,
        )


def _features(days: Days, orders: tuple[int, int, int]) -> Floats:
    return season_features(epoch_days(from_days(days)), orders)


def _column_names(season: Season | None) -> list[str]:
    return [f"season_{i:02d}" for i in range(season.centre.size)] if season else []


def build(settings: ForecastSettings) -> StanEngine:
    """The stan engine of a run."""
    return StanEngine(settings)
