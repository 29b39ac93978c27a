"""A month made by hand: what a healthy run of six series leaves, without forecasting anything.

Every number is invented, and every table agrees with the others. So what a check says of it can be known beforehand,
whatever the program that makes months does.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl

from turbo_forecast import schemas
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.storage.base_table import digest_up_to, record_base_table
from turbo_forecast.storage.datasets import duckdb_sql
from turbo_forecast.storage.months import STEPS
from turbo_forecast.tables import Table
from turbo_forecast.windows import Windows, cutoff_of, run_windows
from turbo_forecast_tests.conftest import series_rows, wave
from turbo_forecast_tests.defs import made_groups, made_outlook

MONTH, EARLIER = "2025-12", "2025-11"
FILES = ("fleet_forecast", "fold_forecast", "forecast_parquet", "forecast_intervals")
GUESSER = "turbo_forecast_tests.fleet.entrants:random"
ENTRANTS = ["weighted", "median", "recent_level", GUESSER, "seasonal_naive"]
SINGLES = ENTRANTS[2:]
CHAMPION = "recent_level"
OFF = dict(zip(ENTRANTS, (0.6, 0.75, 0.5, 20.0, 1.0), strict=True))
"""How far each entrant's yhat is above what was observed (above 50 after the cutoff)."""
SIX = [(host, resource) for host in ("a", "b", "c") for resource in ("cpu", "memory")]
PART = 2
"""Series in a part."""
REACH = {0.5: 1.5, 0.8: 3.0, 0.95: 6.0}
"""How far each interval reaches below and above; the second is the main one."""
FORECAST = {"entrants": ENTRANTS, "interval_widths": list(REACH)}
SETTINGS = ForecastSettings.model_validate(FORECAST)
HALVED, MOVED = date(2026, 5, 1), date(2026, 5, 10)
"""From the first, b's cpu is half of what was forecast; from the second, it has a's cpu too."""


def base_rows() -> pl.DataFrame:
    """The base table: 2023 to 2025, a value a day."""
    return pl.concat([series_rows(host, wave(seed=i), resource=name) for i, (host, name) in enumerate(SIX)])


def store(con: duckdb.DuckDBPyConnection, table: Table, rows: pl.DataFrame) -> None:
    """Append rows to a table of the warehouse; columns that are not given are null, or a plain value where none may be."""
    con.execute(table.ddl())
    plain = {pl.String: "none", pl.Float64: 1.0, pl.Int64: 1, pl.Int32: 1}
    lacking = [column for column in table.columns if column.name not in rows.columns]
    filled = rows.with_columns(
        pl.lit(None if column.nullable else plain[column.dtype], column.dtype).alias(column.name)  # type: ignore[index]
        for column in lacking
    )
    con.register("rows", table.conform(filled).to_arrow())
    con.execute(f'INSERT INTO "{table.name}" BY NAME SELECT * FROM rows')
    con.unregister("rows")


def window_days(windows: Windows) -> pl.DataFrame:
    """Every day of every window: window, its number, its first month's place, the day, and the month of the window."""
    spans = [("forecast", -1, windows.cutoff, windows.horizon_end), ("backtest", 0, windows.train_end, windows.cutoff)]
    spans += [(f"fold {fold.number}", fold.number, fold.train_end, fold.end) for fold in windows.folds]
    parts = [
        pl.DataFrame({"ds": pl.date_range(start, end, closed="right", eager=True)}).with_columns(
            window_name=pl.lit(name),
            number=pl.lit(number),
            horizon_month=pl.lit(0, pl.Int32)
            + (pl.col("ds").dt.year() - start.year) * 12
            # the window begins with the month after the one that `start` ends
            + pl.col("ds").dt.month().cast(pl.Int32)
            - start.month,
        )
        for name, number, start, end in spans
    ]
    return pl.concat(parts)


