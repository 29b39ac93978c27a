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

from turbo_forecast.turbo_prophet.descent import (
    CLEARLY_BEHIND,
    CONVERGED,
    NO_FINITE_MAP,
    NUMERICAL_FAILURE,
    Limits,
    descend,
)
from turbo_forecast.turbo_prophet.gram import gram_matrix, padded
from turbo_forecast.turbo_prophet.initial_values import count_further, further_start, initial_rate
from turbo_forecast.turbo_prophet.jit import entry, inlined, kernel
from turbo_forecast.turbo_prophet.linear_algebra import copy
from turbo_forecast.turbo_prophet.model import FLAT, LOGISTIC, Data, variance_of
from turbo_forecast.turbo_prophet.problem import MapResult, Problem, Settings, Status, Vector
from turbo_forecast.turbo_prophet.weekly_aggregate import SketchData, fill

_DEFAULT = Settings()
_NO_WEEKS = np.empty(0, np.int64)
SMALLEST_SIGMA = 1e-9  # Prophet's own noise for a series it does not search
# Searches from several starts first go on until a step is predicted to gain less than this (nats). One that is then
# CLEARLY_BEHIND cannot catch up, and is left there.
_EARLY_STOP = 0.05
_EARLY_STOP_ON_SKETCH = 0.01  # the same on a sketch, whose optimum is only a start
# The other sign of k is entered with the curve found on the first, turned about its middle to this rate at most.
_CROSSED_RATE = 0.1
# Two searches have come to one optimum if parameters differ by less than this: see `_is_same_point`.
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
    iterations: NDArray[np.int64]  # (n,)
    evaluations: NDArray[np.int64]  # (n,), of the objective
    finished: NDArray[np.bool_]  # (n,), whether it has gone to its end


class Answer(NamedTuple):
    """The best optimum; its theta is in the array that was given."""

    status: int
    iterations: int  # of all searches
    evaluations: int
    value: float  # objective: minus the log posterior (nats)
    rss: float
    kkt: float
    start: int  # which search found it


@kernel
def _make_searches(n, theta):
    points = np.empty((n, theta.size))
    copy(theta, points[0])
    status = np.full(n, NUMERICAL_FAILURE, np.int64)
    value, rss, kkt = np.full(n, math.inf), np.full(n, math.inf), np.full(n, math.inf)
    iterations, evaluations = np.zeros(n, np.int64), np.zeros(n, np.int64)
    return Searches(points, status, value, rss, kkt, iterations, evaluations, np.zeros(n, np.bool_))


@inlined
def _descend_from(data, searches, start, limits, warm, to_the_end, rival):
    """Go on with one search, early or to its end, and note how it stands. Returns its objective; inf if it ended badly.

    warm, rival: see `descend`. Flags are variables wherever this is called: for a constant numba would compile it once more.
    """
    early_stop = 0.0 if to_the_end else _EARLY_STOP
    descent = descend(data, searches.theta[start], limits, warm, early_stop, rival)
    state = descent.state
    searches.status[start], searches.kkt[start] = descent.status, descent.kkt_residual
    searches.value[start], searches.rss[start] = state.value, state.rss
    searches.iterations[start] += descent.iterations
    searches.evaluations[start] += state.evaluations
    searches.finished[start] = to_the_end
    return state.value if descent.status == CONVERGED else math.inf


@kernel
def _is_same_point(known, point, columns):
    """Whether two thetas (p,) are one: each block (line, coefficients, rate changes) differs by less than _SAME times its
    largest entry, or times the largest of all if that is more and at most 1, the size of scaled values."""
    p = known.size
    unit = 0.0
    for j in range(p):
        unit = max(unit, abs(known[j]))
    unit = min(unit, 1.0)
    for first, end in ((0, 2), (2, 2 + columns), (2 + columns, p)):
        apart, size = 0.0, unit
        for j in range(first, end):
            apart = max(apart, abs(known[j] - point[j]))
            size = max(size, abs(known[j]))
        if not apart < _SAME * size:
            return False
    return True


@kernel
def _came_to_a_known_optimum(searches, start, columns):
    """Whether an unfinished search has come to where another has been to the end of already."""
    for other in range(start):
        near = abs(searches.value[other] - searches.value[start]) < CLEARLY_BEHIND
        if searches.finished[other] and near and _is_same_point(searches.theta[other], searches.theta[start], columns):
            return True
    return False


@kernel
def _worth_finishing(searches, start, own, columns, lowest):
    """Whether a search that was stopped early may still have the best end.

    own: so many starts are Prophet's and its mirror; one of the others is not worth it if its end is known already. lowest:
    the lowest objective found so far.
    """
    if searches.finished[start] or searches.status[start] == NO_FINITE_MAP:
        return False
    value = searches.value[start]
    if not math.isfinite(value) or value > lowest + CLEARLY_BEHIND:
        return False
    return start < own or not _came_to_a_known_optimum(searches, start, columns)


