"""Landed months into the base table: all of them, one that is new, none that is; and what reads the base table afterwards.

Belongs here: the times of `update_base_table` and of its readers. Does not belong here: fetching months from a source.

    python -m benchmarks --section telemetry
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measuring import table
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.sources.protocol import ROWS, Window
from turbo_forecast.storage.base_table import update_base_table
from turbo_forecast.storage.histories import store_histories
from turbo_forecast.storage.landed import FOLDER, METADATA_KEY, Manifest, landed_months
from turbo_forecast.storage.published.history import publish_history
from turbo_forecast.storage.warehouse import connected, transaction

GOAL_SECONDS = 2.0
"""Of a new month of 8,000 daily series, 36 months being there."""
REPEATS = 3


def report(rows: pl.DataFrame, say: Callable[[str], None]) -> str:
    """The section of RESULTS.md. rows: of BASE_TABLE, whole months of them."""
    months = rows.with_columns(month=pl.col("ds").dt.strftime("%Y-%m")).partition_by("month", include_key=False)
    months.sort(key=lambda month: month["ds"].min() or date.min)
    first = months[0]["ds"].min()
    with TemporaryDirectory() as folder:
        data = Path(folder)
        for month in months:
            _land(data, month)
        whole = _step(data, say)
        reading = _readers(data, first, say)
        added: list[Spent] = []
        for _ in range(REPEATS):
            months.append(
                months[-1].with_columns(pl.col("ds").dt.offset_by("1mo")).unique(("host_id", "resource", "ds"))
            )
            _land(data, months[-1])
            added.append(_step(data, say))
        same = _step(data, say)
        appended = _readers(data, first, say)
    series = rows.select(pl.struct("host_id", "resource").n_unique()).item()
    since = f"{REPEATS} months having landed since"
    said = [
        ["all landed months", *whole.cells, ""],
        ["one that is new", *sorted(added)[REPEATS // 2].cells, f"{GOAL_SECONDS:.0f}"],
        ["none that is new", *same.cells, ""],
        ["histories read for a run, base table read whole", *reading[0].cells, ""],
        [f"the same, {since}", *appended[0].cells, ""],
        ["histories published, base table read whole", *reading[1].cells, ""],
        [f"the same, {since}", *appended[1].cells, ""],
    ]
    return "\n\n".join(
        [
            f"## Landed months into the base table\n\n{series:,} daily series, {len(months) - REPEATS} months ({rows.height:,} rows), then "
            f"{REPEATS} more, one at a time (the median of these).",
            table(["what", "seconds", "processor seconds", "goal"], said),
        ]
    )


def _step(data: Path, say: Callable[[str], None]) -> "Spent":
    """What `update_base_table` takes, with its commit."""
    with connected(data / "warehouse.duckdb") as con:
        spent = Spent.by(lambda: _update(con, data, say))
    say(f"{spent.seconds:.2f} s")
    return spent


def _update(con: duckdb.DuckDBPyConnection, data: Path, say: Callable[[str], None]) -> None:
    with transaction(con):
        landed, today = landed_months(data), date(2100, 1, 1)
        reading = update_base_table(con, TelemetrySettings(), landed, today=today, run_id="benchmark")
    say(f"{reading.months_read} landed months read, {reading.months_standing} standing")


def _readers(data: Path, since: object, say: Callable[[str], None]) -> tuple["Spent", "Spent"]:
    """What reading every history for a run takes, and publishing them."""
    assert isinstance(since, date)
    with connected(data / "warehouse.duckdb") as con, transaction(con):
        first_day = since
        read = Spent.by(lambda: store_histories(con, first_day, date(2100, 1, 1), _counted))
        published = Spent.by(lambda: publish_history(con, data))
    say(f"histories read in {read.seconds:.2f} s, published in {published.seconds:.2f} s")
    return read, published


def _counted(tables: Iterable[pa.Table]) -> int:
    return sum(len(each) for each in tables)


@dataclass(frozen=True, slots=True, order=True)
class Spent:
    """Wall seconds, and those of processors: where others are at work on the machine, the latter tell more."""

    seconds: float
    processor: float

    @classmethod
    def by(cls, work: Callable[[], object]) -> "Spent":
        """What one call takes."""
        wall, processor = time.perf_counter(), time.process_time()
        work()
        return cls(time.perf_counter() - wall, time.process_time() - processor)

    @property
    def cells(self) -> list[str]:
        """Both, for a table."""
        return [f"{self.seconds:.2f}", f"{self.processor:.2f}"]


def _land(data: Path, days: pl.DataFrame) -> None:
    """A month's file, as landing writes it: one value a day."""
    first, last = days["ds"].min(), days["ds"].max()
    assert isinstance(first, date)
    assert isinstance(last, date)
    window = Window.of_days(first.replace(day=1), last, "UTC")
    manifest = Manifest(
        source="benchmark",
        kind="benchmark",
        month=f"{first:%Y-%m}",
        zone="UTC",
        start=window.start,
        end=window.end,
        query={},
        rows=days.height,
        series=days.select(pl.struct("host_id", "resource").n_unique()).item(),
        digest=f"{first}",
        fetched_at=datetime.now(UTC),
        complete=True,
    )
    columns = days.select(
        "host_id",
        "resource",
        pl.col("ds").cast(pl.Datetime("us", "UTC")).alias("timestamp"),
        pl.col("y").alias("value"),
        pl.lit("{}").alias("labels"),
    )
    path = data / FOLDER / manifest.source / f"{manifest.month}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = columns.to_arrow().cast(ROWS).replace_schema_metadata({METADATA_KEY: manifest.as_json().encode()})
    pq.write_table(rows, path, compression="zstd")
