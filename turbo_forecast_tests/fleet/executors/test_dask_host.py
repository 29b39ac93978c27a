"""What a Dask worker holds of a run: on a cluster within this process, whose machines share no disk."""

import pickle
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="distributed is not installed: pip install 'turbo-forecast[dask]'")

import dask
import distributed
from distributed.core import Status

from turbo_forecast.fleet.audit import AuditTimer
from turbo_forecast.fleet.checkpoint import checkpoint_folder
from turbo_forecast.fleet.exchange import Exchange, SharedFolder
from turbo_forecast.fleet.executors import dask_host
from turbo_forecast.fleet.executors.compatibility import installed_here
from turbo_forecast.fleet.executors.dask_cluster import NoWorkers
from turbo_forecast.fleet.executors.dask_entry import take_part
from turbo_forecast.fleet.executors.dask_messages import Spec
from turbo_forecast.fleet.run import run_fleet
from turbo_forecast.fleet.store import write_store
from turbo_forecast.library.forecast import series_table
from turbo_forecast.settings import forecast_settings
from turbo_forecast.windows import run_windows
from turbo_forecast_tests.conftest import CUTOFF
from turbo_forecast_tests.fleet.by_hand import SHORT
from turbo_forecast_tests.fleet.executors.copying import Copying
from turbo_forecast_tests.fleet.executors.dask_runs import Meanwhile, run
from turbo_forecast_tests.fleet.test_run import digest
from turbo_forecast_tests.fleet.working import EVIL, fleet, job_of, wait_until
from turbo_forecast_tests.quiet_dask import QUIET

pytestmark = pytest.mark.xdist_group("dask")
FIELD = ("own:random", "median")
BASE = fleet(11)


@pytest.fixture(scope="module")
def client() -> Iterator[distributed.Client]:
    """Dask pauses nothing here by itself: its memory limit is off."""
    with (
        dask.config.set(QUIET),
        distributed.Client(
            processes=False,
            n_workers=2,
            threads_per_worker=1,
            memory_limit=0,
            dashboard_address="127.0.0.1:0",
            set_as_default=False,
        ) as client,
    ):
        yield client


def far(folder: Path, exchange: Exchange, client: object = None) -> tuple[str, list[str]]:
    """The digest and the lines of a run whose workers see nothing of its folder."""
    settings = forecast_settings(**SHORT, entrants=[EVIL.format("random"), "median"], workers=2, chunk_size=5)
    windows = run_windows(CUTOFF, settings)
    store = write_store(series_table(BASE, windows.history_start), folder / "series.arrow")
    lines: list[str] = []
    with checkpoint_folder(folder / "run") as checkpoint:
        timer = AuditTimer()
        made = run_fleet(
            store,
            windows,
            settings,
            checkpoint=checkpoint,
            timer=timer,
            log=lines.append,
            exchange=exchange,
            client=client,
        )
        return digest(made), lines


def test_workers_that_share_no_disk_leave_the_same_bytes_piece_by_piece(
    client: distributed.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_host, "PIECE_SERIES", 3)
    exchange = Copying(tmp_path / "place")
    there, _ = far(tmp_path / "there", exchange, client)
    assert there == run(BASE, tmp_path / "here", *FIELD).digest
    assert exchange.noted("offer") == ["combine", "forecast", "publish"]
    chunks = ["00000000-00000005", "00000005-00000010", "00000010-00000011"]
    pieces = ["00000000-00000003", "00000003-00000005", "00000005-00000008", "00000008-00000010", chunks[2]]
    later = [f"{step} 00000000-00000011" for step in ("combine", "publish")]
    assert exchange.noted("stage_in") == sorted([*later, *(f"forecast {stem}" for stem in chunks)])
    handed = sorted([*later, *(f"forecast {stem}" for stem in pieces)])
    assert exchange.noted("stage_out") == exchange.noted("collect") == handed
    wait_until(lambda: not dask_host._hosts, 60)


