"""What plots draw: a panel for each resource, figures that the rows bear out, and a size that an event log bears."""

import base64
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import altair as alt
import duckdb
import numpy as np
import polars as pl
import pytest

from turbo_forecast.defs import plots
from turbo_forecast.outlook.statements import STATES
from turbo_forecast.schemas import BASE_TABLE, CAPACITY_OUTLOOK
from turbo_forecast_tests.conftest import series_rows, wave

CUTOFF = date(2025, 12, 31)
DIALOG = 984
"""Pixels that a picture may be wide in Dagster's dialog, on a screen of 1,280."""
LARGEST_EVENT = 300_000


def published(history: pl.DataFrame, days: int = 181) -> pl.DataFrame:
    """A forecast of every series: its last value, a point more every ten days, bounds 5 away."""
    last = history.group_by("host_id", "resource", maintain_order=True).agg(pl.col("y").last().alias("yhat"))
    ahead = pl.DataFrame({"k": range(1, days + 1)})
    return last.join(ahead, how="cross").select(
        "host_id",
        "resource",
        pl.lit("forecast").alias("phase"),
        pl.lit(CUTOFF).dt.offset_by(pl.format("{}d", "k")).alias("ds"),
        pl.col("yhat") + pl.col("k") / 10,
        (pl.col("yhat") + pl.col("k") / 10 - 5).alias("yhat_lower"),
        (pl.col("yhat") + pl.col("k") / 10 + 5).alias("yhat_upper"),
    )


def fleet(*resources: str, hosts: int = 3) -> pl.DataFrame:
    return pl.concat(
        series_rows(f"h{number}", wave(level=10.0 + 20 * number, seed=place), resource=resource)
        for place, resource in enumerate(resources)
        for number in range(hosts)
    )


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute(BASE_TABLE.ddl())
        yield con


def store(con: duckdb.DuckDBPyConnection, history: pl.DataFrame, forecasts: pl.DataFrame) -> None:
    con.register("history", history.to_arrow())
    con.execute("INSERT INTO base_table BY NAME SELECT * FROM history")
    con.register("published", forecasts.to_arrow())


def drawn(picture: Any) -> str:
    return base64.b64decode(picture.value.partition("base64,")[2].removesuffix(")")).decode()


def words(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def width(svg: str) -> float:
    found = re.search(r'<svg[^>]* width="([0-9.]+)"', svg)
    assert found
    return float(found[1])


def test_the_fleet_is_drawn_with_a_panel_for_each_resource_that_fits_the_dialog(
    con: duckdb.DuckDBPyConnection,
) -> None:
    history = fleet("cpu", "memory", "disk")
    store(con, history, published(history))
    for picture in (plots.fleet_outlook(con, CUTOFF, "published", 0.8), plots.fleet_by_month(con)):
        svg = drawn(picture)
        assert [word for word in words(svg) if word in ("cpu", "memory", "disk")] == ["cpu", "disk", "memory"]
        assert 900 <= width(svg) <= DIALOG


def test_twenty_resources_are_drawn_and_the_others_said_and_the_event_stays_small(
    con: duckdb.DuckDBPyConnection,
) -> None:
    names = [f"resource-{number:02}" for number in range(23)]
    history = fleet(*names, hosts=1)
    store(con, history, published(history))
    for picture in (plots.fleet_outlook(con, CUTOFF, "published", 0.8), plots.fleet_by_month(con)):
        svg = drawn(picture)
        assert [word for word in words(svg) if word in names] == names[:20]
        assert "the 20 largest of 23 resources" in words(svg)
        assert 900 <= width(svg) <= DIALOG
        assert len(str(picture.value)) < LARGEST_EVENT


def test_the_outlooks_weeks_are_counted_from_the_cutoff_and_hold_only_series_that_have_a_forecast(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = fleet("cpu", "memory")
    gone = series_rows("gone", np.full(1096, 99.0))
    store(con, pl.concat([history, gone]), published(history))
    charts: list[alt.FacetChart] = []
    monkeypatch.setattr(plots, "plot", charts.append)
    plots.fleet_outlook(con, CUTOFF, "published", 0.8)
    (rows,) = charts[0].to_dict()["datasets"].values()
    by = {(row["resource"], row["kind"][:8], row["day"][:10]): row for row in rows}
    assert len(by) == len(rows) == 2 * (52 + 26)
    last = history.filter(pl.col("resource") == "cpu", pl.col("ds") > CUTOFF - timedelta(days=7))["y"].to_numpy()
    found = by["cpu", "observed", "2025-12-28"]  # the week's fourth day: from the 25th to the 31st
    assert found["y"] == pytest.approx(last.mean(), abs=0.006)
    assert (found["low"], found["high"]) == pytest.approx(np.quantile(last, [0.1, 0.9]), abs=0.006)
    ahead = published(history).filter(pl.col("resource") == "memory", pl.col("ds") <= CUTOFF + timedelta(days=7))
    found = by["memory", "forecast", "2026-01-04"]
    assert found["y"] == pytest.approx(ahead["yhat"].mean(), abs=0.006)
    assert (found["low"], found["high"]) == pytest.approx((found["y"] - 5, found["y"] + 5), abs=0.011)


def test_every_state_has_a_colour_of_its_own_and_the_groups_without_usable_capacity_are_among_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stated = next(column.description for column in CAPACITY_OUTLOOK.columns if column.name == "state")
    named = re.split(r", |; ", re.sub(r" \([^)]*\)|: [^;]*$", "", stated))
    assert sorted(STATES) == sorted(named), "the states that the table's description names"
    charts: list[alt.Chart] = []
    monkeypatch.setattr(plots, "plot", charts.append)
    plots.state_bars(pl.DataFrame({"threshold": [80.0] * 6 + [90.0], "state": [*STATES, "over", "unusable"]}))
    drawn_as = charts[0].to_dict()
    (rows,) = drawn_as["datasets"].values()
    found = {(row["threshold"], row["state"]): row["series"] for row in rows}
    assert found == {("80.0", state): 1 + (state == "over") for state in STATES} | {("90.0", "unusable"): 1}
    colours = drawn_as["encoding"]["color"]["scale"]
    assert colours["domain"] == list(STATES)
    assert len(set(colours["range"])) == len(STATES)
    assert all(f"'{state}'" in drawn_as["transform"][0]["calculate"] for state in STATES)


def test_scores_are_drawn_by_window_the_backtest_first_and_folds_in_the_order_of_their_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    windows = ["fold 10", "fold 2", "backtest", "fold 1"]
    scores = pl.DataFrame(
        {
            "model": [m for m in ("a", "b") for _ in windows] * 2,
            "window_name": windows * 4,
            "mase": [1.0] * 8 + [3.0] * 8,
        }
    )
    charts: list[alt.Chart] = []
    monkeypatch.setattr(plots, "plot", charts.append)
    plots.score_bars(scores)
    drawn_as = charts[0].to_dict()
    (rows,) = drawn_as["datasets"].values()
    assert {(row["model"], row["window_name"]): row["mase"] for row in rows} == {
        (m, w): 2.0 for m in "ab" for w in windows
    }
    assert drawn_as["encoding"]["yOffset"]["sort"] == ["backtest", "fold 1", "fold 2", "fold 10"]
    assert drawn_as["encoding"]["color"]["sort"] == ["backtest", "fold 1", "fold 2", "fold 10"]
