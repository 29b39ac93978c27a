"""Each entrant's backtest over all series, beside the published forecast's.

Belongs here: summaries over series, and how sure they are. Does not belong here: scores of one series (`scores.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from turbo_forecast.schemas import TOURNAMENT_STANDINGS
from turbo_forecast.tournament.shrunken_errors import Flags, Floats

CHAMPION = "champion"
ALL = "all"
RESAMPLES = 1000
INTERVAL = (0.025, 0.975)
SEED = 20251231
POOR = 0.75
"""A series is poorly covered where its interval held less than this part of its nominal width: 60 % of an 80 % interval."""
CELLS_AT_ONCE = 4_000_000
"""Counts of resamples held at a time: 32 MB."""
_METRICS = ("n", "mae", "mase", "bias", "coverage", "interval_score")


@dataclass(frozen=True, slots=True)
class _Cell:
    """One resource and month: n series, m models; the missing charged with the fallback's scores."""

    resource: str
    month: int
    own: Flags  # (n, m)
    scores: dict[str, Floats]  # each (n, m); mase is NaN where it is not defined
    beats: Floats | None  # (n, m) 1 where better than the seasonal naive; None where that does not take part

    @property
    def mase(self) -> Floats:
        """(series where every model has one, m)."""
        values = self.scores["mase"]
        return values[np.isfinite(values).all(axis=1)]


def standings(
    scores: pl.DataFrame,
    *,
    cutoff: date,
    fallback: str,
    seasonal_naive: str,
    interval_width: float,
    entrants: Sequence[str] = (),
) -> pl.DataFrame:
    """Rows of TOURNAMENT_STANDINGS for every resource and 'all', month and model, sorted by key.

    scores: `host_id, resource, model, horizon_month, n, mae, mase, bias, coverage, interval_score`, one row per series,
        model and month (0: all months), as `score_by_month` gives them; model 'champion' is the published forecast.
    fallback: the entrant whose scores count for one that has none; series are those it has a score of.
    seasonal_naive: the entrant that the share of series won is about, if it takes part.
    interval_width: nominal coverage, which a series' own is set against.
    entrants: who stands in any case; one without a single score counts with the fallback's throughout.

    Ranks are among the entrants; the champion's is where it would stand beside them. Intervals are 95 % percentile
    bootstrap intervals over series (Efron 1979, doi:10.1214/aos/1176344552). Raises ValueError if there are scores,
    and none of the fallback.
    """
    if scores.is_empty():
        return TOURNAMENT_STANDINGS.conform(pl.DataFrame(schema=TOURNAMENT_STANDINGS.polars_schema))
    models = sorted({*scores["model"].unique().to_list(), *entrants})
    if fallback not in models:
        raise ValueError(f"standings: no scores of the fallback {fallback!r}, which counts for those without any")
    cells = _cells(scores, models, models.index(fallback), seasonal_naive)
    samples = [cell.mase for cell in cells] + [cell.beats for cell in cells if cell.beats is not None]
    intervals = iter(_bootstrap(samples))
    mase = [next(intervals) for _ in cells]
    beats = [None if cell.beats is None else next(intervals) for cell in cells]
    parts = [
        _rows(cell, models, seasonal_naive, low_high, beaten, POOR * interval_width)
        for cell, low_high, beaten in zip(cells, mase, beats, strict=True)
    ]
    found = pl.concat(parts).with_columns(pl.lit(cutoff).alias("cutoff"))
    return TOURNAMENT_STANDINGS.conform(found).sort(TOURNAMENT_STANDINGS.key)


