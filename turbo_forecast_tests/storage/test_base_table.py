"""The base table's digest tells other rows from the same rows, whatever order, file or run they came from."""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import duckdb
import polars as pl
import pytest

from turbo_forecast.errors import BaseTableReplacedError, StorageError, TelemetryError
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.status_log import StatusLog
from turbo_forecast.storage.base_table import (
    current_digest,
    digest_up_to,
    last_day_up_to,
    require_own_base_table,
    stored_by,
    update_base_table,
)
from turbo_forecast.storage.telemetry import reading
from turbo_forecast.storage.warehouse import connected, query, transaction
from turbo_forecast_tests.conftest import series_rows, wave

TODAY, LAST = date(2026, 2, 1), date(2025, 12, 31)
ROWS = pl.concat([series_rows(host, wave(seed=seed)[:1096]) for seed, host in enumerate(("a", "b"))])
DAY = (pl.col("host_id") == "a") & (pl.col("ds") == date(2024, 2, 29))


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with connected(tmp_path / "warehouse.duckdb") as con:
        yield con


def store(con: duckdb.DuckDBPyConnection, rows: pl.DataFrame, path: Path, run: str = "run") -> str:
    """The digest after a run has read these rows."""
    rows.rename({"ds": "timestamp", "y": "value"}).write_parquet(path)
    with transaction(con):
        update_base_table(con, TelemetrySettings(telemetry=str(path)), today=TODAY, run_id=run)
    return current_digest(con)


def test_the_same_rows_have_one_digest_in_any_order_and_file(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    first = store(con, ROWS, tmp_path / "one.parquet", "one")
    assert store(con, ROWS.sample(fraction=1, shuffle=True, seed=3), tmp_path / "two.parquet", "two") == first
    assert stored_by(con) == "two"
    kept = query(
        con, "SELECT number, run_id, digest, rows, series, first_day, last_day FROM base_table_runs ORDER BY 1"
    )
    assert kept.rows() == [
        (number, run, first, 2 * 1096, 2, date(2023, 1, 1), LAST) for number, run in ((1, "one"), (2, "two"))
    ]


OTHERS = {
    "one value": ROWS.with_columns(y=pl.when(DAY).then(pl.col("y") + 1e-9).otherwise("y")),
    "two days' values exchanged": ROWS.with_columns(
        y=pl.when(pl.col("host_id") == "a").then(pl.col("y").reverse().over("host_id")).otherwise("y")
    ),
    "two series exchanged": ROWS.with_columns(host_id=pl.col("host_id").replace({"a": "b", "b": "a"})),
    "a day less": ROWS.filter(~DAY),
    "a series less": ROWS.filter(pl.col("host_id") == "a"),
    "a host of another name": ROWS.with_columns(host_id=pl.col("host_id").replace({"b": "c"})),
    "another resource": ROWS.with_columns(resource=pl.lit("memory")),
    "a day earlier": ROWS.with_columns(ds=pl.col("ds") - timedelta(days=1)),
    "more history": pl.concat([ROWS, series_rows("a", wave(9), start=date(2022, 12, 1))]),
}


@pytest.mark.parametrize("other", OTHERS)
def test_other_rows_have_another_digest(other: str, con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    first = store(con, ROWS, tmp_path / "one.parquet")
    before = digest_up_to(con, LAST)
    assert store(con, OTHERS[other], tmp_path / "two.parquet") != first
    assert digest_up_to(con, LAST) != before


def test_days_after_a_cutoff_leave_the_digest_up_to_it(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    first = store(con, ROWS, tmp_path / "one.parquet")
    before = digest_up_to(con, LAST), digest_up_to(con, date(2025, 6, 30))
    january = pl.concat([ROWS, series_rows("new", wave(20), start=date(2026, 1, 1))])
    assert store(con, january, tmp_path / "two.parquet") != first
    assert (digest_up_to(con, LAST), digest_up_to(con, date(2025, 6, 30))) == before
    assert before[0] != before[1]


def test_telemetry_that_is_refused_leaves_digest_and_run(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    first = store(con, ROWS, tmp_path / "one.parquet", "one")
    with pytest.raises(TelemetryError):
        store(con, ROWS.with_columns(y=pl.lit(-5.0)), tmp_path / "two.parquet", "two")
    assert (current_digest(con), stored_by(con)) == (first, "one")


def test_a_run_works_with_its_own_base_table_or_with_equal_rows(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    require_own_base_table(con, "one")
    store(con, ROWS, tmp_path / "one.parquet", "one")
    store(con, ROWS, tmp_path / "two.parquet", "two")
    require_own_base_table(con, "one")
    store(con, ROWS.filter(~DAY), tmp_path / "three.parquet", "three")
    with pytest.raises(BaseTableReplacedError, match="replaced by run three after this run had read its own telemetry"):
        require_own_base_table(con, "one")
    require_own_base_table(con, "a run that read none")
    store(con, ROWS, tmp_path / "four.parquet", "four")
    require_own_base_table(con, "one")


def test_a_base_table_without_a_digest_is_to_be_read_again(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TABLE base_table (host_id VARCHAR, resource VARCHAR, ds DATE, y DOUBLE)")
    with pytest.raises(StorageError, match="by an earlier version.*materialise base_table again"):
        digest_up_to(con, LAST)


def test_the_last_day_up_to_a_cutoff_is_of_the_whole_fleet(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    store(con, pl.concat([ROWS, series_rows("late", wave(3), start=date(2026, 1, 10))]), tmp_path / "one.parquet")
    cutoffs = (date(2022, 12, 31), date(2024, 2, 29), date(2025, 12, 31), date(2026, 1, 9), date(2026, 1, 31))
    last_days = [last_day_up_to(con, cutoff) for cutoff in cutoffs]
    assert last_days == [None, date(2024, 2, 29), LAST, LAST, date(2026, 1, 12)]


def test_reading_that_takes_long_says_what_it_does(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "StatusLog", partial(StatusLog, silence_seconds=0.0005))
    path, said = tmp_path / "one.parquet", []
    ROWS.rename({"ds": "timestamp", "y": "value"}).write_parquet(path)
    with transaction(con):
        update_base_table(con, TelemetrySettings(telemetry=str(path)), today=TODAY, run_id="one", say=said.append)
    assert {line.removesuffix(", 0 s so far") for line in said} >= {
        "reading telemetry: finding what its columns are",
        "reading telemetry: making one value a day",
    }
