"""A run on worker processes that is stopped or killed, and begun again with other workers and chunks: the same bytes."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from turbo_forecast.errors import StorageError
from turbo_forecast.fleet.audit import AuditTimer
from turbo_forecast.fleet.checkpoint import checkpoint_folder
from turbo_forecast.fleet.decisions import Reducer
from turbo_forecast.fleet.run import _Run, run_fleet
from turbo_forecast.fleet.store import write_store
from turbo_forecast.fleet.tasks import TaskReport
from turbo_forecast.library.forecast import series_table
from turbo_forecast.settings import forecast_settings
from turbo_forecast.windows import run_windows
from turbo_forecast_tests.conftest import CUTOFF
from turbo_forecast_tests.fleet.by_hand import SHORT
from turbo_forecast_tests.fleet.kinds import KINDS, fleet_of
from turbo_forecast_tests.fleet.test_run import digest

FIELD = ["weighted", "median", "turbo_forecast_tests.fleet.entrants:naive", "recent_level"]
pytestmark = pytest.mark.xdist_group("resume")  # one whole run serves several tests


class Stopped(Exception):
    """What stops a run."""


LARGE = fleet_of([kind for kind in KINDS for _ in range(24)])
"""Two whole parts, and a third."""
SERIES = LARGE.select(pl.struct("host_id", "resource").n_unique()).item()


def attempt(
    folder: Path, stop: tuple[str, int] | None = None, log: Callable[[str], None] = lambda line: None, **options: object
) -> str:
    """An attempt at the run of LARGE, stopped after so many tasks of a map are reported if asked; its digest."""
    asked = forecast_settings(**{**SHORT, "entrants": FIELD, **options})
    windows = run_windows(CUTOFF, asked)
    store = write_store(series_table(LARGE, windows.history_start), folder / "series.arrow")
    reports: list[str] = []

    def noting(run: _Run, report: TaskReport) -> None:
        reports.append(report.task.step)
        if stop is not None and reports.count(stop[0]) == stop[1]:
            raise Stopped

    with pytest.MonkeyPatch.context() as patch, checkpoint_folder(folder / "run") as checkpoint:
        patch.setattr(_Run, "_note", noting)
        return digest(run_fleet(store, windows, asked, checkpoint=checkpoint, timer=AuditTimer(), log=log))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of a run that was never stopped."""
    return attempt(tmp_path_factory.mktemp("large"), workers=2)


@pytest.mark.sweep(keep=2)
@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "after", "first", "then"),
    [
        ("forecast", 30, {"workers": 1, "chunk_size": 1}, {"workers": 2, "chunk_size": 7}),
        ("forecast", 3, {"workers": 3}, {"workers": 1, "chunk_size": 1}),
        ("combine", 1, {"workers": 2, "chunk_size": 7}, {"workers": 3}),
        ("combine", 2, {"workers": 1}, {"workers": 2, "chunk_size": 1}),
        ("publish", 1, {"workers": 3}, {"workers": 1, "chunk_size": 7}),
        ("publish", 3, {"workers": 2, "chunk_size": 7}, {"workers": 3, "chunk_size": 1}),
    ],
)
def test_a_run_stopped_in_any_map_goes_on_with_other_workers_and_chunks_to_the_same_bytes(
    step: str, after: int, first: dict[str, int], then: dict[str, int], large: str, tmp_path: Path
) -> None:
    with pytest.raises(Stopped):
        attempt(tmp_path, stop=(step, after), **first)
    said: list[str] = []
    assert attempt(tmp_path, log=said.append, **then) == large
    assert said[0].startswith("2025-12 · resuming: "), said


@pytest.mark.sweep(keep=1)
@pytest.mark.slow
@pytest.mark.parametrize("reduction", ["learn", "choose", "compare"])
def test_a_run_stopped_in_any_reduction_goes_on_without_forecasting(
    reduction: str, large: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(Reducer, reduction, stop)
        with pytest.raises(Stopped):
            attempt(tmp_path, workers=1)
    said: list[str] = []
    assert attempt(tmp_path, log=said.append, workers=2) == large
    assert said[0] == f"2025-12 · resuming: {SERIES}/{SERIES} series were finished before"


SCRIPT = """
import sys
from pathlib import Path
from turbo_forecast_tests.fleet.test_resume_processes import attempt
attempt(Path(sys.argv[1]), workers=2, chunk_size=3)
"""


@pytest.mark.sweep(keep=1)
@pytest.mark.slow
@pytest.mark.parametrize(("step", "piece"), [("forecast", "outcomes"), ("combine", "scales"), ("publish", "months")])
def test_a_run_killed_in_any_map_goes_on_with_what_was_finished(
    step: str, piece: str, large: str, tmp_path: Path
) -> None:
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path)], cwd=Path(__file__).parents[2])
    deadline, done = time.monotonic() + 60, set[Path]()
    while not done and time.monotonic() < deadline and process.poll() is None:
        done = set(tmp_path.glob(f"run/run-*/{step}/*.{piece}.arrow"))
        time.sleep(0.002)
    process.kill()
    process.wait()
    assert done
    stamps = {path: os.stat(path).st_mtime_ns for path in done}
    made = set[Path]()

    def noting(line: str) -> None:
        made.update(path for path, stamp in stamps.items() if os.stat(path).st_mtime_ns != stamp)

    assert attempt(tmp_path, log=noting, workers=3) == large
    assert made == set(), "what was finished is not made again"
    assert not (tmp_path / "run").exists(), "nothing of an unfinished run is left"


def test_two_runs_of_one_month_do_not_share_a_folder(tmp_path: Path) -> None:
    with (
        checkpoint_folder(tmp_path / "run"),
        pytest.raises(StorageError, match=f"in use by another run, process {os.getpid()}"),
    ):
        attempt(tmp_path, workers=1)
