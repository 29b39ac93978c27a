"""The quadratic program inside each step: dense, small, exact.

Belongs here: elimination of the smooth variables, the lasso over the changepoints.
Does not belong here: anything that knows the model.
"""

# mypy: disable-error-code="no-untyped-def"
# (kernels take whatever numba infers; their docstrings give the shapes)

import math

from turbo_forecast.turbo_prophet.jit import kernel

# A pivot this small beside its own diagonal entry is rounding noise: the matrix is not positive definite.
_PIVOT = 1e-13


@kernel
def eliminate(m, n_smooth, diagonal):
    """Eliminate the first n_smooth variables of the symmetric system in m, in place.

    m: (p, p + 1), upper triangle and right-hand side column. diagonal: (p,), positive scale of each pivot.
    Afterwards rows n_smooth.. hold the Schur complement and the reduced right-hand side.
    Returns False if the eliminated block is not positive definite.
    """
    p = m.shape[0]
    j = 0
    while j + 4 <= n_smooth:
        # Four pivots a pass over the rows below: a quarter of the memory traffic.
        for a in range(j, j + 4):
            if not m[a, a] > _PIVOT * diagonal[a]:
                return False
            inverse = 1.0 / m[a, a]
            for i in range(a + 1, j + 4):
                f = m[a, i] * inverse
                for c in range(i, p + 1):
                    m[i, c] -= f * m[a, c]
        i0, i1, i2, i3 = 1.0 / m[j, j], 1.0 / m[j + 1, j + 1], 1.0 / m[j + 2, j + 2], 1.0 / m[j + 3, j + 3]
        for i in range(j + 4, p):
            f0, f1, f2, f3 = m[j, i] * i0, m[j + 1, i] * i1, m[j + 2, i] * i2, m[j + 3, i] * i3
            for c in range(i, p + 1):
                m[i, c] -= (f0 * m[j, c] + f1 * m[j + 1, c]) + (f2 * m[j + 2, c] + f3 * m[j + 3, c])
        j += 4
    while j < n_smooth:
        if not m[j, j] > _PIVOT * diagonal[j]:
            return False
        inverse = 1.0 / m[j, j]
        for i in range(j + 1, p):
            f = m[j, i] * inverse
            for c in range(i, p + 1):
                m[i, c] -= f * m[j, c]
        j += 1
    return True


@kernel
def back_substitute(m, n_smooth, d):
    """Smooth part of d, (p,), given its last p - n_smooth entries: solves rows of the eliminated system Q d = -g."""
    p = m.shape[0]
    for j in range(n_smooth - 1, -1, -1):
        total = m[j, p]
        for i in range(j + 1, p):
            total += m[j, i] * d[i]
        d[j] = -total / m[j, j]


@kernel
def _solve_active(a, gradient, weight, sign, active, n_active, work, step):
    """Newton step of the active coordinates: A_aa step = -(gradient + weight * sign). False if A_aa is not PD."""
    for i in range(n_active):
        for j in range(i, n_active):
            work[i, j] = a[active[i], active[j]]
        work[i, n_active] = gradient[active[i]] + weight * sign[active[i]]
    for j in range(n_active):
        pivot = work[j, j]
        if not pivot > _PIVOT * a[active[j], active[j]]:
            return False
        for i in range(j + 1, n_active):
            f = work[j, i] / pivot
            for c in range(i, n_active + 1):
                work[i, c] -= f * work[j, c]
    for j in range(n_active - 1, -1, -1):
        total = work[j, n_active]
        for i in range(j + 1, n_active):
            total += work[j, i] * step[i]
        step[j] = -total / work[j, j]
    return True


@kernel
def lasso(a, gradient, start, weight, x, sign, active, work, step):
    """Minimise gradient'(x - start) + (x - start)'A(x - start)/2 + weight |x|_1 exactly, by active sets.

    a: (s, s) symmetric. gradient: (s,), overwritten by the gradient at the solution. start, x: (s,).
    sign, active, work (s, s + 1), step: workspaces.
    The feature-sign search of Lee, Battle, Raina and Ng (2007): solve on the active set, stop at the first sign change
    and drop that coordinate, else let in the coordinate that violates its bound most. Returns False on failure.
    """
    s = a.shape[0]
    n_active = 0
    for j in range(s):
        x[j] = start[j]
        sign[j] = 0.0
        if start[j] != 0.0:
            sign[j] = math.copysign(1.0, start[j])
            active[n_active] = j
            n_active += 1
    tolerance = 1e-10 * weight
    for _ in range(50 + 10 * s):
        if n_active > 0:
            if not _solve_active(a, gradient, weight, sign, active, n_active, work, step):
                return False
            alpha = 1.0
            leaving = -1
            for i in range(n_active):
                j = active[i]
                if (x[j] + step[i]) * sign[j] <= 0.0:
                    ratio = -x[j] / step[i] if step[i] != 0.0 else 0.0
                    if leaving < 0 or ratio < alpha:
                        alpha = ratio
                        leaving = i
            for i in range(n_active):
                j = active[i]
                move = alpha * step[i]
                x[j] += move
                for c in range(s):
                    gradient[c] += move * a[j, c]
            if leaving >= 0:
                x[active[leaving]] = 0.0
                sign[active[leaving]] = 0.0
                n_active -= 1
                for i in range(leaving, n_active):
                    active[i] = active[i + 1]
                continue
        worst = tolerance
        entering = -1
        for j in range(s):
            if sign[j] == 0.0 and abs(gradient[j]) - weight > worst:
                worst = abs(gradient[j]) - weight
                entering = j
        if entering < 0:
            return True
        sign[entering] = -math.copysign(1.0, gradient[entering])
        active[n_active] = entering
        n_active += 1
    return False
