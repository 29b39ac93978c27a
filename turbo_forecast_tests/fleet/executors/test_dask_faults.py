"""Faults of a Dask cluster in the middle of a run: nothing is lost, nothing is there twice, and each is told in a sentence."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="distributed is not installed: pip install 'turbo-forecast[dask]'")

from turbo_forecast.errors import TurboForecastError
from turbo_forecast.fleet.executors import dask_membership
from turbo_forecast.fleet.executors.dask_cluster import ClusterLost, NoWorkers
from turbo_forecast_tests.fleet.executors.dask_processes import PATIENCE, ROOT, DaskProcesses
from turbo_forecast_tests.fleet.executors.dask_runs import Finished, Meanwhile, run
from turbo_forecast_tests.fleet.working import fleet, wait_until

pytestmark = pytest.mark.xdist_group("dask")
SERIES = 24
BASE = fleet(SERIES)
FIELD = ("own:slow", "own:random", "median")
"""A series takes a fifth of a second or so: long enough for something to happen meanwhile."""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of a run to which nothing happens, on worker processes."""
    return run(BASE, tmp_path_factory.mktemp("undisturbed"), *FIELD, folds=1).digest


def begun(cluster: DaskProcesses, folder: Path, **options: object) -> Meanwhile:
    """A run on the cluster, in chunks of two, that has finished some and has all workers at work."""
    address = cluster.address
    meanwhile = Meanwhile(
        lambda lines: run(BASE, folder, *FIELD, on=address, lines=lines, chunk_size=2, folds=1, **options)
    )
    wait_until(lambda: len(finished(folder)) >= 3 or meanwhile.error is not None, PATIENCE)
    return meanwhile


def finished(folder: Path) -> list[Path]:
    return list(folder.glob("run/run-*/forecast/*.outcomes.arrow"))


def logged(finished: Finished, words: str) -> bool:
    return any(words in line for line in finished.lines)


def test_a_worker_killed_in_the_middle_loses_nothing(cluster: DaskProcesses, undisturbed: str, tmp_path: Path) -> None:
    meanwhile = begun(cluster, tmp_path)
    cluster.kill(cluster.without_nanny()[0])
    result = meanwhile.end(PATIENCE)
    assert result.digest == undisturbed
    assert logged(result, "1 left, 2 workers, 2 at a time")


def test_all_workers_killed_and_new_ones_started_lose_nothing(
    dask_processes: DaskProcesses, undisturbed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = dask_processes.whole(2)
    monkeypatch.setattr(dask_membership, "SILENCE_SECONDS", 0.5)
    meanwhile = begun(cluster, tmp_path)
    for name in cluster.names():
        cluster.end_worker(name)
    wait_until(lambda: any("none is there" in line for line in meanwhile.lines), PATIENCE)
    cluster.start_workers(2)
    assert meanwhile.end(PATIENCE).digest == undisturbed


def test_a_worker_that_hangs_loses_its_tasks_to_others_and_does_no_harm_when_it_wakes(
    dask_processes: DaskProcesses, undisturbed: str, tmp_path: Path
) -> None:
    cluster = dask_processes.whole(2)
    meanwhile = begun(cluster, tmp_path, executor={"silence_seconds": 5.0})
    hanging = cluster.without_nanny()[0]
    cluster.kill(hanging, kind=signal.SIGSTOP)
    result = meanwhile.end(PATIENCE)
    assert result.digest == undisturbed
    assert logged(result, f"the Dask worker {hanging}")
    assert logged(result, "has sent no heartbeat for 5 s: others get its tasks")
    cluster.kill(hanging, kind=signal.SIGCONT)
    wait_until(lambda: not cluster.sandboxes(hanging), PATIENCE)


def test_a_scheduler_that_is_killed_ends_the_run_with_a_sentence_and_the_next_one_goes_on(
    dask_processes: DaskProcesses, undisturbed: str, tmp_path: Path
) -> None:
    cluster = dask_processes.whole(1)
    address = cluster.address
    meanwhile = begun(cluster, tmp_path)
    killed = time.monotonic()
    cluster.kill_scheduler()
    with pytest.raises(ClusterLost) as error:
        meanwhile.end(PATIENCE)
    assert time.monotonic() - killed < 30
    cluster.end()  # a worker that is still at a task finishes it, scheduler or not
    kept = len(finished(tmp_path))
    assert f"the connection to the Dask scheduler at {address} is lost; " in str(error.value)
    assert int(str(error.value).split("; ")[1].split()[0]) >= 3
    result = run(BASE, tmp_path, *FIELD, folds=1)
    assert result.digest == undisturbed
    assert logged(result, f"resuming: {2 * kept}/{SERIES} series were finished before")


SCRIPT = """
import sys
from pathlib import Path
from turbo_forecast.library.termination import terminated_in_order
from turbo_forecast_tests.fleet.executors.dask_runs import run
from turbo_forecast_tests.fleet.executors.test_dask_faults import BASE, FIELD
if __name__ == "__main__":
    with terminated_in_order():
        run(BASE, Path(sys.argv[1]), *FIELD, on=sys.argv[2], chunk_size=2)
"""


@pytest.mark.sweep(keep=1)
@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_ended_releases_the_cluster(
    dask_processes: DaskProcesses, tmp_path: Path, kind: signal.Signals
) -> None:
    """In order, and without a word."""
    cluster = dask_processes.whole(2)
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), cluster.address]
    with (tmp_path / "run.log").open("wb") as log:
        running = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        wait_until(lambda: len(finished(tmp_path)) >= 2 or running.poll() is not None, PATIENCE)
        assert cluster.sandboxes()
        ended = time.monotonic()
        running.send_signal(kind)
        wait_until(lambda: not cluster.sandboxes(), PATIENCE)
        wait_until(lambda: not cluster.tasks(), PATIENCE)
        released = time.monotonic() - ended
    finally:
        running.kill()
        running.wait()
    assert released < 5 * slowness()
    assert "Traceback" not in (tmp_path / "run.log").read_text()


