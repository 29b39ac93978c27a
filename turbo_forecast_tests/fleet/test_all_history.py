"""Who is shown what lies before a run's history months: entrants that ask for it, and nobody else."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from turbo_forecast.fleet.series_forecaster import SeriesForecaster
from turbo_forecast.fleet.store import SeriesStore, write_store
from turbo_forecast.library.forecast import series_table
from turbo_forecast.models.protocol import Forecast, Window
from turbo_forecast.models.registry import first_day_needed, sees_all_history
from turbo_forecast.settings import forecast_settings
from turbo_forecast.types import Outcome
from turbo_forecast.windows import day_number, run_windows
from turbo_forecast_tests.conftest import CUTOFF, HISTORY_START, series_rows, wave

YEARS_AGO = HISTORY_START - timedelta(days=1000)
RUN = forecast_settings(entrants=["yearly_profile", "recent_level"])
WINDOWS = run_windows(CUTOFF, RUN)


class Recorder:
    """Remembers every window it was asked."""

    def __init__(self) -> None:
        self.asked: list[Window] = []

    def forecast(self, window: Window) -> Forecast:
        self.asked.append(window)
        flat = np.full(window.horizon.size, window.y[-1])
        return Forecast(flat, flat, flat, solver="recorder")


def store(path: Path, start: date, days: int) -> SeriesStore:
    table = series_table(series_rows("a", wave(days), start=start), first_day_needed(RUN, WINDOWS.history_start))
    return SeriesStore(write_store(table, path / "series.arrow", WINDOWS.history_start))


def test_one_entrant_asks_for_all_history_and_its_run_reads_it() -> None:
    assert [name for name in RUN.base_models if sees_all_history(name)] == ["yearly_profile"]
    assert first_day_needed(RUN, HISTORY_START) < date(1970, 1, 1)
    without = forecast_settings(entrants=["prophet", "recent_level"])
    assert first_day_needed(without, HISTORY_START) == HISTORY_START
    assert not sees_all_history("lstm"), "an external model is shown nothing"


def test_who_asks_is_shown_everything_before_each_window_and_the_others_the_history_months(tmp_path: Path) -> None:
    series = store(tmp_path, YEARS_AGO, 1000 + 1096)[0]
    entrants = {name: Recorder() for name in RUN.base_models}
    SeriesForecaster(WINDOWS, RUN, entrants).run(series)
    assert [len(each.asked) for each in entrants.values()] == [5] * 3, "three folds, the backtest, the forecast"
    for name, recorder in entrants.items():
        first = YEARS_AGO if name == "yearly_profile" else HISTORY_START
        for window in recorder.asked:
            expected = np.arange(day_number(first), window.horizon[0])
            np.testing.assert_array_equal(window.days, expected)
            np.testing.assert_array_equal(window.y, wave(2096)[expected - day_number(YEARS_AGO)])


def test_a_series_that_fell_silent_before_the_history_months_is_retired(tmp_path: Path) -> None:
    result = SeriesForecaster(WINDOWS, RUN, {name: Recorder() for name in RUN.base_models}).run(
        store(tmp_path, YEARS_AGO, 900)[0]
    )
    assert result.outcome is Outcome.RETIRED
    assert result.reason is not None
    assert f"older than {HISTORY_START}" in result.reason


@pytest.mark.parametrize("days", [100, 1000])
def test_days_of_before_the_history_months_are_no_training_days(tmp_path: Path, days: int) -> None:
    """50 days of the history months are too few for a backtest, whatever lies before."""
    train = day_number(WINDOWS.train_end) - 50
    rows = series_rows("a", wave(days), start=YEARS_AGO).vstack(
        series_rows("a", wave(172), start=YEARS_AGO + timedelta(days=train + 1 - day_number(YEARS_AGO)))
    )
    table = series_table(rows, date.min)
    series = SeriesStore(write_store(table, tmp_path / "series.arrow", WINDOWS.history_start))[0]
    result = SeriesForecaster(WINDOWS, RUN, {name: Recorder() for name in RUN.base_models}).run(series)
    assert result.outcome is Outcome.FALLBACK
