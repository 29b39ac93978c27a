"""`TurboProphet`: prophet.Prophet's class and arguments, fitted in process; forecasts differ where Stan stops short of the optimum.

Belongs here: the class, and nothing that Prophet already does. Does not belong here: fleets, which can't afford frames.
This module, `frame_checks.py` and `backend.py` import pandas and prophet; nothing else in this package does.
"""

from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from prophet import Prophet
from prophet.models import StanBackendEnum

from turbo_forecast.turbo_prophet.backend import SolverReport, TurboBackend
from turbo_forecast.turbo_prophet.frame_checks import require_future, require_history
from turbo_forecast.turbo_prophet.problem import MapResult, Settings


class TurboProphet(Prophet):
    """A prophet.Prophet whose maximum a posteriori fit is solved in process.

    Constructor, methods, attributes and predictions are Prophet's; so are the draws of `predict`, which come from
    numpy's global generator. What differs:

    - `fit` maximises the same posterior: it keeps the best local maximum of several searches, to rounding. Stock's optimiser
      stops short of its own, so parameters differ from stock's; `params["lp__"]` was at least as high on all that was tried.
    - `fit` takes Prophet's options. `init`, `inits` (a dictionary), `iter` (at most so many in each search), `seed`, `sig_figs`
      (all digits are kept), `timeout`, `refresh`, `show_console` and `require_converged` leave the fit in process. Any other
      (`algorithm`, `tol_obj`, `output_dir`, …) has a meaning to Stan alone and Stan does the fit:
      `fit(df, algorithm="LBFGS")` is stock Prophet's.
    - Stan also does what is not a maximum or has none: `mcmc_samples > 0`, histories that can be fitted exactly (or so nearly
      that double precision cannot judge), and any fit that did not converge. `solver_report` says who did it and why.
    - Logistic growth without changepoints (`n_changepoints=0`): stock shifts the fitted curve when it folds the one dummy
      change into the rate; here the curve that was fitted is the curve that is predicted.
    - Stock gives histories under 100 rows to Stan's Newton; here they are solved like all others.
    - `stan_fit` is None unless Stan did the fit; `stan_backend` names the Stan that does it then.

    `prophet.serialize` returns a stock Prophet, which predicts the same; `TurboProphet.from_stock` makes it a
    TurboProphet again. `settings` is the solver's; a subclass may set its own.
    """

    settings: ClassVar[Settings] = Settings()

    def _load_stan_backend(self, stan_backend: str | None) -> None:
        if stan_backend is not None:
            StanBackendEnum.get_backend_class(stan_backend)  # raises ValueError for a name that Prophet does not know
        self.stan_backend = TurboBackend(self.settings)

    def fit(self, df: pd.DataFrame, **kwargs: Any) -> Self:
        """Fit the model; see Prophet.fit.

        Parameters
        ----------
        df: ds (dates) and y, one row an observation; cap (and floor) for logistic growth; regressors and conditions
            of seasonalities by their names.
        kwargs: options of Stan's optimiser or sampler; see the class for those that leave the fit in process.

        Returns
        -------
        The fitted model.

        Raises
        ------
        ValueError: as Prophet does; and where Prophet would die without saying why, of a frame that is not pandas', dates
            that cannot be read or are all the same, a cap or floor that is no finite number, MCMC with one column.
        """
        require_history(df, self.growth == "logistic", self._columns_used())
        super().fit(df, **kwargs)
        backend = self.stan_backend
        if isinstance(backend, TurboBackend):
            if backend.report is None:
                backend.report = SolverReport("rule", "a constant history: Prophet predicts the constant without a fit")
            if backend.result is not None and self.growth == "logistic" and self.n_changepoints == 0:
                self._keep_the_curve(backend.result)
        return self

    def predict(self, df: pd.DataFrame | None = None, vectorized: bool = True) -> pd.DataFrame:
        """Predict; see Prophet.predict. Raises ValueError, as Prophet does, also for what is no pandas frame with a ds."""
        if df is not None and self.history is not None:
            require_future(df, self._columns_used())
        return super().predict(df, vectorized)

    def _columns_used(self) -> set[str]:
        """Regressors and conditions of seasonalities, by the names of their columns."""
        conditions = {each["condition_name"] for each in self.seasonalities.values()}
        return {*self.extra_regressors, *conditions} - {None}

    def _keep_the_curve(self, result: MapResult) -> None:
        """Adjust m to what Prophet does without changepoints: it folds the dummy change at time 0, delta, into k.

        The curve was k (t - m) + delta t. Stock leaves m as it was, which shifts the curve wherever delta is not zero.
        """
        k = float(self.params["k"][0, 0])
        if k != 0.0:
            self.params["m"] = np.array([[result.k * result.m / k]])

    @property
    def solver_report(self) -> SolverReport | None:
        """Who fitted this model and how it went; None before the fit and for a model that was read from a file."""
        return getattr(self.stan_backend, "report", None)

    @classmethod
    def from_stock(cls, model: Prophet) -> Self:
        """A stock Prophet, fitted or not, as a TurboProphet that shares its state: it predicts the same."""
        turbo = cls()
        backend = turbo.stan_backend
        turbo.__dict__.update(model.__dict__)
        turbo.stan_backend = backend
        return turbo
