"""The third map: the champions' rows of a part with the bounds that were decided, how good they would have been, and what
the outlook rests on.

Belongs here: what is published of neighbouring series. Does not belong here: what is decided (`decisions.py`), and the one
file that readers get.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from turbo_forecast.fleet.blocks import Block, Numbers, Pieces, WindowDays, merged
from turbo_forecast.fleet.chunks import Span
from turbo_forecast.fleet.combining import COMBINE_LAST, MONTHS, actual_values, month_scores, stacked
from turbo_forecast.fleet.outlook_signals import SIGNALS, SeriesForecasts, SignalRows
from turbo_forecast.fleet.part_files import Naming, row_tables, write_part
from turbo_forecast.fleet.pieces import write_piece
from turbo_forecast.fleet.run_folder import Arrays, RunFolder, read_broadcast
from turbo_forecast.fleet.store import SeriesStore
from turbo_forecast.models.protocol import Values
from turbo_forecast.schemas import FLEET_FORECAST, FORECAST_INTERVALS, FORECAST_PARQUET
from turbo_forecast.settings import ENVELOPE, ForecastSettings
from turbo_forecast.storage.arrow_arrays import arrow_array, text_array
from turbo_forecast.tournament.published_bounds import bounds, unknown_days
from turbo_forecast.tournament.scores import error_sums, mase_scales
from turbo_forecast.windows import BACKTEST, FORECAST, Windows, day_number

PUBLISH_LAST = "months"
"""The kind of file that says a part is published."""
NOBODY = -1
"""In the place of a champion: the series has no forecast."""

Outcomes = Mapping[int, dict[str, str | None]]
"""The row of OUTCOMES of each series, by its number."""


class Publisher:
    """What a worker needs for the third map, built once."""

    def __init__(self, folder: RunFolder, store: SeriesStore, windows: Windows, settings: ForecastSettings) -> None:
        self._folder, self._store, self._windows, self._settings = folder, store, windows, settings
        self._days = WindowDays(windows)
        self._forecasts = Pieces(folder.forecast, len(store), "outcomes")
        self._combined = Pieces(folder.combine, len(store), COMBINE_LAST)
        self._decided = read_broadcast(folder.decisions)
        self._signals = SignalRows(store, windows, self._days)

    def __call__(self, span: Span) -> None:
        """Publish the part's series as one file, and leave their scores. Raises StorageError."""
        outcomes_of = {
            row["series"]: row for table in self._forecasts.tables("outcomes", span) for row in table.to_pylist()
        }
        outlook_series: list[SeriesForecasts] = []
        blocks = list(self._champions(span, outlook_series))
        published = [self._bounded(block, outcomes_of[block.series]) for block in blocks]
        actual = [self._actual(block) for block in published]
        names = self._store.names(span.lo, span.hi)
        naming = Naming(names, self._settings.field_of_entrants, self._windows.cutoff, first=span.lo)
        tables = row_tables(published, actual, self._days, naming, FLEET_FORECAST)
        outcomes = np.repeat([outcomes_of[block.series]["outcome"] for block in blocks], [y.size for y in actual])
        named = (table.append_column("outcome", text_array(outcomes).dictionary_encode()) for table in tables)
        write_part(self._folder.published, span, FORECAST_PARQUET, named)
        write_piece(self._folder.publish, span.stem, SIGNALS, self._signals.table(outlook_series))
        if self._settings.extra_widths:
            write_part(self._folder.intervals, span, FORECAST_INTERVALS, self._intervals(blocks, outcomes_of, naming))
        scored = [self._scores(block, y) for block, y in zip(published, actual, strict=True)]
        write_piece(self._folder.publish, span.stem, PUBLISH_LAST, stacked(scored, MONTHS))

    def _champions(self, span: Span, outlook_series: list[SeriesForecasts]) -> Iterator[Block]:
        """The champion's rows of each series that has one, backtest and forecast; what the outlook rests on goes to `outlook_series`."""
        for block in merged(self._forecasts.blocks(span), self._combined.blocks(span)):
            champion = int(self._decided["champion"][block.series])
            if champion != NOBODY:
                outlook_series.append(SeriesForecasts.of(block, champion))
                yield block.of(champion).within(self._days, (BACKTEST, FORECAST))

    def _intervals(self, blocks: Sequence[Block], outcomes_of: Outcomes, naming: Naming) -> Iterator[pa.Table]:
        """Rows of FORECAST_INTERVALS, one width after the other; none of a phase of which nothing is calibrated."""
        for place, width in enumerate(self._settings.extra_widths, start=1):
            bare = [replace(block, lower=block.lower * np.nan, upper=block.upper * np.nan) for block in blocks]
            bounded = [self._bounded(block, outcomes_of[block.series], place) for block in bare]
            nothing = [np.full(block.yhat.shape[1], np.nan) for block in bounded]
            for table in row_tables(bounded, nothing, self._days, naming, FLEET_FORECAST):
                known = table.filter(pc.is_finite(table.column("yhat_lower")))
                named = known.rename_columns({"yhat_lower": "lower", "yhat_upper": "upper"})
                widths = arrow_array(np.full(len(known), width))
                yield named.append_column("interval_width", widths).select(FORECAST_INTERVALS.names)

    def _bounded(self, block: Block, outcome: dict[str, str | None], which: int = 0) -> Block:
        """The block with the published bounds; which: place among the widths, the main one's first."""
        stretches = self._days.stretches(block.windows)
        place = np.repeat(offset_column(stretches.windows, stretches.months, self._settings), stretches.sizes)
        low, high = (
            np.asarray(self._decided[side][block.series][place, which], np.float64) for side in ("lower", "upper")
        )
        lower, upper = bounds(block.yhat[0].astype(np.float64), (block.lower[0], block.upper[0]), (low, high))
        kinds = ("weekdays", "months", "stretches")
        unknown = unknown_days(stretches.days, *(outcome[f"unobserved_{kind}"] for kind in kinds))
        if which:
            unknown &= ~np.isnan(lower)
        lower, upper = (np.where(unknown, edge, bound) for edge, bound in zip(ENVELOPE, (lower, upper), strict=True))
        single = [np.atleast_2d(each.astype(np.float32)) for each in (lower, upper)]
        return Block(block.series, block.models, block.windows, block.yhat, *single)

    def _actual(self, block: Block) -> Values:
        return actual_values(self._store[block.series], block, self._days)

    def _scores(self, block: Block, y: Values) -> Arrays:
        """The published rows' scores in each month of the backtest."""
        series = self._store[block.series]
        scale = mase_scales(series.days, series.y, [day_number(self._windows.train_end)])[0]
        stretches, width = self._days.stretches(block.windows), self._settings.interval_width
        sums = error_sums(y, block.yhat, block.lower, block.upper, stretches.starts, width)
        return month_scores(block, sums, stretches, scale, width)


def offset_column(window: Numbers, month: Numbers, settings: ForecastSettings) -> Numbers:
    """The column of the decided offsets for a month (from 1) of the backtest or the forecast: first the one's, then the other's."""
    columns: Numbers = month - 1 + np.where(window == FORECAST, settings.backtest_months, 0)
    return columns
