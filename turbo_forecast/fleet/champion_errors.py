"""What the champions have shown in the windows that were observed: what their published intervals are calibrated on.

Belongs here: gathering it part by part, so that only one part's rows are in memory. Does not belong here: the calibration
(`tournament/calibration.py`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from turbo_forecast.errors import writing
from turbo_forecast.fleet.blocks import Block, Numbers, Pieces, Stretches, WindowDays, merged
from turbo_forecast.fleet.chunks import parts_of
from turbo_forecast.fleet.combining import SCORES, WIDTHS, actual_values, stacked
from turbo_forecast.fleet.run_folder import Arrays, RunFolder
from turbo_forecast.fleet.series_forecaster import observed
from turbo_forecast.fleet.store import Series, SeriesStore
from turbo_forecast.models.protocol import Values
from turbo_forecast.storage.arrow_arrays import arrow_array, empty_table, numpy_array
from turbo_forecast.tournament.calibration import EarlierWindows, Months, Residuals
from turbo_forecast.tournament.shrunken_errors import Floats

DAYS = pa.schema([("series", pa.int32()), ("window", pa.int8()), ("month", pa.int8()), ("value", pa.float64())])
"""One row for each observed day of a champion's earlier windows: y - yhat, percentage points."""
LAST_DAYS, JUDGED_DAYS = 7, 5
"""A jump is the median over the latest so many observed days of the last week: neither weekday nor outlier makes one, and a level
that moved three days ago does."""
OF_MONTHS = ("below", "above", "spread", "level")
"""What is known of a month before it: columns of both EarlierWindows and Months, in the order of the latter."""


@dataclass(frozen=True, slots=True)
class ChampionErrors:
    """months: columns of `combining.WIDTHS` of the champions, and `error`, `level` and `spread`, as EarlierWindows has them.
    mae, scale, jump: (n, 2 + folds) by series and window, from the forecast on; NaN where there is none, but a jump is 0.
    days: the file of DAYS, a batch for each part."""

    months: Arrays
    mae: Floats
    scale: Floats
    jump: Floats
    days: Path

    @classmethod
    def gathered(
        cls,
        champion: Numbers,
        rivals: Numbers,
        folder: RunFolder,
        store: SeriesStore,
        days: WindowDays,
        forecasts: Pieces,
        combined: Pieces,
    ) -> "ChampionErrors":
        """The champions' errors. Raises StorageError.

        champion: (n,) place in the field, below 0 for nobody. rivals: places of those whose forecasts show how much entrants
        agree.
        """
        windows = 2 + len(days.folds)
        scores = _own(combined, "scores", SCORES, champion)
        mae, scale, jump = np.full((3, len(store), windows), np.nan)
        mae[scores["series"], scores["window"] + 1] = scores["mae"]
        for table in combined.tables("scales"):
            at = (numpy_array(table.column("series")), numpy_array(table.column("window")) + 1)
            scale[at] = numpy_array(table.column("scale"))
        path = folder.path / "champion-errors.arrow"
        shown: list[Shown] = []
        with writing(path), pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, DAYS) as writer:
            for span in parts_of(len(store)):
                blocks = merged(forecasts.blocks(span), combined.blocks(span))
                own = [
                    Shown.of(block, int(champion[block.series]), rivals, store, days)
                    for block in blocks
                    if champion[block.series] >= 0
                ]
                writer.write_table(stacked([each.days for each in own], DAYS))
                shown += [each.without_days() for each in own]
        for each in shown:
            jump[each.series, np.array(each.windows) + 1] = each.jump
        months = _own(combined, "widths", WIDTHS, champion)
        columns = {
            name: np.concatenate([np.zeros(0), *(each.months[name] for each in shown)])
            for name in ("error", "level", "spread")
        }
        return cls({**months, **columns}, mae, scale, np.nan_to_num(jump), path)

    def before(self, window: int) -> tuple[EarlierWindows, Callable[[], Iterator[Residuals]]]:
        """The windows that ended before this one and have an observed day, and what reads their days."""
        known = np.isfinite(self.mae)
        known[:, : window + 2] = False  # the forecast is at 0, then the backtest
        series, place = np.nonzero(known)
        row = np.full(known.shape, -1)
        row[series, place] = np.arange(series.size)
        at = row[self.months["series"], self.months["window"] + 1]
        own = at >= 0
        months = int(self.months["month"][own].max(initial=1))
        cell = (at[own], self.months["month"][own] - 1)
        days = np.zeros((series.size, months), dtype=np.int64)
        days[cell] = self.months["days"][own]
        shaped = {name: np.zeros((series.size, months)) for name in ("error", *OF_MONTHS)}
        for name, values in shaped.items():
            values[cell] = self.months[name][own]
        earlier = EarlierWindows(series, self.mae[series, place], self.jump[series, place], days, **shaped)
        return earlier, lambda: self._residuals(row)

    def _residuals(self, row: Numbers) -> Iterator[Residuals]:
        with pa.memory_map(str(self.days)) as source:
            reader = pa.ipc.open_file(source)
            for number in range(reader.num_record_batches):
                batch = reader.get_batch(number)
                series, window, month, value = (numpy_array(batch.column(name)) for name in DAYS.names)
                at = row[series, window + 1]
                own = at >= 0
                yield Residuals(value[own], at[own], month[own].astype(np.int64))

    def targets(self, window: int) -> Months:
        """The months of the champions' rows of this window: what is calibrated."""
        own = self.months["window"] == window
        series, month = (self.months[name][own].astype(np.int64) for name in ("series", "month"))
        return Months(series, month, self.jump[series, window + 1], *(self.months[name][own] for name in OF_MONTHS))

    def scales(self, window: int) -> Floats:
        """(n,) mean absolute 7-day difference of what is known before the window; NaN where there is none."""
        return self.scale[:, window + 1]


