"""Entrants and parts that need memory, in every way in which that can be told from another, for the tests of its limit."""

import mmap
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from turbo_forecast.fleet.chunks import Span
from turbo_forecast.models.protocol import Forecast, Window
from turbo_forecast.settings import ForecastSettings
from turbo_forecast_tests.fleet.entrants import Naive
from turbo_forecast_tests.fleet.executors.steps import is_first, note, step

MUCH = 400
"""MB that is more than any limit in these tests leaves, and than nothing else here needs."""
LONG = 20.0
"""Seconds in which a worker that holds much is seen, on any machine."""
TAKE = f"import time; held = b'x' * ({MUCH} << 20); time.sleep(600)"


def taken(mb: float) -> np.ndarray:
    """So much memory, written to."""
    return np.ones(int(mb * 2**20), np.uint8)


class Glutton(Naive):
    """Takes much, and holds it while it works."""

    def misbehave(self) -> None:
        held = taken(MUCH)
        time.sleep(LONG)
        del held


class Keeper(Naive):
    """Takes much, is done at once, and keeps it."""

    kept: np.ndarray

    def misbehave(self) -> None:
        self.kept = taken(MUCH)


class ParentOfRunaway(Naive):
    """Has a child that takes much after it has left the worker's session, its environment and its parent."""

    def misbehave(self) -> None:
        start = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {TAKE!r}], start_new_session=True, env={{}})"
        subprocess.run([sys.executable, "-c", start], check=True)
        time.sleep(LONG)


class Leaker(Naive):
    """Keeps a little of each series."""

    def __init__(self) -> None:
        self.kept: list[np.ndarray] = []

    def forecast(self, window: Window) -> Forecast:
        self.kept.append(taken(30))
        return super().forecast(window)


class Insatiable(Naive):
    """Needs much for every series."""

    def forecast(self, window: Window) -> Forecast:
        held = taken(MUCH)
        time.sleep(LONG)
        del held
        return super().forecast(window)


class Sharer(Naive):
    """Has children that hold nothing of their own: a block of their parent's is counted once for all of them."""

    def misbehave(self) -> None:
        block = taken(80)
        children = []
        for _ in range(6):
            if not (child := os.fork()):
                time.sleep(1.5)
                os._exit(int(block[0]) - 1)
            children.append(child)
        for child in children:
            os.waitpid(child, 0)


class Reader(Naive):
    """Reads a large file through a mapping: the system takes such pages back when it needs them."""

    def misbehave(self) -> None:
        # not in memory, as /dev/shm and perhaps the tests' own folder are
        with tempfile.NamedTemporaryFile(dir=Path(__file__).parent) as file:
            file.write(bytes(MUCH << 20))
            file.flush()
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                assert not np.frombuffer(mapped, np.uint8)[::4096].any()
                time.sleep(1.0)


def glutton(settings: ForecastSettings) -> Naive:
    return Glutton()


def keeper(settings: ForecastSettings) -> Naive:
    return Keeper()


def parent_of_runaway(settings: ForecastSettings) -> Naive:
    return ParentOfRunaway()


def leaker(settings: ForecastSettings) -> Naive:
    return Leaker()


def insatiable(settings: ForecastSettings) -> Naive:
    return Insatiable()


def sharer(settings: ForecastSettings) -> Naive:
    return Sharer()


def reader(settings: ForecastSettings) -> Naive:
    return Reader()


def large_from_the_start(settings: ForecastSettings) -> Naive:
    entrant = Keeper()
    entrant.misbehave()
    return entrant


def grows_while_it_starts(settings: ForecastSettings) -> Naive:
    entrant = Keeper()
    entrant.misbehave()
    time.sleep(3600)
    return entrant


@step
def hungry_part(folder: Path, span: Span) -> None:
    """The part of series 2 needs much."""
    note(folder, span)
    if span.lo == 2:
        held = taken(MUCH)
        time.sleep(LONG)
        del held


_kept: list[np.ndarray] = []


@step
def leaking_part(folder: Path, span: Span) -> None:
    """Keeps a little of each part."""
    note(folder, span)
    _kept.append(taken(60))


@step
def hungry_once(folder: Path, span: Span) -> None:
    """Needs much the first time only."""
    note(folder, span)
    if span.lo == 2 and is_first(folder, "hungry"):
        held = taken(MUCH)
        time.sleep(LONG)
        del held
