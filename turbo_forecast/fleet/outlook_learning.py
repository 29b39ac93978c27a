"""What a run learns for the outlook from all its series' windows that have ended, and what it leaves of each series.

Belongs here: which windows may be learnt from, and the tables that the outlook's assets read. Does not belong here: how it is
learnt (`outlook/learning.py`), and how signals are made (`outlook_signals.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from turbo_forecast.fleet.blocks import Pieces
from turbo_forecast.fleet.outlook_signals import REACHED, SIGNALS, empty
from turbo_forecast.fleet.publishing import PUBLISH_LAST
from turbo_forecast.fleet.run_folder import RunFolder
from turbo_forecast.outlook.learning import Evidence, Learnt, learn, season_weights
from turbo_forecast.outlook.signals import Signals
from turbo_forecast.schemas import OUTLOOK_CALIBRATION, OUTLOOK_SERIES
from turbo_forecast.types import Phase
from turbo_forecast.windows import BACKTEST, FORECAST, Windows, day_number

PHASE_WINDOWS = {Phase.BACKTEST: BACKTEST, Phase.FORECAST: FORECAST}


@dataclass(frozen=True, slots=True)
class OutlookTables:
    """calibration: rows of OUTLOOK_CALIBRATION; series: rows of OUTLOOK_SERIES, in the store's order within a phase."""

    calibration: pl.DataFrame
    series: pl.DataFrame


def learn_outlook(folder: RunFolder, names: pl.DataFrame, windows: Windows) -> OutlookTables:
    """Learn for each phase from the windows that ended before it: for the backtest from the folds alone.

    names: `host_id, resource` of every series, in the store's order. Raises StorageError.
    """
    tables = Pieces(folder.publish, len(names), PUBLISH_LAST).tables(SIGNALS)
    rows = pl.concat([empty(), *(pl.DataFrame(pl.from_arrow(table)) for table in tables)])
    named = rows.with_columns(
        pl.lit(names[name]).gather(pl.col("series")).alias(name) for name in ("host_id", "resource")
    )
    origins = _origins(windows)
    found = {
        phase: _learnt(named.filter(pl.col("window") > number), number, origins)
        for phase, number in PHASE_WINDOWS.items()
    }
    calibration = [
        learnt.to_frame().with_columns(cutoff=pl.lit(windows.cutoff), phase=pl.lit(phase.value))
        for phase, learnt in found.items()
    ]
    return OutlookTables(
        OUTLOOK_CALIBRATION.conform(pl.concat(calibration)),
        pl.concat(_of_phase(named, phase, windows.cutoff) for phase in PHASE_WINDOWS),
    )


def _learnt(rows: pl.DataFrame, window: int, origins: Mapping[int, int]) -> Learnt:
    """What these rows, of windows that have ended, teach about the window."""
    resources = rows["resource"].unique().sort().to_list()
    code = rows["resource"].replace_strict(resources, range(len(resources)), return_dtype=pl.Int64)
    origin = rows["window"].cast(pl.Int64).replace_strict(origins, return_dtype=pl.Int64).to_numpy()
    evidence = Evidence(
        Signals.from_frame(rows),
        rows.select(REACHED).fill_null(float("nan")).to_numpy(),
        code.to_numpy(),
        season_weights(origin, origins[window]),
    )
    return learn(evidence, tuple(resources))


def _origins(windows: Windows) -> dict[int, int]:
    """Number of the last day that may be known to each window's forecast."""
    folds = {fold.number: day_number(fold.train_end) for fold in windows.folds}
    return {**folds, BACKTEST: day_number(windows.train_end), FORECAST: day_number(windows.cutoff)}


def _of_phase(rows: pl.DataFrame, phase: Phase, cutoff: date) -> pl.DataFrame:
    """Rows of OUTLOOK_SERIES of one phase."""
    own = rows.filter(pl.col("window") == PHASE_WINDOWS[phase])
    return OUTLOOK_SERIES.conform(own.with_columns(cutoff=pl.lit(cutoff), phase=pl.lit(phase.value)))
