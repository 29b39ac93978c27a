"""The matrix of features: how its rows lie in memory, and its products with itself.

Belongs here: padding, X'X. Does not belong here: what the columns are (`features.py`), weights that depend on the fit.
"""

# mypy: disable-error-code="no-untyped-def"
# (kernels take whatever numba infers; their docstrings give the shapes)

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.turbo_prophet.jit import entry
from turbo_forecast.turbo_prophet.linear_algebra import copy

Vector = NDArray[np.float64]
PADDING = 16  # columns are a whole number of vector registers: the remainder of a row would cost as much as the row


def padded_width(columns: int) -> int:
    """The next multiple of PADDING."""
    return -(-columns // PADDING) * PADDING


def padded(x: Vector) -> Vector:
    """x (n, K) with columns of zeros up to the next multiple of PADDING."""
    wide = np.zeros((x.shape[0], padded_width(x.shape[1])))
    wide[:, : x.shape[1]] = x
    return wide


@entry
def gram_matrix(X, out):
    """X'X of the first K columns of X (T, W) into out (K, K). Four rows are paired and summed, then added in row order."""
    n, width = X.shape
    columns = out.shape[0]
    total = np.zeros((columns, width))
    i = 0
    while i + 4 <= n:
        for j in range(columns):
            f0, f1, f2, f3 = X[i, j], X[i + 1, j], X[i + 2, j], X[i + 3, j]
            for c in range(width):
                total[j, c] += (f0 * X[i, c] + f1 * X[i + 1, c]) + (f2 * X[i + 2, c] + f3 * X[i + 3, c])
        i += 4
    while i < n:
        for j in range(columns):
            for c in range(width):
                total[j, c] += X[i, j] * X[i, c]
        i += 1
    for j in range(columns):
        copy(total[j, :columns], out[j])
