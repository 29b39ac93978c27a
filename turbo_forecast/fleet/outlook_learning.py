"""Fits the outlook's model on all windows that have ended, and collects the signals of each series.

Belongs here: which windows a model is fitted on, and the tables that the outlook's assets read. Does not belong here: how it is
fitted (`outlook/learning.py`), and how signals are made (`outlook_signals.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from turbo_forecast.fleet.blocks import Pieces
from turbo_forecast.fleet.outlook_signals import REACHED, SIGNALS, empty
from turbo_forecast.fleet.publishing import PUBLISH_LAST
from turbo_forecast.fleet.run_folder import RunFolder
from turbo_forecast.outlook.learning import Evidence, OutlookModel, fit_outlook_model, own_errors, season_weights
from turbo_forecast.outlook.signals import Signals
from turbo_forecast.schemas import OUTLOOK_CALIBRATION, OUTLOOK_SERIES
from turbo_forecast.types import Phase
from turbo_forecast.windows import PHASE_WINDOWS, Windows


@dataclass(frozen=True, slots=True)
class OutlookTables:
    """calibration: rows of OUTLOOK_CALIBRATION; series: rows of OUTLOOK_SERIES, in the store's order within a phase."""

    calibration: pl.DataFrame
    series: pl.DataFrame


def fit_outlook(folder: RunFolder, names: pl.DataFrame, windows: Windows) -> OutlookTables:
    """Fit a model for each phase on the windows that ended before it: for the backtest from the folds alone.

    names: `host_id, resource` of every series, in the store's order. Raises StorageError.
    """
    tables = Pieces(folder.publish, len(names), PUBLISH_LAST).tables(SIGNALS)
    rows = pl.concat([empty(), *(pl.DataFrame(pl.from_arrow(table)) for table in tables)])
    named = rows.with_columns(
        pl.lit(names[name]).gather(pl.col("series")).alias(name) for name in ("host_id", "resource")
    )
    origins = windows.ends
    found = {phase: _of_phase(named, phase, origins) for phase in PHASE_WINDOWS}
    constant = {phase: _constant(windows.cutoff, phase) for phase in found}
    return OutlookTables(
        OUTLOOK_CALIBRATION.conform(
            pl.concat(model.to_frame().with_columns(constant[phase]) for phase, (model, _) in found.items())
        ),
        OUTLOOK_SERIES.conform(pl.concat(rows.with_columns(constant[phase]) for phase, (_, rows) in found.items())),
    )


def _of_phase(rows: pl.DataFrame, phase: Phase, origins: Mapping[int, int]) -> tuple[OutlookModel, pl.DataFrame]:
    """The model of the windows before the phase's, and the rows of that window with the errors that are expected of its series."""
    window = PHASE_WINDOWS[phase]
    ended, own = rows.filter(pl.col("window") > window), rows.filter(pl.col("window") == window)
    resources = rows["resource"].unique().sort()
    codes = pl.DataFrame({"resource": resources, "code": range(len(resources))}, schema_overrides={"code": pl.Int64})
    group, own_group = (
        part.join(codes, on="resource", how="left", maintain_order="left")["code"].to_numpy() for part in (ended, own)
    )
    origin = ended["window"].cast(pl.Int64).replace_strict(origins, return_dtype=pl.Int64).to_numpy()
    evidence = Evidence(
        signals=Signals.from_frame(ended),
        reached=ended.select(REACHED).fill_null(float("nan")).to_numpy(),
        group=group,
        weight=season_weights(origin, origins[window]),
        series=ended["series"].cast(pl.Int64).to_numpy(),
    )
    error = own_errors(evidence, own["series"].cast(pl.Int64).to_numpy(), own_group)
    return fit_outlook_model(evidence, tuple(resources)), own.with_columns(error=pl.Series(error).fill_nan(None))


def _constant(cutoff: date, phase: Phase) -> list[pl.Expr]:
    return [pl.lit(cutoff).alias("cutoff"), pl.lit(phase.value).alias("phase")]
