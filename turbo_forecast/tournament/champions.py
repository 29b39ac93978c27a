"""Whose forecast is published for each series.

Belongs here: the rule, and its evidence in plain words. Does not belong here: how folds become evidence
(`shrunken_errors.py`), and any error of the backtest: a choice that has seen it could not be judged by it.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from turbo_forecast.schemas import CHAMPIONS
from turbo_forecast.tournament.shrunken_errors import (
    Flags,
    Floats,
    Integers,
    ShrinkageEstimate,
    clearly_worse,
    complete,
    plain_means,
    shrinkage_estimate,
)
from turbo_forecast.types import Phase

INFLATION = 4.0
"""Folds of one series share its regime: three of them are less evidence than one independent window."""
MARGIN = 0.04
"""A challenger must be expected this much better, in log error: the weighted combination has no evidence yet on the
earliest fold, so its folds understate it by about so much."""
NOBODY = -1
_SERIES = ["cutoff", "host_id", "resource"]

FIRST = "first in the order of entrants, and nobody is clearly better"
ALONE = "those before it in the order have no forecast of this series"
ONLY_WHOLE = "those before it in the order missed a fold of this series"
EXPECTED = "lowest expected error, by the folds of its resource"
OWN = "lowest expected error, by the folds of this series itself"
GUARDED = "in place of one who did clearly worse than the fallback on its folds"


@dataclass(frozen=True, slots=True)
class _Field:
    """n series (sorted), m entrants in order of preference, k folds, as arrays."""

    series: pl.DataFrame
    present: Flags  # (n, m)
    errors: Floats  # (n, m, k), NaN where there is none
    groups: Integers  # (n,)


def choose(forecasters: pl.DataFrame, scores: pl.DataFrame, preference: list[str], fallback: str) -> pl.DataFrame:
    """One row of CHAMPIONS per series that has a forecast, sorted by series.

    forecasters: `cutoff, host_id, resource, model`, one row for each entrant with a forecast of the series.
    scores: rows of TOURNAMENT_SCORES; those of the backtest are not looked at.
    preference: entrants in order, the fallback last. Raises ValueError if the fallback is not among them.

    The incumbent is the first of the order whom anybody has. A challenger replaces it in a series if its expected
    log error relative to the incumbent's plus one standard error is below -MARGIN; the best such challenger wins: the
    one-standard-error rule (Breiman et al. 1984, Classification and Regression Trees, section 3.4.3). Then the
    guard: who was clearly worse than the fallback on the series' folds (`evidence.clearly_worse`) gives way to the
    best who was not. Without folds the resource and the fleet decide, and without any fold in the fleet the order does.
    Measured on 10 cutoffs of real series and on the demo fleet (mean MASE of who was published): 1.462 and 0.868,
    without the guard 1.461 and 0.869; with one that a higher mean error sets off, be it by chance, 1.474 and 0.897.
    """
    rival = preference.index(fallback)
    field = _field(forecasters, scores, preference)
    if field.series.is_empty():
        return CHAMPIONS.conform(pl.DataFrame(schema=CHAMPIONS.polars_schema))
    whole = field.present & complete(field.errors, rival)
    eligible: Flags = np.where(whole.any(axis=1, keepdims=True), whole, field.present)
    incumbent = int(field.present.any(axis=0).argmax())
    expected = shrinkage_estimate(field.errors, field.groups, rival, inflation=INFLATION, incumbent=incumbent)
    handicap = np.where(np.arange(len(preference)) == incumbent, 0.0, MARGIN)
    score = expected.mean + expected.error + handicap
    unguarded = _best(score, eligible)
    means = plain_means(field.errors, rival)
    harmless: Flags = eligible & ~clearly_worse(field.errors, rival)
    each = np.arange(len(unguarded))
    guarded = harmless.any(axis=1) & ~harmless[each, unguarded]
    champion = np.where(guarded, _best(score, harmless), unguarded)
    others = eligible.copy()
    others[each, champion] = False
    runner_up = np.where(others.any(axis=1), _best(score, others), NOBODY)
    without_folds = _best(expected.prior + expected.prior_error + handicap, eligible)
    reasons = _reasons(field.present, eligible, champion, guarded, without_folds)
    return CHAMPIONS.conform(
        field.series.with_columns(
            model=_names(preference, champion),
            reason=pl.Series(reasons, dtype=pl.String),
            folds=pl.Series(expected.windows),
            fold_mae=pl.Series(means[each, champion]).fill_nan(None),
            fallback_fold_mae=pl.Series(means[:, rival]).fill_nan(None),
            runner_up=_names(preference, runner_up),
            **_ratios(expected, champion, runner_up),
        )
    )


def _best(score: Floats, among: Flags) -> Integers:
    """(n,) the lowest score of those allowed, the first in the order where several have it.

    The incumbent's score is exactly 0 and nobody who has a forecast precedes it: so a challenger wins only below 0.
    """
    best: Integers = np.where(among, score, np.inf).argmin(axis=1)
    return best


def _field(forecasters: pl.DataFrame, scores: pl.DataFrame, preference: list[str]) -> _Field:
    places = {name: place for place, name in enumerate(preference)}
    place = pl.col("model").replace_strict(places, return_dtype=pl.Int64)
    # entrants of an earlier run do not take part
    having = forecasters.filter(pl.col("model").is_in(preference)).with_columns(place=place)
    series = having.select(_SERIES).unique().sort(_SERIES).with_row_index("row")
    having = having.join(series, on=_SERIES)
    folds = (
        scores.filter((pl.col("window_name") != Phase.BACKTEST) & pl.col("model").is_in(preference))
        .with_columns(place=place, fold=pl.col("window_name").str.strip_prefix("fold ").cast(pl.Int64))
        .join(series, on=_SERIES)
        .with_columns(layer=pl.col("fold").rank("dense").cast(pl.Int64) - 1)
    )
    present = np.zeros((series.height, len(preference)), dtype=np.bool_)
    present[having["row"].to_numpy(), having["place"].to_numpy()] = True
    errors = np.full((*present.shape, folds["fold"].n_unique()), np.nan)
    errors[folds["row"].to_numpy(), folds["place"].to_numpy(), folds["layer"].to_numpy()] = folds["mae"].to_numpy()
    groups = series["resource"].rank("dense").cast(pl.Int64).to_numpy()
    return _Field(series, present, errors, groups)


def _reasons(present: Flags, eligible: Flags, champion: Integers, guarded: Flags, without_folds: Integers) -> list[str]:
    """A plain sentence per series on what decided; without_folds: (n,) whom the rule names without its own folds."""
    before = np.arange(present.shape[1]) < champion[:, None]
    conditions = [
        guarded,
        champion != without_folds,
        champion == 0,
        ~(present & before).any(axis=1),
        ~(eligible & before).any(axis=1),
    ]
    reasons: list[str] = np.select(conditions, [GUARDED, OWN, FIRST, ALONE, ONLY_WHOLE], EXPECTED).tolist()
    return reasons


def _names(preference: list[str], places: Integers) -> pl.Series:
    """Names by place in the order; null for nobody."""
    names = [*preference, None]  # NOBODY is the last
    return pl.Series([names[place] for place in places.tolist()], dtype=pl.String)


def _ratios(expected: ShrinkageEstimate, champion: Integers, runner_up: Integers) -> dict[str, pl.Series]:
    """expected_ratio and margin, as schemas.CHAMPIONS means them; null where nothing is known."""
    each = np.arange(len(champion))
    ours = expected.mean[each, champion]
    margin = np.where(runner_up == NOBODY, np.nan, np.exp(expected.mean[each, runner_up] - ours) - 1)
    known = 1.0 if expected.windows.any() else np.nan
    return {
        "expected_ratio": pl.Series(known * np.exp(ours)).fill_nan(None),
        "margin": pl.Series(known * margin).fill_nan(None),
    }
