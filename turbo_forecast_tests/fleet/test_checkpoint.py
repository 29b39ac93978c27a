"""What the next attempt takes over of an unfinished run, and what it must not."""

import sys
import tempfile
from pathlib import Path

import polars as pl
import pytest

from turbo_forecast.fleet.checkpoint import run_folder, temporary
from turbo_forecast.fleet.chunks import finished_spans
from turbo_forecast.fleet.pieces import write_forecast
from turbo_forecast.fleet.series_forecaster import Result, lost_series
from turbo_forecast.fleet.store import SeriesStore, write_store
from turbo_forecast.library.forecast import forecast_fleet, series_table
from turbo_forecast.settings import forecast_settings
from turbo_forecast.types import Outcome, Status
from turbo_forecast.windows import run_windows
from turbo_forecast_tests.conftest import CUTOFF, HISTORY_START, series_rows, wave

SETTINGS = forecast_settings(entrants=["seasonal_naive"])
WINDOWS = run_windows(CUTOFF, SETTINGS)


@pytest.fixture
def store(tmp_path: Path) -> SeriesStore:
    """Three series."""
    rows = pl.concat([series_rows(host, wave()) for host in "abc"])
    return SeriesStore(write_store(series_table(rows, HISTORY_START), tmp_path / "series.arrow"))


@pytest.mark.parametrize("status", [Status.WORKER_DIED, Status.TIMED_OUT, Status.MEMORY_EXCEEDED])
def test_a_series_whose_worker_died_is_tried_again(status: Status, store: SeriesStore, tmp_path: Path) -> None:
    folder = run_folder(tmp_path, store, WINDOWS, SETTINGS)
    died = lost_series(store[0], "the worker process died", status, ["prophet"], 0)
    failed = Result(store[1], outcome=Outcome.FAILED, failure=("ValueError", "no"))
    for number, result in enumerate((died, failed, Result(store[2]))):
        write_forecast(folder.forecast, f"{number:08d}-{number + 1:08d}", [result], SETTINGS.field_of_entrants)
    assert run_folder(tmp_path, store, WINDOWS, SETTINGS) == folder
    assert [span.lo for span in finished_spans(folder.forecast, "outcomes")] == [1, 2]


def test_results_of_an_entrant_whose_code_has_changed_are_not_taken_over(
    store: SeriesStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "changing_entrant.py"
    module.write_text("def build(settings): return 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    settings = forecast_settings(entrants=["changing_entrant:build"])
    windows = run_windows(CUTOFF, settings)
    (tmp_path / "run").mkdir()
    before = run_folder(tmp_path / "run", store, windows, settings)
    assert run_folder(tmp_path / "run", store, windows, settings) == before
    module.write_text("def build(settings): return 2\n")
    assert run_folder(tmp_path / "run", store, windows, settings) != before
    assert not before.path.exists(), "what nobody will take over is not left behind"
    sys.modules.pop("changing_entrant", None)


@pytest.mark.parametrize("name", ["it's [a]* #1 %", "é"])
def test_workers_keep_their_temporary_files_with_the_run(name: str, tmp_path: Path) -> None:
    for _ in range(2):
        with temporary(tmp_path / name) as temp:
            assert temp == tmp_path / name / "temp"
            assert list(temp.iterdir()) == []
            (temp / "left").touch()


@pytest.mark.parametrize("name", ["a,b", "two\nlines", "two\u2028lines"])
def test_workers_have_a_folder_that_cmdstan_can_use(name: str, tmp_path: Path) -> None:
    with temporary(tmp_path / name) as temp:
        assert name not in str(temp)
        (temp / "left").touch()
    assert not temp.exists()


def test_stan_forecasts_in_a_folder_with_a_comma(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a,b\nc").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "a,b\nc"))
    options = {"entrants": ["prophet"], "engine": "stan", "folds": 0, "workers": 1, "uncertainty_samples": 10}
    found = forecast_fleet(series_rows("a", wave()), CUTOFF, log=lambda line: None, **options)
    assert found.outcomes.select("outcome", "error_message").row(0) == ("forecast", None)
