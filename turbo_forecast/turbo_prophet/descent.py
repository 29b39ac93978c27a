"""The search for the posterior's maximum: damped Newton steps, each an exact lasso.

Belongs here: steps, damping, stopping. Does not belong here: the model's form, where to start, what to do on failure.
"""

# mypy: disable-error-code="no-untyped-def"
# (kernels take whatever numba infers; their docstrings give the shapes)

import math

import numpy as np

from turbo_forecast.turbo_prophet.jit import kernel
from turbo_forecast.turbo_prophet.linear_algebra import back_substitute, eliminate, lasso
from turbo_forecast.turbo_prophet.model import (
    LOGISTIC,
    derivatives,
    make_work,
    noise_variance,
    objective,
    residual_sum,
)

CONVERGED, ITERATION_LIMIT, NO_FINITE_MAP, NUMERICAL_FAILURE = 0, 1, 2, 3

# Noise below this share of the scaled data is rounding: the likelihood grows without bound as it goes to zero.
SMALLEST_VARIANCE = 1e-18
# A step that gained more than this times its prediction, and more than so many nats, is tried longer.
_UNDERSTATED = 1.1
_EXPANDED = 1e-3
# A search is given up when it is this many nats, and ten times its last step's gain, behind its rival: one that goes to
# the end anyway needs less of a margin than one whose end is yet to be guessed.
_CLEARLY_BEHIND = 2.0
_BEHIND_AT_THE_END = 0.1
_DAMPING_START = 1e-2
_DAMPING_NEAR = 1e-5
_DAMPING_FALL = 0.1
_DAMPING_MIN = 1e-9
_DAMPING_MAX = 1e12


@kernel
def _step(q, g, delta, n_smooth, damping, bound, m, diagonal, d, a, gradient, x, sign, active, work, step):
    """Minimise the damped quadratic model plus the changepoints' |.|; the step goes to d. False if it has no
    minimum."""
    p = g.size
    s = p - n_smooth
    for i in range(p):
        for j in range(i, p):
            m[i, j] = q[i, j]
        m[i, i] += damping * diagonal[i]
        m[i, p] = g[i]
    if not eliminate(m, n_smooth, diagonal):
        return False
    for i in range(s):
        gradient[i] = m[n_smooth + i, p]
        for j in range(i, s):
            value = m[n_smooth + i, n_smooth + j]
            a[i, j] = value
            a[j, i] = value
    if not lasso(a, gradient, delta, bound, x, sign, active, work, step):
        return False
    for i in range(s):
        d[n_smooth + i] = x[i] - delta[i]
    back_substitute(m, n_smooth, d)
    return True


@kernel
def _expected_gain(q, g, d, delta, x, bound):
    """How much the undamped quadratic model falls along d."""
    p = g.size
    s = delta.size
    total = 0.0
    for i in range(p):
        row = 0.5 * q[i, i] * d[i]
        for j in range(i + 1, p):
            row += q[i, j] * d[j]
        total -= d[i] * (g[i] + row)
    for j in range(s):
        total += bound * (abs(delta[j]) - abs(x[j]))
    return total


@kernel
def stationarity(g, delta, n_smooth, bound):
    """Largest violation of the first-order conditions, in units of the objective's gradient."""
    worst = 0.0
    for j in range(n_smooth):
        worst = max(worst, abs(g[j]))
    for j in range(delta.size):
        slope = g[n_smooth + j]
        if delta[j] != 0.0:
            worst = max(worst, abs(slope + math.copysign(bound, delta[j])))
        else:
            worst = max(worst, abs(slope) - bound)
    return worst


@kernel
def _expand(data, theta, d, trial, other, n_smooth, value, work):
    """Try longer steps along d, twice as long each time, while the objective falls; trial gets the best point.

    Near the barrier at k = 0 the Hessian overstates the curvature: full steps would crawl (k grows by a third each).
    A changepoint that d takes to zero stays there. Returns objective (unchanged if nothing was gained), squares,
    evaluations.
    """
    squares = -1.0
    length = 1.0
    for evaluation in range(6):
        length *= 2.0
        for j in range(theta.size):
            moved = theta[j] + length * d[j]
            if j >= n_smooth and (trial[j] == 0.0 or moved * trial[j] <= 0.0):
                moved = 0.0
            other[j] = moved
        if not other[1] * theta[1] > 0.0:
            return value, squares, evaluation
        other_squares = residual_sum(data, other, work)
        other_value = objective(data, other, other_squares)
        if not other_value < value:
            return value, squares, evaluation + 1
        value = other_value
        squares = other_squares
        trial[:] = other
    return value, squares, 6


