"""The line about how often statements were true, counted here with Polars."""

import re
from pathlib import Path

import polars as pl
import pytest

from turbo_forecast.answers.statement_record import statement_record
from turbo_forecast.schemas import OUTLOOK_BACKTEST
from turbo_forecast.storage.published.reading import Published


def test_it_counts_the_published_statements_of_the_longest_horizon_about_series_below(published_fleet: Path) -> None:
    month = Published(published_fleet).month()
    rows = month.frame(OUTLOOK_BACKTEST)
    own = rows.filter(pl.col("horizon_days") == 122, pl.col("level") < pl.col("threshold"))
    likely = own.filter(pl.col("probability") >= 0.5)
    record = statement_record(month)
    assert record is not None
    assert (record.days, record.n, record.likely) == (122, len(own), len(likely))
    assert 0 < record.likely < record.n
    assert record.likely_true == likely["happened"].mean() == 1.0
    assert record.brier == pytest.approx(((own["probability"] - own["happened"]) ** 2).mean())


def test_real_statements_give_the_line_that_a_run_prints(published_fleet: Path) -> None:
    """0.6 was said of what happened and 0.2 of what did not: all of one kind came true and none of the other."""
    text = str(statement_record(Published(published_fleet).month()))
    assert re.match(
        r"100 % of \d+ statements of 50 % or more came true within 122 days, 0 % of \d+ others; Brier skill ", text
    )
