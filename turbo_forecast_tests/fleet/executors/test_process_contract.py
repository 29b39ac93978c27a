"""Worker processes keep what any executor must."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import pytest

from turbo_forecast.fleet.executors.processes import ProcessExecutor, processes
from turbo_forecast.fleet.tasks import Job, Step
from turbo_forecast.fleet.worker_steps import STEPS, Prepare
from turbo_forecast_tests.fleet.executors.contract import *  # noqa: F403
from turbo_forecast_tests.fleet.executors.contract import Start

pytestmark = pytest.mark.xdist_group("process contract")


@pytest.fixture
def start() -> Iterator[Start]:
    with ExitStack() as stack:

        def begin(job: Job, workers: int, steps: Mapping[Step, Prepare] = STEPS) -> ProcessExecutor:
            return stack.enter_context(processes(job, workers, lambda line: None, steps))

        yield begin
