"""A result in a notebook: its one line, its summary, its pictures; whatever hosts are called."""

import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest

from turbo_forecast import forecast_fleet
from turbo_forecast.errors import SettingsError
from turbo_forecast.library.pictures import pictures_of
from turbo_forecast.library.result import FIELDS, FleetResult, Summary
from turbo_forecast.outlook.rows import GROUP, SERIES
from turbo_forecast.schemas import FORECAST_INTERVALS, FORECAST_PARQUET, MONTHS
from turbo_forecast.storage.base_table import record_base_table
from turbo_forecast.storage.files import write_parquet
from turbo_forecast.storage.published.history import publish_history
from turbo_forecast.storage.published.writing import Publication, publish_month
from turbo_forecast.summary import TABLES, summary
from turbo_forecast_tests.conftest import CUTOFF, series_rows, wave

pytestmark = pytest.mark.xdist_group("library_result")

START = date(2024, 1, 1)
DAYS = (CUTOFF - START).days + 1  # 731
EVIL = "<script>alert('=1+1')</script> \u202e [red] {x} 名"
GONE = np.arange(DAYS) < 500
BASE = pl.concat(
    [
        series_rows("web-1", wave(DAYS, level=70), start=START),
        series_rows("web-1", wave(DAYS, seed=1), start=START, resource="memory"),
        series_rows("web-2", wave(DAYS, seed=2), start=START),
        series_rows("gone", wave(DAYS, seed=3), start=START, keep=GONE),
        series_rows(EVIL, wave(DAYS, seed=4), start=START, resource="c:pu.x[0]"),
    ]
)
GROUPS = pl.DataFrame(
    {"host_id": ["web-1", "web-2", "web-1"], "group": ["site", "site", "web-2"]}
)  # a group called as a host
PLANS = pl.DataFrame(
    {
        "date": ["2026-03-01", "2026-04-01"],
        "host_id": ["web-2", "web-1"],
        "change": [10.0, 5.0],
        "scenario": [None, "later"],
    }
)
OPTIONS: dict[str, Any] = {
    "entrants": ["recent_level", "seasonal_naive"],
    "interval_widths": [0.5, 0.8],
    "train_months": 14,
    "folds": 1,
    "workers": 1,
    "log": lambda line: None,
}


@pytest.fixture(scope="module")
def result() -> FleetResult:
    about = {"thresholds": [80.0, 95.0], "reserve": {"hosts": 1.0}}
    return forecast_fleet(BASE, CUTOFF, groups=GROUPS, plans=PLANS, outlook=about, **OPTIONS)


def pictures(result: FleetResult, *asked: Any) -> list[Any]:
    host, resource, kind = (*asked, None, None)[:3]
    return pictures_of(result, result._context, host, resource, kind)


# One line


def test_it_shows_itself_in_a_line(result: FleetResult) -> None:
    seconds = result.audit.filter(pl.col("clock") == "wall")["seconds"].sum()
    assert repr(result) == (
        f"<FleetResult: cutoff 2025-12-31; 5 series (4 forecast · 1 retired); 2 groups; 2 entrants; {seconds:.1f} s>"
    )


def test_what_can_be_asked_of_it_is_found_by_its_names(result: FleetResult) -> None:
    public = {name for name in dir(result) if not name.startswith("_")}
    assert public == {*FleetResult.frames(), "frames", "plot", "summary"}
    assert all(isinstance(getattr(result, name), pl.DataFrame) for name in FleetResult.frames())


# The summary


def test_its_summary_is_what_a_run_prints_of_the_same_tables(result: FleetResult, tmp_path: Path) -> None:
    for table in (FORECAST_PARQUET, FORECAST_INTERVALS):
        write_parquet([], table.arrow_schema, tmp_path / table.name / "2025-12.parquet")
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as con:
        for table in (*TABLES, MONTHS):
            con.execute(table.ddl())
        con.execute(
            "INSERT INTO months BY NAME SELECT '2025-12' AS month, ?::DATE AS cutoff, 'complete' AS state, 'maker' AS run_id, "
            "'d' AS base_table_digest, 'c' AS config_hash, 'months' AS reached, now()::TIMESTAMP AS started_at, "
            "now()::TIMESTAMP AS finished_at",
            [CUTOFF],
        )
        con.register("observed", BASE.to_arrow())
        con.execute("INSERT INTO base_table BY NAME FROM observed")
        for name, field in FIELDS.items():
            con.register("rows", getattr(result, field).to_arrow())
            con.execute(f"INSERT INTO {name} BY NAME FROM rows")
        record_base_table(con, "maker")
        publish_history(con, tmp_path)
        publish_month(con, Publication(tmp_path, CUTOFF, "maker", {}, {}, [], tmp_path / "none", tmp_path / "none"))
    printed = summary(tmp_path, CUTOFF).splitlines()
    files = next(place for place, line in enumerate(printed) if line.startswith("Files: "))
    assert str(result.summary()).splitlines() == printed[:files]
    assert len(printed[:files]) > 10


def test_its_summary_tells_of_the_frames(result: FleetResult) -> None:
    lines = str(result.summary()).splitlines()
    assert lines[0] == "Month 2025-12 (cutoff 2025-12-31)"
    assert lines[1] == "Series: 5 in the base table by 2025-12-31, 5 with an outcome: 4 forecast · 1 retired"
    ahead = result.outlook.filter(pl.col("state").is_in(["expected", "possible"]), scenario="baseline")
    named = {name for name in ahead["host_id"] if name != EVIL}
    assert all(any(name in line for line in lines) for name in named)
    assert "\u202e" not in result.summary()


