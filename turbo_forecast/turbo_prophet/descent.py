"""The search for the posterior's maximum: damped Newton steps, each the exact solution of a quadratic program with |.|.

An iteration: gradient and curvature at theta; has it converged? a step, tried with more and more damping until it is as
good as its promise; accept it, set the damping for the next. (Proximal Newton, Lee, Sun and Saunders 2014,
doi:10.1137/130921428, with the damping of Marquardt 1963, doi:10.1137/0111030.)

Belongs here: which steps are tried and taken, damping, when it is over. Does not belong here: the model's form
(`model.py`), the step itself (`proximal_step.py`), where to start and what to do on failure (`solver.py`).
"""

# mypy: disable-error-code="no-untyped-def"
# (kernels take whatever numba infers; their docstrings give the shapes)

import math
from typing import NamedTuple

from turbo_forecast.turbo_prophet.derivatives import derivatives
from turbo_forecast.turbo_prophet.jit import inlined, kernel
from turbo_forecast.turbo_prophet.linear_algebra import copy
from turbo_forecast.turbo_prophet.model import LOGISTIC, make_work, noise_variance, objective, residual_sum
from turbo_forecast.turbo_prophet.proximal_step import (
    expected_gain,
    kkt_residual,
    make_qp_work,
    measure_diagonal,
    solve_qp,
)

# The numbers of `problem.Status`, written once more: kernels are compiled anew whenever a module is edited that they use.
CONVERGED, ITERATION_LIMIT, NO_FINITE_MAP, NUMERICAL_FAILURE = 0, 1, 2, 3
_ACCEPTED, _AT_OPTIMUM, _STUCK = 0, 1, 2  # how `_advance` ends

# Noise below 1e-9 of y_scale is too small for double precision to judge a step by: the residuals, differences of numbers near
# 1 with 16 digits, then leave some 1e-6 nats of the objective to rounding. Nearly always a curve through every value exists,
# and the likelihood grows without bound as the noise goes to zero.
SMALLEST_VARIANCE = 1e-18
# Differences of the objective below this many nats, or this share of it, are rounding: it is a sum over all rows.
_ROUNDING = 1e-7
_ROUNDING_SHARE = 1e-12
# A step that gained more than this times its prediction is tried longer, if that was so many nats at least.
_UNDERSTATED = 1.1
_LONGER_FROM = 1e-3
# A search is given up when it is this many nats, and ten times its last step's gain, behind its rival: one that goes to
# the end anyway needs less of a margin than one whose end is yet to be guessed.
CLEARLY_BEHIND = 2.0
_BEHIND_AT_THE_END = 0.1
# Times 1 / tau: a gradient that counts as zero. That is the unit of delta's own conditions; for b, k and beta, whose gradients
# have other ones, it is a convention. The gain that a step promises, in nats, is asked for beside it.
_SMALL_GRADIENT = 1e-6
_DAMPING_START = 1e-2
_DAMPING_WARM = 1e-5
_DAMPING_FALL = 0.1
_DAMPING_MIN = 1e-9
_DAMPING_MAX = 1e12
_DAMPING_SMALL = 1e-3  # up to this a step is as good as an undamped one
_MOST_TRIES = 60  # of one step
_MOST_DOUBLINGS = 6


class Limits(NamedTuple):
    """How far a search goes, whatever it finds."""

    max_iterations: int
    tolerance: float  # stop when a full step would gain less (nats) and the gradient is small too


class State(NamedTuple):
    """Where a search stands; theta itself changes in place."""

    value: float  # objective at theta
    rss: float  # at theta, see `residual_sum`
    damping: float
    exact_hessian: bool  # whether the curvature is the exact Hessian; else Gauss-Newton's
    last_gain: float  # what the last accepted step was predicted to gain (nats); inf before the first
    polished: int  # accepted steps in a row that only polished
    evaluations: int  # of the objective


class Trial(NamedTuple):
    """A step that was tried."""

    value: float  # objective at its end
    rss: float
    gain: float  # nats that it was predicted to gain
    ratio: float  # of what it gained to that; -1 if nothing was predicted
    polishes: bool  # whether it does no more: its gain is below the tolerance, and it loses nothing but rounding


class Descent(NamedTuple):
    """How a search ended. theta, the point, has been changed in place."""

    status: int
    iterations: int
    state: State
    kkt_residual: float  # at theta; of the point before it, if the search ended with its last step


@inlined
def _start(data, theta, work, warm_start):
    rss = residual_sum(data, theta, work)
    damping = _DAMPING_WARM if warm_start else _DAMPING_START
    return State(objective(data, theta, rss), rss, damping, warm_start, math.inf, 0, 1)


