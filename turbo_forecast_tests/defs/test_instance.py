"""Opening DAGSTER_HOME: several processes at once, and a folder nobody may write."""

import multiprocessing
import os
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from turbo_forecast.defs.instance import opened_instance
from turbo_forecast.errors import StorageError


def _open(home: str, together: Barrier, report: Path) -> None:
    os.environ["DAGSTER_HOME"] = home
    together.wait(timeout=60)
    try:
        with opened_instance() as instance:
            instance.get_runs(limit=1)
            instance.event_log_storage.get_concurrency_keys()
            instance.all_instigator_state()
        report.write_text("opened")
    except Exception as error:
        report.write_text(f"{type(error).__name__}: {error}")


def test_processes_that_open_an_empty_home_at_once_all_get_it(tmp_path: Path) -> None:
    spawning = multiprocessing.get_context("spawn")
    homes = [tmp_path / f"home-{number}" for number in range(3)]
    reports = []
    for home in homes:  # without the lock, most homes lost a process
        home.mkdir()
        (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        together = spawning.Barrier(3)
        mine = [tmp_path / f"{home.name}-{number}" for number in range(3)]
        processes = [spawning.Process(target=_open, args=(str(home), together, report)) for report in mine]
        for process in processes:
            process.start()
        for process in processes:
            process.join(timeout=120)
        reports += [report.read_text() for report in mine]
    assert reports == ["opened"] * len(reports)


def test_opening_makes_the_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with opened_instance():
        pass
    assert (tmp_path / "history" / "runs.db").exists()


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.write_text("a file")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with pytest.raises(StorageError) as refused, opened_instance():
        pass
    assert str(refused.value) == f"DAGSTER_HOME {home} cannot be written: Not a directory"
