"""A month's run step by step, in this process: what the units of the maps and reductions are tried on."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import polars as pl

from reference.month_frames import MonthRows
from turbo_forecast.fleet import chunks
from turbo_forecast.fleet.audit import AuditTimer
from turbo_forecast.fleet.checkpoint import run_folder
from turbo_forecast.fleet.chunks import Span
from turbo_forecast.fleet.combining import COMBINE_LAST, Combiner
from turbo_forecast.fleet.decisions import Reducer
from turbo_forecast.fleet.pieces import write_forecast
from turbo_forecast.fleet.publishing import PUBLISH_LAST, Publisher
from turbo_forecast.fleet.records import model_runs, series_outcomes
from turbo_forecast.fleet.run_folder import RunFolder
from turbo_forecast.fleet.series_forecaster import Result, SeriesForecaster
from turbo_forecast.fleet.store import SeriesStore, write_store
from turbo_forecast.library.forecast import series_table
from turbo_forecast.models.registry import build_entrant
from turbo_forecast.settings import ForecastSettings, forecast_settings
from turbo_forecast.storage.datasets import rows as stored_rows
from turbo_forecast.windows import Windows, run_windows
from turbo_forecast_tests.conftest import CUTOFF

SHORT = {"train_months": 10, "backtest_months": 2, "horizon_months": 3}
"""Windows short enough that a hundred runs take seconds."""
CHEAP = ["weighted", "median", "recent_level", "recent_quarter", "seasonal_naive"]


@dataclass
class ByHand:
    """One run: its series, and the tables that its reductions make, by name, once they are made.

    size: series of a chunk.
    """

    base: pl.DataFrame
    path: Path
    settings: ForecastSettings
    size: int = 5
    tables: dict[str, pl.DataFrame] = field(default_factory=dict)

    @cached_property
    def windows(self) -> Windows:
        """The run's windows."""
        return run_windows(CUTOFF, self.settings)

    @cached_property
    def store(self) -> SeriesStore:
        """The run's series, of what was known at the cutoff."""
        known = self.base.filter(pl.col("ds") <= CUTOFF)
        return SeriesStore(write_store(series_table(known, self.windows.history_start), self.path / "series.arrow"))

    @cached_property
    def folder(self) -> RunFolder:
        """The run's folder, with what is sound in it of an earlier attempt."""
        return run_folder(self.path, self.store, self.windows, self.settings)

    @cached_property
    def results(self) -> Sequence[Result]:
        """What became of each series."""
        entrants = {name: build_entrant(name, self.settings) for name in self.settings.base_models}
        forecaster = SeriesForecaster(self.windows, self.settings, entrants)
        return [forecaster.run(self.store[index]) for index in range(len(self.store))]

    @property
    def names(self) -> list[str]:
        """The host of each series, in the store's order; in fleets of `kinds.py` each has one series."""
        return [self.store[index].host_id for index in range(len(self.store))]

    @property
    def reducer(self) -> Reducer:
        """The run's reductions."""
        return Reducer(self.folder, self.store, self.windows, self.settings)

    @property
    def parts(self) -> list[Span]:
        """The parts of its store."""
        return chunks.parts_of(len(self.store))

    @property
    def rows(self) -> MonthRows:
        """Every entrant's rows, as they are stored."""
        return MonthRows.of(self.folder.rows, self.folder.folds)

    @property
    def published(self) -> pl.DataFrame:
        """The champions' rows, as they are stored."""
        return stored_rows(self.folder.published).collect()

    @property
    def history(self) -> pl.DataFrame:
        """What was known of the history window."""
        inside = pl.col("ds").is_between(self.windows.history_start, CUTOFF)
        return self.base.filter(inside).sort("host_id", "resource", "ds")

    def forecast(self) -> Iterator[str]:
        """The first map and reduction; yields after each task, so that a run may stop there."""
        folder = self.folder
        todo = chunks.unfinished(len(self.store), chunks.finished_spans(folder.forecast, "outcomes"))
        for span in chunks.cut(todo, self.size):
            results = self.results[span.lo : span.hi]
            write_forecast(folder.forecast, span.stem, results, self.settings.field_of_entrants)
            yield "forecast"
        of = (folder, self.store, self.windows, AuditTimer())
        self.tables |= {"outcomes": series_outcomes(*of), "model_runs": model_runs(*of)}
        self.tables["weights"] = self.reducer.learn()
        yield "learn"

    def combine(self) -> Iterator[str]:
        """The second map and reduction, likewise."""
        finished = chunks.finished_spans(self.folder.combine, COMBINE_LAST)
        combiner = Combiner(self.folder, self.store, self.windows, self.settings)
        for span in self.parts:
            if span not in finished:
                combiner(span)
                yield "combine"
        self.tables["scores"] = self.reducer.scores()
        self.tables["champions"] = self.reducer.choose(self.tables["scores"])
        self.tables["calibration"] = self.reducer.calibrate(self.tables["champions"])
        yield "decide"

    def publish(self) -> Iterator[str]:
        """The third map and reduction, likewise."""
        finished = chunks.finished_spans(self.folder.publish, PUBLISH_LAST)
        publisher = Publisher(self.folder, self.store, self.windows, self.settings)
        for span in self.parts:
            if span not in finished:
                publisher(span)
                yield "publish"
        self.tables["standings"] = self.reducer.compare()

    def working(self) -> Iterator[str]:
        """The whole run, likewise."""
        yield from self.forecast()
        yield from self.combine()
        yield from self.publish()

    def held(self) -> "ByHand":
        """The run at its end."""
        for _ in self.working():
            pass
        return self

    def digests(self) -> Mapping[str, str]:
        """What the run has made, by name: a hash of every part file's bytes, and of every table but for its milliseconds."""
        made = self.folder.path / "made"
        found = {str(path.relative_to(made)): _digest(path.read_bytes()) for path in sorted(made.rglob("*.parquet"))}
        for name, table in self.tables.items():
            found[name] = _digest(table.drop("milliseconds", strict=False).write_csv().encode())
        return found


def by_hand(base: pl.DataFrame, path: Path, *, size: int = 5, **options: object) -> ByHand:
    """A run over `base` in a folder, with cheap entrants on short windows unless the options say otherwise."""
    path.mkdir(parents=True, exist_ok=True)
    return ByHand(base, path, forecast_settings(**{**SHORT, "entrants": CHEAP, **options}), size)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