@kernel
def _cross(origin, point):
    """Into point (p,) the other sign of k, entered with the curve of origin (p,), turned about its middle."""
    copy(origin, point)
    point[1] = -math.copysign(min(abs(origin[1]), _CROSSED_RATE), origin[1])
    point[0] += 0.5 * (origin[1] - point[1])


@inlined
def _search_sketch(data, sketch, limits, warm_start, points):
    """Where the sketch's optima of both signs of k lie: points[0] has the start's on entry, points[1] gets the other's.

    points: (2, p). warm_start: False (as a variable: for a constant numba would compile a second `descend`). Returns which of
    them is the better one; -1 if the sketch has none, with the points as they were.
    """
    kept = 2 + sketch.data.precision.size  # the line and the Y coefficients that the sketch has, too
    others = np.zeros(data.precision.size - sketch.data.precision.size)  # the K - Y coefficients that it leaves out
    filled = fill(data, sketch, others)
    found = np.zeros((2, points.shape[1] - others.size))
    copy(points[0, :2], found[0, :2])
    values = np.full(2, math.inf)
    for sign in range(2):
        if sign == 1:
            _cross(found[0], found[1])
        descent = descend(filled, found[sign], limits, warm_start, _EARLY_STOP_ON_SKETCH, values[0])
        if descent.status != CONVERGED:
            return -1
        values[sign] = descent.state.value
    for sign in range(2):
        copy(found[sign, :kept], points[sign, :kept])
        copy(others, points[sign, kept : kept + others.size])
        copy(found[sign, kept:], points[sign, kept + others.size :])
    return 0 if values[0] <= values[1] else 1


@inlined
def _finish_both(data, searches, better, limits, warm):
    """From where a sketch has led both signs of k, each search to its end: the better one first, the other in its sight."""
    lowest = math.inf
    for turn in range(2):
        sign = better if turn == 0 else 1 - better
        lowest = min(lowest, _descend_from(data, searches, sign, limits, warm, warm, lowest))
        if turn == 0 and searches.status[sign] == NO_FINITE_MAP:
            return


@inlined
def _search_from_each(data, searches, own, limits, warm_start):
    """An early round from each start, then a finishing round for those still in the race.

    own: 2 if the second start is the other sign of k, which begins where the first search has stopped; else 1.
    """
    n, columns = searches.value.size, data.precision.size
    lowest = math.inf  # of the objectives found by searches that ended well
    for start in range(n):
        if start == 1 and own == 2:
            _cross(searches.theta[0], searches.theta[1])
        elif start >= own and not further_start(data, start - own, searches.theta[start]):
            continue
        warm, alone = warm_start and start == 0, n == 1
        lowest = min(lowest, _descend_from(data, searches, start, limits, warm, alone, lowest))
        if start == 0 and searches.status[0] == NO_FINITE_MAP:
            searches.finished[0] = True
            return
    for start in range(n):
        worth = _worth_finishing(searches, start, own, columns, lowest)
        if worth:  # a warm start, and to the end
            lowest = min(lowest, _descend_from(data, searches, start, limits, worth, worth, math.inf))


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
    """Into theta (p,): b and k from Prophet's k and m. The prior on m is a barrier at k = 0: no search begins there."""
    logistic = data.growth == LOGISTIC
    if logistic and k == 0.0:
        k = 1e-6
    theta[0] = -k * m if logistic else m
    theta[1] = k


@inlined
def search(data, sketch, start, warm_start, limits, theta):
    """Descend from a start, from there to the other sign of k, and from further starts; theta gets the best optimum.

    Additive: each sign of k has had one optimum in every series tried; which of the two is higher depends on the
    series. With few rows or multiplicative terms there are more: see `further_start`.

    sketch: of the series; without weeks where there is none. It serves where both signs of k are all there is to search, from
    Prophet's own start. warm_start: the start is near an optimum. theta: (p,), holds beta and delta of the start on entry.
    Returns an Answer.
    """
    _set_line(data, start.k, start.m, theta)
    own = 2 if start.both and data.growth == LOGISTIC else 1
    n = own + (count_further(data) if start.both and not warm_start else 0)
    searches = _make_searches(n, theta)
    better = -1
    if sketch.ends.size > 0 and own == 2 and n == 2 and not warm_start:
        better = _search_sketch(data, sketch, limits, warm_start, searches.theta)
    sketched = better >= 0
    if sketched:
        _finish_both(data, searches, better, limits, sketched)
    else:
        _search_from_each(data, searches, own, limits, warm_start)
    i = _best(searches)
    copy(searches.theta[i], theta)
    iterations, evaluations = searches.iterations.sum(), searches.evaluations.sum()
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