@inlined
def _with_damping(state, damping):
    return State(
        state.value, state.rss, damping, state.exact_hessian, state.last_gain, state.polished, state.evaluations
    )


@inlined
def _without_exact_hessian(state):
    exact_hessian = not state.exact_hessian  # not False: for a constant numba would compile a second `derivatives`
    return State(
        state.value, state.rss, state.damping, exact_hessian, state.last_gain, state.polished, state.evaluations
    )


@inlined
def _counted(state):
    evaluations = state.evaluations + 1
    return State(
        state.value, state.rss, state.damping, state.exact_hessian, state.last_gain, state.polished, evaluations
    )


@kernel
def _update_derivatives(data, theta, state, work, qp):
    derivatives(data, theta, work, state.rss, state.exact_hessian, qp.Q, qp.g)
    measure_diagonal(qp)


@inlined
def converged(state, kkt, l1_penalty):
    """Whether theta is an optimum: the gradient is small and the last step promised little, or two steps in a row have only
    polished it (whatever the gradient: its own rounding is what they left)."""
    settled = state.last_gain < 1e-4 and state.damping <= _DAMPING_SMALL
    return state.polished > 1 or (settled and kkt < _SMALL_GRADIENT * l1_penalty)


@inlined
def try_step(data, theta, state, gain, finishing, work, qp):
    """Evaluate the objective at theta plus the step, which goes to qp.trial. k never crosses zero."""
    d, x, trial = qp.d, qp.x, qp.trial
    s = data.t_change.size
    n_smooth = theta.size - s
    for j in range(theta.size):
        trial[j] = theta[j] + d[j]
    if data.growth == LOGISTIC and not trial[1] * theta[1] > 0.0:
        # The prior on m is a barrier at k = 0. Towards it, the rest of the step as it is: the next starts from there.
        trial[1] = 0.3 * theta[1]
    for j in range(s):
        trial[n_smooth + j] = x[j]
    rss = residual_sum(data, trial, work)
    value = objective(data, trial, rss)
    ratio = (state.value - value) / gain if gain > 0.0 else -1.0
    # At the end differences of the objective are rounding: what decides is the gradient after the step.
    polishes = finishing and value <= state.value + _ROUNDING_SHARE * abs(state.value) + 1e-10
    return Trial(value, rss, gain, ratio, polishes)


@kernel
def try_longer(data, theta, trial, work, qp):
    """Try longer steps, twice as long each time, while the objective falls; qp.trial gets the best point.

    Near the barrier at k = 0 the Hessian overstates the curvature: full steps would crawl (k grows by a third each).
    A changepoint that the step takes to zero stays there. Returns the trial's value and rss, and evaluations.
    """
    point, longer, d = qp.trial, qp.longer, qp.d
    n_smooth = theta.size - data.t_change.size
    value, rss, evaluations = trial.value, trial.rss, 0
    length = 1.0
    for _ in range(_MOST_DOUBLINGS):
        length *= 2.0
        for j in range(theta.size):
            moved = theta[j] + length * d[j]
            if j >= n_smooth and (point[j] == 0.0 or moved * point[j] <= 0.0):
                moved = 0.0
            longer[j] = moved
        if not longer[1] * theta[1] > 0.0:
            break
        longer_rss = residual_sum(data, longer, work)
        longer_value = objective(data, longer, longer_rss)
        evaluations += 1
        if not longer_value < value:
            break
        value, rss = longer_value, longer_rss
        copy(longer, point)
    if evaluations > 0:
        residual_sum(data, point, work)
    return value, rss, evaluations


@inlined
def update_damping(damping, trial):
    """Less damping after a step that kept its promise, more after one that fell far short of it."""
    if trial.ratio > 0.5:
        return _DAMPING_FALL * damping if damping > _DAMPING_MIN else 0.0
    if trial.ratio < 0.2 and not trial.polishes:
        return max(4.0 * damping, 1e-6)
    return damping


@inlined
def accept(data, theta, state, trial, finishing, work, qp):
    """Go to the trial's point, or further along the step if it gained much more than predicted. Returns the new state."""
    value, rss, evaluations = trial.value, trial.rss, 0
    if data.growth == LOGISTIC and trial.ratio > _UNDERSTATED and trial.gain > _LONGER_FROM:
        value, rss, evaluations = try_longer(data, theta, trial, work, qp)
    copy(qp.trial, theta)
    # The exact Hessian once steps are predicted well, Gauss-Newton before.
    exact_hessian = (trial.ratio > 0.5 and trial.ratio < 2.0) or state.value - value < 1.0
    damping = update_damping(state.damping, trial)
    polished = state.polished + 1 if finishing else 0
    return State(value, rss, damping, exact_hessian, trial.gain, polished, state.evaluations + evaluations)


