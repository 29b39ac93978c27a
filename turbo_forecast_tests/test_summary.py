"""The summary tells what was stored, and changes nothing."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from turbo_forecast.errors import StorageError
from turbo_forecast.schemas import (
    BASE_TABLE,
    CHAMPIONS,
    RUN_AUDIT,
    SERIES_OUTCOMES,
    TOURNAMENT_RESULTS,
    TOURNAMENT_SCORES,
)
from turbo_forecast.summary import summary

CUTOFF = date(2025, 12, 31)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two live series and one retired, of which one runs full, written by hand."""
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as con:
        for table in (BASE_TABLE, CHAMPIONS, RUN_AUDIT, SERIES_OUTCOMES, TOURNAMENT_RESULTS, TOURNAMENT_SCORES):
            con.execute(table.ddl())
        con.execute(
            "INSERT INTO base_table SELECT h, 'cpu', DATE '2025-12-01', 1 FROM (VALUES ('a'), ('b'), ('c')) t(h)"
        )
        con.execute("INSERT INTO base_table VALUES ('later', 'cpu', DATE '2026-01-01', 1)")
        for host, outcome, reason in (("a", "forecast", None), ("b", "fallback", "too short: 12 days, 60 needed")):
            con.execute(
                "INSERT INTO series_outcomes BY NAME SELECT DATE '2025-12-31' AS cutoff, ? AS host_id, "
                "'cpu' AS resource, ? AS outcome, ? AS reason, 1 AS observations, 1 AS fits, 1 AS milliseconds",
                [host, outcome, reason],
            )
        rows = [("a", "m", "2026-02-01", 95.0), ("a", "m", "2026-01-20", 94.9), ("a", "x", "2026-01-02", 99.0)]
        for host, model, day, yhat in rows:
            con.execute(
                "INSERT INTO tournament_results VALUES (?, 'cpu', ?, 'forecast', '2025-12-31', ?, NULL, ?, 0, 100)",
                [host, model, day, yhat],
            )
        con.execute(
            "INSERT INTO tournament_results SELECT * REPLACE ('soon' AS host_id, 95.0 AS yhat) "
            "FROM tournament_results WHERE ds = '2026-01-20'"
        )
        con.execute("INSERT INTO champions VALUES ('2025-12-31', 'a', 'cpu', 'm', 'why')")
        con.execute("INSERT INTO champions VALUES ('2025-12-31', 'soon', 'cpu', 'm', 'why')")
        con.execute(
            "INSERT INTO tournament_scores VALUES ('2025-12-31', 'a', 'cpu', 'm', 9, 2, 3, 0.1, NULL, 0, 0.75, 8), "
            "('2025-12-31', 'b', 'cpu', 'm', 9, 4, 5, 0.1, 1.5, 0, 0.25, 10)"
        )
        con.execute(
            "INSERT INTO run_audit BY NAME SELECT DATE '2025-12-31' AS cutoff, 'one' AS asset, 'work' AS stage, "
            "12.5 AS seconds, 'wall' AS clock, 1 AS series, 1 AS peak_memory_mb, '' AS versions, '' AS config_hash, "
            "'' AS run_id"
        )
    return tmp_path


def test_the_summary_counts_what_is_stored(data: Path) -> None:
    text = summary(data, CUTOFF)
    assert "Month 2025-12 (cutoff 2025-12-31)" in text
    assert "Series: 3 in the base table, 2 with an outcome (66.7%)" in text
    assert "1 forecast" in text
    assert "1 fallback" in text
    assert "1 × too short: N days, N needed" in text


def test_the_standings_are_means_over_series_and_mase_over_those_that_have_one(data: Path) -> None:
    line = next(line for line in summary(data, CUTOFF).splitlines() if line.startswith("  m "))
    assert line.split() == ["m", "2", "3.00", "4.00", "1.500", "50.0%", "9.0"]


def test_only_the_champions_forecast_tells_who_runs_full(data: Path) -> None:
    text = summary(data, CUTOFF)
    assert "2026-02-01  a cpu" in text
    assert "2026-01-02" not in text
    assert "2026-01-20" not in text
    assert "1 do within four weeks" in text


def test_the_summary_names_the_files_and_the_seconds(data: Path) -> None:
    text = summary(data, CUTOFF)
    assert str(data / "forecast_parquet" / "2025-12-01.parquet") in text
    assert str(data / "warehouse.duckdb") in text
    assert "12.50  one: work" in text


def test_a_month_without_scores_or_full_hosts_says_so(data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        con.execute("DELETE FROM tournament_scores")
        con.execute("DELETE FROM champions")
    text = summary(data, CUTOFF)
    assert "none: no series is long enough for a backtest" in text
    assert "no other within the horizon" in text


def test_the_summary_changes_nothing(data: Path) -> None:
    before = (data / "warehouse.duckdb").read_bytes()
    summary(data, CUTOFF)
    assert (data / "warehouse.duckdb").read_bytes() == before
    assert [path.name for path in data.iterdir()] == ["warehouse.duckdb"]


def test_a_warehouse_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "warehouse.duckdb").write_text("no database" * 500)
    with pytest.raises(StorageError, match=r"warehouse.duckdb cannot be opened"):
        summary(tmp_path, CUTOFF)
