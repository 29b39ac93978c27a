"""The second map: a part's combinations, everybody's scores, and the part's files of the month's rows.

Belongs here: what is made of the rows of neighbouring series once the weights are known. Does not belong here: how weights are
learnt and what is decided from scores (`decisions.py`), the rules themselves (`tournament/`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from turbo_forecast.fleet.blocks import Block, Pieces, Stretches, WindowDays
from turbo_forecast.fleet.chunks import Span
from turbo_forecast.fleet.part_files import Naming, row_tables, write_part
from turbo_forecast.fleet.pieces import ROWS, rows_table, write_piece
from turbo_forecast.fleet.run_folder import Arrays, RunFolder, read_broadcast
from turbo_forecast.fleet.series_forecaster import clamped, observed
from turbo_forecast.fleet.store import Series, SeriesStore
from turbo_forecast.models.protocol import Values
from turbo_forecast.schemas import FLEET_FORECAST, FOLD_FORECAST
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.settings.forecast import COMBINATIONS
from turbo_forecast.storage.arrow_arrays import arrow_array, empty_table
from turbo_forecast.tournament.combination import median_of_sorted, weighted_median_of_sorted
from turbo_forecast.tournament.scores import METRICS, ErrorSums, error_sums, mase_scales, scores
from turbo_forecast.windows import BACKTEST, FORECAST, Windows

SCORES = pa.schema(
    [("series", pa.int32()), ("model", pa.int16()), ("window", pa.int8()), *((name, pa.float64()) for name in METRICS)]
)
"""Scores of a whole window, of every window that has been observed."""
MONTHS = pa.schema(
    [("series", pa.int32()), ("model", pa.int16()), ("month", pa.int8()), *((name, pa.float64()) for name in METRICS)]
)
"""Scores of each observed calendar month of the backtest; month 0 is the whole of it."""
WIDTHS = pa.schema(
    [
        *(("series", pa.int32()), ("model", pa.int16()), ("window", pa.int8()), ("month", pa.int8())),
        *(("days", pa.int32()), ("below", pa.float64()), ("above", pa.float64())),
    ]
)
"""Observed days and mean own half-widths, percentage points, of each calendar month of each window."""
SCALES = pa.schema([("series", pa.int32()), ("window", pa.int8()), ("scale", pa.float64())])
"""What MASE divides by in each window; of the forecast's, from all that is known. NaN where there is none."""
COMBINE_LAST = "scales"
"""The kind of file that says a part is combined."""


class Combiner:
    """What a worker needs for the second map, built once."""

    def __init__(self, folder: RunFolder, store: SeriesStore, windows: Windows, settings: ForecastSettings) -> None:
        self._folder, self._store, self._windows, self._settings = folder, store, windows, settings
        self._days = WindowDays(windows)
        self._pieces = Pieces(folder.forecast, len(store), "outcomes")
        self._weights = read_broadcast(folder.weights)
        self._ends = windows.ends

    def __call__(self, span: Span) -> None:
        """Combine and score the part's series, and write its files. Raises StorageError."""
        combined: list[Block] = []
        whole: list[Block] = []
        scored: list[Scored] = []
        for block in self._pieces.blocks(span):
            rows = combinations(block, self._days, self._weights, self._settings)
            if rows is not None:
                combined.append(rows)
                block = block.with_rows(rows.models, rows.yhat, rows.lower, rows.upper)
            whole.append(block)
            scored.append(self._score(block, self._store[block.series]))
        names = self._store.names(span.lo, span.hi)
        naming = Naming(names, self._settings.field_of_entrants, self._windows.cutoff, first=span.lo)
        actual = [each.y for each in scored]
        write_part(
            self._folder.rows, span, FLEET_FORECAST, row_tables(whole, actual, self._days, naming, FLEET_FORECAST)
        )
        write_part(
            self._folder.folds, span, FOLD_FORECAST, row_tables(whole, actual, self._days, naming, FOLD_FORECAST)
        )
        pieces = {
            "rows": rows_table(entry for block in combined for entry in block.entries(self._days)),
            **{kind: stacked([getattr(each, kind) for each in scored], schema) for kind, schema in SCORED.items()},
        }
        for kind, table in pieces.items():
            write_piece(self._folder.combine, span.stem, kind, table)

    def _score(self, block: Block, series: Series) -> "Scored":
        """Everybody's scores of every window of one series."""
        y = actual_values(series, block, self._days)
        stretches = self._days.stretches(block.windows)
        width = self._settings.interval_width
        sums = error_sums(y, block.yhat, block.lower, block.upper, stretches.starts, width)
        scale = dict(zip(self._ends, mase_scales(series.days, series.y, list(self._ends.values())), strict=True))
        begins = stretches.window_starts
        windows = stretches.windows[begins]
        of_window = scores(sums.over(begins), np.array([scale[number] for number in windows]), width)
        seen = of_window["n"][0] > 0
        key = block.series, block.models
        return Scored(
            y=y,
            scores=_flat(*key, {"window": windows[seen]}, {name: each[:, seen] for name, each in of_window.items()}),
            months=month_scores(block, sums, stretches, scale[BACKTEST], width),
            widths=_flat(
                *key, {"window": stretches.windows, "month": stretches.months}, _widths(block, sums.n, stretches)
            ),
            scales={
                "series": np.full(len(scale), block.series),
                "window": np.array(list(scale)),
                "scale": np.array(list(scale.values())),
            },
        )


