"""The program inside each iteration, quadratic but for its L1 term, and the step that solves it.

Near theta the objective is g'd + d'Qd/2 + sum_j |delta_j + d_j| / tau, plus a constant. The smooth variables (b, k, beta) are
eliminated; what is left is a lasso over the changepoints' delta, whose answer gives the others back.

Belongs here: the program's memory, its solution, what it promises, how far its first-order conditions are from being met.
Does not belong here: where Q and g come from (`derivatives.py`), whether a step is taken (`descent.py`).
"""

# mypy: disable-error-code="no-untyped-def"
# (kernels take whatever numba infers; their docstrings give the shapes)

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.turbo_prophet.jit import kernel
from turbo_forecast.turbo_prophet.linear_algebra import (
    LassoWork,
    back_substitute,
    eliminate,
    lasso,
    make_lasso_work,
)

Vector = NDArray[np.float64]


class QPWork(NamedTuple):
    """The program at one theta, but for its L1 term, and memory to solve it. p = 2 + K + S, n_smooth = 2 + K."""

    Q: Vector  # (p, p), upper triangle of the objective's Hessian (or its approximation)
    g: Vector  # (p,), gradient of the objective without its L1 term
    diagonal: Vector  # (p,), |Q_jj|: what damping and pivots are measured by
    augmented: Vector  # (p, p + 1), the damped [Q | g], eliminated in place
    schur: Vector  # (S, S), Schur complement of the smooth variables
    reduced: Vector  # (S,), the gradient that goes with it
    d: Vector  # (p,), the step
    x: Vector  # (S,), where the step takes delta: lasso.x
    trial: Vector  # (p,), the point that is tried
    longer: Vector  # (p,), one further along the same step
    lasso: LassoWork  # of the changepoints


@kernel
def make_qp_work(p, s):
    """Memory for p parameters, the last s of them changepoints."""
    lasso_work = make_lasso_work(s)
    return QPWork(
        np.zeros((p, p)),
        np.zeros(p),
        np.empty(p),
        np.zeros((p, p + 1)),
        np.zeros((s, s)),
        np.zeros(s),
        np.zeros(p),
        lasso_work.x,
        np.empty(p),
        np.empty(p),
        lasso_work,
    )


@kernel
def measure_diagonal(qp):
    """Fill the scale of damping and pivots from Q."""
    Q, diagonal = qp.Q, qp.diagonal
    for j in range(diagonal.size):
        diagonal[j] = abs(Q[j, j]) + 1e-300


@kernel
def solve_qp(qp, delta, damping, l1_penalty):
    """Minimise the program with `damping` times |Q_jj| added to Q's diagonal (Levenberg and Marquardt); the step is qp.d.

    delta: (S,), the changepoints' present values. Exact if the damped Q is positive definite. An indefinite one is noticed
    only in the block of the smooth variables and in the sets of changepoints that the lasso visits: then this returns False,
    and else the step leads to a stationary point, which need be no minimum. Whether it is taken is judged by the objective.
    """
    # each array by a name of its own: taken out of the tuple inside a loop it would be counted again and again
    Q, g, M, diagonal, d = qp.Q, qp.g, qp.augmented, qp.diagonal, qp.d
    schur, reduced, x = qp.schur, qp.reduced, qp.x
    p, s = g.size, delta.size
    n_smooth = p - s
    for i in range(p):
        for j in range(i, p):
            M[i, j] = Q[i, j]
        M[i, i] += damping * diagonal[i]
        M[i, p] = g[i]
    if not eliminate(M, n_smooth, diagonal):
        return False
    for i in range(s):
        reduced[i] = M[n_smooth + i, p]
        for j in range(i, s):
            value = M[n_smooth + i, n_smooth + j]
            schur[i, j] = value
            schur[j, i] = value
    if not lasso(schur, reduced, delta, l1_penalty, qp.lasso):
        return False
    for i in range(s):
        d[n_smooth + i] = x[i] - delta[i]
    back_substitute(M, n_smooth, d)
    return True


@kernel
def expected_gain(qp, delta, l1_penalty):
    """How much (nats) the undamped program falls along the step."""
    Q, g, d, x = qp.Q, qp.g, qp.d, qp.x
    p = g.size
    total = 0.0
    for i in range(p):
        row = 0.5 * Q[i, i] * d[i]
        for j in range(i + 1, p):
            row += Q[i, j] * d[j]
        total -= d[i] * (g[i] + row)
    for j in range(delta.size):
        total += l1_penalty * (abs(delta[j]) - abs(x[j]))
    return total


@kernel
def kkt_residual(g, delta, l1_penalty):
    """Largest violation of the first-order conditions, in units of the gradient g (p,).

    g_j = 0 for a smooth variable; g_j = -sign(delta_j) / tau for a changepoint with a rate change, |g_j| <= 1 / tau for
    one without (Karush, Kuhn and Tucker; for the L1 norm e.g. Hastie, Tibshirani and Wainwright 2015, equation 2.6).
    """
    n_smooth = g.size - delta.size
    worst = 0.0
    for j in range(n_smooth):
        worst = max(worst, abs(g[j]))
    for j in range(delta.size):
        slope = g[n_smooth + j]
        if delta[j] != 0.0:
            worst = max(worst, abs(slope + math.copysign(l1_penalty, delta[j])))
        else:
            worst = max(worst, abs(slope) - l1_penalty)
    return worst
