"""Prophet's maximum a posteriori estimate for any problem Prophet can pose.

Belongs here: the searches and the choice between their ends, Prophet's parametrisation. Does not belong here: data frames,
calendars, a single search (`descent.py`). `docs/solver.md` leads through the mathematics.
"""

# mypy: disable-error-code="no-untyped-def"
# (kernels take whatever numba infers; their docstrings give the shapes)

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.turbo_prophet.descent import CONVERGED, NO_FINITE_MAP, NUMERICAL_FAILURE, Limits, descend
from turbo_forecast.turbo_prophet.gram import gram_matrix, padded
from turbo_forecast.turbo_prophet.initial_values import count_further, further_start, initial_rate
from turbo_forecast.turbo_prophet.jit import entry, inlined, kernel
from turbo_forecast.turbo_prophet.model import FLAT, LOGISTIC, Data, variance_of
from turbo_forecast.turbo_prophet.problem import MapResult, Problem, Settings, Status, Vector
from turbo_forecast.turbo_prophet.weekly_aggregate import SketchData, fill

_DEFAULT = Settings()
_NO_WEEKS = np.empty(0, np.int64)
SMALLEST_SIGMA = 1e-9  # Prophet's own noise for a series it does not search
# Both signs of a logistic problem are searched until a step is predicted to gain less than this (nats) ...
_EARLY_STOP = 0.05
# ... and one that is then this far behind cannot catch up, and is left there.
_CLEARLY = 2.0
# (on a sketch, whose optimum is only a start, until a step is predicted to gain less than this) ...
_EARLY_STOP_ON_SKETCH = 0.01
# The other sign of k is entered with the curve found on the first, turned about its middle to this rate at most.
_CROSSED_RATE = 0.1
# Two searches have come to one optimum if no parameter differs by more than this share of the largest.
_SAME = 0.02


class Start(NamedTuple):
    """Where the searches begin: theta holds beta and delta."""

    k: float  # nan: Prophet's own start
    m: float
    both: bool  # search from further starts, too: Settings.starts


class Searches(NamedTuple):
    """A search from each of n starts."""

    theta: Vector  # (n, p), where each begins, and then where it is
    status: NDArray[np.int64]  # (n,)
    value: Vector  # (n,), objective; inf before the search
    rss: Vector  # (n,)
    kkt: Vector  # (n,)
    finished: NDArray[np.bool_]  # (n,), whether it has gone to its end


class Answer(NamedTuple):
    """The best optimum; its theta is in the array that was given."""

    status: int
    iterations: int  # of all searches
    evaluations: int
    value: float  # objective: minus the log posterior
    rss: float
    kkt: float
    start: int  # which search found it


@kernel
def _make_searches(n, theta):
    points = np.empty((n, theta.size))
    points[0] = theta
    status = np.full(n, NUMERICAL_FAILURE, np.int64)
    value, rss, kkt = np.full(n, math.inf), np.full(n, math.inf), np.full(n, math.inf)
    return Searches(points, status, value, rss, kkt, np.zeros(n, np.bool_))


@kernel
def _came_to_a_known_optimum(searches, start):
    """Whether an unfinished search has come to where another has been to the end of already."""
    points = searches.theta
    for other in range(start):
        if searches.finished[other] and abs(searches.value[other] - searches.value[start]) < _CLEARLY:
            apart, size = 0.0, 0.0
            for j in range(points.shape[1]):
                apart = max(apart, abs(points[other, j] - points[start, j]))
                size = max(size, abs(points[other, j]))
            if apart < _SAME * size:
                return True
    return False


@kernel
def _worth_finishing(searches, start, own, lowest):
    """Whether a search that was stopped early may still have the best end. own: of so many starts each is worth it."""
    value = searches.value[start]
    if searches.finished[start] or not math.isfinite(value) or value > lowest + _CLEARLY:
        return False
    return searches.status[start] != NO_FINITE_MAP and not (start >= own and _came_to_a_known_optimum(searches, start))


@kernel
def _cross(origin, point):
    """Into point the other sign of k, entered with the curve found on the first, turned about its middle."""
    point[:] = origin
    point[1] = -math.copysign(min(abs(origin[1]), _CROSSED_RATE), origin[1])
    point[0] += 0.5 * (origin[1] - point[1])