def test_what_processes_share_is_there_for_a_run_on_another_machine(client: distributed.Client, tmp_path: Path) -> None:
    """The first machine is lost with all it had; what it has handed back is not forecast again."""
    exchange = Copying(tmp_path / "place")
    first, _ = far(tmp_path / "lost", exchange)
    again, lines = far(tmp_path / "other", exchange, client)
    assert again == first
    assert "2025-12 · resuming: 11/11 series were finished before" in lines


def test_a_host_ends_with_its_lease_and_leaves_no_folder(client: distributed.Client, tmp_path: Path) -> None:
    workers = client.run(lambda dask_worker: dask_worker.local_directory)
    run(BASE, tmp_path, *FIELD, client=client)
    wait_until(lambda: not dask_host._hosts, 60)
    wait_until(lambda: not any(each.name == "turbo-forecast" for each in threading.enumerate()), 60)
    for folder in workers.values():
        wait_until(lambda folder=folder: not list(Path(folder).glob("turbo-forecast-*")), 60)  # type: ignore[misc]


def test_a_task_that_comes_after_its_run_does_nothing(client: distributed.Client) -> None:
    begun = time.monotonic()
    client.submit(dask_host.perform_task, "0000", "forecast-of-yesterday", b"", pure=False).result(timeout=60)
    assert time.monotonic() - begun < 60


def test_a_worker_that_dask_has_paused_holds_nothing_up(client: distributed.Client, tmp_path: Path) -> None:
    """A task that is sent to it waits there until it goes on; nobody knows when that will be."""
    first, *_ = client.scheduler_info()["workers"]

    def put(status: str) -> None:
        client.run(lambda dask_worker: setattr(dask_worker, "status", Status[status]), workers=[first])

    meanwhile = Meanwhile(lambda lines: run(BASE, tmp_path, *FIELD, client=client, lines=lines, chunk_size=1))
    wait_until(lambda: len(dask_host._hosts) == 2 or meanwhile.error is not None, 60)
    put("paused")
    try:
        result = meanwhile.end(120)
    finally:
        put("running")
    assert any("is paused by Dask" in line for line in result.lines)
    assert result.digest == run(BASE, tmp_path / "here", *FIELD).digest


def test_a_host_that_ends_leaves_the_folder_of_the_one_that_came_after_it(
    client: distributed.Client, tmp_path: Path
) -> None:
    """A worker that is asked again has two for a moment."""
    address, where = next(
        (address, each["local_directory"]) for address, each in client.scheduler_info()["workers"].items()
    )
    job = job_of(fleet(1), tmp_path, "naive")

    def asked(lease: str) -> distributed.Future:
        packed = pickle.dumps((job, SharedFolder()))
        spec = pickle.dumps(Spec("run", lease, "topic", installed_here(job.settings), packed, 1.0))
        future = client.submit(take_part, spec, key=lease, workers=[address], pure=False)
        assert future.result(timeout=60) == "taking part"
        return future

    def folders() -> list[Path]:
        return list(Path(where).glob("turbo-forecast-*"))

    before = asked("worker-run-0")
    (old,) = folders()
    after = asked("worker-run-1")
    (new,) = set(folders()) - {old}
    client.cancel([before], force=True)
    wait_until(lambda: not old.exists(), 60)
    assert list(new.iterdir())
    client.cancel([after], force=True)
    wait_until(lambda: folders() == [], 60)


def test_a_worker_that_cannot_keep_a_limit_of_memory_is_refused(
    client: distributed.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("turbo_forecast.fleet.executors.processes.can_be_measured", lambda: False)
    monkeypatch.setattr("turbo_forecast.fleet.executors.dask_membership.GRACE_SECONDS", 0.0)
    with pytest.raises(NoWorkers, match=r"the Dask worker .* cannot work: worker_memory_mb cannot be kept here"):
        run(BASE, tmp_path, *FIELD, client=client, worker_memory_mb=1000)
