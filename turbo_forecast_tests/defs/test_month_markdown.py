"""The month's report: figures by hand, what is seen without a click, and names that others chose."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import dagster as dg
import duckdb
import polars as pl
import pytest

from turbo_forecast.defs.month_markdown import (
    MonthFacts,
    closing_metadata,
    in_short,
    month_facts,
    numbers,
    report,
)
from turbo_forecast.defs.run_warnings import warnings_so_far
from turbo_forecast.schemas import (
    BASE_TABLE,
    CAPACITY_OUTLOOK,
    CHAMPIONS,
    FORECAST_ACCURACY,
    MONTH_STEPS,
    OUTLOOK_ACCURACY,
    OUTLOOK_BACKTEST,
    OUTLOOK_RELIABILITY,
    RUN_AUDIT,
    SERIES_OUTCOMES,
    TOURNAMENT_SCORES,
    TOURNAMENT_STANDINGS,
)
from turbo_forecast_tests.defs.conftest import MONTH, Place

CUTOFF = date(2025, 12, 31)
ODD = "<b>|`x"
PICTURE = dg.MetadataValue.md("![plot](data:…)")
TABLES = (
    *(BASE_TABLE, CHAMPIONS, FORECAST_ACCURACY, MONTH_STEPS, RUN_AUDIT, SERIES_OUTCOMES, TOURNAMENT_SCORES),
    *(TOURNAMENT_STANDINGS, CAPACITY_OUTLOOK, OUTLOOK_ACCURACY, OUTLOOK_BACKTEST, OUTLOOK_RELIABILITY),
)
JUDGED = pl.DataFrame({"lead_month": [1, 2], "mae": [1.5, 2.5], "inside": [0.75, 0.5], "days": [1_240, 31]})


def insert(con: duckdb.DuckDBPyConnection, table: str, **values: object) -> None:
    """A row of a monthly table; columns that are not given are empty."""
    values = {"cutoff": CUTOFF, **values}
    asked = ", ".join(f'? AS "{name}"' for name in values)
    con.execute(f"INSERT INTO {table} BY NAME SELECT {asked}", list(values.values()))


def series(
    con: duckdb.DuckDBPyConnection, host: str, level: float, *, resource: str = "cpu", mase: float | None
) -> None:
    """A series with two backtest days, of which the first is inside the interval, and two days of forecast: level + 1, + 2."""
    for ago in (1, 0):
        con.execute("INSERT INTO base_table VALUES (?, ?, ?, ?)", [host, resource, CUTOFF - timedelta(days=ago), level])
    insert(con, "champions", host_id=host, resource=resource, model="m", reason="", folds=3)
    score = {"n": 2, "rmse": 0, "smape": 0, "bias": 0, "coverage": 0, "pinball": 0, "interval_score": 0}
    for model, mae in (("m", 2.0 * (mase or 0)), ("other", 99.0)):
        for window, worse in (("backtest", 0), ("fold 1", 50)):
            insert(
                con, "tournament_scores", host_id=host, resource=resource, model=model, window_name=window, mae=mae + worse,
                mase=mase if window == "backtest" and model == "m" else 77.0, **score,
            )  # fmt: skip
    outcome = {"observations": 1, "fits": 1, "milliseconds": 1}
    insert(con, "series_outcomes", host_id=host, resource=resource, outcome="forecast", **outcome)
    backtest = [(CUTOFF - timedelta(days=1), level, level), (CUTOFF, level, level + 1)]
    for day, y, lower in backtest:
        insert(con, "published", host_id=host, resource=resource, phase="backtest", ds=day, y=y, yhat=level, yhat_lower=lower, yhat_upper=100)  # fmt: skip
    for ahead in (1, 2):
        insert(con, "published", host_id=host, resource=resource, phase="forecast", ds=CUTOFF + timedelta(days=ahead), y=None, yhat=level + ahead, yhat_lower=0, yhat_upper=100)  # fmt: skip


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        for table in TABLES:
            con.execute(table.ddl())
        con.execute(
            "CREATE TABLE published (cutoff DATE, host_id VARCHAR, resource VARCHAR, phase VARCHAR, ds DATE, y DOUBLE, "
            "yhat DOUBLE, yhat_lower DOUBLE, yhat_upper DOUBLE)"
        )
        yield con


@pytest.fixture
def ask(con: duckdb.DuckDBPyConnection) -> Callable[..., MonthFacts]:
    """Three series, one of another resource, one without MASE."""
    series(con, ODD, 97.0, mase=1.0)
    series(con, "soon", 93.5, resource="memory", mase=0.5)
    series(con, "low", 10.0, mase=None)
    con.execute("INSERT INTO base_table VALUES ('untold', 'cpu', '2025-12-01', 1), ('later', 'cpu', '2026-01-01', 1)")
    return lambda **other: month_facts(con, CUTOFF, 0.8, published="published", **other)


def test_the_numbers_of_a_month_are_what_a_hand_counts(ask: Callable[..., MonthFacts]) -> None:
    assert numbers(ask(scored=JUDGED, warnings=["a.b: c"])) == {
        "series": 4,
        "share of series with an outcome": 0.75,
        "series with outcome forecast": 3,
        "series with outcome fallback": 0,
        "series with outcome retired": 0,
        "series with outcome failed": 0,
        "champions' mean MASE over series": 0.75,
        "champions' mean MAE over series (points)": 1.0,
        "backtest days inside the interval (percent)": 50.0,
        "MAE of the forecast of the month before (points)": 1.5,
        "days inside the interval of the month before (percent)": 75.0,
        "warnings so far": 1,
    }


def test_a_figure_that_does_not_exist_is_no_number(con: duckdb.DuckDBPyConnection) -> None:
    found = numbers(month_facts(con, CUTOFF, 0.8, published="published"))
    assert found["series"] == 0
    assert {name for name in found if "MA" in name or "inside" in name or "share" in name} == set()


def test_the_month_in_short_says_what_happened_in_lines_that_dagster_shows_at_once(
    ask: Callable[..., MonthFacts],
) -> None:
    assert in_short(ask(scored=JUDGED, warnings=["a.b: c", "d.e: f"])).value.splitlines() == [  # type: ignore[union-attr]
        "- **Series:** 4 in the base table by 2025-12-31, 3 with an outcome \\(1 WITHOUT\\): 3 forecast",
        "- **Backtest of what is published:** MASE 0.750 over 2 series, MAE 1.00 points; 50.0 % of 6 days inside the 80 % interval",
        "- **2025-12, as forecast the month before:** MAE 1.50 points, 75.0 % of 1,240 days inside the interval",
        "- **Warnings so far:** a.b, d.e",
    ]


def test_the_month_in_short_stays_short_whatever_the_names(ask: Callable[..., MonthFacts]) -> None:
    facts = ask(warnings=[f"{'x' * 180}.{number}: y" for number in range(9)])
    long = replace(
        facts, completeness=replace(facts.completeness, outcomes=pl.DataFrame({"outcome": ["*" * 900], "n": [3]}))
    )
    for told in (facts, long):
        assert 0 < len(str(in_short(told).value)) < 1_000
    assert "and 6 more" in str(in_short(facts).value)


def test_the_report_tells_all_of_it_in_order(ask: Callable[..., MonthFacts], con: duckdb.DuckDBPyConnection) -> None:
    con.execute("UPDATE series_outcomes SET reason = 'too short: 7 days' WHERE host_id = 'low'")
    text = report(ask(scored=JUDGED, warnings=[f"a.b: {'long ' * 60}end", "c.d: <i>"]), PICTURE)
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == [
        "# Forecast of 2025-12", "## The fleet, by resource", "## How good the forecasts are",
        "## What became of the series", "## Warnings",
    ]  # fmt: skip
    assert "| all | 3 | 1.00 | 0.750 | 50.0 % | 6 |\n| cpu | 2 | 1.00 | 1.000 | 50.0 % | 4 |\n| memory | 1 |" in text
    assert "| 1 | 1.50 | 75.0 % | 1,240 |\n| 2 | 2.50 | 50.0 % | 31 |" in text
    assert "| forecast | 3 |" in text
    assert "| 1 | too short: 7 days |" in text
    assert "Published: 3 m." in text
    assert "long end\n- c.d: &lt;i&gt;" in text  # a warning is whole: what to do stands at its end
    assert str(PICTURE.value) in text
    assert ODD not in text


def test_a_month_without_backtest_or_earlier_month_says_so(con: duckdb.DuckDBPyConnection) -> None:
    text = report(month_facts(con, CUTOFF, 0.8, published="published"), PICTURE)
    assert "No series is long enough for a backtest." in text
    assert "No earlier month's forecast can be compared with this month yet." in text
    assert "None so far." in text


def test_a_complete_month_tells_standings_accuracy_and_seconds(con: duckdb.DuckDBPyConnection) -> None:
    fixed = {"resource": "all", "horizon_month": 0, "series": 2, "own": 2, "n": 9, "mase_series": 1, "bias": 0}
    scores = {"coverage": 0.5, "mean_coverage": 0.25, "interval_score": 9.04, "mean_rank": 1.5, "wins": 1234}
    insert(con, "tournament_standings", model="champion", mae=2.5, mase=None, **fixed, **scores)
    accuracy: dict[str, Any] = {
        "model": "champion",
        "resource": "all",
        "series": 2,
        "own": 2,
        "bias": 0,
        "interval_score": 1,
    }
    for month, mae, n in ((10, 4.0, 10), (11, 2.0, 30)):
        insert(con, "forecast_accuracy", forecast_cutoff=date(2025, month, 30), lead_month=1, mae=mae, n=n, coverage=0.5, **accuracy)  # fmt: skip
    for stage, seconds in (("work", 2.25), ("rest", 0.5)):
        insert(con, "run_audit", asset="one", stage=stage, seconds=seconds, clock="wall", series=1, peak_memory_mb=1, versions="", config_hash="", run_id="")  # fmt: skip
    found = closing_metadata(con, CUTOFF, ["a.b: c"])
    assert found["seconds in the stages of the month's assets"] == 2.8
    assert found["warnings"] == 1
    text = str(found["report"].value)
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# 2025-12 is complete", "## What runs full next", "## How often such statements were true",
        "## Backtest, means over series", "## Earlier forecasts against what has happened since", "## Warnings",
        "## Seconds in the stages of the month's assets: 2.8",
    ]  # fmt: skip
    assert "| champion | 2.50 | – | 50.0 % | 9.0 | 1,234 |" in text
    assert "| 1 | 2.50 | 50.0 % | 40 | 2 |" in text
    assert "- a.b: c" in text
    assert "| 2.2 | one: work |" in text


def test_checks_that_did_not_pass_are_told_with_their_sentence_or_as_of_an_earlier_run(
    con: duckdb.DuckDBPyConnection, fresh_place: Callable[[], Place]
) -> None:
    @dg.asset
    def thing() -> None: ...

    @dg.asset_check(asset=thing)
    def fails() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False, description="it is s3://bob:secret@h/x?key=secret")

    @dg.asset_check(asset=thing)
    def holds() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True, description="fine")

    instance = dg.DagsterInstance.ephemeral()
    result = dg.materialize([thing, fails, holds], instance=instance)
    for check, found in (("fails", "warned"), ("earlier", "failed"), ("good", "passed"), ("", "stored")):
        insert(con, "month_steps", asset="thing", check_name=check, result=found, run_id="", recorded_at=CUTOFF)
    assert warnings_so_far(instance, result.run_id, con, CUTOFF) == [
        "thing.fails: it is s3://h/x",
        "thing.earlier: did not pass in an earlier run; see the asset's checks",
    ]


@pytest.mark.xdist_group("definitions")  # where the month is made
def test_a_materialised_month_shows_figures_that_the_files_bear_out(
    month: tuple[Place, dg.ExecuteInProcessResult],
) -> None:
    place, result = month
    (event,) = result.asset_materializations_for_node("forecast_parquet")
    found = {name: value.value for name, value in event.metadata.items()}
    rows = pl.read_parquet(place.data / "forecast_parquet" / f"{MONTH}.parquet")
    days = rows.filter(pl.col("phase") == "backtest", pl.col("y").is_not_null())
    inside = ((days["yhat_lower"] <= days["y"]) & (days["y"] <= days["yhat_upper"])).mean()
    assert found["series"] == rows.n_unique(["host_id", "resource"]) == 6
    assert found["backtest days inside the interval (percent)"] == pytest.approx(100 * inside, abs=1e-4)
    errors = days.group_by("host_id", "resource").agg((pl.col("yhat") - pl.col("y")).abs().mean())["yhat"]
    assert found["champions' mean MAE over series (points)"] == pytest.approx(errors.mean(), abs=1e-4)
    assert found["dagster/row_count"] == len(rows)
    assert found["MAE of the forecast of the month before (points)"] > 0  # the month before was made first
    assert "base\\_table.telemetry\\_is\\_fresh" in found["in short"]  # these days are long past
    assert "data:image/svg" in found["report"]
