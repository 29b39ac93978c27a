"""The reductions of a run: what is learnt and decided from all series' summaries, and stands between two maps.

Belongs here: which summaries each decision may see. A choice that had seen the backtest could not be judged by it.
Does not belong here: the rules themselves (`tournament/`), rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from turbo_forecast.fleet.blocks import Numbers, Pieces, WindowDays
from turbo_forecast.fleet.champion_errors import ChampionErrors
from turbo_forecast.fleet.combining import COMBINE_LAST
from turbo_forecast.fleet.publishing import NOBODY, PUBLISH_LAST, offset_column
from turbo_forecast.fleet.run_folder import RunFolder
from turbo_forecast.fleet.store import SeriesStore
from turbo_forecast.schemas import CALIBRATION, COMBINATION_WEIGHTS, TOURNAMENT_SCORES
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.storage.arrow_arrays import numpy_array
from turbo_forecast.tournament.calibration import IntervalOffsets, Months, calibrate
from turbo_forecast.tournament.champions import choose
from turbo_forecast.tournament.combination import Weights, learn_weights
from turbo_forecast.tournament.standings import CHAMPION, standings
from turbo_forecast.types import Outcome, Phase
from turbo_forecast.windows import BACKTEST, FORECAST, PHASE_WINDOWS, Windows, window_name


@dataclass(frozen=True, slots=True)
class Reducer:
    """One run's reductions, on what the maps have left in its folder."""

    folder: RunFolder
    store: SeriesStore
    windows: Windows
    settings: ForecastSettings

    @property
    def names(self) -> pl.DataFrame:
        """`host_id, resource` of every series, in the store's order."""
        return frame_of(self.store.names())

    @property
    def resources(self) -> Numbers:
        """(n,) number of each series' resource."""
        return self.names["resource"].rank("dense").to_numpy().astype(np.int64) - 1

    def _pieces(self, last: str) -> Pieces:
        folders = {
            "outcomes": self.folder.forecast,
            COMBINE_LAST: self.folder.combine,
            PUBLISH_LAST: self.folder.publish,
        }
        return Pieces(folders[last], len(self.store), last)

    # first: from the errors of every base model

    def learn(self) -> pl.DataFrame:
        """Learn the weights and hand them to the workers; returns rows of COMBINATION_WEIGHTS."""
        field, base_models = self.settings.field_of_entrants, self.settings.base_models
        pieces = self._pieces("outcomes")
        contested = np.concatenate(
            [np.zeros(0, np.bool_)]
            + [numpy_array(table.column("outcome")) == Outcome.FORECAST for table in pieces.tables("outcomes")]
        )
        shares = np.zeros((len(self.store), len(base_models), len(self.windows.folds) + 2))
        rows = pl.DataFrame(schema=COMBINATION_WEIGHTS.polars_schema)
        if "weighted" in field:
            weights = learn_weights(
                self._errors(pieces), self.resources, base_models, self.settings.fallback, contested
            )
            for number, found in weights.by_window.items():
                shares[:, :, number + 1] = found
            rows = self._weights_table(weights)
        self.folder.broadcast(
            *(self.folder.weights, {"shares": shares, "contested": contested}),
            *(self.folder.combine, self.folder.rows, self.folder.folds),
        )
        return rows

    def _errors(self, pieces: Pieces) -> np.ndarray:
        """(n, m, 1 + folds) mean absolute errors of the base models; NaN where there is none."""
        field, base_models = self.settings.field_of_entrants, self.settings.base_models
        errors = np.full((len(self.store), len(field), 1 + len(self.windows.folds)), np.nan)
        for table in pieces.tables("errors"):
            at = tuple(numpy_array(table.column(name)) for name in ("series", "model", "window"))
            errors[at] = numpy_array(table.column("error"))
        return errors[:, [field.index(name) for name in base_models]]

    def _weights_table(self, weights: Weights) -> pl.DataFrame:
        combined = weights.combined
        count, size = int(combined.sum()), len(weights.members)
        return (
            self.names.filter(pl.Series(combined))
            .select(pl.all().repeat_by(size).explode(empty_as_null=False))
            .with_columns(
                pl.lit(self.windows.cutoff).alias("cutoff"),
                pl.Series("member", list(weights.members) * count, dtype=pl.String),
                pl.Series("backtest", weights.by_window[BACKTEST][combined].ravel()),
                pl.Series("forecast", weights.by_window[FORECAST][combined].ravel()),
            )
            .pipe(COMBINATION_WEIGHTS.conform)
        )

    # second: from everybody's scores, the folds' for the choice, the champions' errors for the bounds

    def scores(self) -> pl.DataFrame:
        """Rows of TOURNAMENT_SCORES of every window that has been observed."""
        names = {number: window_name(number) for number in (BACKTEST, *(fold.number for fold in self.windows.folds))}
        tables = [frame_of(table) for table in self._pieces(COMBINE_LAST).tables("scores")]
        window = pl.col("window").replace_strict(names, return_dtype=pl.String)
        return (
            self._named(tables, TOURNAMENT_SCORES.polars_schema, window_name=window)
            .pipe(TOURNAMENT_SCORES.conform)
            .sort(TOURNAMENT_SCORES.key)
        )

    def choose(self, scores: pl.DataFrame) -> pl.DataFrame:
        """Rows of CHAMPIONS: chosen on the folds alone, among those who have a forecast of the series."""
        ahead = [
            frame_of(table.select(["series", "model", "window", "month"]))
            .filter(window=FORECAST, month=1)
            .select("series", "model")
            for table in self._pieces(COMBINE_LAST).tables("widths")
        ]
        forecasters = self._named(ahead, {"series": pl.Int32, "model": pl.Int16}).select(
            "cutoff", "host_id", "resource", "model"
        )
        return choose(forecasters, scores, self.settings.order_of_preference, self.settings.fallback)

    def calibrate(self, champions: pl.DataFrame) -> pl.DataFrame:
        """Rows of CALIBRATION for both phases, the backtest's from the folds, the forecast's from those and the backtest;
        and hand them, with the champions, to the workers."""
        champion = self._places(champions)
        field = self.settings.field_of_entrants
        rivals = np.array([field.index(name) for name in self.settings.base_models if name != self.settings.fallback])
        errors = ChampionErrors.gathered(
            champion,
            rivals,
            self.folder,
            self.store,
            WindowDays(self.windows),
            self._pieces("outcomes"),
            self._pieces(COMBINE_LAST),
        )
        columns = self.settings.backtest_months + self.settings.horizon_months
        widths = 1 + len(self.settings.extra_widths)
        offsets = {side: np.full((len(self.store), columns, widths), np.nan) for side in ("lower", "upper")}
        parts = []
        # with `folds: 0` nothing is calibrated, for no backtest would show whether it holds
        for phase in PHASE_WINDOWS if self.windows.folds else ():
            targets, found = self._offsets(phase, errors)
            if found is not None:
                column = offset_column(np.full(targets.month.size, PHASE_WINDOWS[phase]), targets.month, self.settings)
                offsets["lower"][targets.series, column] = found.lower.T
                offsets["upper"][targets.series, column] = found.upper.T
                parts.append(self._calibration(phase, targets, found))
        self.folder.broadcast(
            *(self.folder.decisions, {"champion": champion, **offsets}),
            *(self.folder.publish, self.folder.published, *([self.folder.intervals] if widths > 1 else [])),
        )
        empty = pl.DataFrame(schema=CALIBRATION.polars_schema)
        return pl.concat([empty, *parts]).sort(CALIBRATION.key)

    def _places(self, champions: pl.DataFrame) -> np.ndarray:
        """(n,) the champion's place in the field; NOBODY for a series without a forecast."""
        places = {name: place for place, name in enumerate(self.settings.field_of_entrants)}
        joined = self.names.join(champions, on=["host_id", "resource"], how="left", maintain_order="left")
        return joined["model"].replace_strict(places, return_dtype=pl.Int16).fill_null(NOBODY).to_numpy()

    def _offsets(self, phase: Phase, errors: ChampionErrors) -> tuple[Months, IntervalOffsets | None]:
        """The phase's months and the offsets of their intervals; None where nothing was observed before."""
        window = PHASE_WINDOWS[phase]
        # without a refit the forecast is made at the backtest's origin: its first month is as far ahead as the backtest is long
        late = self.settings.backtest_months if phase is Phase.FORECAST and not self.settings.refit else 0
        earlier, residuals = errors.before(window)
        targets = errors.targets(window)
        if not earlier.series.size or not targets.series.size:
            return targets, None
        ahead = replace(targets, month=targets.month + late)
        return targets, calibrate(
            *(earlier, residuals, ahead, errors.scales(window), self.resources),
            interval_widths=[self.settings.interval_width, *self.settings.extra_widths],
        )

    def _calibration(self, phase: Phase, targets: Months, found: IntervalOffsets) -> pl.DataFrame:
        return CALIBRATION.conform(
            pl.DataFrame({"series": targets.series, "horizon_month": targets.month})
            .with_columns(self._naming())
            .with_columns(
                phase=pl.lit(phase.value),
                scale=pl.Series(found.scale),
                lower=pl.Series(found.lower[0]),
                upper=pl.Series(found.upper[0]),
                n=pl.Series(found.n),
            )
        )

    # third: from everybody's scores by month, and the published forecast's

    def compare(self) -> pl.DataFrame:
        """Rows of TOURNAMENT_STANDINGS: every entrant's backtest beside what was published."""
        entrants = self._by_month(self._pieces(COMBINE_LAST))
        champion = self._by_month(self._pieces(PUBLISH_LAST)).with_columns(model=pl.lit(CHAMPION))
        return standings(
            pl.concat([entrants, champion]),
            cutoff=self.windows.cutoff,
            fallback=self.settings.fallback,
            seasonal_naive="seasonal_naive",
            interval_width=self.settings.interval_width,
            entrants=self.settings.field_of_entrants,
        )

    def _by_month(self, pieces: Pieces) -> pl.DataFrame:
        wanted = ["series", "model", "month", "n", "mae", "mase", "bias", "coverage", "interval_score"]
        schema = dict.fromkeys(wanted, pl.Float64) | {"series": pl.Int32, "model": pl.Int16, "month": pl.Int8}
        tables = [frame_of(table.select(wanted)) for table in pieces.tables("months")]
        return self._named(tables, schema).rename({"month": "horizon_month"})

    # numbers into names

    def _named(self, tables: list[pl.DataFrame], schema: Mapping[str, Any], **more: pl.Expr) -> pl.DataFrame:
        """The rows of all tables with names for the numbers of series and entrants; NaN becomes null."""
        if not tables:
            named = {"cutoff": pl.Date, "host_id": pl.String, "resource": pl.String}
            return pl.DataFrame(schema={**named, **schema, "model": pl.String})
        model = pl.lit(pl.Series(self.settings.field_of_entrants)).gather(pl.col("model"))
        return (
            pl.concat(tables)
            .with_columns(self._naming(), model=model, **more)
            .with_columns(pl.selectors.float().fill_nan(None))
        )

    def _naming(self) -> list[pl.Expr]:
        names = self.names
        return [
            pl.lit(self.windows.cutoff).alias("cutoff"),
            *(pl.lit(names[name]).gather(pl.col("series")).alias(name) for name in ("host_id", "resource")),
        ]


def frame_of(table: pa.Table) -> pl.DataFrame:
    """An Arrow table as a Polars frame."""
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame
