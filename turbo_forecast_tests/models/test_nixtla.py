"""Entrants of statsforecast against the library called directly."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from turbo_forecast.errors import SettingsError
from turbo_forecast.models.protocol import ForecastError, Window
from turbo_forecast.models.registry import build_entrant, check_entrants
from turbo_forecast.settings import forecast_settings
from turbo_forecast.types import Solver

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(
    not find_spec("statsforecast"), reason="statsforecast is not installed: pip install 'turbo-forecast[statsforecast]'"
)
SETTINGS = forecast_settings(interval_width=0.9)
NAMES = ["auto_ets", "optimized_theta", "auto_arima", "mstl"]
GAP = slice(50, 55)


def week(size: int) -> np.ndarray:
    rng = np.random.default_rng(size)
    return 40 + 6 * np.sin(2 * np.pi * np.arange(size) / 7) + rng.normal(0, 1, size)


def direct(name: str, size: int):
    """The library's own model."""
    from statsforecast import models  # four seconds, which each test process would spend while it collects

    return {
        "auto_ets": models.AutoETS(season_length=7),
        "optimized_theta": models.DynamicOptimizedTheta(season_length=7),
        "auto_arima": models.AutoARIMA(season_length=7),
        "mstl": models.MSTL(season_length=[7, 365] if size >= 730 else 7),
    }[name]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size"), [(name, 100) for name in NAMES] + [("optimized_theta", 800), ("mstl", 729), ("mstl", 730)]
)
def test_the_forecast_is_the_librarys(name: str, size: int) -> None:
    y = week(size)
    days = np.arange(19_000, 19_000 + size)
    asked = np.arange(19_000 + size, 19_000 + size + 30)
    found = build_entrant(name, SETTINGS).forecast(Window(days, y, asked, 1))
    expected = direct(name, size).forecast(y, 30, level=[90])
    np.testing.assert_array_equal(found.yhat, expected["mean"])
    np.testing.assert_array_equal(found.lower, expected["lo-90"])
    np.testing.assert_array_equal(found.upper, expected["hi-90"])
    assert (found.solver, found.iterations) == (Solver.STATSFORECAST, None)
    again = build_entrant(name, SETTINGS).forecast(Window(days, y, asked, 1))
    for part in ("yhat", "lower", "upper"):
        np.testing.assert_array_equal(getattr(found, part), getattr(again, part))


@pytest.mark.slow
def test_gaps_are_bridged_by_straight_lines_and_the_last_value_carried_to_the_origin() -> None:
    y = week(100)
    observed = np.delete(np.arange(100), GAP)
    whole = np.append(y, [y[-1]] * 3)
    whole[GAP] = y[49] + (y[55] - y[49]) * np.arange(1, 6) / 6
    asked = np.array([103, 105, 112])
    found = build_entrant("optimized_theta", SETTINGS).forecast(Window(observed, y[observed], asked, 1))
    expected = direct("optimized_theta", 103).forecast(whole, 10, level=[90])
    np.testing.assert_allclose(found.yhat, expected["mean"][[0, 2, 9]], rtol=1e-12)
    np.testing.assert_allclose(found.upper, np.asarray(expected["hi-90"])[[0, 2, 9]], rtol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_less_than_two_weeks_are_refused_in_words(name: str) -> None:
    with pytest.raises(ForecastError, match="needs 14 days of history, the window has 13"):
        build_entrant(name, SETTINGS).forecast(Window(np.arange(13), week(13), np.arange(13, 15), 1))


@pytest.mark.parametrize("name", NAMES)
def test_without_the_extra_naming_the_entrant_is_an_error_that_says_what_to_install(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "statsforecast", None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, "turbo_forecast.models.nixtla", raising=False)
    with pytest.raises(SettingsError, match=r"pip install turbo-forecast\[statsforecast\]"):
        check_entrants(forecast_settings(entrants=[name]))


def test_naming_the_entrants_imports_nothing_of_the_library_and_other_entrants_do_not_need_it() -> None:
    code = (
        "import sys; from turbo_forecast.models.registry import check_entrants;"
        "from turbo_forecast.settings import forecast_settings;"
        f"check_entrants(forecast_settings(entrants={NAMES!r}));"
        "print('statsforecast' in sys.modules);"
        "sys.modules['statsforecast'] = None; check_entrants(forecast_settings()); print('fine')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["False", "fine"]