def projected(cutoff: date, base: pl.DataFrame) -> pl.DataFrame:
    """Every entrant's rows on every window, in the order in which they are stored."""
    names = pl.DataFrame(SIX, schema=["host_id", "resource"], orient="row")
    field = pl.DataFrame({"model": ENTRANTS, "off": [OFF[name] for name in ENTRANTS], "place": range(len(ENTRANTS))})
    days = window_days(run_windows(cutoff, SETTINGS))
    rows = (
        names.join(field, how="cross").join(days, how="cross").join(base, on=["host_id", "resource", "ds"], how="left")
    )
    y = pl.when(pl.col("window_name") != "forecast").then("y")
    yhat = (pl.coalesce(y, pl.lit(50.0)) + pl.col("off")).clip(0, 100).cast(pl.Float32)
    return (
        rows.with_columns(y=y, yhat=yhat, cutoff=pl.lit(cutoff))
        .with_columns(yhat_lower=(pl.col("yhat") - 2).clip(0, 100), yhat_upper=(pl.col("yhat") + 2).clip(0, 100))
        .sort("host_id", "resource", "place", "ds")
    )


def write_parts(rows: pl.DataFrame, table: Table, folder: Path) -> None:
    """Store rows of the six series as a folder of parts."""
    folder.mkdir(parents=True)
    for lo in range(0, len(SIX), PART):
        own = pl.DataFrame(SIX[lo : lo + PART], schema=["host_id", "resource"], orient="row")
        part = rows.join(own, on=["host_id", "resource"], how="semi", maintain_order="left").pipe(table.conform)
        part.write_parquet(folder / f"{lo:08d}-{lo + PART:08d}.parquet")


def serve(con: duckdb.DuckDBPyConnection, paths: Iterable[Path]) -> None:
    """Define the view over these files, or folders of files."""
    con.execute(f"CREATE OR REPLACE VIEW tournament_results AS SELECT * FROM {duckdb_sql(*paths)}")


def make_data(data: Path) -> None:
    """A data folder with 2025-12, and of 2025-11 what 2025-12 judges."""
    data.mkdir(parents=True)
    base, cutoff, earlier = base_rows(), cutoff_of(MONTH), cutoff_of(EARLIER)
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        store(con, schemas.BASE_TABLE, base)
        record_base_table(con, "reader")
        for month in (earlier, cutoff):
            _store_state(con, month)
        rows = projected(cutoff, base)
        write_rows(data, MONTH, rows)
        write_rows(data, EARLIER, projected(earlier, base))
        _store_tournament(con, data, rows, cutoff)
        _store_accuracy(con, earlier, cutoff)
        made_outlook.store_outlook(con, base, earlier, cutoff, run_windows(cutoff, SETTINGS), store)
        made_groups.store_groups(con, base, published(rows), cutoff, store)
        serve(con, [data / "fleet_forecast" / f"{month}.parquet" for month in (EARLIER, MONTH)])


def write_rows(data: Path, month: str, rows: pl.DataFrame) -> None:
    """Every entrant's rows of a month."""
    fleet = rows.filter(pl.col("number") < 1).with_columns(phase="window_name")
    write_parts(fleet, schemas.FLEET_FORECAST, data / "fleet_forecast" / f"{month}.parquet")
    folds = rows.filter(pl.col("number") > 0).with_columns(fold="number")
    write_parts(folds, schemas.FOLD_FORECAST, data / "fold_forecast" / f"{month}.parquet")


def _store_state(con: duckdb.DuckDBPyConnection, cutoff: date) -> None:
    finished = datetime(2026, 1, 1)
    state = {
        "cutoff": cutoff,
        "month": f"{cutoff:%Y-%m}",
        "state": "complete",
        "run_id": "maker",
        "base_table_digest": digest_up_to(con, cutoff),
        "config_hash": SETTINGS.config_hash(),
        "reached": "months",
        "started_at": finished,
        "finished_at": finished,
    }
    store(con, schemas.MONTHS, pl.DataFrame([state]))
    steps = pl.DataFrame({"asset": list(STEPS)}).with_columns(
        cutoff=pl.lit(cutoff), check_name=pl.lit(""), result=pl.lit("stored"), recorded_at=pl.lit(finished)
    )
    store(con, schemas.MONTH_STEPS, steps)
    verdicts = steps.with_columns(check_name=pl.lit("no_duplicate_keys"), result=pl.lit("passed"))
    store(con, schemas.MONTH_STEPS, verdicts)


