"""The standings as Dagster's UI shows them: each figure under a heading that says what it is."""

from datetime import date

import polars as pl

from turbo_forecast.defs.reporting import STANDINGS_HEADINGS, standings_table
from turbo_forecast.schemas import TOURNAMENT_STANDINGS
from turbo_forecast.tournament.standings import standings


def shown() -> list[dict[str, str]]:
    """Two series, of 10 days (all inside) and 90 days (half inside); MASE is defined for the second alone."""
    rows = pl.DataFrame(
        {
            "host_id": ["a", "b"],
            "resource": "cpu",
            "model": "naive",
            "horizon_month": pl.Series([0, 0], dtype=pl.Int32),
            "n": [10, 90],
            "mae": [1.0, 3.0],
            "mase": [None, 1.5],
            "bias": 0.0,
            "coverage": [1.0, 0.5],
            "interval_score": [2.0, 5.0],
        }
    )
    table = standings(rows, cutoff=date(2025, 12, 31), fallback="naive", seasonal_naive="naive")
    heading, _, *lines = [line.strip("| ").split(" | ") for line in str(standings_table(table).value).splitlines()]
    return [dict(zip(heading, line, strict=True)) for line in lines]


def test_the_table_says_of_each_figure_what_it_is_the_mean_of() -> None:
    (row,) = shown()
    assert row["coverage, of all days"] == "0.55"
    assert row["coverage, mean over series"] == "0.75"
    assert (row["mean MAE"], row["series"]) == ("2.0", "2")
    assert (row["mean MASE"], row["of series with MASE"]) == ("1.5", "1")
    assert row["mean interval score"] == "3.5"


def test_every_heading_is_of_a_stored_column() -> None:
    assert set(STANDINGS_HEADINGS) <= set(TOURNAMENT_STANDINGS.names)
