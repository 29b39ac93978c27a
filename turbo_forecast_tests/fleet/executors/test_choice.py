"""Which executor works a run: processes, or what the settings name."""

import subprocess
import sys
from pathlib import Path

import pytest

from turbo_forecast.errors import SettingsError
from turbo_forecast.fleet.exchange import SharedFolder
from turbo_forecast.fleet.executors.choice import executor_of
from turbo_forecast.fleet.executors.processes import ProcessExecutor
from turbo_forecast_tests.fleet.working import fleet, job_of


def test_processes_are_the_default_with_nothing_between(tmp_path: Path) -> None:
    job = job_of(fleet(1), tmp_path, "naive", workers=3)
    with executor_of(job, SharedFolder(), None, lambda line: None) as executor:
        assert isinstance(executor, ProcessExecutor)
        assert executor.workers == 3


def test_without_the_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    job = job_of(fleet(1), tmp_path, "naive", executor={"kind": "dask", "address": "tcp://127.0.0.1:1"})
    with (
        pytest.raises(SettingsError, match=r"needs the package distributed .* pip install 'turbo-forecast\[dask\]'"),
        executor_of(job, SharedFolder(), None, lambda line: None),
    ):
        pass


def test_who_uses_processes_does_not_import_dask() -> None:
    code = (
        "import sys, turbo_forecast.fleet.run; print([each for each in sys.modules if each in ('dask', 'distributed')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_dasks_scheduler_imports_is_lean() -> None:
    code = (
        "import sys, turbo_forecast.fleet.executors.dask_entry; "
        "print([each for each in sys.modules if each in ('numpy', 'polars', 'pyarrow', 'pydantic', 'numba')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
