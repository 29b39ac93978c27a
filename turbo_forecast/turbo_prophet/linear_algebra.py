"""Linear algebra of small dense problems: elimination, and a lasso solved by an active set method.

Belongs here: what a textbook states without knowing the model. Does not belong here: gradients, steps (`proximal_step.py`).
"""

# mypy: disable-error-code="no-untyped-def"
# (kernels take whatever numba infers; their docstrings give the shapes)

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.turbo_prophet.jit import inlined, kernel

# A pivot this small beside its own diagonal entry is rounding noise: the matrix is not positive definite.
_PIVOT = 1e-13
_TOLERANCE = 1e-10  # of the lasso's first-order conditions, as a share of its penalty


class LassoWork(NamedTuple):
    """Memory of `lasso` for s coordinates; x is its answer."""

    x: NDArray[np.float64]  # (s,)
    sign: NDArray[np.float64]  # (s,), that each active coordinate must have; 0 for one that stays at zero
    active: NDArray[np.int64]  # (s,), the active coordinates, in the order in which they entered
    step: NDArray[np.float64]  # (s,), the Newton step of each of `active`
    augmented: NDArray[np.float64]  # (s, s + 1), their matrix and right-hand side


@kernel
def make_lasso_work(s):
    """Memory for s coordinates."""
    return LassoWork(np.zeros(s), np.zeros(s), np.zeros(s, np.int64), np.zeros(s), np.zeros((s, s + 1)))


@kernel
def copy(source, target):
    """Into target (n,) the entries of source (n,). An assignment of slices would compile its message about shapes, too."""
    for i in range(source.size):
        target[i] = source[i]


@kernel
def eliminate(M, n, diagonal):
    """Eliminate the first n variables of the symmetric system [Q | g], in place: the factorisation LDL', as far as n.

    M: (p, p + 1), upper triangle of Q and the column g. diagonal: (p,), positive scale of each pivot. Afterwards rows ..n hold
    DL' and the g that goes with it, rows n.. the Schur complement and the reduced g (Golub and Van Loan, Matrix Computations,
    4th ed., sections 3.2 and 4.1). Returns False if the eliminated block is not positive definite.
    """
    p = M.shape[0]
    j = 0
    while j + 4 <= n:
        # Four pivots a pass over the rows below: a quarter of the memory traffic.
        for a in range(j, j + 4):
            if not M[a, a] > _PIVOT * diagonal[a]:
                return False
            inverse = 1.0 / M[a, a]
            for i in range(a + 1, j + 4):
                f = M[a, i] * inverse
                for c in range(i, p + 1):
                    M[i, c] -= f * M[a, c]
        i0, i1, i2, i3 = 1.0 / M[j, j], 1.0 / M[j + 1, j + 1], 1.0 / M[j + 2, j + 2], 1.0 / M[j + 3, j + 3]
        for i in range(j + 4, p):
            f0, f1, f2, f3 = M[j, i] * i0, M[j + 1, i] * i1, M[j + 2, i] * i2, M[j + 3, i] * i3
            for c in range(i, p + 1):
                M[i, c] -= (f0 * M[j, c] + f1 * M[j + 1, c]) + (f2 * M[j + 2, c] + f3 * M[j + 3, c])
        j += 4
    while j < n:
        if not M[j, j] > _PIVOT * diagonal[j]:
            return False
        inverse = 1.0 / M[j, j]
        for i in range(j + 1, p):
            f = M[j, i] * inverse
            for c in range(i, p + 1):
                M[i, c] -= f * M[j, c]
        j += 1
    return True


@kernel
def back_substitute(M, n, d):
    """The first n entries of d (p,), given the others: solves the rows that `eliminate` left in M (p, p + 1) of Q d = -g."""
    p = M.shape[0]
    for j in range(n - 1, -1, -1):
        total = M[j, p]
        for i in range(j + 1, p):
            total += M[j, i] * d[i]
        d[j] = -total / M[j, j]