def slowness() -> float:
    """How many times slower than an idle machine this one is at least, as its load tells."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def test_a_run_without_workers_waits_for_some_time_and_then_ends_with_a_sentence(
    dask_processes: DaskProcesses, tmp_path: Path
) -> None:
    cluster = dask_processes.whole(1)
    for name in cluster.names():
        cluster.end_worker(name)
    with pytest.raises(NoWorkers, match=r"no worker was there for \d+ s \(executor.wait_seconds\); start some"):
        run(BASE, tmp_path, *FIELD, on=cluster.address, executor={"wait_seconds": 2.0})


def test_a_worker_with_another_version_gets_nothing_and_is_named(dask_processes: DaskProcesses, tmp_path: Path) -> None:
    cluster = dask_processes.whole(1)
    name = "numpy-0.0.1.dist-info"
    (tmp_path / "other" / name).mkdir(parents=True)
    (tmp_path / "other" / name / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 0.0.1\n")
    (odd,) = cluster.start_workers(path=[tmp_path / "other"])
    wait_until(lambda: odd in cluster.registered(), PATIENCE)
    result = run(fleet(8), tmp_path, "own:naive", "median", on=cluster.address)
    assert logged(result, f"the Dask worker {odd}")
    assert logged(result, "has numpy 0.0.1 where the run has ")
    for each in set(cluster.without_nanny()) - {odd}:
        cluster.end_worker(each)
    nannied = next(each for each in cluster.names() if each != odd)
    cluster.end_worker(nannied)
    wait_until(lambda: cluster.registered() == {odd}, PATIENCE)
    with pytest.raises(NoWorkers, match=rf"can take part: the Dask worker {odd} .* has numpy 0.0.1 where the run has"):
        run(fleet(8), tmp_path, "own:naive", "median", on=cluster.address)
    cluster.end_worker(odd)


def test_a_worker_that_has_not_the_entrants_module_is_refused_with_the_modules_name(
    dask_processes: DaskProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = dask_processes.whole(1)
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "only_here.py").write_text("from turbo_forecast_tests.fleet.entrants import naive as build\n")
    monkeypatch.syspath_prepend(str(tmp_path / "ours"))
    with pytest.raises(
        NoWorkers, match=r"cannot import only_here, which the entrant only_here:build needs: ModuleNotF"
    ):
        run(fleet(8), tmp_path, "only_here:build", "median", on=cluster.address)


def test_a_folder_that_a_worker_does_not_see_ends_the_run_with_the_workers_name(
    dask_processes: DaskProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = dask_processes.whole(1)

    def hide(executor: object, task: object, fresh: bool = False) -> None:
        (tmp_path / "series.arrow").rename(tmp_path / "hidden.arrow")
        original(executor, task, fresh)

    from turbo_forecast.fleet.executors.dask_executor import DaskExecutor

    original: Callable[..., None] = DaskExecutor.submit
    monkeypatch.setattr(DaskExecutor, "submit", hide)
    with pytest.raises(TurboForecastError, match=r"the Dask worker worker-\d+ .* cannot work: .* is not seen here"):
        run(fleet(1), tmp_path, "own:naive", "median", on=cluster.address)


def test_an_entrant_that_cannot_start_ends_the_run_with_its_own_words(
    dask_processes: DaskProcesses, tmp_path: Path
) -> None:
    cluster = dask_processes.whole(1)
    with pytest.raises(NoWorkers, match="MemoryError: no room for this entrant"):
        run(fleet(2), tmp_path, "own:cannot_start", "median", on=cluster.address)
