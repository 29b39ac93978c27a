"""What tests share: synthetic base tables, the real data beside the checkout, folders in memory, kernels compiled once."""

import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import hypothesis
import numpy as np
import polars as pl
import pytest

from turbo_forecast.models import level_kernel_set
from turbo_forecast.turbo_prophet import cache
from turbo_forecast_tests import sweeps
from turbo_forecast_tests.longest_first import in_order, keep_together
from turbo_forecast_tests.made_once import made_once
from turbo_forecast_tests.object_storage import s3, s3_server

__all__ = ["s3", "s3_server"]  # fixtures

hypothesis.settings.register_profile("suite", deadline=None)  # a machine that others use makes no example wrong
hypothesis.settings.load_profile("suite")

SHARED = Path(__file__).resolve().parents[1].parent / "shared" / "data"
CUTOFF = date(2025, 12, 31)
HISTORY_START = date(2023, 1, 1)
MEMORY = Path("/dev/shm")
"""Where Linux keeps files in memory."""
ROOM = 4 * 2**30
"""Bytes that must be free there; the suite needs less than one sixth of that."""


@pytest.hookimpl(tryfirst=True)  # before pytest makes its folder
def pytest_configure(config: pytest.Config) -> None:
    """Let the folders of tests lie in memory, where there is room and no `--basetemp` asks for another place.

    A month's run in Dagster commits to SQLite a thousand times, and waits for the disk each time: in memory that takes no
    time. What is synchronised to the disk, and when, is nothing that a test could see without cutting the power.
    """
    if config.option.basetemp is None and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM:
        folder = config.option.basetemp = tempfile.mkdtemp(prefix="turbo-forecast-tests-", dir=MEMORY)
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))

    sweeps.begin()
    # commands and workers are processes of their own, hundreds of them: each would compile the package's modules again
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    config.option.loadscopereorder = (
        False  # of pytest-xdist, which else begins with groups of many tests: see `longest_first`
    )


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without the garbage collector, and keep what was collected from it.

    Modules, tests and their parameters are more than a million objects that live as long as the process. To look through them again and
    again is a third of the time that collecting takes, and would be a part of each test's.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_unconfigure() -> None:
    """Give what was kept from the collector back to it: DuckDB's bindings list what is still there when Python ends."""
    gc.unfreeze()


# after every folder's conftest, which has named its groups, and before xdist reads them
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long tail of families of cases to the drill; where several processes share the tests, begin with what takes long."""
    items[:], left = sweeps.parted(items, config.args)
    if left:
        config.hook.pytest_deselected(items=left)
    if hasattr(config, "workerinput"):
        keep_together(items)
        items[:] = in_order(items)


def pytest_report_header() -> str:
    """Which cases of large families this session tries."""
    return f"{sweeps.NUMBER}={os.environ[sweeps.NUMBER]}"


def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile every kernel before test processes start: each of them would compile for itself, at the same time.

    Without pytest-xdist there is one process, which compiles what its tests need.
    """
    config = session.config
    if hasattr(config, "workerinput") or not getattr(config.option, "numprocesses", None):
        return
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    with ThreadPoolExecutor() as threads:  # each set is compiled in a process of its own
        list(
            threads.map(lambda kernels: kernels.ensure(reporter.write_line), (cache.KERNELS, level_kernel_set.KERNELS))
        )


@pytest.fixture
def shared() -> Callable[[str], Path]:
    """A file of the real data, or a skip that says which is missing."""

    def find(name: str) -> Path:
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"{path} is not there: real data is read from ../shared/data, beside the checkout")
        return path

    return find


def series_rows(
    host: str, y: np.ndarray, *, start: date = HISTORY_START, resource: str = "cpu", keep: np.ndarray | None = None
) -> pl.DataFrame:
    """Rows of the base table for one series: a value a day from `start`, those of `keep` where given."""
    days = [start + timedelta(days=i) for i in range(len(y))]
    rows = pl.DataFrame(
        {"host_id": host, "resource": resource, "ds": days, "y": y},
        schema={"host_id": pl.String, "resource": pl.String, "ds": pl.Date, "y": pl.Float64},
    )
    return rows if keep is None else rows.filter(pl.Series(keep))


def wave(days: int = 1096, *, level: float = 40.0, growth: float = 20.0, seed: int = 0) -> np.ndarray:
    """A plausible series: growth, a weekly cycle, noise; inside [0, 100]."""
    t = np.arange(days)
    noise = np.random.default_rng(seed).normal(0, 2, days)
    return np.clip(level + growth * t / 1096 + 5 * np.sin(2 * np.pi * t / 7) + noise, 0, 100)


@pytest.fixture(scope="session")
def published_fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which three months of a small fleet are published (`published_months.py`). For tests that only read."""
    from turbo_forecast_tests.published_months import publish_fleet

    made = made_once(tmp_path_factory, "published-fleet", lambda folder: publish_fleet(folder / "data"))
    return made / "data"
