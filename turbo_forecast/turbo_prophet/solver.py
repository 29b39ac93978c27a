"""Prophet's maximum a posteriori estimate for any problem Prophet can pose.

Belongs here: starts, the choice between optima, Prophet's parametrisation. Does not belong here: data frames,
calendars.
"""

# mypy: disable-error-code="no-untyped-def"
# (kernels take whatever numba infers; their docstrings give the shapes)

import math

import numpy as np

from turbo_forecast.turbo_prophet.descent import CONVERGED, NO_FINITE_MAP, NUMERICAL_FAILURE, descend
from turbo_forecast.turbo_prophet.jit import entry, kernel
from turbo_forecast.turbo_prophet.model import FLAT, LOGISTIC, Data, gram_matrix, padded, variance_of
from turbo_forecast.turbo_prophet.problem import MapResult, Problem, Settings, Status, Vector
from turbo_forecast.turbo_prophet.starts import count_further, further_start, initial_rate

_DEFAULT = Settings()
SMALLEST_SIGMA = 1e-9  # Prophet's own noise for a series it does not search
# Both signs of a logistic problem are searched until a step is predicted to gain less than this (nats) ...
_COARSE = 0.05
# ... and one that is then this far behind cannot catch up, and is left there.
_CLEARLY = 2.0
# The other sign of k is entered with the curve found on the first, turned about its middle to this rate at most.
_CROSSED_RATE = 0.1
# Two searches have come to one optimum if no parameter differs by more than this share of the largest.
_SAME = 0.02


@kernel
def _known(points, values, done, start):
    """Whether a coarse search has come to where another has been to the end of already."""
    for other in range(start):
        if done[other] and abs(values[other] - values[start]) < _CLEARLY:
            apart, size = 0.0, 0.0
            for j in range(points.shape[1]):
                apart = max(apart, abs(points[other, j] - points[start, j]))
                size = max(size, abs(points[other, j]))
            if apart < _SAME * size:
                return True
    return False


@kernel
def search(data, k, m, both, near, max_iterations, tolerance, theta):
    """Descend from (k, m), from there to the other sign of k, and from further starts; theta gets the best optimum.

    Additive: each sign of k has had one optimum in every series tried; which of the two is higher depends on the
    series. With few rows or multiplicative terms there are more: see `further_start`.

    theta: (p,), holds beta and delta of the start on entry; near: they are near an optimum. both: more than the first.
    Returns status, iterations, evaluations, objective, squares, stationarity, start.
    """
    logistic = data.growth == LOGISTIC
    if logistic:
        if k == 0.0:
            k = 1e-6
        theta[0] = -k * m
    else:
        theta[0] = m
    theta[1] = k
    own = 2 if both and logistic else 1
    starts = own + (count_further(data) if both and not near else 0)
    points = np.empty((starts, theta.size))
    points[0] = theta
    values, squares, violations = np.full(starts, math.inf), np.full(starts, math.inf), np.full(starts, math.inf)
    statuses = np.full(starts, NUMERICAL_FAILURE, np.int64)
    done = np.zeros(starts, np.bool_)
    iterations, evaluations = 0, 0
    lowest = math.inf  # of the objectives found by searches that ended well
    # Coarsely from everywhere, then to the end on those still in the race. One call, so that it is compiled once.
    for turn in range(2 * starts):
        start = turn % starts
        again = turn >= starts
        if again and (starts == 1 or not math.isfinite(values[start]) or values[start] > lowest + _CLEARLY):
            continue
        if again and (statuses[start] == NO_FINITE_MAP or (start >= own and _known(points, values, done, start))):
            continue
        if turn == 1 and own == 2:
            points[1] = points[0]
            points[1, 1] = -math.copysign(min(abs(points[0, 1]), _CROSSED_RATE), points[0, 1])
            points[1, 0] += 0.5 * (points[0, 1] - points[1, 1])
        elif not again and turn >= own and not further_start(data, turn - own, points[turn]):
            continue
        final = again or starts == 1
        coarse = 0.0 if final else _COARSE
        close = near if turn == 0 else again
        rival = math.inf if again else lowest
        status, steps, tried, value, square, violation = descend(
            data, points[start], max_iterations, tolerance, coarse, close, rival
        )
        done[start] = final
        iterations += steps
        evaluations += tried
        statuses[start], values[start], squares[start], violations[start] = status, value, square, violation
        if turn == 0 and status == NO_FINITE_MAP:
            done[0] = True
            break
        if status == CONVERGED:
            lowest = min(lowest, value)
    best = -1
    for start in range(starts):
        if not done[start]:
            continue
        ended, rival_ended = statuses[start] == CONVERGED, best >= 0 and statuses[best] == CONVERGED
        if best < 0 or (ended and not rival_ended) or (ended == rival_ended and values[start] < values[best]):
            best = start
    best = max(best, 0)
    theta[:] = points[best]
    return statuses[best], iterations, evaluations, values[best], squares[best], violations[best], best