def test_a_notebook_shows_the_summary_aligned_and_as_text() -> None:
    text = Summary("a  <b>\n&c")
    assert (str(text), repr(text), text._repr_html_()) == (
        "a  <b>\n&c",
        "a  <b>\n&c",
        "<pre>a  &lt;b&gt;\n&amp;c</pre>",
    )


# Pictures


def test_a_series_is_drawn_with_its_days_forecast_thresholds_and_changes(result: FleetResult) -> None:
    (found,) = pictures(result, "web-2", "cpu")
    first = date(2024, 7, 1)  # 14 months of training and 4 of backtest
    expected = BASE.filter(host_id="web-2").filter(pl.col("ds") >= first).select("ds", "y")
    assert found.history.equals(expected)
    assert found.rows.equals(result.published.filter(host_id="web-2").select(found.rows.columns).sort("ds"))
    assert found.rows["ds"].min() == date(2025, 9, 1)
    assert found.rows["ds"].max() == date(2026, 6, 30)
    assert (found.title, found.cutoff, found.interval_width) == ("web-2 cpu", CUTOFF, 0.8)
    assert list(found.thresholds) == [80.0, 95.0]
    assert found.usable == 1.0
    assert found.changes.rows() == [(date(2026, 3, 1), "10 points more")]
    assert found.intervals["interval_width"].unique().to_list() == [0.5]
    assert len(found.intervals) == len(found.rows)


def test_what_is_planned_in_a_scenario_alone_is_not_drawn(result: FleetResult) -> None:
    assert all(each.changes.is_empty() for each in pictures(result, "web-1"))


def test_a_group_is_drawn_with_what_its_hosts_plan_and_of_what_it_may_use(result: FleetResult) -> None:
    (found,) = pictures(result, "site", "cpu")
    rows = result.group_forecast.filter(host_id="site", resource="cpu").sort("ds")
    moved = (found.rows["yhat"] - rows["yhat"]).round(3)
    is_later = found.rows["ds"] >= date(2026, 3, 1)
    assert moved.filter(~is_later).unique().to_list() == [0.0]
    assert moved.filter(is_later).unique().to_list() == [5.0]  # ten points of one of two hosts
    assert found.usable == 0.5  # one of two hosts is the reserve
    assert len(found.changes) == 1
    assert found.history["ds"].max() == CUTOFF


def test_a_group_that_is_called_as_a_host_is_drawn_where_it_is_asked_for(result: FleetResult) -> None:
    assert pictures(result, "web-2")[0].history.equals(pictures(result, "web-2", None, SERIES)[0].history)
    as_group = pictures(result, "web-2", None, GROUP)
    assert [each.title for each in as_group] == ["cpu", "memory"]
    assert as_group[0].history["y"].to_list() == pytest.approx(
        pictures(result, "web-1", "cpu")[0].history["y"].to_list()
    )


def test_a_retired_series_is_drawn_as_it_was(result: FleetResult) -> None:
    chart = result.plot("gone", "cpu").to_dict()
    (found,) = pictures(result, "gone")
    assert found.rows.is_empty()
    assert found.history["ds"].max() == START + timedelta(days=499)
    assert chart["title"] == "gone cpu"


def test_one_resource_is_a_chart_and_several_are_charts_on_one_axis(result: FleetResult) -> None:
    one, several = result.plot("web-1", "cpu").to_dict(), result.plot("web-1").to_dict()
    assert one["title"] == "web-1 cpu"
    assert [each["title"] for each in several["vconcat"]] == ["cpu", "memory"]
    assert several["title"] == "web-1"
    assert several["resolve"]["scale"]["x"] == "shared"
    assert result.plot("web-2", theme="dark").to_dict()["config"] != one["config"]


def test_the_chart_holds_the_rows(result: FleetResult) -> None:
    datasets = result.plot("web-2", "cpu").to_dict()["datasets"]
    days = max(datasets.values(), key=len)
    observed = {row["d"]: row["y"] for row in days if row.get("y") is not None}
    (found,) = pictures(result, "web-2", "cpu")
    assert observed == {f"{day:%Y-%m-%d}": round(y, 2) for day, y in found.history.iter_rows()}


def test_whatever_a_host_is_called_it_is_drawn(result: FleetResult, tmp_path: Path) -> None:
    chart = result.plot(EVIL, "c:pu.x[0]")
    chart.save(str(tmp_path / "chart.svg"))
    assert "<script>" not in (tmp_path / "chart.svg").read_text()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("web1",), "there is no host or group 'web1' in this result; did you mean 'web-1'"),
        (("WEB-2", "cpu"), "did you mean 'web-2'"),
        (("sites",), "did you mean 'site'?"),
        (("zzz",), "there is no host or group 'zzz' in this result"),
        (("site", None, SERIES), "there is no host 'site' in this result"),
        (("gone", None, GROUP), "there is no group 'gone' in this result"),
        (("web-1", "disk"), "'web-1' has no resource 'disk'; it has 'cpu', 'memory'"),
        (("web-1", None, "host"), "kind must be series or group, not 'host'"),
        (("",), "there is no host or group '' in this result"),
        ((7,), "there is no host or group 7 in this result"),
        ((None,), "there is no host or group None in this result"),
    ],
)
def test_a_name_that_there_is_not_is_a_sentence_with_those_that_were_meant(
    asked: tuple[Any, ...], said: str, result: FleetResult
) -> None:
    host, resource, kind = (*asked, None, None)[:3]
    with pytest.raises(SettingsError) as error:
        result.plot(host, resource, kind=kind)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_fleet_is_forecast_without_what_draws() -> None:
    script = "import sys; from turbo_forecast import forecast_fleet; print({'altair', 'dagster', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
