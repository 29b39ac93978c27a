"""What the solver is asked and what it answers.

Belongs here: the problem (Stan's data block), settings, result, status. Does not belong here: how it is solved.
"""

import enum
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Growth = Literal["linear", "logistic", "flat"]
GROWTHS: tuple[Growth, ...] = ("linear", "logistic", "flat")


class Status(enum.IntEnum):
    """How a fit ended. Only CONVERGED is a maximum of the posterior: a local one, the best that the searches came to.

    Of a single search CONVERGED also says that it was ended early or given up (`descent.descend`); such an end is never a fit's.
    """

    CONVERGED = 0
    ITERATION_LIMIT = 1
    # Noise below 1e-9 of y_scale, too little for double precision to judge. Nearly always a (numerically) perfect fit exists: the
    # posterior grows without bound as sigma goes to 0. A series whose values are a billion times its noise ends so, too.
    NO_FINITE_MAP = 2
    NUMERICAL_FAILURE = 3


@dataclass(frozen=True)
class Problem:
    """One series as Prophet hands it to Stan: T rows, K feature columns, S changepoints, scaled.

    Rows are sorted by time. Raises ValueError where shapes disagree or a number is not finite.
    """

    t: Vector  # (T,), time as a share of the history
    y: Vector  # (T,), scaled values
    cap: Vector  # (T,), scaled capacity; ignored unless logistic
    t_change: Vector  # (S,)
    X: Vector  # (T, K)
    sigmas: Vector  # (K,), prior scales of the coefficients
    tau: float  # prior scale of the rate changes
    trend_indicator: int  # 0 linear, 1 logistic, 2 flat
    s_a: Vector  # (K,), 1 where a column is additive
    s_m: Vector  # (K,), 1 where a column multiplies the trend

    @classmethod
    def from_stan_data(cls, data: dict[str, Any]) -> "Problem":
        """From the dictionary of Stan's data block (Prophet's ModelInputData as a dict)."""
        names = ("t", "y", "cap", "t_change", "sigmas", "s_a", "s_m")
        vectors = {name: np.ascontiguousarray(data[name], dtype=np.float64) for name in names}
        x = np.ascontiguousarray(data["X"], dtype=np.float64)
        return cls(X=x, tau=float(data["tau"]), trend_indicator=int(data["trend_indicator"]), **vectors)

    def __post_init__(self) -> None:
        rows, columns = self.t.size, self.sigmas.size
        if rows < 1 or self.y.shape != (rows,) or self.X.shape != (rows, columns) or self.cap.shape != (rows,):
            raise ValueError(f"t {self.t.shape}, y {self.y.shape}, cap {self.cap.shape}, X {self.X.shape} do not agree")
        if self.s_a.shape != (columns,) or self.s_m.shape != (columns,):
            raise ValueError("s_a, s_m and sigmas need one entry per column of X")
        if self.trend_indicator not in (0, 1, 2):
            raise ValueError(f"trend_indicator must be 0, 1 or 2, not {self.trend_indicator}")
        if not (self.tau > 0 and np.isfinite(self.tau)) or not np.all(self.sigmas > 0):
            raise ValueError("prior scales must be positive")
        for name in ("t", "y", "cap", "t_change", "X"):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"{name} has values that are not finite")
        if np.any(np.diff(self.t) < 0) or np.any(np.diff(self.t_change) < 0):
            raise ValueError("t and t_change must be sorted")


@dataclass(frozen=True)
class Settings:
    """How long to search, and from where.

    starts: 'stock' searches from Prophet's own start alone; 'both' also from the other sign of a logistic growth rate,
    and, with multiplicative terms or few rows, from the further starts of `initial_values.py`; the best optimum is kept.
    max_iterations: of each search; a fit is the best of several.
    tolerance: nats that a further step could gain at most. (A step that promises less than 1e-7 and gains nothing ends a search,
    too: rounding leaves no more to be told.)
    """

    starts: Literal["both", "stock"] = "both"
    max_iterations: int = 200
    tolerance: float = 1e-9


@dataclass(frozen=True)
class MapResult:
    """The posterior's maximum in Prophet's parametrisation, and how it was found."""

    k: float
    m: float
    delta: Vector  # (S,)
    sigma_obs: float
    beta: Vector  # (K,)
    status: Status
    iterations: int  # over all starts
    evaluations: int
    # log posterior, equal to Stan's lp__ (constants dropped as Stan drops them); nan for a constant series
    objective: float
    kkt_violation: float  # largest violation of the first-order conditions, in nats per unit of a parameter
    start: int = 0  # which start won: 0 Prophet's; then the mirrored one (logistic), then further ones
    constant: float = field(default=float("nan"))  # the value of a series that has only one, in the data's unit

    @property
    def ok(self) -> bool:
        """Whether this is a (local) maximum of the posterior."""
        return self.status is Status.CONVERGED