def _cells(scores: pl.DataFrame, models: list[str], rival: int, seasonal_naive: str) -> list[_Cell]:
    series = scores.select("host_id", "resource").unique().sort("host_id", "resource").with_row_index("row")
    months = np.unique(scores["horizon_month"].to_numpy())
    placed = scores.join(series, on=["host_id", "resource"], maintain_order="left")
    row = placed["row"].to_numpy()
    column = placed["model"].replace_strict({name: i for i, name in enumerate(models)}).to_numpy()
    layer = np.searchsorted(months, placed["horizon_month"].to_numpy())
    values = {}
    for name in _METRICS:
        values[name] = np.full((months.size, series.height, len(models)), np.nan)
        values[name][layer, row, column] = placed[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
    resources = series["resource"].to_numpy()
    groups = {name: resources == name for name in sorted(set(resources.tolist()) - {ALL})}
    groups[ALL] = np.ones(series.height, dtype=np.bool_)
    cells = []
    for place, month in enumerate(months.tolist()):
        for resource, members in groups.items():
            part = {name: value[place][members] for name, value in values.items()}
            part = {name: value[np.isfinite(part["n"][:, rival])] for name, value in part.items()}
            if part["n"].size:
                cells.append(_cell(resource, month, part, models, rival, seasonal_naive))
    return cells


def _cell(
    resource: str, month: int, part: dict[str, Floats], models: list[str], rival: int, seasonal_naive: str
) -> _Cell:
    own: Flags = np.isfinite(part["n"])
    scores = {name: np.where(own, value, value[:, [rival]]) for name, value in part.items()}
    beats: Floats | None = None
    if seasonal_naive in models:
        beats = (scores["mae"] < scores["mae"][:, [models.index(seasonal_naive)]]).astype(np.float64)
    return _Cell(resource, month, own, scores, beats)


def _rows(
    cell: _Cell, models: list[str], seasonal_naive: str, mase: Floats | None, beats: Floats | None, poor: float
) -> pl.DataFrame:
    entrants = np.array([name != CHAMPION for name in models])
    mae, days = cell.scores["mae"], cell.scores["n"]
    nothing = np.full(len(models), np.nan)
    defined = cell.mase
    other = np.array([name != seasonal_naive for name in models])
    share = nothing if cell.beats is None else np.where(other, cell.beats.mean(axis=0), np.nan)
    low, high = (nothing, nothing) if beats is None else np.where(other, beats, np.nan)
    mase_low, mase_high = (nothing, nothing) if mase is None else mase
    lowest = mae[:, entrants].min(axis=1, keepdims=True, initial=np.inf)
    return pl.DataFrame(
        {
            "resource": [cell.resource] * len(models),
            "horizon_month": [cell.month] * len(models),
            "model": models,
            "series": [len(mae)] * len(models),
            "own": cell.own.sum(axis=0),
            "n": days.sum(axis=0).astype(np.int64),
            "mae": mae.mean(axis=0),
            "mase": defined.mean(axis=0) if len(defined) else nothing,
            "mase_series": [len(defined)] * len(models),
            "mase_low": mase_low,
            "mase_high": mase_high,
            "bias": cell.scores["bias"].mean(axis=0),
            "coverage": (cell.scores["coverage"] * days).sum(axis=0) / days.sum(axis=0),
            "mean_coverage": cell.scores["coverage"].mean(axis=0),
            "poorly_covered": (cell.scores["coverage"] < poor - 1e-9).mean(axis=0),  # shares, but for a rounding error
            "interval_score": cell.scores["interval_score"].mean(axis=0),
            "mean_rank": _ranks(mae, entrants).mean(axis=0),
            "wins": (mae <= lowest).sum(axis=0),
            "beats_seasonal_naive": share,
            "beats_low": low,
            "beats_high": high,
        },
    ).with_columns(pl.selectors.float().fill_nan(None))


def _ranks(mae: Floats, entrants: Flags) -> Floats:
    """(n, m) rank among the entrants, ties sharing: 1 + those better + half of the others who are as good."""
    others = entrants[None, :] & ~np.eye(len(entrants), dtype=np.bool_)
    ranks = np.empty_like(mae)
    for model in range(mae.shape[1]):
        rivals = mae[:, others[model]]
        mine = mae[:, [model]]
        ranks[:, model] = 1 + (rivals < mine).sum(axis=1) + 0.5 * (rivals == mine).sum(axis=1)
    return ranks


def _bootstrap(samples: Sequence[Floats]) -> list[Floats | None]:
    """(2, m) percentile interval of each (n, m) sample's column means over resamples of its rows; None for n = 0.

    Samples of one length share their draws: one matrix product serves them all.
    """
    found: list[Floats | None] = [None] * len(samples)
    for size in sorted({len(sample) for sample in samples} - {0}):
        same = [place for place, sample in enumerate(samples) if len(sample) == size]
        table = np.hstack([_exactly_summable(samples[place]) for place in same])
        generator = np.random.Generator(np.random.PCG64(SEED))
        step = max(1, CELLS_AT_ONCE // size)
        means = np.empty((RESAMPLES, table.shape[1]))
        for start in range(0, RESAMPLES, step):
            part = means[start : start + step]
            np.divide(_resamples(generator, len(part), size) @ table, size, out=part)
        interval = np.quantile(means, INTERVAL, axis=0)
        ends = np.cumsum([samples[place].shape[1] for place in same])
        for place, columns in zip(same, np.split(interval, ends[:-1], axis=1), strict=True):
            found[place] = columns
    return found


def _resamples(generator: np.random.Generator, count: int, size: int) -> Floats:
    """(count, size) how often each of `size` rows is drawn in each of so many samples of that size, with replacement.

    Counted draws: a multinomial distribution's, at a tenth of the cost of asking for it.
    """
    drawn = generator.integers(size, size=(count, size), dtype=np.int64)
    drawn += np.arange(count)[:, None] * size
    counts: Floats = np.bincount(drawn.ravel(), minlength=count * size).reshape(count, size).astype(np.float64)
    return counts


def _exactly_summable(values: Floats) -> Floats:
    """The values rounded to a power of two so coarse that any sum of n of them, in any order, is exact.

    A matrix product then gives the same bytes for any number of threads, at a relative error of about n * 2 ** -52.
    Pre-rounding as in Demmel & Nguyen (2015), doi:10.1109/TC.2014.2345391.
    """
    largest = np.abs(values).max(axis=0) * len(values)
    unit = np.maximum(np.exp2(np.frexp(largest)[1] - 52.0), np.finfo(np.float64).smallest_subnormal)
    rounded: Floats = np.round(values / unit) * unit
    return rounded
