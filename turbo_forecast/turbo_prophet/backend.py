"""Where `prophet.Prophet` asks for a fit: our solver first, CmdStan for what is not ours to answer.

Belongs here: the choice between the two, Stan's parameter arrays, the report of who answered and why.
Does not belong here: the class a user sees (`drop_in.py`), the mathematics (`solver.py`).
"""

import logging
import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from prophet.models import CmdStanPyBackend, TrendIndicator

from turbo_forecast.turbo_prophet.cache import ensure_compiled
from turbo_forecast.turbo_prophet.problem import MapResult, Problem, Settings, Status, Vector
from turbo_forecast.turbo_prophet.solver import solve_map

logger = logging.getLogger(__name__)

# Options of Stan's optimiser that ask for nothing but the maximum itself: where to start, how long to search at most,
# how many digits to write, what to print. Any other names one of Stan's own algorithms or files: Stan gets the fit.
HONOURED = frozenset(
    {"init", "inits", "iter", "seed", "sig_figs", "require_converged", "timeout", "refresh", "show_console"}
)

_REASONS = {
    Status.ITERATION_LIMIT: "the iteration limit came before the maximum",
    Status.NO_FINITE_MAP: "the data can be fitted exactly, or so nearly that double precision cannot judge a fit",
    Status.NUMERICAL_FAILURE: "no further step could be computed",
}


@dataclass(frozen=True)
class SolverReport:
    """Who fitted a model, how it went, and why it was not us if it was not.

    iterations, evaluations, objective and kkt_violation are those of our own attempt; None where none was made.
    """

    solver: Literal["turbo", "stan", "rule"]  # rule: Prophet's own answer for a constant history
    reason: str  # why the fit was handed over; empty if it was not
    status: Status | None = None
    iterations: int | None = None
    evaluations: int | None = None
    objective: float | None = None  # log posterior, on the scale of Stan's lp__
    kkt_violation: float | None = None  # see MapResult


class TurboBackend(CmdStanPyBackend):
    """Prophet's back end with the MAP solved in process.

    Stan's executable is looked for only when a fit is handed over. `stan_fit` is None after a fit of ours.
    """

    def __init__(self, settings: Settings) -> None:
        # Not super().__init__(): it imports cmdstanpy and opens the executable, 40 ms that most processes never need.
        self.settings = settings
        self.stan_fit = None
        self.newton_fallback = True
        self.report: SolverReport | None = None
        self.result: MapResult | None = None  # of the last fit, if it was ours

    @cached_property
    def model(self) -> Any:  # type: ignore[override]
        """The compiled Stan model, a cmdstanpy.CmdStanModel."""
        return CmdStanPyBackend().model

    def fit(self, stan_init: dict[str, Any], stan_data: dict[str, Any], **kwargs: Any) -> "OrderedDict[str, Vector]":
        """Maximise the posterior.

        Parameters
        ----------
        stan_init: Prophet's starting values: k, m, delta (S,), beta (K,), sigma_obs.
        stan_data: Stan's data block, as pandas and numpy objects.
        kwargs: options of cmdstanpy's `optimize`. Those in HONOURED are kept; with any other, Stan does the fit.

        Returns
        -------
        lp__, k, m, sigma_obs (1, 1), delta (1, S), beta (1, K) and trend (1, T), named and ordered as Stan's output.

        Raises
        ------
        ValueError: for numbers of which Stan could only say that it failed.
        """
        _require_solvable(stan_data)
        self.stan_fit = self.result = None
        result, reason = self._solve(stan_init, stan_data, kwargs)
        self.report = _report(result, reason)
        if result is not None and not reason:
            self.result = result
            return _parameters(result, stan_data)
        tried = result is not None
        logger.log(logging.WARNING if tried else logging.INFO, "Handing the fit over to Stan: %s.", reason)
        return super().fit(stan_init, stan_data, **kwargs)

    def sampling(
        self, stan_init: dict[str, Any], stan_data: dict[str, Any], samples: int, **kwargs: Any
    ) -> "OrderedDict[str, Vector]":
        """Sample the posterior: Stan's task alone. Arguments and result as CmdStanPyBackend's.

        Raises ValueError for what Prophet could not predict from afterwards, or Stan would refuse in terms of its own.
        """
        _require_solvable(stan_data)
        if int(stan_data["K"]) < 2:
            raise ValueError(
                "mcmc_samples needs a seasonality, a holiday with windows or two regressors: Prophet cannot predict from a "
                "sample of a model with fewer than two such columns."
            )
        if samples < 2:
            raise ValueError("mcmc_samples must be at least 2: half of the samples are Stan's warm-up.")
        self.report = SolverReport("stan", "a sample of the posterior was asked for, not its maximum")
        return super().sampling(stan_init, stan_data, samples, **kwargs)

    def _solve(
        self, stan_init: dict[str, Any], stan_data: dict[str, Any], options: Mapping[str, Any]
    ) -> tuple[MapResult | None, str]:
        """Our answer, if there is one, and why it cannot be used, if it cannot."""
        given = {name: value for name, value in options.items() if value is not None}
        foreign = sorted(given.keys() - HONOURED)
        if foreign:
            return None, f"options of Stan's own were given: {', '.join(foreign)}"
        start = given.get("inits", given.get("init"))
        if start is not None and not isinstance(start, Mapping):
            return None, "starting values are in Stan's own form (a file or a range), not a dictionary"
        try:
            problem = Problem.from_stan_data(stan_data)
        except ValueError as error:
            return None, f"not a problem of ours: {error}"
        init = None
        if start is not None:  # as arrays: a model read from JSON has lists
            arrays = {name: np.asarray(value, dtype=np.float64) for name, value in start.items()}
            init = _starting_point(self.sanitize_custom_inits(stan_init, arrays))
        limit = min(self.settings.max_iterations, int(given.get("iter", self.settings.max_iterations)))
        settings = Settings(self.settings.starts, limit, self.settings.tolerance)
        ensure_compiled(logger.warning)
        result = solve_map(problem, init, settings)
        return result, _REASONS.get(result.status, "")