def _store_tournament(con: duckdb.DuckDBPyConnection, data: Path, rows: pl.DataFrame, cutoff: date) -> None:
    """What rests on the rows: outcomes, fits, scores, champions, intervals, the master file, standings."""
    month = pl.lit(cutoff).alias("cutoff")
    series = pl.DataFrame(SIX, schema=["host_id", "resource"], orient="row").with_columns(month)
    store(con, schemas.SERIES_OUTCOMES, series.with_columns(outcome=pl.lit("forecast")))
    fits = rows.filter(pl.col("model").is_in(SINGLES)).select("host_id", "resource", "model", "window_name").unique()
    store(con, schemas.MODEL_RUNS, fits.with_columns(month, status=pl.lit("ok"), solver=pl.lit("closed_form")))
    members = series.join(pl.DataFrame({"member": SINGLES}), how="cross")
    store(con, schemas.COMBINATION_WEIGHTS, members.with_columns(backtest=1 / 3, forecast=1 / 3))
    store(con, schemas.TOURNAMENT_SCORES, scored(rows))
    store(con, schemas.CHAMPIONS, series.with_columns(model=pl.lit(CHAMPION)))
    store(con, schemas.CALIBRATION, calibrated(series))
    store(con, schemas.PLANNED_CHANGES, changes().with_columns(month))
    store(con, schemas.PLANNED_LOADS, loads().with_columns(month))
    store(con, schemas.SCENARIO_OUTLOOK, compared().with_columns(month))
    published(rows).write_parquet(_made(data / "forecast_parquet") / f"{MONTH}.parquet")
    beside(rows).write_parquet(_made(data / "forecast_intervals") / f"{MONTH}.parquet")
    store(con, schemas.TOURNAMENT_STANDINGS, standings(month))


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def scored(rows: pl.DataFrame) -> pl.DataFrame:
    """Scores of every window that has passed: errors as they are, everything else plausible."""
    error = (pl.col("yhat").cast(pl.Float64) - pl.col("y")).abs()
    return (
        rows.filter(pl.col("window_name") != "forecast")
        .group_by("cutoff", "host_id", "resource", "model", "window_name")
        .agg(n=pl.len(), mae=error.mean(), rmse=(error**2).mean().sqrt())
        .with_columns(smape=pl.lit(0.1), coverage=pl.lit(0.8), mase=pl.lit(1.0))
    )


def calibrated(series: pl.DataFrame) -> pl.DataFrame:
    """Offsets of 3 below and above, for each month of both phases."""
    months = [("backtest", month) for month in range(1, 5)] + [("forecast", month) for month in range(1, 7)]
    places = pl.DataFrame(months, schema=["phase", "horizon_month"], orient="row")
    return series.join(places, how="cross").with_columns(lower=-3.0, upper=3.0)


def published(rows: pl.DataFrame) -> pl.DataFrame:
    """The master file's rows: the champion's, with bounds 3 below and above, inside [0, 100]."""
    own = rows.filter(pl.col("model") == CHAMPION, pl.col("number") < 1).with_columns(
        phase="window_name", outcome=pl.lit("forecast")
    )
    return planned(wide(own, 0.8)).sort("host_id", "resource", "phase", "ds").pipe(schemas.FORECAST_PARQUET.conform)


def wide(own: pl.DataFrame, width: float) -> pl.DataFrame:
    """The rows with the bounds of an interval of this width, inside [0, 100]."""
    yhat = pl.col("yhat").cast(pl.Float64)
    reach = REACH[width]
    return own.with_columns(yhat_lower=(yhat - reach).clip(0, 100), yhat_upper=(yhat + reach).clip(0, 100))


