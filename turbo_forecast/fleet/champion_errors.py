"""What the champions have shown in the windows that were observed: what their published intervals are calibrated on.

Belongs here: gathering it part by part, so that only one part's rows are in memory. Does not belong here: the calibration
(`tournament/calibration.py`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from turbo_forecast.errors import writing
from turbo_forecast.fleet.blocks import Block, Numbers, Pieces, WindowDays, merged
from turbo_forecast.fleet.chunks import parts_of
from turbo_forecast.fleet.combining import SCORES, WIDTHS, actual_values, stacked
from turbo_forecast.fleet.run_folder import Arrays, RunFolder
from turbo_forecast.fleet.store import SeriesStore
from turbo_forecast.tournament.calibration import EarlierWindows, Months, Residuals
from turbo_forecast.tournament.evidence import Floats

DAYS = pa.schema([("series", pa.int32()), ("window", pa.int8()), ("month", pa.int8()), ("value", pa.float64())])
"""One row for each observed day of a champion's earlier windows: y - yhat, percentage points."""


@dataclass(frozen=True, slots=True)
class ChampionErrors:
    """widths: columns of `combining.WIDTHS` of the champions. mae, scale: (n, 2 + folds) by series and window, from the
    forecast on; NaN where there is none. days: the file of DAYS, a batch for each part."""

    widths: Arrays
    mae: Floats
    scale: Floats
    days: Path

    @classmethod
    def gathered(
        cls,
        champion: Numbers,
        folder: RunFolder,
        store: SeriesStore,
        days: WindowDays,
        forecasts: Pieces,
        combined: Pieces,
    ) -> "ChampionErrors":
        """The champions' errors; champion: (n,) place in the field, below 0 for nobody. Raises StorageError."""
        windows = 2 + len(days.folds)
        widths = _own(combined, "widths", WIDTHS, champion)
        scores = _own(combined, "scores", SCORES, champion)
        mae, scale = np.full((len(store), windows), np.nan), np.full((len(store), windows), np.nan)
        mae[scores["series"], scores["window"] + 1] = scores["mae"]
        for table in combined.tables("scales"):
            at = (table.column("series").to_numpy(), table.column("window").to_numpy() + 1)
            scale[at] = table.column("scale").to_numpy()
        path = folder.path / "champion-errors.arrow"
        with writing(path), pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, DAYS) as writer:
            for span in parts_of(len(store)):
                blocks = merged(forecasts.blocks(span), combined.blocks(span))
                own = [block.of(int(champion[block.series])) for block in blocks if champion[block.series] >= 0]
                writer.write_table(_days_table(own, store, days))
        return cls(widths, mae, scale, path)

    def before(self, window: int) -> tuple[EarlierWindows, Callable[[], Iterator[Residuals]]]:
        """The windows that ended before this one and have an observed day, and what reads their days."""
        known = np.isfinite(self.mae)
        known[:, : window + 2] = False  # the forecast is at 0, then the backtest
        series, place = np.nonzero(known)
        row = np.full(known.shape, -1)
        row[series, place] = np.arange(series.size)
        at = row[self.widths["series"], self.widths["window"] + 1]
        own = at >= 0
        months = int(self.widths["month"][own].max(initial=1))
        cell = (at[own], self.widths["month"][own] - 1)
        shaped = {name: np.zeros((series.size, months)) for name in ("days", "below", "above")}
        for name, values in shaped.items():
            values[cell] = self.widths[name][own]
        earlier = EarlierWindows(
            series=series,
            mae=self.mae[series, place],
            days=shaped["days"].astype(np.int64),
            below=shaped["below"],
            above=shaped["above"],
        )
        return earlier, lambda: self._residuals(row)

    def _residuals(self, row: Numbers) -> Iterator[Residuals]:
        with pa.memory_map(str(self.days)) as source:
            reader = pa.ipc.open_file(source)
            for number in range(reader.num_record_batches):
                batch = reader.get_batch(number)
                series, window, month, value = (batch.column(name).to_numpy() for name in DAYS.names)
                at = row[series, window + 1]
                own = at >= 0
                yield Residuals(value[own], at[own], month[own].astype(np.int64))

    def asked(self, window: int) -> Months:
        """The months of the champions' rows of this window."""
        own = self.widths["window"] == window
        series, month = (self.widths[name][own].astype(np.int64) for name in ("series", "month"))
        return Months(series, month, self.widths["below"][own], self.widths["above"][own])

    def scales(self, window: int) -> Floats:
        """(n,) mean absolute 7-day difference of what is known before the window; NaN where there is none."""
        return self.scale[:, window + 1]


def _own(pieces: Pieces, kind: str, schema: pa.Schema, champion: Numbers) -> Arrays:
    """The champions' rows of a kind of piece, as columns."""
    parts = [schema.empty_table()]
    for table in pieces.tables(kind):
        series, model = (table.column(name).to_numpy() for name in ("series", "model"))
        parts.append(table.filter(pa.array(champion[series] == model)))
    whole = pa.concat_tables(parts)
    return {name: whole.column(name).to_numpy() for name in schema.names}


def _days_table(blocks: list[Block], store: SeriesStore, days: WindowDays) -> pa.Table:
    columns: list[Arrays] = []
    for block in blocks:
        stretches = days.stretches(block.windows)
        value = actual_values(store[block.series], block, days) - block.yhat[0]
        seen = np.isfinite(value)
        month = np.repeat(stretches.months, stretches.sizes)
        series = np.full(seen.size, block.series)
        days_of = {"series": series, "window": stretches.window, "month": month, "value": value}
        columns.append({name: each[seen] for name, each in days_of.items()})
    return stacked(columns, DAYS)
