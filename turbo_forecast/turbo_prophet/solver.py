"""Prophet's maximum a posteriori estimate for any problem Prophet can pose.

Belongs here: starts, the choice between optima, Prophet's parametrisation. Does not belong here: data frames,
calendars.
"""

# mypy: disable-error-code="no-untyped-def"
# (kernels take whatever numba infers; their docstrings give the shapes)

import math

import numpy as np

from turbo_forecast.turbo_prophet.descent import CONVERGED, NO_FINITE_MAP, NUMERICAL_FAILURE, descend
from turbo_forecast.turbo_prophet.jit import entry, inlined, kernel
from turbo_forecast.turbo_prophet.model import FLAT, LOGISTIC, Data, gram_matrix, padded, variance_of
from turbo_forecast.turbo_prophet.problem import MapResult, Problem, Settings, Status, Vector
from turbo_forecast.turbo_prophet.sketch import fill
from turbo_forecast.turbo_prophet.starts import count_further, further_start, initial_rate

_DEFAULT = Settings()
NO_WEEKS = np.empty(0, np.int64)  # of a problem without a sketch
SMALLEST_SIGMA = 1e-9  # Prophet's own noise for a series it does not search
# Both signs of a logistic problem are searched until a step is predicted to gain less than this (nats) ...
_COARSE = 0.05
# ... and one that is then this far behind cannot catch up, and is left there.
_CLEARLY = 2.0
# (on a sketch, whose optimum is only a start, until a step is predicted to gain less than this) ...
_SKETCHED = 0.01
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
def _crossed(origin, point):
    """Into point the other sign of k, entered with the curve found on the first, turned about its middle."""
    point[:] = origin
    point[1] = -math.copysign(min(abs(origin[1]), _CROSSED_RATE), origin[1])
    point[0] += 0.5 * (origin[1] - point[1])


@inlined
def _from_sketch(data, sketch, ends, near, max_iterations, tolerance, points):
    """Where the sketch's optima of both signs of k lie: points[0] has the start's on entry, points[1] gets the other's.

    near: False (as a variable: for a constant numba would compile a second `descend`). Returns which of them is the
    better one; -1 if the sketch has none, with the points as they were.
    """
    q, left = sketch.precision.size, data.precision.size - sketch.precision.size
    others = np.zeros(left)
    rest = fill(data, sketch, ends, others)
    filled = Data(
        sketch.t, sketch.y, sketch.cap, sketch.x, sketch.gram, sketch.changes, sketch.first, sketch.additive,
        sketch.multiplicative, sketch.precision, sketch.tau, sketch.growth, sketch.mixed, sketch.observed, rest,
    )  # fmt: skip
    found = np.zeros((2, points.shape[1] - left))
    found[0, :2] = points[0, :2]
    values = np.full(2, math.inf)
    for sign in range(2):
        if sign == 1:
            _crossed(found[0], found[1])
        answer = descend(filled, found[sign], max_iterations, tolerance, _SKETCHED, near, values[0])
        if answer[0] != CONVERGED:
            return -1
        values[sign] = answer[3]
    for sign in range(2):
        points[sign, : 2 + q] = found[sign, : 2 + q]
        points[sign, 2 + q : 2 + q + left] = others
        points[sign, 2 + q + left :] = found[sign, 2 + q :]
    return 0 if values[0] <= values[1] else 1


@kernel
def search(data, sketch, ends, k, m, both, near, max_iterations, tolerance, theta):
    """Descend from (k, m), from there to the other sign of k, and from further starts; theta gets the best optimum.

    Additive: each sign of k has had one optimum in every series tried; which of the two is higher depends on the
    series. With few rows or multiplicative terms there are more: see `further_start`.

    theta: (p,), holds beta and delta of the start on entry; near: they are near an optimum. both: more than the first.
    sketch, ends: of the series (see `sketch.py`); without rows where there is none.
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
    better = -1
    if ends.size > 0 and own == 2 and starts == 2 and not near:
        better = _from_sketch(data, sketch, ends, near, max_iterations, tolerance, points)
    sketched = better >= 0
    values, squares, violations = np.full(starts, math.inf), np.full(starts, math.inf), np.full(starts, math.inf)
    statuses = np.full(starts, NUMERICAL_FAILURE, np.int64)
    done = np.zeros(starts, np.bool_)
    iterations, evaluations = 0, 0
    lowest = math.inf  # of the objectives found by searches that ended well
    # Coarsely from everywhere, then to the end on those still in the race. One call, so that it is compiled once.
    for turn in range(2 * starts):
        start = turn % starts
        if better == 1:
            start = 1 - start  # the likely winner first, and at once to its end
        again = turn >= starts
        if again and (done[start] or not math.isfinite(values[start]) or values[start] > lowest + _CLEARLY):
            continue
        if again and (statuses[start] == NO_FINITE_MAP or (start >= own and _known(points, values, done, start))):
            continue
        if turn == 1 and own == 2 and not sketched:
            _crossed(points[0], points[1])
        elif not again and turn >= own and not further_start(data, turn - own, points[turn]):
            continue
        final = again or starts == 1 or sketched
        coarse = 0.0 if final else _COARSE
        close = near if turn == 0 and not sketched else again or sketched
        rival = math.inf if again else lowest
        status, steps, tried, value, square, violation = descend(
            data, points[start], max_iterations, tolerance, coarse, close, rival
        )
        done[start] = final
        iterations += steps
        evaluations += tried
        statuses[start], values[start], squares[start], violations[start] = status, value, square, violation
        if turn == 0 and status == NO_FINITE_MAP:
            done[start] = True
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
def solve_kernel(data, sketch, ends, k, m, both, max_iterations, tolerance, theta):
    """`search`, callable from Python; k = nan asks for Prophet's own start."""
    near = not math.isnan(k)
    if not near:
        k, m = initial_rate(data.t, data.y, data.cap, data.growth)
    return search(data, sketch, ends, k, m, both, near, max_iterations, tolerance, theta)


def make_data(problem: Problem) -> Data:
    """The kernels' view of a problem."""
    columns = problem.sigmas.size
    x, gram = padded(problem.X), np.empty((columns, columns))
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
        gram=gram,
        changes=problem.t_change,
        first=first,
        additive=problem.s_a,
        multiplicative=problem.s_m,
        precision=1.0 / problem.sigmas**2,
        tau=problem.tau,
        growth=growth,
        mixed=bool(np.any(problem.s_m != 0.0)),
        observed=float(problem.t.size),
        rest=0.0,
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
    both = settings.starts == "both"
    answer = solve_kernel(data, data, NO_WEEKS, k, m, both, settings.max_iterations, settings.tolerance, theta)
    return to_result(theta, data, answer)


def compile_search() -> None:
    """Compile the search, or load it from the cache: by a small problem, made without any other kernel."""
    t = np.linspace(0.0, 1.0, 8)
    y = 0.5 + 0.1 * np.sin(40.0 * t)
    zeros, ones = np.zeros(1), np.ones(1)
    data = Data(
        t, y, np.ones(8), padded(np.zeros((8, 1))), np.zeros((1, 1)), np.full(1, 0.5), np.full(1, 4), ones, zeros, ones,
        0.05, LOGISTIC, False, 8.0, 0.0,
    )  # fmt: skip
    solve_kernel(data, data, NO_WEEKS, math.nan, 0.0, True, 5, _DEFAULT.tolerance, np.zeros(4))