def _own(pieces: Pieces, kind: str, schema: pa.Schema, champion: Numbers) -> Arrays:
    """The champions' rows of a kind of piece, as columns."""
    parts = [empty_table(schema)]
    for table in pieces.tables(kind):
        series, model = (numpy_array(table.column(name)) for name in ("series", "model"))
        parts.append(table.filter(arrow_array(champion[series] == model)))
    whole = pa.concat_tables(parts)
    return {name: numpy_array(whole.column(name)) for name in schema.names}


@dataclass(frozen=True, slots=True)
class Shown:
    """What a champion has shown of one series. days: columns of DAYS. months: `error`, `level`, `spread` of each month of each
    window, (s,). jump: (w,) of each window."""

    series: int
    windows: tuple[int, ...]
    days: Arrays
    months: Arrays
    jump: Floats

    @classmethod
    def of(cls, block: Block, champion: int, rivals: Numbers, store: SeriesStore, days: WindowDays) -> "Shown":
        """Of the rows of all entrants of one series."""
        stretches = days.stretches(block.windows)
        own = block.of(champion)
        yhat = own.yhat[0].astype(np.float64)
        value = actual_values(store[block.series], block, days) - yhat
        seen = np.isfinite(value)
        others = block.yhat[np.isin(block.models, rivals) & (block.models != champion)]
        apart = np.abs(others - yhat).mean(axis=0) if len(others) else np.full(yhat.size, np.nan)
        rows = {
            "series": np.full(seen.size, block.series),
            "window": stretches.window,
            "month": np.repeat(stretches.months, stretches.sizes),
            "value": value,
        }
        return cls(
            block.series,
            block.windows,
            {name: each[seen] for name, each in rows.items()},
            {
                "error": _sums(np.where(seen, np.abs(value), 0.0), stretches) / np.maximum(_sums(seen, stretches), 1),
                "level": _sums(yhat, stretches) / stretches.sizes,
                "spread": _so_far(_sums(apart, stretches), stretches) / _so_far(stretches.sizes, stretches),
            },
            _jumps(yhat, store[block.series], stretches),
        )

    def without_days(self) -> "Shown":
        """The same but for the days, which are many."""
        return replace(self, days={})


def _sums(values: Values, stretches: Stretches) -> Values:
    """(s,) sums over the days of each stretch."""
    sums: Values = np.add.reduceat(values.astype(np.float64), stretches.starts)
    return sums


def _so_far(of_stretch: Values | Numbers, stretches: Stretches) -> Values:
    """(s,) sums over the stretches of a window up to each."""
    parts = np.split(np.asarray(of_stretch, np.float64), stretches.window_starts[1:])
    return np.concatenate([np.cumsum(part) for part in parts])


def _jumps(yhat: Values, series: Series, stretches: Stretches) -> Values:
    """(w,) how far the last days known lay above the forecast of the same weekdays of a window's first week, percentage points; 0
    where none of them was observed."""
    found = np.zeros(stretches.window_starts.size)
    for place, start in enumerate(stretches.starts[stretches.window_starts].tolist()):
        week = slice(start, start + LAST_DAYS)
        apart = observed(series, stretches.days[week] - LAST_DAYS) - yhat[week]
        judged = apart[np.isfinite(apart)][-JUDGED_DAYS:]
        if judged.size:
            found[place] = np.median(judged)
    return found
