"""The standings as Dagster's UI shows them: each figure under a heading that says what it is."""

from datetime import date
from typing import Any

import duckdb
import polars as pl
import pytest

from turbo_forecast.defs.checks.expectations import validate
from turbo_forecast.defs.checks.standings import FINITE
from turbo_forecast.defs.standings_metadata import ALL_STANDINGS, FOLLOWED, standings_metadata
from turbo_forecast.schemas import TOURNAMENT_STANDINGS
from turbo_forecast.tournament.standings import standings


def metadata(*models: str) -> dict[str, Any]:
    """Two series, of 10 days (all inside) and 90 days (half inside); MASE is defined for the second alone."""
    parts = [
        pl.DataFrame(
            {
                "host_id": ["a", "b"],
                "resource": "cpu",
                "model": model,
                "horizon_month": pl.Series([0, 0], dtype=pl.Int32),
                "n": [10, 90],
                "mae": [1.0, 3.0],
                "mase": [None, 1.5],
                "bias": 0.0,
                "coverage": [1.0, 0.5],
                "interval_score": [2.0, 5.0],
            }
        )
        for model in (*models, "naive")
    ]
    table = standings(
        pl.concat(parts), cutoff=date(2025, 12, 31), fallback="naive", seasonal_naive="naive", interval_width=0.8
    )
    return standings_metadata(table)


@pytest.mark.parametrize("mase", [0.0, 5e-324, 1.5, 8.7e7 + 0.1, 3.3e7 / 7, 1e8 / 3])
def test_the_interval_of_a_single_series_is_what_it_has_in_whatever_size(mase: float) -> None:
    """A series that hardly varied before it broke has errors of millions of its steps."""
    scores = {"n": 30, "mae": 1.0, "mase": mase, "bias": 0.0, "coverage": 1.0, "interval_score": 2.0}
    series = {"host_id": "a", "resource": "cpu", "model": "naive", "horizon_month": pl.Series([0], dtype=pl.Int32)}
    table = standings(
        pl.DataFrame({**series, **scores}),
        cutoff=date(2025, 12, 31),
        fallback="naive",
        seasonal_naive="naive",
        interval_width=0.8,
    )
    assert table.select(pl.col("mase_low", "mase_high").null_count()).row(0) == (0, 0)
    with duckdb.connect() as con:
        con.register("found", table.to_arrow())
        assert validate(con, FINITE, {"stored": "found"}).failing_rows.rows() == []


def rows_of(shown: object) -> list[dict[str, str]]:
    """A Markdown table's rows by heading."""
    heading, _, *lines = [line.strip("| ").split(" | ") for line in str(shown).splitlines()]
    return [dict(zip(heading, line, strict=True)) for line in lines]


def plot_and_table() -> tuple[str, str]:
    """What is behind the click: long enough for Dagster to show it in a dialog, where a wide table has room."""
    text = str(metadata()["standings in full"].value)
    assert len(text) > 1_000
    picture, rows = text.split("\n\n")
    return picture, rows


def test_the_table_says_of_each_figure_what_it_is_the_mean_of() -> None:
    picture, rows = plot_and_table()
    (row,) = rows_of(rows)
    assert picture.startswith("![plot](data:image/svg+xml;base64,")
    assert row["coverage, of all days"] == "0.55"
    assert row["coverage, mean over series"] == "0.75"
    assert (row["mean MAE"], row["series"]) == ("2.0", "2")
    assert (row["mean MASE"], row["of series with MASE"]) == ("1.5", "1")
    assert row["mean interval score"] == "3.5"


def test_the_first_table_has_few_columns_and_is_shown_without_a_click() -> None:
    text = metadata()["standings"].value
    assert rows_of(text) == [
        {"entrant": "naive", "mean MASE": "1.500", "of days inside": "55%", "interval score": "3.5", "wins": "2"}
    ]
    assert len(text) < 1_000  # Dagster hides longer Markdown


def test_the_published_forecasts_figures_can_be_followed_over_the_months() -> None:
    found = metadata("champion", "seasonal_naive")
    assert found["MASE of champion, mean over series"] == 1.5
    assert found["coverage of seasonal_naive, of all days (share)"] == 0.55
    assert not [name for name in metadata() if "champion" in name]  # it does not stand there


def test_every_heading_is_of_a_stored_column() -> None:
    assert {*ALL_STANDINGS, *FOLLOWED} <= set(TOURNAMENT_STANDINGS.names)
