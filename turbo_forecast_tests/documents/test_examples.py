"""The examples of README, CONTRIBUTING and docs/library.md do what they say, run as they stand."""

from datetime import date
from functools import partial
from types import ModuleType

import numpy as np
import pandas as pd
import polars as pl
import pytest

import turbo_forecast
from turbo_forecast.models.protocol import Window
from turbo_forecast.settings import ForecastSettings
from turbo_forecast_tests.conftest import series_rows, wave
from turbo_forecast_tests.documents.pages import ROOT, blocks

START, CUTOFF = date(2024, 1, 1), date(2025, 12, 31)
DAYS = (CUTOFF - START).days + 1
QUICK = {"entrants": ["recent_level", "seasonal_naive"], "train_months": 14, "folds": 1, "workers": 1}
"""What the example's call is given beside its own arguments, so that it takes a second."""


def test_the_library_example_runs_as_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    [example] = blocks(ROOT / "docs" / "library.md", "python")
    quick = partial(turbo_forecast.forecast_fleet, **QUICK, log=lambda line: None)
    monkeypatch.setattr(turbo_forecast, "forecast_fleet", quick)
    days = pd.date_range("2024-01-01", periods=200)
    names = {
        "base": series_rows("web-001", wave(DAYS, level=70), start=START),
        "df": pd.DataFrame({"ds": days, "y": 50.0 + np.sin(np.arange(200)), "cap": 100.0}),
        "future": pd.DataFrame({"ds": pd.date_range("2024-08-01", periods=5), "cap": 100.0}),
    }
    exec(compile(example.text, str(example), "exec"), names)
    published = names["result"].published  # type: ignore[attr-defined]
    assert published.filter(pl.col("phase") == "forecast").height == 181, "the days of January to June"


def test_the_readmes_library_example_is_a_part_of_that_one() -> None:
    [short], [whole] = (blocks(ROOT / page, "python") for page in ("README.md", "docs/library.md"))
    assert set(short.text.splitlines()) <= set(whole.text.splitlines())


def test_the_entrant_of_ten_lines_forecasts_the_last_value() -> None:
    [example] = blocks(ROOT / "CONTRIBUTING.md", "python")
    module = ModuleType("last_value")
    exec(compile(example.text, str(example), "exec"), vars(module))
    window = Window(np.array([0, 1, 3]), np.array([10.0, 20.0, 35.0]), np.array([5, 6]), seed=0)
    answer = module.build(ForecastSettings()).forecast(window)
    assert answer.yhat.tolist() == [35.0, 35.0]
    assert (answer.lower.tolist(), answer.upper.tolist()) == ([25.0, 25.0], [45.0, 45.0])
