"""One month's run with everything that is known of it: what the rules are compared on.

Belongs here: the run, and its errors and days as arrays. Does not belong here: the rules (`rules.py`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from reference.frame_scores import mase_scales
from reference.month_frames import MonthRows, training_ends
from turbo_forecast.errors import TelemetryError
from turbo_forecast.fleet.audit import AuditTimer
from turbo_forecast.fleet.run import run_fleet
from turbo_forecast.fleet.store import write_store
from turbo_forecast.library.forecast import series_table
from turbo_forecast.models.protocol import Log
from turbo_forecast.models.registry import first_day_needed
from turbo_forecast.schemas import TOURNAMENT_SCORES
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.storage.results import Results
from turbo_forecast.tournament.shrunken_errors import Flags, Floats
from turbo_forecast.windows import Windows, require_complete, run_windows, window_name

_SERIES = ["host_id", "resource"]


@dataclass(frozen=True)
class Held:
    """One month's run. Arrays are of the n series that have a backtest, the m entrants, and 1 + K windows: 0 the
    backtest, then the folds."""

    windows: Windows
    settings: ForecastSettings
    rows: MonthRows
    history: pl.DataFrame
    outcomes: pl.DataFrame
    scores: pl.DataFrame

    @property
    def models(self) -> list[str]:
        """Everyone who forecasts, in order."""
        return self.settings.field_of_entrants

    @property
    def singles(self) -> list[int]:
        """Places of those who forecast by themselves."""
        return [self.models.index(name) for name in self.settings.base_models]

    @property
    def fallback(self) -> int:
        """The fallback's place."""
        return self.models.index(self.settings.fallback)

    @cached_property
    def series(self) -> pl.DataFrame:
        """`host_id, resource`, sorted, of the series that have a backtest."""
        judged = (pl.col("model") == self.settings.fallback) & (pl.col("window_name") == window_name(0))
        return self.scores.filter(judged).select(_SERIES).sort(_SERIES)

    @cached_property
    def scales(self) -> pl.DataFrame:
        """`host_id, resource, scale` of the series whose MASE is defined."""
        trained = self.history.filter(pl.col("ds") <= self.windows.train_end)
        return mase_scales(trained).join(self.series, on=_SERIES, how="semi", maintain_order="left")

    @cached_property
    def scale(self) -> Floats:
        """(n,) what MASE divides by; NaN where it is not defined."""
        placed = self.series.join(self.scales, on=_SERIES, how="left", maintain_order="left")
        return placed["scale"].fill_null(np.nan).to_numpy()

    @cached_property
    def errors(self) -> Floats:
        """(n, m, 1 + K) mean absolute errors; NaN where there is none."""
        numbers = {window_name(number): number for number in range(1 + len(self.windows.folds))}
        fold = pl.col("window_name").replace_strict(numbers, return_dtype=pl.Int64)
        found = self._placed(self.scores.with_columns(fold=fold))
        errors = np.full((self.series.height, len(self.models), 1 + len(self.windows.folds)), np.nan)
        errors[tuple(found[name].to_numpy() for name in ("row", "model", "fold"))] = found["mae"].to_numpy()
        return errors

    @property
    def charged(self) -> Floats:
        """The errors, with the fallback's for an entrant without a forecast, as in the standings."""
        return np.where(np.isnan(self.errors), self.errors[:, [self.fallback]], self.errors)

    @property
    def present(self) -> Flags:
        """(n, singles) who has forecast the series."""
        return np.isfinite(self.errors[:, self.singles, 0])

    @cached_property
    def days(self) -> tuple[Floats, Floats]:
        """y (n, 1 + K, D) and the singles' yhat (n, singles, 1 + K, D); NaN where there is none, but the fallback's
        yhat for an entrant without one."""
        parts = []
        for number, end in training_ends(self.windows).items():
            frame = self.rows.folds.filter(fold=number) if number else self.rows.backtest
            ahead = (pl.col("ds") - end).dt.total_days() - 1
            names = pl.col("model").is_in(self.settings.base_models)
            rows = frame.filter(names).select(*_SERIES, "model", "y", "yhat", fold=number, day=ahead)
            parts.append(self._placed(rows.with_columns(pl.col("yhat").cast(pl.Float64))))
        rows = pl.concat(parts)
        row, model, fold, day = (rows[name].to_numpy() for name in ("row", "model", "fold", "day"))
        yhat = np.full((*self.errors.shape, int(day.max()) + 1), np.nan)
        yhat[row, model, fold, day] = rows["yhat"].to_numpy()
        y = np.full((len(yhat), *yhat.shape[2:]), np.nan)
        y[row, fold, day] = rows["y"].fill_null(np.nan).to_numpy()
        charged = np.where(np.isnan(yhat), yhat[:, [self.fallback]], yhat)
        return y, charged[:, self.singles]

    def _placed(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows of the judged series, with `row` and the entrant's place."""
        places = {name: place for place, name in enumerate(self.models)}
        joined = rows.join(self.series.with_row_index("row"), on=_SERIES)
        return joined.with_columns(pl.col("model").replace_strict(places, return_dtype=pl.Int64))

    def mean_mase(self, errors: Floats) -> float:
        """Mean MASE of (n,) backtest errors, over the series where it is defined."""
        return float(np.nanmean(errors / self.scale))


@contextmanager
def held(base: pl.DataFrame, cutoff: date, settings: ForecastSettings, say: Log) -> Iterator[Held]:
    """The month's run over `base` (rows of BASE_TABLE), as long as its files are there.

    Raises what a run raises, and TelemetryError where no series has a backtest and a defined MASE.
    """
    windows = run_windows(cutoff, settings)
    history = base.filter(pl.col("ds").is_between(windows.history_start, cutoff)).sort(*_SERIES, "ds")
    require_complete(history["ds"].max(), cutoff, settings)  # type: ignore[arg-type]
    with TemporaryDirectory(prefix="turbo-forecast-") as name:
        folder = Path(name)
        known = base.filter(pl.col("ds") <= cutoff)
        since = first_day_needed(settings, windows.history_start)
        write_store(series_table(known, since), folder / "series.arrow", windows.history_start)
        run = run_fleet(folder / "series.arrow", windows, settings, checkpoint=folder, timer=AuditTimer(), log=say)
        scores = Results(run.results_folder).read(TOURNAMENT_SCORES).collect()
        found = Held(windows, settings, MonthRows.of(run.rows_folder, run.folds_folder), history, run.outcomes, scores)
        if found.scales.is_empty():
            raise TelemetryError(f"month {cutoff:%Y-%m}: no series has a backtest and a defined MASE")
        yield found
