"""What the next attempt takes over of an unfinished run, and what it must not."""

import sys
import tempfile
from pathlib import Path

import pytest

from turbo_forecast.fleet.chunks import Span, discard_doubtful, finished_spans, write_chunk
from turbo_forecast.fleet.scratch import chunk_folder, temporary
from turbo_forecast.fleet.series_forecaster import WORKER_DIED, Result
from turbo_forecast.fleet.store import SeriesStore, write_store
from turbo_forecast.library.forecast import forecast_fleet, series_table
from turbo_forecast.settings import forecast_settings
from turbo_forecast.windows import run_windows
from turbo_forecast_tests.conftest import CUTOFF, HISTORY_START, series_rows, wave


@pytest.fixture
def store(tmp_path: Path) -> SeriesStore:
    """One series."""
    return SeriesStore(write_store(series_table(series_rows("a", wave()), HISTORY_START), tmp_path / "series.arrow"))


def test_a_series_whose_worker_died_is_tried_again(store: SeriesStore, tmp_path: Path) -> None:
    for span, error in ((Span(0, 1), WORKER_DIED), (Span(1, 2), "ValueError")):
        write_chunk(tmp_path, span, [Result(store[0], outcome="failed", error_class=error)], ["seasonal_naive"])
    discard_doubtful(tmp_path)
    assert finished_spans(tmp_path) == [Span(1, 2)]


def test_chunks_of_an_entrant_whose_code_has_changed_are_not_taken_over(
    store: SeriesStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "changing_entrant.py"
    module.write_text("def build(settings): return 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    settings = forecast_settings(entrants=["changing_entrant:build"])
    windows = run_windows(CUTOFF, settings)
    before = chunk_folder(tmp_path / "run", store, windows, settings)
    assert chunk_folder(tmp_path / "run", store, windows, settings) == before
    module.write_text("def build(settings): return 2\n")
    assert chunk_folder(tmp_path / "run", store, windows, settings) != before
    assert not before.exists(), "what nobody will take over is not left behind"
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
    found = forecast_fleet(series_rows("a", wave()), CUTOFF, say=lambda line: None, **options)
    assert found.outcomes.select("outcome", "error_message").row(0) == ("forecast", None)
