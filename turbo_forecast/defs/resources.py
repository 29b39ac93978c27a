"""Dagster resources: settings, the data folder, the warehouse, the Parquet I/O manager.

Belongs here: what lets the launchpad set options and tests override places. Does not belong here: logic.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import duckdb
import polars as pl
from dagster_duckdb import DuckDBResource
from dagster_polars import PolarsParquetIOManager

from turbo_forecast.fleet.tournament import RunFiles
from turbo_forecast.fleet.windows import cutoff_of
from turbo_forecast.schemas import FLEET_FORECAST, FOLD_FORECAST
from turbo_forecast.settings import ForecastSettings, Settings, TelemetrySettings, load_settings
from turbo_forecast.storage.files import parquet_rows, write_parquet
from turbo_forecast.storage.warehouse import connected
from turbo_forecast.text import shown_location

if TYPE_CHECKING:
    from upath import UPath


def configured() -> Settings:
    """The settings file's content, with the telemetry that the environment names. Raises SettingsError."""
    file = os.environ.get("TURBO_FORECAST_CONFIG")
    settings = load_settings(Path(file) if file else None)
    named = os.environ.get("TURBO_FORECAST_TELEMETRY") or settings.telemetry.telemetry
    return settings.model_copy(update={"telemetry": settings.telemetry.model_copy(update={"telemetry": named})})


class TelemetryResource(TelemetrySettings, dg.ConfigurableResource[None]):
    """TelemetrySettings, in the launchpad.

    Dagster stores a resource's configuration with every run and shows it to everyone: `shown` leaves a URL's key out of
    it, and `settings` takes the key from where the URL is configured.
    """

    @classmethod
    def shown(cls, settings: TelemetrySettings) -> "TelemetryResource":
        """The resource of these settings, with a URL as it may be shown."""
        return cls(**{**settings.model_dump(), "telemetry": shown_location(settings.telemetry)})

    def settings(self) -> TelemetrySettings:
        """The plain settings, for the floors that do not know Dagster. Raises SettingsError."""
        values = {name: getattr(self, name) for name in TelemetrySettings.model_fields}
        if "://" in self.telemetry:
            whole = configured().telemetry.telemetry
            values["telemetry"] = whole if shown_location(whole) == self.telemetry else self.telemetry
        return TelemetrySettings(**values)


class ForecastResource(ForecastSettings, dg.ConfigurableResource[None]):
    """ForecastSettings, in the launchpad."""

    def settings(self) -> ForecastSettings:
        """The plain settings, for the floors that do not know Dagster."""
        return ForecastSettings(**{name: getattr(self, name) for name in ForecastSettings.model_fields})


class DataFolder(dg.ConfigurableResource[None]):
    """Where everything is stored."""

    path: str

    @property
    def root(self) -> Path:
        """The folder, whatever the working directory becomes; some readers take a leading `~` for the home folder."""
        return Path(self.path).absolute()

    def parquet(self, asset: str, partition: str) -> Path:
        """`<asset>/<partition>.parquet`, as dagster-polars lays assets out."""
        return self.root / asset / f"{partition}.parquet"

    def run_files(self, partition: str) -> RunFiles:
        """Where a month's fleet run leaves its rows."""
        return RunFiles(*(self.parquet(table.name, partition) for table in (FLEET_FORECAST, FOLD_FORECAST)))

    def masters(self, asset: str) -> dict[date, Path]:
        """An asset's published Parquet files by their month's cutoff."""
        return {cutoff_of(path.stem): path for path in sorted((self.root / asset).glob("????-??-??.parquet"))}

    def scratch(self, partition: str) -> Path:
        """What an unfinished fleet forecast of the month leaves for the next attempt."""
        return self.root / "fleet_forecast" / f".unfinished-{partition}"

    def offenders(self, asset: str, check: str, partition: str | None) -> Path:
        """Where a failed check lists all its offenders."""
        return self.root / "checks" / asset / f"{check}{f'-{partition}' if partition else ''}.csv"


class Warehouse(DuckDBResource):
    """The DuckDB warehouse.

    Overrides the connection of DuckDBResource, which waits 100 s for a lock in silence and leaves the file
    locked after an exception.
    """

    @contextmanager
    def get_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection, closed in any case. Raises StorageError, naming the process that holds the file."""
        with connected(Path(self.database)) as con:
            yield con


class AtomicParquetIOManager(PolarsParquetIOManager):
    """Parquet through dagster-polars, published by rename, with row-group statistics and no rows in the event log."""

    def write_df_to_path(self, context: dg.OutputContext, df: pl.DataFrame, path: "UPath") -> None:
        """Write the frame whole or not at all."""
        table = df.to_arrow()
        write_parquet([table], table.schema, Path(str(path)))

    def sink_df_to_path(self, context: dg.OutputContext, df: pl.LazyFrame, path: "UPath") -> None:
        """Collect, then write whole or not at all."""
        self.write_df_to_path(context, df.collect(), path)

    def scan_df_from_path(
        self, path: "UPath", context: dg.InputContext, partition_key: str | None = None
    ) -> pl.LazyFrame:
        """Just this file: the library's own scan takes a path with `[` or `*` in it for a pattern."""
        return parquet_rows(str(path))

    def get_metadata(
        self, context: dg.OutputContext, obj: pl.DataFrame | pl.LazyFrame | None
    ) -> dict[str, dg.MetadataValue]:
        """Row count only: the library's own puts a random sample of rows into the event log."""
        return {"dagster/row_count": dg.MetadataValue.int(len(obj))} if isinstance(obj, pl.DataFrame) else {}