@inlined
def _search_sketch(data, sketch, limits, warm_start, points):
    """Where the sketch's optima of both signs of k lie: points[0] has the start's on entry, points[1] gets the other's.

    warm_start: False (as a variable: for a constant numba would compile a second `descend`). Returns which of them is the
    better one; -1 if the sketch has none, with the points as they were.
    """
    q, left = sketch.data.precision.size, data.precision.size - sketch.data.precision.size
    others = np.zeros(left)
    filled = fill(data, sketch, others)
    found = np.zeros((2, points.shape[1] - left))
    found[0, :2] = points[0, :2]
    values = np.full(2, math.inf)
    for sign in range(2):
        if sign == 1:
            _cross(found[0], found[1])
        descent = descend(filled, found[sign], limits, warm_start, _EARLY_STOP_ON_SKETCH, values[0])
        if descent.status != CONVERGED:
            return -1
        values[sign] = descent.state.value
    for sign in range(2):
        points[sign, : 2 + q] = found[sign, : 2 + q]
        points[sign, 2 + q : 2 + q + left] = others
        points[sign, 2 + q + left :] = found[sign, 2 + q :]
    return 0 if values[0] <= values[1] else 1


@kernel
def _best(searches):
    """The lowest of the finished searches that converged; of all finished ones if none did."""
    status, value = searches.status, searches.value
    best = -1
    for start in range(value.size):
        if not searches.finished[start]:
            continue
        ended, rival_ended = status[start] == CONVERGED, best >= 0 and status[best] == CONVERGED
        if best < 0 or (ended and not rival_ended) or (ended == rival_ended and value[start] < value[best]):
            best = start
    return max(best, 0)


@kernel
def _set_line(data, k, m, theta):
    """b and k of theta, from Prophet's k and m. The prior on m is a barrier at k = 0: no search begins there."""
    logistic = data.growth == LOGISTIC
    if logistic and k == 0.0:
        k = 1e-6
    theta[0] = -k * m if logistic else m
    theta[1] = k


@kernel
def search(data, sketch, start, warm_start, limits, theta):
    """Descend from a start, from there to the other sign of k, and from further starts; theta gets the best optimum.

    Additive: each sign of k has had one optimum in every series tried; which of the two is higher depends on the
    series. With few rows or multiplicative terms there are more: see `further_start`.

    sketch: of the series; without weeks where there is none. warm_start: the start is near an optimum. theta: (p,), holds
    beta and delta of the start on entry. Returns an Answer.
    """
    _set_line(data, start.k, start.m, theta)
    own = 2 if start.both and data.growth == LOGISTIC else 1
    n = own + (count_further(data) if start.both and not warm_start else 0)
    searches = _make_searches(n, theta)
    better = -1
    if sketch.ends.size > 0 and own == 2 and n == 2 and not warm_start:
        better = _search_sketch(data, sketch, limits, warm_start, searches.theta)
    sketched = better >= 0
    iterations, evaluations = 0, 0
    lowest = math.inf  # of the objectives found by searches that ended well
    # Early stops from everywhere, then to the end on those still in the race. One call, so that it is compiled once.
    for turn in range(2 * n):
        i = turn % n
        if better == 1:
            i = 1 - i  # the likely winner first, and at once to its end
        again = turn >= n
        if again and not _worth_finishing(searches, i, own, lowest):
            continue
        if turn == 1 and own == 2 and not sketched:
            _cross(searches.theta[0], searches.theta[1])
        elif not again and turn >= own and not further_start(data, turn - own, searches.theta[turn]):
            continue
        to_the_end = again or n == 1 or sketched
        early_stop = 0.0 if to_the_end else _EARLY_STOP
        warm = warm_start if turn == 0 and not sketched else again or sketched
        rival = math.inf if again else lowest
        descent = descend(data, searches.theta[i], limits, warm, early_stop, rival)
        state = descent.state
        searches.status[i], searches.kkt[i] = descent.status, descent.kkt_residual
        searches.value[i], searches.rss[i] = state.value, state.rss
        searches.finished[i] = to_the_end
        iterations += descent.iterations
        evaluations += state.evaluations
        if turn == 0 and descent.status == NO_FINITE_MAP:
            searches.finished[i] = True
            break
        if descent.status == CONVERGED:
            lowest = min(lowest, state.value)
    i = _best(searches)
    theta[:] = searches.theta[i]
    return Answer(searches.status[i], iterations, evaluations, searches.value[i], searches.rss[i], searches.kkt[i], i)