@kernel
def _solve_active(Q, gradient, l1_penalty, work, n_active):
    """Newton step of the active coordinates: Q_aa step = -(gradient + l1_penalty * sign). False if Q_aa is not PD.

    The recurrences of `eliminate` and `back_substitute` once more, for the corner of M that is in use: those take a whole
    matrix, and `eliminate`'s four pivots a pass pay for many columns, not for the handful that are active here.
    """
    sign, active, step, M = work.sign, work.active, work.step, work.augmented
    for i in range(n_active):
        for j in range(i, n_active):
            M[i, j] = Q[active[i], active[j]]
        M[i, n_active] = gradient[active[i]] + l1_penalty * sign[active[i]]
    for j in range(n_active):
        pivot = M[j, j]
        if not pivot > _PIVOT * Q[active[j], active[j]]:
            return False
        for i in range(j + 1, n_active):
            f = M[j, i] / pivot
            for c in range(i, n_active + 1):
                M[i, c] -= f * M[j, c]
    for j in range(n_active - 1, -1, -1):
        total = M[j, n_active]
        for i in range(j + 1, n_active):
            total += M[j, i] * step[i]
        step[j] = -total / M[j, j]
    return True


@inlined
def _first_sign_change(work, n_active):
    """The share of the step at which the first active coordinate reaches zero, and its place in `active`; 1, -1: none."""
    x, sign, active, step = work.x, work.sign, work.active, work.step
    alpha = 1.0
    leaving = -1
    for i in range(n_active):
        j = active[i]
        if (x[j] + step[i]) * sign[j] <= 0.0:
            ratio = -x[j] / step[i] if step[i] != 0.0 else 0.0
            if leaving < 0 or ratio < alpha:
                alpha = ratio
                leaving = i
    return alpha, leaving


@inlined
def _move(Q, gradient, work, n_active, alpha):
    """Go that share of the step; the gradient follows."""
    x, active, step = work.x, work.active, work.step
    for i in range(n_active):
        j = active[i]
        move = alpha * step[i]
        x[j] += move
        for c in range(gradient.size):
            gradient[c] += move * Q[j, c]


@inlined
def _drop(work, leaving, n_active):
    """Take the coordinate at that place out of the active ones, and leave it at zero."""
    active = work.active
    work.x[active[leaving]] = 0.0
    work.sign[active[leaving]] = 0.0
    for i in range(leaving, n_active - 1):
        active[i] = active[i + 1]


@inlined
def _most_violating(gradient, l1_penalty, work):
    """The coordinate at zero whose gradient exceeds the penalty most; -1 if none does."""
    sign = work.sign
    worst = _TOLERANCE * l1_penalty
    entering = -1
    for j in range(gradient.size):
        if sign[j] == 0.0 and abs(gradient[j]) - l1_penalty > worst:
            worst = abs(gradient[j]) - l1_penalty
            entering = j
    return entering


@kernel
def lasso(Q, gradient, start, l1_penalty, work):
    """Minimise gradient'(x - start) + (x - start)'Q(x - start)/2 + l1_penalty |x|_1; the answer is work.x.

    Q: (s, s) symmetric. gradient: (s,), overwritten by the gradient at the solution. start: (s,).
    An active set method: solve on the active coordinates; stop at the first sign change and drop that coordinate (Osborne,
    Presnell and Turlach 2000, doi:10.1093/imanum/20.3.389), else let in the one that violates its bound most, as the
    feature-sign search of Lee, Battle, Raina and Ng does (Efficient sparse coding algorithms, NIPS 2006; it tries all sign
    changes of a step instead of stopping at the first). Coordinate descent would crawl here: hinges are nearly collinear.

    The answer is exact if Q is positive definite. Of an indefinite Q only the blocks of active coordinates are looked at: it
    returns False if one that it meets is not positive definite, or if it does not end; else the answer is stationary.
    """
    x, sign, active = work.x, work.sign, work.active
    s = Q.shape[0]
    n_active = 0
    for j in range(s):
        x[j] = start[j]
        sign[j] = 0.0
        if start[j] != 0.0:
            sign[j] = math.copysign(1.0, start[j])
            active[n_active] = j
            n_active += 1
    for _ in range(50 + 10 * s):
        if n_active > 0:
            if not _solve_active(Q, gradient, l1_penalty, work, n_active):
                return False
            alpha, leaving = _first_sign_change(work, n_active)
            _move(Q, gradient, work, n_active, alpha)
            if leaving >= 0:
                _drop(work, leaving, n_active)
                n_active -= 1
                continue
        entering = _most_violating(gradient, l1_penalty, work)
        if entering < 0:
            return True
        sign[entering] = -math.copysign(1.0, gradient[entering])
        active[n_active] = entering
        n_active += 1
    return False
