"""Landed months into the base table: all of them, one that is new, none that is; and what reads the base table afterwards.

Belongs here: the times of `update_base_table` and of its readers. Does not belong here: fetching months from a source.

    python -m benchmarks --section telemetry
"""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
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
        added: list[float] = []
        for _ in range(REPEATS):
            months.append(
                months[-1].with_columns(pl.col("ds").dt.offset_by("1mo")).unique(("host_id", "resource", "ds"))
            )
            _land(data, months[-1])
            added.append(_step(data, say))
        same = _step(data, say)
        appended = _readers(data, first, say)
    series = rows.select(pl.struct("host_id", "resource").n_unique()).item()
    said = [
        ["all landed months", f"{whole:.2f}", ""],
        ["one that is new", f"{sorted(added)[REPEATS // 2]:.2f}", f"{GOAL_SECONDS:.0f}"],
        ["none that is new", f"{same:.2f}", ""],
        ["histories read out of the base table, read whole", f"{reading[0]:.2f}", ""],
        [f"the same, {REPEATS} months having landed since", f"{appended[0]:.2f}", ""],
        ["histories published, read whole", f"{reading[1]:.2f}", ""],
        [f"the same, {REPEATS} months having landed since", f"{appended[1]:.2f}", ""],
    ]
    return "\n\n".join(
        [
            f"## Landed months into the base table\n\n{series:,} daily series, {len(months) - REPEATS} months ({rows.height:,} rows), then "
            f"{REPEATS} more, one at a time (the median of these).",
            table(["what", "seconds", "goal"], said),
        ]
    )


def _step(data: Path, say: Callable[[str], None]) -> float:
    """Seconds of `update_base_table`, with its commit."""
    with connected(data / "warehouse.duckdb") as con:
        start = time.perf_counter()
        with transaction(con):
            reading = update_base_table(
                con, TelemetrySettings(), landed_months(data), today=date(2100, 1, 1), run_id="benchmark"
            )
        seconds = time.perf_counter() - start
    say(f"{seconds:.2f} s: {reading.months_read} landed months read, {reading.months_standing} standing")
    return seconds


def _readers(data: Path, since: object, say: Callable[[str], None]) -> tuple[float, float]:
    """Seconds of reading every history for a run, and of publishing them."""
    assert isinstance(since, date)
    with connected(data / "warehouse.duckdb") as con:
        start = time.perf_counter()
        with transaction(con):
            store_histories(con, since, date(2100, 1, 1), lambda tables: sum(len(each) for each in tables))
        middle = time.perf_counter()
        with transaction(con):
            publish_history(con, data)
        end = time.perf_counter()
    say(f"histories read in {middle - start:.2f} s, published in {end - middle:.2f} s")
    return middle - start, end - middle


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
