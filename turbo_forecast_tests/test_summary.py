"""The summary tells what was stored, and changes nothing."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from turbo_forecast.errors import StorageError
from turbo_forecast.schemas import (
    BASE_TABLE,
    CHAMPIONS,
    FORECAST_ACCURACY,
    RUN_AUDIT,
    SERIES_OUTCOMES,
    TOURNAMENT_RESULTS,
    TOURNAMENT_STANDINGS,
)
from turbo_forecast.summary import summary

CUTOFF = date(2025, 12, 31)
TABLES = (
    *(BASE_TABLE, CHAMPIONS, FORECAST_ACCURACY, RUN_AUDIT, SERIES_OUTCOMES, TOURNAMENT_RESULTS),
    TOURNAMENT_STANDINGS,
)


def insert(con: duckdb.DuckDBPyConnection, table: str, **values: object) -> None:
    """A row of a monthly table; columns that are not given are empty."""
    values = {"cutoff": CUTOFF, **values}
    asked = ", ".join(f"? AS {name}" for name in values)
    con.execute(f"INSERT INTO {table} BY NAME SELECT {asked}", list(values.values()))


def stand(con: duckdb.DuckDBPyConnection, model: str, mae: float, mase: float | None, **other: object) -> None:
    """A row of the standings over everything, unless said otherwise."""
    interval = {"mase_low": mase - 0.1, "mase_high": mase + 0.1} if mase else {}
    fixed = {"resource": "all", "horizon_month": 0, "series": 2, "own": 2, "bias": 0, "coverage": 0.5}
    scores = {"interval_score": 9.04, "mean_rank": 1.5, "wins": 1234}
    insert(con, "tournament_standings", model=model, mae=mae, mase=mase, **interval, **{**fixed, **scores, **other})


def judge(
    con: duckdb.DuckDBPyConnection, month: int, lead: int, mae: float, n: int, inside: float, **o: object
) -> None:
    """A row of the accuracy of what was published in a month of 2025."""
    fixed = {"resource": "all", "model": "champion", "series": 2, "own": 2, "bias": 0, "interval_score": 1}
    scores = {"lead_month": lead, "mae": mae, "n": n, "coverage": inside}
    insert(con, "forecast_accuracy", **{"forecast_cutoff": date(2025, month, 28), **fixed, **scores, **o})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two live series and one retired, of which one runs full, written by hand."""
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as con:
        for table in TABLES:
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
        for host in ("a", "soon"):
            insert(con, "champions", host_id=host, resource="cpu", model="m", reason="why", folds=3)
        insert(con, "champions", host_id="b", resource="cpu", model="x", reason="why", folds=3)
        insert(
            con, "champions", cutoff=date(2025, 11, 30), host_id="b", resource="cpu", model="old", reason="", folds=3
        )
        stand(con, "x", 3.0, 1.25)
        stand(con, "champion", 2.5, 1.2, coverage=0.8)
        stand(con, "m", 2.0, None)
        stand(con, "month", 1.0, 1.0, horizon_month=1)
        stand(con, "memory", 1.0, 1.0, resource="memory")
        stand(con, "earlier", 1.0, 1.0, cutoff=date(2025, 11, 30))
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


def test_the_standings_show_the_published_forecast_first_then_the_entrants_by_their_error(data: Path) -> None:
    lines = summary(data, CUTOFF).splitlines()
    at = next(place for place, line in enumerate(lines) if line.startswith("Backtest, means over series:"))
    assert [line.split() for line in lines[at + 1 : at + 4]] == [
        ["champion", "(published)", "2.50", "1.200", "(1.100–1.300)", "80.0%", "9.0", "1.50", "1,234"],
        ["m", "2.00", "–", "50.0%", "9.0", "1.50", "1,234"],
        ["x", "3.00", "1.250", "(1.150–1.350)", "50.0%", "9.0", "1.50", "1,234"],
    ]
    assert lines[at + 4] == "Champions: 2 m · 1 x"
    ends = {len(line) for line in lines[at : at + 4]}
    assert len(ends) == 1, "numbers stand under their headings"


def test_nothing_is_said_of_earlier_forecasts_where_there_are_none(data: Path) -> None:
    assert "Earlier forecasts" not in summary(data, CUTOFF)


def test_earlier_forecasts_are_summed_up_by_months_ahead_over_their_days(data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        judge(con, 11, 1, mae=2.0, n=30, inside=0.9)
        judge(con, 10, 1, mae=4.0, n=10, inside=0.5)
        judge(con, 10, 2, mae=5.0, n=10, inside=0.75)
        judge(con, 10, 2, mae=99.0, n=10, inside=0.0, model="m")
        judge(con, 10, 2, mae=99.0, n=10, inside=0.0, resource="cpu")
        judge(con, 10, 3, mae=99.0, n=10, inside=0.0, cutoff=date(2025, 11, 30))
    lines = summary(data, CUTOFF).splitlines()
    at = lines.index("Earlier forecasts against what has happened since (published, by months ahead):")
    assert lines[at + 1 : at + 3] == [
        "  month 1: MAE 2.50, 80.0% inside the interval (2 forecasts)",
        "  month 2: MAE 5.00, 75.0% inside the interval (1 forecast)",
    ]
    assert lines[at + 3].startswith("Run full first")


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


def test_a_month_without_standings_or_full_hosts_says_so(data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        con.execute("DELETE FROM tournament_standings")
        con.execute("DELETE FROM champions")
    text = summary(data, CUTOFF)
    assert "none: no series is long enough for a backtest" in text
    assert "Champions: none" in text
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