@entry
def solve_kernel(data, k, m, both, max_iterations, tolerance, theta):
    """`search`, callable from Python; k = nan asks for Prophet's own start."""
    near = not math.isnan(k)
    if not near:
        k, m = initial_rate(data.t, data.y, data.cap, data.growth)
    return search(data, k, m, both, near, max_iterations, tolerance, theta)


def make_data(problem: Problem) -> Data:
    """The kernels' view of a problem."""
    columns = problem.sigmas.size
    x, x_t, gram = padded(problem.X), np.ascontiguousarray(problem.X.T), np.empty((columns, columns))
    gram_matrix(x, gram)
    growth = problem.trend_indicator
    first = np.searchsorted(problem.t, problem.t_change, side="left").astype(np.int64)
    if growth == FLAT:
        first[:] = problem.t.size
    return Data(
        t=problem.t,
        y=problem.y,
        cap=problem.cap,
        x=x,
        x_t=x_t,
        gram=gram,
        changes=problem.t_change,
        first=first,
        additive=problem.s_a,
        multiplicative=problem.s_m,
        precision=1.0 / problem.sigmas**2,
        tau=problem.tau,
        growth=growth,
        mixed=bool(np.any(problem.s_m != 0.0)),
    )


def to_result(
    theta: Vector, data: Data, answer: tuple[int, int, int, float, float, float, int], constant: float = math.nan
) -> MapResult:
    """Prophet's parameters of a search's answer; delta and beta are views of theta."""
    status, iterations, evaluations, value, squares, violation, start = answer
    columns = data.precision.size
    b, k = float(theta[0]), float(theta[1])
    m = b
    if data.growth == LOGISTIC:
        m = -b / k if k != 0.0 else 0.0
    sigma = max(math.sqrt(variance_of(squares, data.t.size)), SMALLEST_SIGMA)
    delta, beta = theta[2 + columns :], theta[2 : 2 + columns]
    return MapResult(
        k, m, delta, sigma, beta, Status(status), iterations, evaluations, -value, violation, start, constant
    )


def solve_map(problem: Problem, init: MapResult | None = None, settings: Settings = _DEFAULT) -> MapResult:
    """Maximise Prophet's posterior.

    init: where to start; Prophet's own start if None. Never raises for data that cannot be fitted: see
    `MapResult.status`.
    """
    data = make_data(problem)
    theta = np.zeros(2 + data.precision.size + data.changes.size)
    k, m = math.nan, 0.0
    if init is not None:
        k, m = init.k, init.m
        theta[2 : 2 + data.precision.size] = init.beta
        theta[2 + data.precision.size :] = init.delta
    answer = solve_kernel(data, k, m, settings.starts == "both", settings.max_iterations, settings.tolerance, theta)
    return to_result(theta, data, answer)