def actual_values(series: Series, block: Block, days: WindowDays) -> Values:
    """What was observed on each day of the block, percent; NaN where nothing was, and after the cutoff."""

    def of(number: int) -> Values:
        within = days.stretches((number,)).days
        return observed(series, within) if number != FORECAST else np.full(within.size, np.nan)

    return np.concatenate([of(number) for number in block.windows])


def month_scores(block: Block, sums: ErrorSums, stretches: Stretches, scale: float, interval_width: float) -> Arrays:
    """Columns of MONTHS: scores of each observed month of the backtest, and of the whole of it; none without a backtest.

    sums: of the block's stretches. scale: what MASE divides by.
    """
    own = (stretches.windows == BACKTEST) & (sums.n[0] > 0)
    by_month = sums.of(own)
    whole = by_month.over(np.zeros(1, np.int64)) if own.any() else by_month
    of_whole, of_months = (scores(each, np.asarray(scale), interval_width) for each in (whole, by_month))
    both = {name: np.hstack([of_whole[name], of_months[name]]) for name in METRICS}
    months = np.concatenate([np.zeros(whole.n.shape[1], np.int64), stretches.months[own]])
    return _flat(block.series, block.models, {"month": months}, both)


@dataclass(frozen=True, slots=True)
class Scored:
    """One series: what was observed on the days of its block, NaN elsewhere, and columns of the tables named so."""

    y: Values
    scores: Arrays
    months: Arrays
    widths: Arrays
    scales: Arrays


SCORED = {"scores": SCORES, "months": MONTHS, "widths": WIDTHS, COMBINE_LAST: SCALES}


COMBINED = {"rows": ROWS, **SCORED}
"""What the second map leaves of a part, beside its files."""


def combinations(block: Block, days: WindowDays, weights: Arrays, settings: ForecastSettings) -> Block | None:
    """The rows of the combinations that take part, of a series that another than the fallback has forecast; else None.

    weights: `shares` (n series, m base models, 1 + windows), by window from the forecast on; `contested` (n,).
    """
    field, base_models = settings.field_of_entrants, settings.base_models
    wanted = [name for name in COMBINATIONS if name in field]
    if not wanted or not weights["contested"][block.series]:
        return None
    places = np.array([field.index(name) for name in base_models])
    members = np.hstack([block.yhat, block.lower, block.upper]).astype(np.float64)
    order = np.argsort(members, axis=0, kind="stable")
    ordered = np.take_along_axis(members, order, axis=0)
    made = {}
    if "median" in wanted:
        made["median"] = median_of_sorted(ordered)
    shares = weights["shares"][block.series][np.isin(places, block.models)]
    if "weighted" in wanted and (shares[:, 0] > 0).any():
        window = days.stretches(block.windows).window
        share = np.take_along_axis(np.tile(shares[:, window + 1], 3), order, axis=0)
        made["weighted"] = weighted_median_of_sorted(share, ordered)
    if not made:
        return None
    triples = [clamped(*np.split(values, 3)) for values in made.values()]
    rows = [np.stack(each) for each in zip(*triples, strict=True)]
    return Block(block.series, np.array([field.index(name) for name in made]), block.windows, *rows).sorted()


def _widths(block: Block, n: Values, stretches: Stretches) -> Arrays:
    """Observed days and mean own half-widths by entrant and stretch, (m, s)."""
    half_widths = {
        "below": np.subtract(block.yhat, block.lower, dtype=np.float64),
        "above": np.subtract(block.upper, block.yhat, dtype=np.float64),
    }
    means = {
        side: np.add.reduceat(width, stretches.starts, axis=1) / stretches.sizes for side, width in half_widths.items()
    }
    return {"days": n, **means}


def _flat(series: int, models: NDArray[np.int64], by_column: Arrays, values: Arrays) -> Arrays:
    """Columns of (m, s) values, by entrant and then by what the s columns are of."""
    count = len(next(iter(by_column.values())))
    return {
        "series": np.full(models.size * count, series),
        "model": np.repeat(models, count),
        **{name: np.tile(column, models.size) for name, column in by_column.items()},
        **{name: value.ravel() for name, value in values.items()},
    }


def stacked(columns: Sequence[Arrays], schema: pa.Schema) -> pa.Table:
    """Columns of several series as one table."""
    if not columns:
        return empty_table(schema)
    return pa.table(
        [
            arrow_array(np.concatenate([each[field.name] for each in columns])).cast(field.type, safe=False)
            for field in schema
        ],
        schema=schema,
    )
