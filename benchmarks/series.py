"""The series that are timed: the demo fleet's and, where it is there, the parking data's."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from turbo_forecast.demo import write_demo_fleet
from turbo_forecast.models.protocol import Days, Values, Window
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.reading import read_telemetry_frames
from turbo_forecast.windows import day_number

PARKING = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "parking_occupancy_daily.parquet"
TRAIN = (date(2023, 1, 1), date(2025, 8, 31))
"""974 days: 32 months."""
AHEAD = np.arange(day_number(date(2025, 9, 1)), day_number(date(2026, 6, 30)) + 1)
"""Ten months: backtest and forecast."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One training window."""

    name: str
    days: Days
    y: Values

    @property
    def window(self) -> Window:
        """The window, ten months asked."""
        return Window(self.days, self.y, AHEAD, seed=1)


def demo_rows(hosts: int) -> pl.DataFrame:
    """The base table of a demo fleet."""
    with TemporaryDirectory() as folder:
        out = Path(folder, "demo")
        write_demo_fleet(out, hosts=hosts)
        base, _, _ = read_telemetry_frames(TelemetrySettings(telemetry=str(out)), today=date.today())
    return base


def samples(rows: pl.DataFrame, count: int, *, full: bool = True) -> list[Sample]:
    """Up to `count` training windows, evenly spread over the series; full: at most two weeks of the 974 days missing
    (every host misses the day of the fleet-wide outage).

    Constant windows are left out: they are answered by rule, in no time.
    """
    inside = rows.filter(pl.col("ds").is_between(*TRAIN)).sort("host_id", "resource", "ds")
    grouped = inside.group_by("host_id", "resource", maintain_order=True).agg(
        pl.col("ds").cast(pl.Int32), "y", spread=pl.col("y").max() - pl.col("y").min()
    )
    need = (TRAIN[1] - TRAIN[0]).days + 1 - 14 if full else 60
    usable = grouped.filter((pl.col("ds").list.len() >= need) & (pl.col("spread") > 0))
    chosen = usable.gather_every(max(1, len(usable) // count)).head(count)
    return [
        Sample(f"{host}/{resource}", np.asarray(days, dtype=np.int64), np.asarray(y, dtype=np.float64))
        for host, resource, days, y, _ in chosen.iter_rows()
    ]


def complete(sample: Sample) -> Sample:
    """The sample with a value on every day of the 974: missing days repeat the day before."""
    days = np.arange(day_number(TRAIN[0]), day_number(TRAIN[1]) + 1)
    last = np.maximum(np.searchsorted(sample.days, days, side="right") - 1, 0)
    return Sample(sample.name, days, sample.y[last])


def parking_rows() -> pl.DataFrame | None:
    """The parking data as a base table; None where it is not there."""
    if not PARKING.exists():
        return None
    return pl.read_parquet(PARKING).select("host_id", "resource", ds=pl.col("timestamp"), y="value")
