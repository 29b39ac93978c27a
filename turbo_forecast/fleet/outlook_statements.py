"""A month's statements about thresholds, from the published rows and the model that the run has fitted; nothing is forecast.

Belongs here: the published rows block by block, joined with what is known of their series. Does not belong here: the
statements themselves (`outlook/rows.py`), and where they are stored.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from turbo_forecast.errors import StorageError
from turbo_forecast.outlook.learning import OutlookModel
from turbo_forecast.outlook.rows import OutlookInputs, backtest_rows, capacity_rows
from turbo_forecast.schemas import CAPACITY_OUTLOOK, OUTLOOK_BACKTEST, OUTLOOK_CALIBRATION, OUTLOOK_SERIES
from turbo_forecast.settings import OutlookSettings
from turbo_forecast.storage.forecast_blocks import PublishedBlock, published_blocks
from turbo_forecast.storage.results import Results
from turbo_forecast.types import Phase
from turbo_forecast.windows import Windows

NAMES = ["host_id", "resource"]


@dataclass(frozen=True, slots=True)
class Statements:
    """What a run has left for the outlook of a month. results: its folder; windows: the month's; options: thresholds."""

    results: Results
    windows: Windows
    options: OutlookSettings

    def model(self, phase: Phase) -> OutlookModel:
        """The fitted model of the phase. Raises StorageError."""
        rows = self.results.read(OUTLOOK_CALIBRATION).filter(pl.col("phase") == phase.value)
        return OutlookModel.from_frame(rows.collect())

    def blocks(self, published: pl.LazyFrame, phase: Phase) -> Iterator[tuple[OutlookInputs, PublishedBlock]]:
        """The published series of a phase, some hundred at a time, with what is known of each.

        published: rows of FORECAST_PARQUET. Raises StorageError where they are not of the series that the run has left.
        """
        days = self.windows.backtest_days if phase is Phase.BACKTEST else self.windows.forecast_days
        series = self.results.read(OUTLOOK_SERIES).filter(pl.col("phase") == phase.value).collect()
        for block in published_blocks(published, phase, days.size):
            own = block.names.join(series, on=NAMES, how="left", maintain_order="left")
            if own["swing"].null_count():
                raise StorageError(
                    f"{OUTLOOK_SERIES.name} of {self.windows.cutoff:%Y-%m} lacks series of the published forecast: run the month again"
                )
            yield OutlookInputs.from_frame(own), block

    def thresholds(self, names: pl.DataFrame) -> list[list[float]]:
        """Each series' thresholds."""
        return [self.options.thresholds_of(host, resource) for host, resource in names.iter_rows()]

    def capacity(self, published: pl.LazyFrame) -> pl.DataFrame:
        """Rows of CAPACITY_OUTLOOK of the published series, as they are without further plans; not ranked yet."""
        model, cutoff = self.model(Phase.FORECAST), self.windows.cutoff
        parts = [
            capacity_rows(inputs, block.yhat, self.thresholds(inputs.names), model, cutoff)
            for inputs, block in self.blocks(published, Phase.FORECAST)
        ]
        return pl.concat([pl.DataFrame(schema=CAPACITY_OUTLOOK.polars_schema), *parts])

    def backtest(self, published: pl.LazyFrame) -> pl.DataFrame:
        """Rows of OUTLOOK_BACKTEST of the published series."""
        model, windows = self.model(Phase.BACKTEST), self.windows
        parts = [
            backtest_rows(
                *(inputs, block.yhat, block.y, self.thresholds(inputs.names), model),
                *(windows.train_end, windows.cutoff),
            )
            for inputs, block in self.blocks(published, Phase.BACKTEST)
        ]
        return pl.concat([pl.DataFrame(schema=OUTLOOK_BACKTEST.polars_schema), *parts])