def beside(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of the intervals beside the main one."""
    own = rows.filter(pl.col("model") == CHAMPION, pl.col("number") < 1).with_columns(phase="window_name")
    both = [planned(wide(own, width), REACH[width]).with_columns(interval_width=width) for width in (0.5, 0.95)]
    named = pl.concat(both).select(pl.exclude("lower", "upper")).rename({"yhat_lower": "lower", "yhat_upper": "upper"})
    return named.pipe(schemas.FORECAST_INTERVALS.conform)


def changes() -> pl.DataFrame:
    """What is planned: two rows of a file, the second of which concerns two hosts."""
    rows = [
        (1, "b", "cpu", "", HALVED, "factor", 0.5),
        (2, "a", "cpu", "b", MOVED, "move_to", 1.0),
        (2, "b", "cpu", "a", MOVED, "move_from", 1.0),
    ]
    columns = ["file_row", "host_id", "resource", "other", "from_ds", "what", "amount"]
    told = {"scenario": "baseline", "kind": "series", "effect": "applied"}
    return pl.DataFrame(rows, schema=columns, orient="row").with_columns(
        pl.lit(value).alias(name) for name, value in told.items()
    )


def loads() -> pl.DataFrame:
    """What the two loads consist of, stretch by stretch."""
    end = run_windows(cutoff_of(MONTH), SETTINGS).horizon_end
    rows = [
        ("b", "cpu", HALVED, MOVED - timedelta(days=1), "b", 0.5),
        ("b", "cpu", MOVED, end, "b", 0.5),
        ("b", "cpu", MOVED, end, "a", 1.0),
        ("a", "cpu", MOVED, end, "a", 0.0),
    ]
    told = {"scenario": "baseline", "kind": "series", "source_kind": "series"}
    columns = ["host_id", "resource", "from_ds", "until_ds", "source", "weight"]
    return pl.DataFrame(rows, schema=columns, orient="row").with_columns(
        *(pl.lit(value).alias(name) for name, value in told.items()), shift=pl.lit(0.0)
    )


def compared() -> pl.DataFrame:
    """Two thresholds of b's cpu, without which nothing is to be bought: one is reached later, one no longer."""
    common = {
        "scenario": "more hosts",
        "kind": "series",
        "host_id": "b",
        "resource": "cpu",
        "baseline_state": "expected",
    }
    rows = [
        (70.0, 0.6, 0.9, date(2026, 3, 11), date(2026, 3, 1), 10, "expected"),
        (80.0, 0.4, 0.7, None, date(2026, 4, 1), None, "possible"),
    ]
    columns = [
        "threshold",
        "probability_182",
        "baseline_probability_182",
        "likely",
        "baseline_likely",
        "days_gained",
        "state",
    ]
    return pl.DataFrame(rows, schema=columns, orient="row").with_columns(
        pl.lit(value).alias(name) for name, value in common.items()
    )


def planned(rows: pl.DataFrame, reach: float = 3.0) -> pl.DataFrame:
    """The rows with what is planned: 50.5 ± reach is forecast of every series."""
    after = [
        ("b", HALVED, (25.25, 25.25 - reach / 2, 25.25 + reach / 2)),
        ("b", MOVED, (75.75, 75.75 - 1.5 * reach, 75.75 + 1.5 * reach)),
        ("a", MOVED, (0.0, 0.0, 0.0)),
    ]
    for host, day, values in after:
        is_changed = (pl.col("host_id") == host) & (pl.col("resource") == "cpu") & (pl.col("ds") >= day)
        for name, value in zip(("yhat", "yhat_lower", "yhat_upper"), values, strict=True):
            rows = rows.with_columns(pl.when(is_changed).then(pl.lit(value)).otherwise(name).alias(name))
    return rows


def standings(month: pl.Expr) -> pl.DataFrame:
    """Everyone's rows: 4 months and the whole, each resource's three series and all six."""
    who = pl.DataFrame({"model": [*ENTRANTS, "champion"]})
    where = pl.DataFrame({"resource": ["cpu", "memory", "all"], "series": [3, 3, 6]})
    rows = who.join(where, how="cross").join(pl.DataFrame({"horizon_month": range(5)}), how="cross")
    shares: Mapping[str, pl.Expr] = {name: pl.lit(0.5) for name in ("coverage", "mean_coverage")}
    optional = {"mase": 1.0, "mase_low": 0.9, "mase_high": 1.1}
    beaten = {"beats_seasonal_naive": 0.5, "beats_low": 0.4, "beats_high": 0.6}
    return rows.with_columns(
        month, n=pl.col("series") * 30, own=pl.col("series"), mase_series=pl.col("series"),
        **shares, **{name: pl.lit(value) for name, value in (optional | beaten).items()},
    )  # fmt: skip


def _store_accuracy(con: duckdb.DuckDBPyConnection, earlier: date, cutoff: date) -> None:
    """December, of which November's forecast is judged."""
    who = pl.DataFrame({"model": [*ENTRANTS, "champion"]})
    rows = who.join(pl.DataFrame({"resource": ["cpu", "memory", "all"]}), how="cross")
    judged = rows.with_columns(cutoff=pl.lit(cutoff), forecast_cutoff=pl.lit(earlier), lead_month=pl.lit(1))
    store(con, schemas.FORECAST_ACCURACY, judged.with_columns(n=pl.lit(31), coverage=pl.lit(0.8)))
