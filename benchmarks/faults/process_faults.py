"""Faults of a run on worker processes of one machine.

Belongs here: how each is brought about. Does not belong here: what it must not cost (`stage.py`).
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.one_run import REFUSED
from benchmarks.faults.stage import DrillError, Fault, Trial

TIMEOUT_SECONDS = 15.0
"""For a series of the drill: a thousand times what one takes."""
MEMORY_MB = 1500
"""For a worker of the drill: several times what one holds; the entrant takes twice as much."""
SMALL_DISK_MB, LARGE_DISK_MB = 4, 2000
AWAKE_SECONDS, ASLEEP_SECONDS = 0.05, 0.45


def _nothing_in_the_way() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Inflicted:
    """A `Fault` by a function that brings it about."""

    name: str
    does: Callable[[Trial], None]
    is_short: bool = False
    guilty: bool = False
    why_not: Callable[[], str | None] = _nothing_in_the_way

    def obstacle(self) -> str | None:
        """Why it cannot be tried here."""
        return self.why_not()

    def happen(self, trial: Trial) -> None:
        """Bring it about."""
        self.does(trial)


def kill_one_worker(trial: Trial) -> None:
    """As the out-of-memory killer does."""
    trial.start()
    trial.until_mid_map()
    _kill(trial.workers()[:1])
    trial.finish()


def kill_all_workers(trial: Trial) -> None:
    """All at once."""
    trial.start()
    trial.until_mid_map()
    _kill(trial.workers())
    trial.finish()


def series_that_kills(trial: Trial) -> None:
    """Whenever it is tried."""
    trial.misbehave("die", once=False)
    trial.start()
    trial.finish()


def series_that_kills_once(trial: Trial) -> None:
    """The first time only, as an accident would: it is whole at last."""
    trial.misbehave("die", once=True)
    trial.start()
    trial.finish()


def series_that_hangs(trial: Trial) -> None:
    """Whenever it is tried."""
    trial.misbehave("hang", once=False)
    trial.start(series_timeout_seconds=TIMEOUT_SECONDS)
    trial.finish()


def series_that_needs_too_much(trial: Trial) -> None:
    """Whenever it is tried."""
    trial.misbehave("grow", once=False)
    trial.start(worker_memory_mb=MEMORY_MB)
    trial.finish()


def kill_the_run(trial: Trial) -> None:
    """The run itself, with no time to say anything; and the same run again. Raises DrillError where workers outlive it."""
    process = trial.start()
    trial.until_mid_map()
    workers = trial.workers()
    process.kill()
    process.wait()
    deadline = time.monotonic() + 30
    while left := [pid for pid in workers if _lives(pid)]:
        if time.monotonic() > deadline:
            raise DrillError(f"workers {left} outlive their run")
        time.sleep(0.05)
    trial.start()
    trial.finish()


def fill_the_disk(trial: Trial) -> None:
    """What is unfinished lies on a disk that is too small; the run says so, the disk grows, and it is run again."""
    place = trial.place / "run"
    place.mkdir()
    _mount(place, f"size={SMALL_DISK_MB}m")
    try:
        trial.start()
        trial.finish(REFUSED)
        if not any("No space left on device" in line or "no space left" in line for line in trial.said):
            raise DrillError(f"a full disk is not named: {''.join(trial.said[-3:])}")
        _mount(place, f"remount,size={LARGE_DISK_MB}m")
        trial.start()
        trial.finish()
    finally:
        trial.end()
        subprocess.run(["umount", "-l", str(place)], check=False)


@contextmanager
def hindered(pid: int) -> Iterator[None]:
    """Within the block, the process gets a tenth of its time: it is stopped and woken, again and again."""
    over = threading.Event()

    def hinder() -> None:
        while not over.wait(AWAKE_SECONDS):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                over.wait(ASLEEP_SECONDS)
                os.kill(pid, signal.SIGCONT)

    thread = threading.Thread(target=hinder)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def slow_worker(trial: Trial) -> None:
    """One worker gets a tenth of its time: it is stopped and woken, again and again, until the run ends."""
    process = trial.start()
    trial.until_mid_map()
    (worker, *_) = trial.workers()
    with hindered(worker), suppress(DrillError):  # it has ended, which is what was waited for
        trial.until(lambda: process.poll() is not None or worker not in trial.workers(), "")
    trial.finish()


def _kill(workers: list[int]) -> None:
    if not workers:
        raise DrillError("there is no worker to be killed")
    for pid in workers:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _lives(pid: int) -> bool:
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    return False


def _mount(place: Path, options: str) -> None:
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, text=True)
    if made.returncode:
        raise DrillError(f"{place} cannot be mounted: {made.stderr.strip()}")


def cannot_mount() -> str | None:
    """A small file system of one's own needs root."""
    return None if os.geteuid() == 0 else "a small disk can be mounted by root only"


def cannot_measure() -> str | None:
    """Where /proc is not, memory is not measured."""
    return None if Path("/proc/self/status").exists() else "this system does not tell what a process holds"


FAULTS: tuple[Fault, ...] = (
    Inflicted("a worker is killed in mid-map", kill_one_worker, is_short=True),
    Inflicted("all workers are killed at once", kill_all_workers),
    Inflicted("a series kills its worker, once", series_that_kills_once),
    Inflicted("a series kills its worker, always", series_that_kills, guilty=True),
    Inflicted("a series hangs", series_that_hangs, guilty=True),
    Inflicted("a series exceeds a worker's memory", series_that_needs_too_much, guilty=True, why_not=cannot_measure),
    Inflicted("the run is killed and run again", kill_the_run, is_short=True),
    Inflicted("the disk is full, then is not", fill_the_disk, why_not=cannot_mount),
    Inflicted("a worker gets a tenth of its time", slow_worker),
)
