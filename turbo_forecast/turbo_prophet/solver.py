"""Prophet's maximum a posteriori estimate for any problem Prophet can pose.

Belongs here: starts, the choice between optima, Prophet's parametrisation. Does not belong here: data frames,
calendars.
"""

# mypy: disable-error-code="no-untyped-def"
# (kernels take whatever numba infers; their docstrings give the shapes)

import math

import numpy as np

from turbo_forecast.turbo_prophet.descent import CONVERGED, descend
from turbo_forecast.turbo_prophet.jit import entry, kernel
from turbo_forecast.turbo_prophet.model import FLAT, LOGISTIC, Data, gram_matrix, padded, variance_of
from turbo_forecast.turbo_prophet.problem import MapResult, Problem, Settings, Status, Vector

_DEFAULT = Settings()
SMALLEST_SIGMA = 1e-9  # Prophet's own noise for a series it does not search
# Both signs of a logistic problem are searched until a step is predicted to gain less than this (nats) ...
_COARSE = 0.05
# ... and one that is then this far behind cannot catch up, and is left there.
_CLEARLY = 2.0
# The other sign of k is entered with the curve found on the first, turned about its middle to this rate at most.
_CROSSED_RATE = 0.1


@kernel
def initial_rate(t, y, cap, growth):
    """Prophet's starting point (k, m): the trend through the first and the last point; flat: the mean."""
    n = t.size
    last = n - 1
    while last > 0 and t[last - 1] == t[last]:
        last -= 1  # the first row of the last moment, as pandas' idxmax
    if growth == FLAT:
        return 0.0, y.sum() / n
    span = t[last] - t[0]
    if growth != LOGISTIC:
        k = (y[last] - y[0]) / span
        return k, y[0] - k * t[0]
    c0, c1 = cap[0], cap[last]
    r0 = c0 / max(0.01 * c0, min(0.99 * c0, y[0]))
    r1 = c1 / max(0.01 * c1, min(0.99 * c1, y[last]))
    if abs(r0 - r1) <= 0.01:
        r0 = 1.05 * r0
    l0 = math.log(r0 - 1.0)
    l1 = math.log(r1 - 1.0)
    return (l0 - l1) / span, l0 * span / (l0 - l1)


@kernel
def search(data, k, m, both, near, max_iterations, tolerance, theta):
    """Descend from (k, m), and from there to the other sign of k; theta gets the better optimum.

    Each sign of k has had one optimum in every series tried; which of the two is higher depends on the series.

    theta: (p,), holds beta and delta of the start on entry; near: they are near an optimum.
    Returns status, iterations, evaluations, objective, squares, stationarity, start.
    """
    if data.growth == LOGISTIC:
        if k == 0.0:
            k = 1e-6
        theta[0] = -k * m
    else:
        theta[0] = m
    theta[1] = k
    sides = 2 if both and data.growth == LOGISTIC else 1
    points = np.empty((2, theta.size))
    points[0] = theta
    values, squares, violations = np.full(2, math.inf), np.empty(2), np.empty(2)
    statuses = np.zeros(2, np.int64)
    done = np.zeros(2, np.bool_)
    iterations, evaluations = 0, 0
    # Coarsely on either side, then to the end on those still in the race. One call, so that it is compiled once.
    for turn in range(2 * sides):
        side = turn % sides
        final = turn >= sides or sides == 1
        if turn >= sides and (sides == 1 or values[side] > values[1 - side] + _CLEARLY):
            continue
        if turn == 1:
            points[1] = points[0]
            points[1, 1] = -math.copysign(min(abs(points[0, 1]), _CROSSED_RATE), points[0, 1])
            points[1, 0] += 0.5 * (points[0, 1] - points[1, 1])
        coarse = 0.0 if final else _COARSE
        close = near if turn == 0 else turn >= sides
        rival = values[0] if turn == 1 and statuses[0] == CONVERGED else math.inf
        status, steps, tried, value, square, violation = descend(
            data, points[side], max_iterations, tolerance, coarse, close, rival
        )
        done[side] = final
        iterations += steps
        evaluations += tried
        statuses[side], values[side], squares[side], violations[side] = status, value, square, violation
    best = 0 if done[0] else 1
    if done[0] and done[1]:
        first, second = statuses[0] == CONVERGED, statuses[1] == CONVERGED
        best = 1 if (second and not first) or (first == second and values[1] < values[0]) else 0
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