@entry
def solve_kernel(data, sketch, start, limits, theta):
    """`search`, called from Python with plain tuples, whose types numba reads three times as fast as named ones'."""
    data = Data(*data)
    sketch, start, limits = SketchData(Data(*sketch[0]), sketch[1]), Start(*start), Limits(*limits)
    warm_start = not math.isnan(start.k)
    if not warm_start:
        k, m = initial_rate(data.t, data.y, data.cap, data.growth)
        start = Start(k, m, start.both)
    return search(data, sketch, start, warm_start, limits, theta)


def run_search(data: Data, sketch: SketchData, start: Start, limits: Limits, theta: Vector) -> Answer:
    """`search`; k = nan asks for Prophet's own start."""
    plain = tuple(sketch.data), sketch.ends
    return Answer(*solve_kernel(tuple(data), plain, tuple(start), tuple(limits), theta))


def no_sketch(data: Data) -> SketchData:
    """That of a series that has none."""
    return SketchData(data, _NO_WEEKS)


def limits_of(settings: Settings) -> Limits:
    """The settings, as the kernels take them."""
    return Limits(int(settings.max_iterations), float(settings.tolerance))


def make_data(problem: Problem) -> Data:
    """The kernels' view of a problem."""
    columns = problem.sigmas.size
    X, XtX = padded(problem.X), np.empty((columns, columns))
    gram_matrix(X, XtX)
    growth = problem.trend_indicator
    first_row = np.searchsorted(problem.t, problem.t_change, side="left").astype(np.int64)
    if growth == FLAT:
        first_row[:] = problem.t.size
    return Data(
        t=problem.t,
        y=problem.y,
        cap=problem.cap,
        X=X,
        XtX=XtX,
        t_change=problem.t_change,
        first_row=first_row,
        s_a=problem.s_a,
        s_m=problem.s_m,
        precision=1.0 / problem.sigmas**2,
        tau=problem.tau,
        growth=growth,
        any_s_m=bool(np.any(problem.s_m != 0.0)),
        n_obs=float(problem.t.size),
        rss_within=0.0,
    )


def to_result(theta: Vector, data: Data, answer: Answer, constant: float = math.nan) -> MapResult:
    """Prophet's parameters of a search's answer; delta and beta are views of theta."""
    columns = data.precision.size
    b, k = float(theta[0]), float(theta[1])
    m = b
    if data.growth == LOGISTIC:
        m = -b / k if k != 0.0 else 0.0
    return MapResult(
        k=k,
        m=m,
        delta=theta[2 + columns :],
        sigma_obs=max(math.sqrt(variance_of(answer.rss, data.t.size)), SMALLEST_SIGMA),
        beta=theta[2 : 2 + columns],
        status=Status(answer.status),
        iterations=answer.iterations,
        evaluations=answer.evaluations,
        objective=-answer.value,
        kkt_violation=answer.kkt,
        start=answer.start,
        constant=constant,
    )


def solve_map(problem: Problem, init: MapResult | None = None, settings: Settings = _DEFAULT) -> MapResult:
    """Maximise Prophet's posterior.

    init: where to start; Prophet's own start if None. Never raises for data that cannot be fitted: see
    `MapResult.status`.
    """
    data = make_data(problem)
    columns = data.precision.size
    theta = np.zeros(2 + columns + data.t_change.size)
    k, m = math.nan, 0.0
    if init is not None:
        k, m = float(init.k), float(init.m)
        theta[2 : 2 + columns] = init.beta
        theta[2 + columns :] = init.delta
    start = Start(k, m, settings.starts == "both")
    answer = run_search(data, no_sketch(data), start, limits_of(settings), theta)
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
    limits = Limits(5, _DEFAULT.tolerance)
    run_search(data, no_sketch(data), Start(math.nan, 0.0, True), limits, np.zeros(4))
