"""An executor without processes, for tests of what a run makes of its series.

That worker processes give the same is in `test_run.py` and `executors/test_processes.py`; starting one takes longer than
the forecast of a few series.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ctypes import c_char

import pytest

from turbo_forecast.fleet import chunks
from turbo_forecast.fleet.executors import choice
from turbo_forecast.fleet.executors.protocol import Events
from turbo_forecast.fleet.executors.worker_status import SIZE, StatusWriter, Tally
from turbo_forecast.fleet.tasks import Job, Task
from turbo_forecast.fleet.worker_steps import Equipment


class ThisProcess:
    """An `Executor` that works one task at each look. Nothing here can be lost or ended."""

    workers = 1

    def __init__(self, job: Job) -> None:
        self._equipment = Equipment(job, StatusWriter((c_char * SIZE)()))
        self._queue: deque[Task] = deque()

    def chunk_size(self, series: int, wanted: int) -> int:
        """As worker processes have it."""
        return chunks.chunk_size(series, self.workers, wanted)

    def submit(self, task: Task, fresh: bool = False) -> None:
        """Queue the task."""
        assert not fresh, "there is one worker, and it has worked before"
        self._queue.append(task)

    def wait(self, seconds: float) -> Events:
        """The next task, worked. Raises what it raises."""
        if not self._queue:
            return Events()
        task = self._queue.popleft()
        self._equipment.prepare(task.step)
        return Events(completed=[self._equipment.perform(task)])

    def kill(self, task: Task) -> None:
        """Nobody has a task in flight when this could be asked for."""
        raise AssertionError(f"{task} is in nobody's hands")

    def tallies(self) -> Sequence[Tally]:
        """None: nobody estimates how long a few series take."""
        return ()

    def close(self) -> None:
        """Nothing was started."""


@contextmanager
def _this_process(job: Job, workers: int, log: Callable[[str], None]) -> Iterator[ThisProcess]:
    yield ThisProcess(job)


@contextmanager
def in_this_process() -> Iterator[None]:
    """Within the block, runs forecast in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choice, "processes", _this_process)
        yield