@inlined
def _advance(data, theta, state, kkt, tolerance, work, qp):
    """Try steps, with more and more damping, until one is accepted. Returns how that ended, and the state.

    qp holds the derivatives at theta. work holds the rows of theta on entry, those of the last step tried on return.
    """
    l1_penalty = 1.0 / data.tau
    delta = theta[theta.size - data.t_change.size :]
    tried_before = state.evaluations
    rounding = max(_ROUNDING, _ROUNDING_SHARE * abs(state.value))
    for _ in range(_MOST_TRIES):
        if not solve_qp(qp, delta, state.damping, l1_penalty):
            if state.exact_hessian:  # an indefinite Hessian: Gauss-Newton's never is
                state = _without_exact_hessian(state)
                if state.evaluations > tried_before:
                    residual_sum(data, theta, work)  # a step that was refused has left its own rows there
                _update_derivatives(data, theta, state, work, qp)
            else:
                state = _with_damping(state, max(10.0 * state.damping, 1e-6))
            continue
        gain = expected_gain(qp, delta, l1_penalty)
        finishing = gain < tolerance and state.damping <= _DAMPING_SMALL
        if finishing and kkt < _SMALL_GRADIENT * l1_penalty:
            return _AT_OPTIMUM, state
        trial = try_step(data, theta, state, gain, finishing, work, qp)
        state = _counted(state)
        if trial.polishes or (trial.value < state.value and trial.ratio > 1e-4):
            return _ACCEPTED, accept(data, theta, state, trial, finishing, work, qp)
        if gain < rounding and state.damping <= _DAMPING_SMALL and trial.value < state.value + rounding:
            return _AT_OPTIMUM, state  # what is left to gain cannot be told from rounding
        state = _with_damping(state, max(8.0 * state.damping, 1e-4))
        if state.damping > _DAMPING_MAX:
            break
    return _STUCK, state


@inlined
def _early_end(state, early_stop, rival):
    """Whether the search is close enough to its end, or so far behind its rival that it cannot catch up."""
    margin = CLEARLY_BEHIND if early_stop > 0.0 else _BEHIND_AT_THE_END
    hopeless = state.value - rival > margin + 10.0 * state.last_gain and state.last_gain < 1.0
    return (state.last_gain < early_stop or hopeless) and state.damping <= _DAMPING_SMALL


@kernel
def descend(data, theta, limits, warm_start, early_stop, rival):
    """Minimise the objective from theta (p,), in place; returns a Descent.

    warm_start: theta is near an optimum already. early_stop: end after a step that was predicted to gain less than this
    (nats); 0 to go on to the end. rival: the objective found elsewhere; a search that cannot catch up with it any more ends,
    too (inf: none). Status CONVERGED is that of a search that ended in any of these ways; without early_stop and rival, it is
    that of an optimum (`converged`, `_advance`), or of a gradient below 1e-5 / tau from which no step gains.
    """
    l1_penalty = 1.0 / data.tau
    work, qp = make_work(data.t.size), make_qp_work(theta.size, data.t_change.size)
    state = _start(data, theta, work, warm_start)
    kkt = math.inf
    if not math.isfinite(state.value):
        return Descent(NO_FINITE_MAP if state.rss == 0.0 else NUMERICAL_FAILURE, 0, state, kkt)
    for iteration in range(limits.max_iterations):
        if noise_variance(state.rss, data.n_obs) < SMALLEST_VARIANCE:
            return Descent(NO_FINITE_MAP, iteration, state, kkt)
        _update_derivatives(data, theta, state, work, qp)
        kkt = kkt_residual(qp.g, theta[theta.size - data.t_change.size :], l1_penalty)
        if not math.isfinite(kkt):
            return Descent(NUMERICAL_FAILURE, iteration, state, kkt)
        if converged(state, kkt, l1_penalty):
            return Descent(CONVERGED, iteration, state, kkt)
        ended, state = _advance(data, theta, state, kkt, limits.tolerance, work, qp)
        if ended == _AT_OPTIMUM or (ended == _STUCK and kkt < 1e-5 * l1_penalty):
            return Descent(CONVERGED, iteration, state, kkt)
        if ended == _STUCK:
            return Descent(NUMERICAL_FAILURE, iteration, state, kkt)
        if _early_end(state, early_stop, rival):
            return Descent(CONVERGED, iteration + 1, state, kkt)
    return Descent(ITERATION_LIMIT, limits.max_iterations, state, kkt)
