"""Engine `stan`: stock Prophet, fitted by CmdStan in a process of its own for every fit.

Does not belong here: anything that changes what stock Prophet computes.
"""

import logging
import tempfile
import time
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from turbo_forecast.models.protocol import Days, Projection, Values, Window
from turbo_forecast.settings import ForecastSettings

if TYPE_CHECKING:
    import pandas as pd
    from prophet import Prophet

Growth = Literal["linear", "logistic", "flat"]
Mode = Literal["additive", "multiplicative"]


class StanEngine:
    """Stock Prophet at the run's settings."""

    def __init__(self, settings: ForecastSettings) -> None:
        self._settings = settings
        for chatty in ("cmdstanpy", "prophet", "prophet.plot"):  # disabled: importing them resets levels
            logging.getLogger(chatty).disabled = True

    def model(self) -> "Prophet":
        """A stock Prophet at the run's settings, not yet fitted."""
        from prophet import Prophet  # 1.5 s and 400 modules: only where a window is really fitted by Stan

        options = self._settings
        return Prophet(
            growth=cast(Growth, options.growth),
            n_changepoints=options.n_changepoints,
            changepoint_range=options.changepoint_range,
            changepoint_prior_scale=options.changepoint_prior_scale,
            yearly_seasonality=options.yearly_order or "auto",
            seasonality_mode=cast(Mode, options.seasonality_mode),
            seasonality_prior_scale=options.seasonality_prior_scale,
            interval_width=options.interval_width,
            uncertainty_samples=options.uncertainty_samples,
        )

    def _frame(self, days: Days) -> "pd.DataFrame":
        import pandas as pd

        frame = pd.DataFrame({"ds": days.astype("datetime64[D]").astype("datetime64[ns]")})
        if self._settings.growth == "logistic":
            frame["cap"] = self._settings.cap
            frame["floor"] = self._settings.floor
        return frame

    def history(self, days: Days, y: Values) -> "pd.DataFrame":
        """Prophet's input for a window's observations."""
        return self._frame(days).assign(y=y)

    def fit(self, days: Days, y: Values, seed: int) -> "Prophet":
        """A stock Prophet fitted to the observations. Raises what Prophet and CmdStan raise."""
        model = self.model()
        # CmdStan leaves a CSV per fit; 16,000 of them fill a disk unless each goes with its fit
        with tempfile.TemporaryDirectory(prefix="stan-") as folder:
            model.fit(self.history(days, y), output_dir=folder, seed=seed % 2**31)
        return model

    def project(self, window: Window) -> Projection:
        """Fit and project the window. Raises what Prophet and CmdStan raise."""
        started = time.perf_counter()
        model = self.fit(window.days, window.y, window.seed)
        fitted = time.perf_counter()
        np.random.seed(window.seed % 2**32)  # Prophet draws from NumPy's global generator
        forecast = model.predict(self._frame(window.asked))
        return Projection(
            yhat=forecast["yhat"].to_numpy(),
            lower=forecast["yhat_lower"].to_numpy(),
            upper=forecast["yhat_upper"].to_numpy(),
            solver="stan",
            fit_seconds=fitted - started,
            predict_seconds=time.perf_counter() - fitted,
        )


def build(settings: ForecastSettings) -> StanEngine:
    """The stan engine of a run."""
    return StanEngine(settings)
