"""Textbook rules beside which the product's are measured: weights and interval bounds, from folds alone.

Belongs here: pure functions on arrays and frames, each with its source, none of them used by the product.
Does not belong here: the product's own rules (`tournament/`), and which windows may be seen (`rules.py`).
"""

import math

import numpy as np
import polars as pl
from scipy.optimize import nnls

from turbo_forecast.fleet.series_forecaster import clamped
from turbo_forecast.tournament.shrunken_errors import OFFSET_PERCENT, Flags, Floats

ITERATIONS = 200
SMALLEST_RESIDUAL = 1e-6
"""Residuals below this share of the mean absolute one weigh as if they were it: a weight has to be finite."""
SETTLED = 1e-9
BOUNDS = ("yhat_lower", "yhat_upper")
_CELL = ["resource", "horizon_month"]


def least_absolute_weights(errors: Floats) -> Floats:
    """(m,) weights, none negative, summing to 1, of the least sum of absolute errors of the weighted forecast.

    errors: (N, m) finite errors (forecast minus observed) of m members on N days; N >= 1.

    Iteratively reweighted least squares (Schlossmacher 1973, JASA 68, pages 857 to 859) for stacking
    (Breiman 1996, doi:10.1007/BF00117832). Raises ValueError for no day.
    """
    if not len(errors):
        raise ValueError("weights: there is no day to learn from")
    weights = least_squares_weights(errors)
    for _ in range(ITERATIONS):
        residuals = np.abs(errors @ weights)
        scale = residuals.mean()
        if scale == 0:
            break
        found = least_squares_weights(errors / np.sqrt(np.maximum(residuals, SMALLEST_RESIDUAL * scale))[:, None])
        moved = np.abs(found - weights).max()
        weights = found
        if moved < SETTLED:
            break
    return weights


def least_squares_weights(errors: Floats) -> Floats:
    """(m,) weights, none negative, summing to 1, of the least sum of squares of `errors @ weights`; errors: (N, m).

    With weights t * w, the sum of squares plus (1 - t)^2 is least over t at a value that rises with that of w: so
    non-negative least squares of the errors and one row of ones finds w but for its sum (Lawson & Hanson 1974,
    Solving Least Squares Problems, chapter 23).
    """
    triangle = np.asarray(np.linalg.qr(errors, mode="r"))
    size = np.linalg.norm(triangle)
    if size == 0:
        return np.full(errors.shape[1], 1 / errors.shape[1])
    stacked = np.vstack([triangle / size, np.ones(errors.shape[1])])
    found, _ = nnls(stacked, np.append(np.zeros(len(triangle)), 1.0))
    weights: Floats = found / found.sum()
    return weights


def inverse_error_weights(means: Floats, present: Flags, power: float) -> Floats:
    """(n, m) weights by the inverse `power` of the members' mean errors; each row with anybody present sums to 1.

    means: (n, m) mean absolute errors in percentage points; NaN for a member that missed a fold, which gets none.
    present: (n, m) who has a forecast; they share equally where no error is known.
    Source: Bates & Granger (1969), doi:10.1057/jors.1969.103, with absolute for squared errors.
    """
    known = present & np.isfinite(means)
    inverse = np.where(known, (np.where(known, means, 1.0) + OFFSET_PERCENT) ** -power, 0.0)
    inverse = np.where(known.any(axis=1, keepdims=True), inverse, present)
    total = inverse.sum(axis=1, keepdims=True)
    weights: Floats = np.divide(inverse, total, out=np.zeros_like(inverse), where=total > 0)
    return weights


def conformal_offset(scores: Floats, width: float) -> float:
    """The ceil((N + 1) * width)-th smallest of N conformity scores; infinite where there are too few.

    Source: Romano, Patterson & Candes (2019), Conformalized Quantile Regression, arXiv:1905.03222.
    """
    rank = math.ceil((scores.size + 1) * width - 1e-9)
    return math.inf if rank > scores.size else float(np.sort(scores)[rank - 1])


def conformalized(seen: pl.DataFrame, asked: pl.DataFrame, width: float) -> pl.DataFrame:
    """`asked` with bounds moved outwards (inwards if negative) by the offset of their resource and horizon month.

    seen: `resource, horizon_month, y, yhat_lower, yhat_upper` of earlier windows, y observed. asked: the same columns
    and `yhat`; in its order. Bounds end in the envelope, around yhat. The scores are CQR's, max(lower - y, y - upper);
    with yhat for both bounds they are |y - yhat|, split conformal's (Lei et al. 2018,
    doi:10.1080/01621459.2017.1307116).
    """
    lower, upper = BOUNDS
    scored = seen.with_columns(miss=pl.max_horizontal(pl.col(lower) - pl.col("y"), pl.col("y") - pl.col(upper)))
    parts = [
        (*cell, conformal_offset(part["miss"].to_numpy(), width))
        for cell, part in scored.group_by(_CELL, maintain_order=True)
    ]
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "resource": pl.String,
        "horizon_month": asked.schema["horizon_month"],
        "offset": pl.Float64,
    }
    offsets = pl.DataFrame(parts, schema=schema, orient="row")
    placed = asked.join(offsets, on=_CELL, how="left", maintain_order="left")
    reach = placed["offset"].fill_null(math.inf).to_numpy()
    _, low, high = clamped(
        *(asked["yhat"].to_numpy(), asked[lower].to_numpy() - reach, asked[upper].to_numpy() + reach)
    )
    return asked.with_columns(pl.Series(lower, low), pl.Series(upper, high))
