"""A group's days, its forecast with planned changes, and what of it may be used."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from turbo_forecast import schemas
from turbo_forecast.answers.group_rows import UNPLANNED, days_as_first_known, group_forecast, usable_share
from turbo_forecast.answers.host import host_answer
from turbo_forecast.answers.sparklines import weekly_levels
from turbo_forecast.settings import outlook_settings
from turbo_forecast.storage.published.reading import Published
from turbo_forecast.storage.published.writing import publish_month
from turbo_forecast_tests.defs.made_month import store
from turbo_forecast_tests.published_months import RACK, SPARE, publication, publish_fleet

CUTOFF, FROM = date(2025, 12, 31), date(2026, 3, 1)


def with_loads(data: Path) -> Published:
    """December published again, its group now half of itself, 10 points more, and a tenth of web-1's load on top from March on."""
    publish_fleet(data, ["2025-12"])
    stretch = {"cutoff": CUTOFF, "scenario": "baseline", "kind": "group", "host_id": RACK, "resource": "cpu"}
    stretch |= {"from_ds": FROM, "until_ds": date(2026, 6, 30)}
    rows = [
        stretch | {"source_kind": "group", "source": RACK, "weight": 0.5, "shift": 10.0},
        stretch | {"source_kind": "series", "source": "web-1", "weight": 0.1, "shift": 0.0},
    ]
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        store(con, schemas.PLANNED_LOADS, pl.DataFrame(rows))
        publish_month(con, publication(data, "2025-12"))
    return Published(data)


@pytest.mark.parametrize(
    ("day", "is_planned"), [(FROM - timedelta(days=1), False), (FROM, True), (date(2026, 6, 30), True)]
)
def test_planned_changes_are_in_a_groups_forecast_from_their_day_on(
    tmp_path: Path, day: date, is_planned: bool
) -> None:
    month = with_loads(tmp_path).month()
    rows, remark = group_forecast(month, RACK)
    since = (day - CUTOFF).days
    group, web = min(85.75 + 0.1 * since + 0.5, 100), min(80.0 + 0.1 * since + 1.0, 100)
    expected = 0.5 * group + 10 + 0.1 * web if is_planned else group
    row = rows.filter(pl.col("ds") == day).row(0, named=True)
    assert row["yhat"] == pytest.approx(expected, abs=1e-3)
    reach = 2.0 if is_planned else 4.0
    assert row["yhat_upper"] - row["yhat"] == pytest.approx(
        min(reach, (100 - group) * (0.5 if is_planned else 1)), abs=1e-3
    )
    assert remark == ""


def test_the_backtest_of_a_group_knows_no_plans(tmp_path: Path) -> None:
    month = with_loads(tmp_path).month()
    rows, _ = group_forecast(month, RACK)
    assert rows.filter(pl.col("phase") == "backtest", pl.col("ds") == CUTOFF)["yhat"].item() == pytest.approx(86.25)


def test_small_lines_of_a_group_have_its_plans_too(tmp_path: Path) -> None:
    published = with_loads(tmp_path)
    month = published.month()
    rows = pl.DataFrame({"kind": ["group"], "host_id": [RACK], "resource": ["cpu"], "threshold": [90.0]})
    levels = weekly_levels(published, month, rows)
    last = group_forecast(month, RACK)[0].filter(pl.col("ds") > date(2026, 6, 24))["yhat"].mean()
    assert levels.forecast[0, -1] == pytest.approx(last, abs=1e-3)


def test_a_picture_without_the_runs_results_says_what_is_lacking(tmp_path: Path) -> None:
    published = with_loads(tmp_path)
    month = published.month()
    for path in (month.version / "run").glob("forecast_parquet*"):
        path.unlink()
    series = host_answer(published, month, RACK).series[0]
    assert series.remarks == (UNPLANNED,)
    assert series.rows.filter(pl.col("ds") == date(2026, 4, 30))["yhat"].item() == pytest.approx(
        85.75 + 12.0 + 0.5, abs=1e-3
    )


def test_what_may_be_used_is_what_the_reserve_leaves(tmp_path: Path) -> None:
    publish_fleet(tmp_path, ["2025-12"])
    options = outlook_settings(groups="groups.csv", reserve={"hosts": 1}).model_dump(mode="json")
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as con:
        publish_month(con, replace(publication(tmp_path, "2025-12"), outlook=options))
    month = Published(tmp_path).month()
    assert usable_share(month, RACK) == {"cpu": 0.5}  # two hosts that weigh the same
    assert usable_share(month, SPARE) == {"cpu": 0.0}  # its one host
    assert host_answer(Published(tmp_path), month, RACK).series[0].usable == 0.5
    rows = pl.DataFrame(
        {"kind": ["group", "series"], "host_id": [RACK, "web-1"], "resource": ["cpu"] * 2, "threshold": [90.0] * 2}
    )
    assert weekly_levels(Published(tmp_path), month, rows).thresholds.tolist() == [45.0, 90.0]


def test_a_day_of_a_group_is_as_the_first_month_that_knew_it_has_it(tmp_path: Path) -> None:
    """A group's past is expressed for today's hosts, so later months tell another past."""
    publish_fleet(tmp_path, ["2025-11", "2025-12"])
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as con:
        con.execute("UPDATE group_history SET y = y + 7 WHERE cutoff = DATE '2025-12-31'")
        publish_month(con, publication(tmp_path, "2025-12"))
    published = Published(tmp_path)
    days = days_as_first_known(published.months(), RACK, date(2025, 11, 28))
    assert days["ds"].to_list() == [date(2025, 11, 29) + timedelta(days=n) for n in range(33)]
    november, december = (
        days.filter(pl.col("ds") == day)["y"].item() for day in (date(2025, 11, 30), date(2025, 12, 1))
    )
    assert december - november == pytest.approx(0.1 + 7)
