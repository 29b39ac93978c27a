"""Finished chunks into the run's tables: rows in series order, the weighted combination added, outcomes and costs.

Belongs here: reading chunks back and putting them together. Does not belong here: working them (`worker.py`,
`pool.py`), the order of a run (`run.py`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from turbo_forecast.errors import StorageError
from turbo_forecast.fleet import chunks
from turbo_forecast.fleet.audit import AuditTimer, Stage
from turbo_forecast.fleet.chunks import Span
from turbo_forecast.fleet.combine import Weights, learn_weights, weighted_median
from turbo_forecast.fleet.rows import PHASES
from turbo_forecast.fleet.series_forecaster import clamped
from turbo_forecast.fleet.store import SeriesStore
from turbo_forecast.schemas import COMBINATION_WEIGHTS, FLEET_FORECAST, FOLD_FORECAST, SERIES_OUTCOMES
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.storage.frames import lazy_rows
from turbo_forecast.windows import BACKTEST, FORECAST, Windows

Columns = dict[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Finished:
    """The finished chunks of a run."""

    folder: Path
    store: SeriesStore
    windows: Windows
    settings: ForecastSettings

    @cached_property
    def tiling(self) -> list[tuple[Span, int]]:
        """Each span with the first series that is taken from it, so that every series is taken exactly once.

        Raises StorageError where finished chunks have been removed.
        """
        spans, at, found = chunks.finished_spans(self.folder), 0, []
        for span in sorted(spans, key=lambda span: (span.lo, -span.hi)):
            if span.lo > at:
                break
            if span.hi > at:
                found.append((span, at))
                at = span.hi
        if at != len(self.store):
            raise StorageError(
                f"{self.folder} has lost the results of series {at + 1} of {len(self.store)}: something else has removed "
                "them; run the month again"
            )
        return found

    def outcomes(self, timer: AuditTimer) -> pl.DataFrame:
        """One row of SERIES_OUTCOMES per series; worker seconds go to the timer."""
        tables = [chunks.read_outcomes(self.folder, span).filter(_from(first)) for span, first in self.tiling]
        merged = pa.concat_tables(tables) if tables else chunks.OUTCOMES_SCHEMA.empty_table()
        timer.stages += _worker_stages(merged)
        timer.fits = int(pc.sum(merged["fits"]).as_py() or 0)
        found, names = pl.from_arrow(merged.drop_columns(["costs"])), pl.from_arrow(self.store.names())
        assert isinstance(found, pl.DataFrame)
        assert isinstance(names, pl.DataFrame)
        return (
            names.hstack(found)
            .with_columns(
                pl.lit(self.windows.cutoff).alias("cutoff"),
                pl.col("first_ds", "last_ds").cast(pl.Date),
            )
            .pipe(SERIES_OUTCOMES.conform)
        )

    def weights(self, outcomes: pl.DataFrame) -> Weights | None:
        """Weights of the weighted combination, learnt from all series' errors; None when it does not take part."""
        if "weighted" not in self.settings.field_of_entrants:
            return None
        members, field = self.settings.singles, self.settings.field_of_entrants
        errors = np.full((len(self.store), len(field), 1 + len(self.windows.folds)), np.nan)
        for span, first in self.tiling:
            found = chunks.read_errors(self.folder, span).filter(_from(first))
            at = tuple(found.column(name).to_numpy() for name in ("series", "model", "window"))
            errors[at] = found.column("error").to_numpy()
        resources = outcomes["resource"].rank("dense").to_numpy().astype(np.int64)
        contested = (outcomes["outcome"] == "forecast").to_numpy()
        single = [field.index(name) for name in members]
        return learn_weights(errors[:, single], resources, members, self.settings.fallback, contested)

    def rows(self, weights: Weights | None) -> pl.LazyFrame:
        """Rows of FLEET_FORECAST, in series order: read chunk by chunk, as often as the frame is collected."""
        return lazy_rows(lambda: self._tables(weights, "phase"), FLEET_FORECAST.polars_schema)

    def folds(self, weights: Weights | None) -> pl.LazyFrame:
        """Rows of FOLD_FORECAST, likewise."""
        return lazy_rows(lambda: self._tables(weights, "fold"), FOLD_FORECAST.polars_schema)

    def _tables(self, weights: Weights | None, kind: str) -> Iterator[pa.Table]:
        """Chunk by chunk, the rows of one kind of window. Raises StorageError where a chunk is not there any more."""
        for span, first in self.tiling:
            found = chunks.read_rows(self.folder, span)
            columns = {name: found.column(name).to_numpy() for name in found.column_names}
            own = (columns["series"] >= first) & ((columns["window"] > 0) == (kind == "fold"))
            columns = {name: values[own] for name, values in columns.items()}
            if weights is not None:
                columns = with_weighted(columns, weights, self.settings.field_of_entrants)
            yield self._named(columns, kind)

    def _named(self, chosen: Columns, kind: str) -> pa.Table:
        """The rows with names for numbers; kind is the column that says which window they are of."""
        names, series = self.store.names(), pa.array(chosen["series"])
        fold = kind == "fold"
        window = chosen["window"]
        phases = pa.array([PHASES[BACKTEST], PHASES[FORECAST]]).take(pa.array((window == FORECAST).astype(np.int32)))
        return pa.table(
            {
                "host_id": names.column(0).take(series),
                "resource": names.column(1).take(series),
                "model": pa.array(self.settings.field_of_entrants).take(pa.array(chosen["model"])),
                kind: pa.array(window.astype(np.int32)) if fold else phases,
                "cutoff": pa.array(np.full(window.size, self.windows.cutoff, dtype="datetime64[D]")),
                "ds": pa.array(chosen["ds"]).cast(pa.date32()),
                "y": pa.array(chosen["y"], from_pandas=True),  # NaN, a day without a value, is stored as null
                **{
                    name: pa.array(chosen[name].astype(np.float32) if fold else chosen[name])
                    for name in ("yhat", "yhat_lower", "yhat_upper")
                },
            }
        )