def _require_solvable(stan_data: Mapping[str, Any]) -> None:
    """Raises ValueError for what has no posterior: here, where it is known that a fit is needed at all."""
    scales = {
        "changepoint_prior_scale": np.asarray(stan_data["tau"], dtype=np.float64).reshape(-1),
        "The prior scale of a seasonality, holiday or regressor": np.asarray(stan_data["sigmas"], dtype=np.float64),
    }
    for name, values in scales.items():
        bad = values[~((values > 0) & np.isfinite(values))]
        if bad.size:
            raise ValueError(f"{name} must be a positive number, not {bad[0]:g}.")
    if not np.isfinite(np.asarray(stan_data["t_change"], dtype=np.float64)).all():
        raise ValueError("changepoints must be dates; one is missing.")
    if not np.isfinite(np.asarray(stan_data["X"], dtype=np.float64)).all():
        raise ValueError("A regressor holds infinity, or numbers too large to be standardised.")


def _report(result: MapResult | None, reason: str) -> SolverReport:
    if result is None:
        return SolverReport("stan", reason)
    return SolverReport(
        solver="stan" if reason else "turbo",
        reason=reason,
        status=result.status,
        iterations=result.iterations,
        evaluations=result.evaluations,
        objective=result.objective,
        kkt_violation=result.kkt_violation,
    )


def _starting_point(values: Mapping[str, Any]) -> MapResult:
    """Stan's starting values, in the solver's form. The noise needs none: its best value follows from the others."""
    return MapResult(
        k=float(values["k"]),
        m=float(values["m"]),
        delta=np.asarray(values["delta"], dtype=np.float64),
        sigma_obs=float(values["sigma_obs"]),
        beta=np.asarray(values["beta"], dtype=np.float64),
        status=Status.CONVERGED,
        iterations=0,
        evaluations=0,
        objective=math.nan,
        kkt_violation=math.nan,
    )


def fitted_trend(result: MapResult, stan_data: Mapping[str, Any]) -> Vector:
    """The trend at the history's rows (T,), scaled: what Stan calls the transformed parameter `trend`.

    The logistic offsets collapse to hinges: z(t) = k (t - m) + sum_j delta_j (t - t_change_j)+.
    """
    t = np.asarray(stan_data["t"], dtype=np.float64)
    changes = np.asarray(stan_data["t_change"], dtype=np.float64)
    growth = TrendIndicator(stan_data["trend_indicator"])
    if growth is TrendIndicator.FLAT:
        return np.full(t.shape, result.m)
    bends = np.maximum(t[:, None] - changes, 0.0) @ result.delta
    if growth is TrendIndicator.LINEAR:
        return np.asarray(result.k * t + result.m + bends)
    with np.errstate(over="ignore"):  # exp may overflow to infinity, which is the right limit
        return np.asarray(np.asarray(stan_data["cap"]) / (1.0 + np.exp(-(result.k * (t - result.m) + bends))))


def _parameters(result: MapResult, stan_data: Mapping[str, Any]) -> "OrderedDict[str, Vector]":
    values: list[tuple[str, float | Vector]] = [
        ("lp__", result.objective),
        ("k", result.k),
        ("m", result.m),
        ("delta", result.delta),
        ("sigma_obs", result.sigma_obs),
        ("beta", result.beta),
        ("trend", fitted_trend(result, stan_data)),
    ]
    return OrderedDict((name, np.array(value, dtype=np.float64).reshape(1, -1)) for name, value in values)
