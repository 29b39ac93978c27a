"""The whole `fleet_forecast` step: turbo beside stan, two workers beside one, small fleets beside large."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pyarrow as pa

from benchmarks.measuring import Times, table, timed
from turbo_forecast.defs.fleet_month import forecast_month
from turbo_forecast.defs.resources import DataFolder, Warehouse
from turbo_forecast.fleet.audit import AuditTimer
from turbo_forecast.fleet.run import run_fleet
from turbo_forecast.fleet.store import SCHEMA, write_store
from turbo_forecast.library.forecast import series_table
from turbo_forecast.schemas import BASE_TABLE, FLEET_FORECAST, FOLD_FORECAST
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.storage.base_table import record_base_table
from turbo_forecast.storage.datasets import publish_folder
from turbo_forecast.storage.warehouse import connected, transaction
from turbo_forecast.windows import run_windows

MONTH = "2025-12-01"
CUTOFF = date(2025, 12, 31)
REPEATS = 3


def step(rows: pl.DataFrame, settings: ForecastSettings) -> float:
    """Seconds of the step: read from the warehouse, two fits a series, intervals, write."""
    with TemporaryDirectory() as folder:
        database = Path(folder, "warehouse.duckdb")
        with connected(database) as con, transaction(con):
            con.execute(BASE_TABLE.ddl())
            con.register("rows", rows.to_arrow())
            con.execute("INSERT INTO base_table BY NAME SELECT * FROM rows ORDER BY host_id, resource, ds")
            record_base_table(con, "benchmark")
        warehouse, data = Warehouse(database=str(database)), DataFolder(path=folder)

        def stored() -> None:
            with forecast_month(MONTH, settings, warehouse, data, "benchmark", lambda line: None) as run:
                for table, made in ((FLEET_FORECAST, run.fleet.rows_folder), (FOLD_FORECAST, run.fleet.folds_folder)):
                    publish_folder(made, data.root / table.name / f"{CUTOFF:%Y-%m}.parquet")

        return timed(stored)


def run(series: pa.Table, settings: ForecastSettings) -> float:
    """Seconds of a run over a ready store."""
    with TemporaryDirectory() as folder:
        store = write_store(series, Path(folder, "series.arrow"))
        window = run_windows(CUTOFF, settings)
        return timed(
            lambda: run_fleet(
                store,
                window,
                settings,
                checkpoint=Path(folder, "run"),
                timer=AuditTimer(),
                log=lambda line: None,
            )
        )


def repeated(series: pa.Table, count: int) -> pa.Table:
    """`count` series: the given ones over and over, under new names."""
    whole = pa.concat_tables([series.cast(SCHEMA)] * -(-count // len(series))).slice(0, count)
    names = pa.array([f"host-{index:06}" for index in range(count)])
    return whole.set_column(0, "host_id", names)


def report(rows: pl.DataFrame, sample_hosts: int, sizes: tuple[int, ...], say: Callable[[str], None]) -> str:
    """The section of RESULTS.md."""
    turbo, stan = (
        ForecastSettings(entrants=["prophet"], folds=0),
        ForecastSettings(entrants=["prophet"], folds=0, engine="stan"),
    )
    total = rows.select(pl.struct("host_id", "resource").n_unique()).item()
    hosts = rows["host_id"].unique().sort().gather_every(max(1, rows["host_id"].n_unique() // sample_hosts))
    sample = rows.filter(pl.col("host_id").is_in(hosts.implode()))
    sampled = sample.select(pl.struct("host_id", "resource").n_unique()).item()
    step(sample, turbo)  # kernels compiled, pages warm
    whole = Times([step(rows, turbo) for _ in range(REPEATS)])
    say(f"turbo step: {whole.seconds}")
    stock = step(sample, stan)
    say(f"stan step on {sampled}: {stock:.1f}")
    ratio = stock / sampled / (whole.median / total)
    history = run_windows(CUTOFF, turbo).history_start
    series = series_table(rows.filter(pl.col("ds") <= CUTOFF), history)
    workers = {n: Times([run(series, turbo.model_copy(update={"workers": n})) for _ in range(REPEATS)]) for n in (1, 2)}
    say(f"workers: {workers}")
    by_size = {size: run(repeated(series, size), turbo) for size in sizes}
    say(f"sizes: {by_size}")
    first, last = sizes[0], sizes[-1]
    steps = [
        [f"engine turbo, {total:,} series", f"{whole.median:.1f}", f"{whole.median / total * 1000:.2f}", ""],
        [f"engine stan, {sampled:,} of them", f"{stock:.1f}", f"{stock / sampled * 1000:.1f}", ""],
        ["ratio per series", "", f"{ratio:,.0f} ×", "60 ×"],
        [f"1 worker, {total:,} series, store ready", f"{workers[1].median:.1f}", "", ""],
        ["2 workers", f"{workers[2].median:.1f}", f"{workers[1].median / workers[2].median:.2f} ×", "1.8 ×"],
    ]
    growth = [[f"{size:,}", f"{seconds:.1f}", f"{seconds / size * 1000:.3f}"] for size, seconds in by_size.items()]
    return "\n\n".join(
        [
            f"## The whole fleet_forecast step\n\nRead, two fits a series, intervals, write; {turbo.worker_count} workers; "
            f"median of {REPEATS} runs.",
            table(["what", "seconds", "per series, ms", "goal"], steps),
            f"From {first:,} to {last:,} series (goal: linear within 15 %; time per series at {last:,} is "
            f"{by_size[last] / last / (by_size[sizes[1]] / sizes[1]) - 1:+.0%} against {sizes[1]:,}):",
            table(["series", "seconds", "per series, ms"], growth),
        ]
    )
