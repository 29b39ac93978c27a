"""A small process beside a run that ends the run's workers when the run is killed.

Belongs here: waiting for the run's end, whatever ends it. Imported by a process of its own at start, so imports here are
counted. Does not belong here: how workers are found (`descendants.py`).

Each worker watches its parent too (`worker.py`), but with a thread, which does not get to work while an entrant's code holds
the interpreter's lock, and stands still where somebody has stopped the worker.
"""

import os
import select
import subprocess
import sys
from contextlib import suppress
from multiprocessing import spawn
from pathlib import Path

from turbo_forecast.fleet.executors.descendants import end_all

ROOT = Path(__file__).resolve().parents[3]
STOP = b"."
STOP_SECONDS = 5.0


class Watchdog:
    """The run's end of the watchdog: it ends processes whose tags begin with `tag` as soon as this process is gone."""

    def __init__(self, tag: str) -> None:
        own = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from {__name__} import watch; watch({os.getpid()}, {tag!r})"
        self._process: subprocess.Popen[bytes] | None = None
        with suppress(OSError):  # no room for one more process: workers still watch by themselves
            self._process = subprocess.Popen(
                [os.fsdecode(spawn.get_executable()), "-I", "-S", "-c", own],
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C reaches only the run
            )

    def stop(self) -> None:
        """The workers have been ended in order: end the watchdog too."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(OSError, subprocess.TimeoutExpired):
            process.communicate(STOP, timeout=STOP_SECONDS)
        process.kill()
        process.wait()


def watch(run: int, tag: str) -> None:
    """Wait until the process `run` has ended, then end the workers; or until it stops this one."""
    ends: list[int] = [sys.stdin.fileno()]
    # where there is none, the pipe's end shows it, unless a copy of the run keeps it open
    with suppress(AttributeError, OSError):
        ends.append(os.pidfd_open(run))
    if os.getppid() == run:
        ready, _, _ = select.select(ends, [], [])
        if sys.stdin.fileno() in ready and os.read(sys.stdin.fileno(), 1) == STOP:
            return
    end_all([], [tag])
