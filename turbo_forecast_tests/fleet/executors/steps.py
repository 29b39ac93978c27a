"""What tests let workers do as the steps COMBINE and PUBLISH: notes of who worked what, deaths, errors."""

import errno
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from turbo_forecast.errors import StorageError
from turbo_forecast.fleet.chunks import Span
from turbo_forecast.fleet.run_folder import RunFolder
from turbo_forecast.fleet.tasks import Job
from turbo_forecast.fleet.worker_steps import Parts


def step(do: Callable[[Path, Span], None]) -> Callable[..., Callable[[Span], None]]:
    """As a step is built: of the run's folder, store, windows and settings."""

    def build(folder: RunFolder, *others: object) -> Callable[[Span], None]:
        return partial(do, folder.path)

    return build


def part(name: str) -> Parts:
    """A function of this module as a step."""
    return Parts(f"{__name__}:{name}")


def noted(job: Job) -> list[tuple[int, int]]:
    """Process and first series of each attempt so far, in order."""
    path = job.folder.path / "attempts"
    return [(int(pid), int(lo)) for pid, lo in map(str.split, path.read_text().splitlines())] if path.exists() else []


def note(folder: Path, span: Span) -> None:
    """Note this attempt; what it leaves is a file, as a real part does."""
    with (folder / "attempts").open("a") as file:
        file.write(f"{os.getpid()} {span.lo}\n")
    (folder / f"part-{span.stem}").touch()


def is_first(folder: Path, name: str) -> bool:
    """Whether nobody has come here before."""
    try:
        (folder / name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def die() -> None:
    """As the out-of-memory killer would have it."""
    os.kill(os.getpid(), signal.SIGKILL)


@step
def works(folder: Path, span: Span) -> None:
    note(folder, span)
    time.sleep(0.05)


@step
def dies_once(folder: Path, span: Span) -> None:
    """The first time, its worker is killed at the second part; what the other is at takes until after that."""
    note(folder, span)
    if span.lo == 2 and is_first(folder, "died"):
        _wait_for(folder / "part-00000000-00000002")
        die()
    if span.lo == 0:
        _wait_for(folder / "died")
        time.sleep(0.7)  # the death has been seen by then


@step
def dies_always(folder: Path, span: Span) -> None:
    note(folder, span)
    if span.lo == 2:
        die()


@step
def is_stopped_once(folder: Path, span: Span) -> None:
    """As `kill -STOP` does: neither dead nor alive."""
    note(folder, span)
    if span.lo == 2 and is_first(folder, "stopped"):
        os.kill(os.getpid(), signal.SIGSTOP)


@step
def fills_the_disk(folder: Path, span: Span) -> None:
    raise StorageError("/data/part.parquet cannot be written: No space left on device")


class Awkward(Exception):
    """An error that cannot be made again from its arguments."""

    def __init__(self, code: int, path: str) -> None:
        super().__init__(f"{os.strerror(code)}: {path}")


@step
def has_a_defect(folder: Path, span: Span) -> None:
    raise Awkward(errno.EIO, "somewhere")


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + 20
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