@kernel
def descend(data, theta, max_iterations, tolerance, coarse, near, rival):
    """Minimise the objective from theta (p,), in place.

    Proximal Newton with Levenberg-Marquardt damping: the exact Hessian once steps are predicted well, Gauss-Newton
    before
    and whenever the Hessian is indefinite. k never crosses zero (logistic: the prior on m is a barrier there).
    tolerance: stop when a full step would gain less (nats) and the gradient is small too. coarse: stop after a step
    that was
    predicted to gain less than this; 0 to go on to the end. near: theta is near an optimum already. rival: the
    objective found elsewhere; a search that cannot catch up with it any more stops too (inf: none). Returns status
    (converged: to whichever came first), iterations,
    evaluations, objective, squares, stationarity.
    """
    columns = data.precision.size
    s = data.changes.size
    n_smooth = 2 + columns
    p = n_smooth + s
    n = data.t.size
    bound = 1.0 / data.tau
    small_gradient = 1e-6 * bound
    work = make_work(n)
    q = np.zeros((p, p))
    g = np.zeros(p)
    m = np.zeros((p, p + 1))
    a = np.zeros((s, s))
    square = np.zeros((s, s + 1))
    small = np.zeros((4, s))
    active = np.zeros(s, np.int64)
    diagonal = np.empty(p)
    d = np.zeros(p)
    trial = np.empty(p)
    other = np.empty(p)

    squares = residual_sum(data, theta, work)
    value = objective(data, theta, squares)
    evaluations = 1
    if not math.isfinite(value):
        status = NO_FINITE_MAP if squares == 0.0 else NUMERICAL_FAILURE
        return status, 0, evaluations, value, squares, math.inf
    damping = _DAMPING_NEAR if near else _DAMPING_START
    newton = near
    polished = 0
    violation = math.inf
    last_gain = math.inf
    for iteration in range(max_iterations):
        if noise_variance(squares, data.observed) < SMALLEST_VARIANCE:
            return NO_FINITE_MAP, iteration, evaluations, value, squares, violation
        derivatives(data, theta, work, squares, newton, q, g)
        delta = theta[n_smooth:]
        violation = stationarity(g, delta, n_smooth, bound)
        if not math.isfinite(violation):
            return NUMERICAL_FAILURE, iteration, evaluations, value, squares, violation
        if polished > 1 or (last_gain < 1e-4 and violation < small_gradient):
            return CONVERGED, iteration, evaluations, value, squares, violation
        for j in range(p):
            diagonal[j] = abs(q[j, j]) + 1e-300
        moved = False
        for _ in range(60):
            if not _step(
                q,
                g,
                delta,
                n_smooth,
                damping,
                bound,
                m,
                diagonal,
                d,
                a,
                small[0],
                small[1],
                small[2],
                active,
                square,
                small[3],
            ):
                if newton:
                    newton = not newton  # not False: for a constant numba would compile a second `derivatives`
                    derivatives(data, theta, work, squares, newton, q, g)
                    for j in range(p):
                        diagonal[j] = abs(q[j, j]) + 1e-300
                else:
                    damping = max(10.0 * damping, 1e-6)
                continue
            gain = _expected_gain(q, g, d, delta, small[1], bound)
            finishing = gain < tolerance and damping <= 1e-3
            if finishing and violation < small_gradient:
                return CONVERGED, iteration, evaluations, value, squares, violation
            for j in range(p):
                trial[j] = theta[j] + d[j]
            if data.growth == LOGISTIC and not trial[1] * theta[1] > 0.0:
                # Towards the barrier, the rest of the step as it is: the next step starts from there.
                trial[1] = 0.3 * theta[1]
            for j in range(s):
                trial[n_smooth + j] = small[1][j]
            trial_squares = residual_sum(data, trial, work)
            trial_value = objective(data, trial, trial_squares)
            evaluations += 1
            ratio = (value - trial_value) / gain if gain > 0.0 else -1.0
            # At the end differences of the objective are rounding: what decides is the gradient after the step.
            level = finishing and trial_value <= value + 1e-12 * abs(value) + 1e-10
            if level or (trial_value < value and ratio > 1e-4):
                moved = True
                if data.growth == LOGISTIC and ratio > _UNDERSTATED and gain > _EXPANDED:
                    better, better_squares, tried = _expand(data, theta, d, trial, other, n_smooth, trial_value, work)
                    evaluations += tried
                    if better_squares >= 0.0:
                        trial_value, trial_squares = better, better_squares
                    if tried > 0:
                        residual_sum(data, trial, work)
                polished = polished + 1 if finishing else 0
                theta[:] = trial
                newton = (ratio > 0.5 and ratio < 2.0) or value - trial_value < 1.0
                value = trial_value
                squares = trial_squares
                last_gain = gain
                if ratio > 0.5:
                    damping = _DAMPING_FALL * damping if damping > _DAMPING_MIN else 0.0
                elif ratio < 0.2 and not level:
                    damping = max(4.0 * damping, 1e-6)
                break
            if gain < 1e-7 and damping <= 1e-3 and trial_value < value + 1e-7:
                return CONVERGED, iteration, evaluations, value, squares, violation
            damping = max(8.0 * damping, 1e-4)
            if damping > _DAMPING_MAX:
                break
        if not moved:
            status = CONVERGED if violation < 1e-5 * bound else NUMERICAL_FAILURE
            return status, iteration, evaluations, value, squares, violation
        margin = _CLEARLY_BEHIND if coarse > 0.0 else _BEHIND_AT_THE_END
        hopeless = value - rival > margin + 10.0 * last_gain and last_gain < 1.0
        if (last_gain < coarse or hopeless) and damping <= 1e-3:
            return CONVERGED, iteration + 1, evaluations, value, squares, violation
    return ITERATION_LIMIT, max_iterations, evaluations, value, squares, violation