def weights_table(weights: Weights | None, store: SeriesStore, windows: Windows) -> pl.DataFrame:
    """Rows of COMBINATION_WEIGHTS: every member of every combined series."""
    if weights is None:
        return pl.DataFrame(schema=COMBINATION_WEIGHTS.polars_schema)
    combined, names = weights.combined, pl.from_arrow(store.names())
    assert isinstance(names, pl.DataFrame)
    count, size = int(combined.sum()), len(weights.members)
    return (
        names.filter(pl.Series(combined))
        .select(pl.all().repeat_by(size).explode(empty_as_null=False))
        .with_columns(
            pl.lit(windows.cutoff).alias("cutoff"),
            pl.Series("member", list(weights.members) * count, dtype=pl.String),
            pl.Series("backtest", weights.by_window[BACKTEST][combined].ravel()),
            pl.Series("forecast", weights.by_window[FORECAST][combined].ravel()),
        )
        .pipe(COMBINATION_WEIGHTS.conform)
    )


def with_weighted(columns: Columns, weights: Weights, field: Sequence[str]) -> Columns:
    """A chunk's rows with those of the weighted combination at their place in the field's order."""
    place = field.index("weighted")
    singles = np.array([field.index(name) for name in weights.members])
    series = columns["series"]
    bounds = [0, *(np.flatnonzero(np.diff(series)) + 1), series.size] if series.size else []
    parts: list[Columns] = []
    for start, end in pairwise(bounds):
        block = {name: values[start:end] for name, values in columns.items()}
        if not weights.combined[block["series"][0]]:
            parts.append(block)
            continue
        own = _weighted_rows(block, weights, singles, place)
        cut = int(np.searchsorted(block["model"], place))
        parts += [{n: v[:cut] for n, v in block.items()}, own, {n: v[cut:] for n, v in block.items()}]
    return {name: np.concatenate([part[name] for part in parts]) if parts else columns[name] for name in columns}


def _weighted_rows(block: Columns, weights: Weights, singles: NDArray[np.int64], place: int) -> Columns:
    """The combination's rows of one series; every entrant of the block has the same windows and days."""
    series = int(block["series"][0])
    days = int((block["model"] == block["model"][0]).sum())
    models = block["model"][::days]
    taking_part = np.isin(models, singles)
    window = block["window"][:days]
    member = np.searchsorted(singles, models[taking_part])
    shares = np.empty((member.size, days))
    for number in np.unique(window):
        shares[:, window == number] = weights.by_window[int(number)][series, member][:, None]
    yhat, lower, upper = (
        weighted_median(shares, block[name].reshape(-1, days)[taking_part].astype(np.float64))
        for name in ("yhat", "yhat_lower", "yhat_upper")
    )
    yhat, lower, upper = clamped(yhat, lower, upper)
    first = {name: values[:days] for name, values in block.items()}
    model = np.full(days, place, dtype=block["model"].dtype)
    return {**first, "model": model, "yhat": yhat, "yhat_lower": lower, "yhat_upper": upper}


def _from(series: int) -> pc.Expression:
    return pc.field("series") >= series


def _worker_stages(outcomes: pa.Table) -> list[Stage]:
    """Seconds summed over workers: in all, and by entrant and kind of window."""
    fit, predict = (float(pc.sum(outcomes[name]).as_py() or 0.0) for name in ("fit_seconds", "predict_seconds"))
    everything = float(pc.sum(outcomes["milliseconds"]).as_py() or 0.0) / 1000
    costs: dict[str, float] = {}
    for stage, seconds in (item for items in outcomes["costs"].to_pylist() for item in items or ()):
        costs[stage] = costs.get(stage, 0.0) + seconds
    whole = (("fit", fit), ("predict", predict), ("rest of the lifecycle", everything - fit - predict))
    return [Stage(name, seconds, clock="worker") for name, seconds in (*whole, *costs.items())]
