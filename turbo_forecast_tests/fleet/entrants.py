"""Entrants that misbehave, for the tests of worker processes. Which series they hit is told by its level."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from turbo_forecast.models.protocol import Forecast, Window
from turbo_forecast.settings import ForecastSettings

MARKED = 77.0
"""A series whose first value is this one is treated badly."""


class Naive:
    """The last value, for everyone but marked series."""

    def forecast(self, window: Window) -> Forecast:
        if window.y[0] == MARKED:
            self.misbehave()
        flat = np.full(window.horizon.size, window.y[-1])
        return Forecast(flat, flat - 1, flat + 1, solver="naive")

    def misbehave(self) -> None:
        raise ArithmeticError("this series is cursed")


class Slanderer(Naive):
    """Says in its error that somebody else has failed."""

    def misbehave(self) -> None:
        raise ValueError("no; recent_level raised everything")


class Killer(Naive):
    """Dies as the out-of-memory killer would have it."""

    def misbehave(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Sleeper(Naive):
    """Never ends."""

    def misbehave(self) -> None:
        time.sleep(3600)


class Parent(Naive):
    """Starts a process that leaves the worker's group, and one whose own parent ends; notes their numbers."""

    def forecast(self, window: Window) -> Forecast:
        if window.y[0] == MARKED:
            self.misbehave()
        return _flat(window, window.horizon.size)

    def misbehave(self) -> None:
        folder = Path(os.environ["TEST_FOLDER"])
        if len(list(folder.iterdir())) >= 3:
            return
        sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
        apart = subprocess.Popen(sleep, start_new_session=True, env={})
        (folder / str(apart.pid)).touch()
        orphan = (
            "import os, subprocess, sys; print(subprocess.Popen(sys.argv[1:], stdout=2, start_new_session=True).pid)"
        )
        made = subprocess.run([sys.executable, "-c", orphan, *sleep], stdout=subprocess.PIPE, text=True, check=True)
        (folder / made.stdout.strip()).touch()
        if not (forked := os.fork()):
            os.setsid()
            if grandchild := os.fork():
                (folder / str(grandchild)).touch()
                os._exit(0)
            time.sleep(600)
        os.waitpid(forked, 0)


class ParentThatSleeps(Parent):
    """Then never ends."""

    def misbehave(self) -> None:
        super().misbehave()
        time.sleep(3600)


class ParentThatDies(Parent):
    """Then dies."""

    def misbehave(self) -> None:
        super().misbehave()
        os.kill(os.getpid(), signal.SIGKILL)


class Hoarder(Naive):
    """Opens files until there are none left, and keeps them; then answers, or fails."""

    def __init__(self, *, fails: bool) -> None:
        self.fails = fails
        self.kept: list[int] = []

    def misbehave(self) -> None:
        with suppress(OSError):
            while True:
                self.kept.append(os.open("/dev/null", os.O_RDONLY))
        if self.fails:
            raise ValueError("that was all")


class Leaker(Naive):
    """Forgets to close a dozen files each time."""

    def __init__(self) -> None:
        self.kept: list[int] = []

    def forecast(self, window: Window) -> Forecast:
        self.kept += [os.open("/dev/null", os.O_RDONLY) for _ in range(12)]
        return super().forecast(window)


class Tidier(Naive):
    """Removes the folder of everybody's temporary files, and fails."""

    def misbehave(self) -> None:
        shutil.rmtree(tempfile.gettempdir())
        raise ValueError("clean")


class NotFinite(Naive):
    """Answers NaN."""

    def forecast(self, window: Window) -> Forecast:
        flat = np.full(window.horizon.size, np.nan if window.y[0] == MARKED else 50.0)
        return Forecast(flat, flat, flat, solver="nan")


class Wild(Naive):
    """Answers far outside the envelope, bounds in the wrong order."""

    def forecast(self, window: Window) -> Forecast:
        shape = window.horizon.size
        return Forecast(np.full(shape, 140.0), np.full(shape, 150.0), np.full(shape, -20.0), solver="wild")


class Slow(Naive):
    """Takes a while for each series, so that a run can be killed meanwhile."""

    def forecast(self, window: Window) -> Forecast:
        time.sleep(0.2)
        return super().forecast(window)


class Unhurried(Naive):
    """Takes just long enough for each series that a run can be killed between two chunks."""

    def forecast(self, window: Window) -> Forecast:
        time.sleep(0.04)
        return super().forecast(window)


class Random(Naive):
    """Draws from the window's seed, and remembers nothing."""

    def forecast(self, window: Window) -> Forecast:
        draws = np.random.default_rng(window.seed).uniform(20, 80, window.horizon.size)
        return Forecast(draws, draws - 5, draws + 5, solver="random")


class Unspeakable(Exception):
    """An error that cannot even be shown."""

    def __str__(self) -> str:
        raise ValueError("no words")


def _raise(error: BaseException) -> Forecast:
    raise error


def _flat(window: Window, days: int, **more: object) -> Forecast:
    flat = np.full(days, 50.0)
    return Forecast(flat, flat, flat, **{"solver": "flat", **more})  # type: ignore[arg-type]


def _write(array: np.ndarray) -> Forecast:
    array += 5
    raise AssertionError("an array that is shared could be written to")


ANSWERS: dict[str, Callable[[Window], Forecast]] = {
    "too_short": lambda window: _flat(window, window.horizon.size - 1),
    "two_dimensional": lambda window: Forecast(*[np.zeros((window.horizon.size, 1))] * 3, solver="2d"),
    "complex_numbers": lambda window: Forecast(*[np.zeros(window.horizon.size, complex)] * 3, solver="i"),
    "text": lambda window: Forecast(*[np.full(window.horizon.size, "x")] * 3, solver="text"),  # type: ignore[list-item]
    "shifted": lambda window: _flat(window, window.horizon.size + (1 if window.horizon.size == 122 else -1)),
    "system_exit": lambda window: _raise(SystemExit(0)),
    "keyboard_interrupt": lambda window: _raise(KeyboardInterrupt()),
    "surrogate": lambda window: _raise(ValueError("a lone \ud800 surrogate")),
    "unspeakable": lambda window: _raise(Unspeakable()),
    "note_of_another_type": lambda window: _flat(window, window.horizon.size, note=np.array([1, 2])),
    "unspeakable_solver": lambda window: _flat(window, window.horizon.size, solver=Unspeakable()),
    "counts_of_numpys": lambda window: _flat(window, window.horizon.size, fits=np.int8(2), iterations=np.float32(3)),
    "long_note": lambda window: _flat(window, window.horizon.size, note="so " * 10_000),
    "iterations_of_another_type": lambda window: _flat(window, window.horizon.size, iterations="many"),
    "half_an_iteration": lambda window: _flat(window, window.horizon.size, iterations=2.5),
    "more_iterations_than_there_are_numbers": lambda window: _flat(window, window.horizon.size, iterations=2**70),
    "no_count_of_fits": lambda window: _flat(window, window.horizon.size, fits=None),
    "more_fits_than_there_are_numbers": lambda window: _flat(window, window.horizon.size, fits=2**70),
    "no_time": lambda window: _flat(window, window.horizon.size, fit_seconds=None),
    "endless_time": lambda window: _flat(window, window.horizon.size, predict_seconds=float("inf")),
    "writes_to_the_days_asked": lambda window: _write(window.horizon),
    "writes_to_the_history": lambda window: _write(window.days),
}
"""What can be answered for a marked series, by name; each name is also an entrant of this module."""


class Odd(Naive):
    """Answers marked series in one of these ways."""

    def __init__(self, answer: str) -> None:
        self.answer = answer

    def forecast(self, window: Window) -> Forecast:
        return ANSWERS[self.answer](window) if window.y[0] == MARKED else super().forecast(window)


def __getattr__(name: str) -> Callable[[ForecastSettings], Odd]:
    if name not in ANSWERS:
        raise AttributeError(name)

    def build(settings: ForecastSettings) -> Odd:
        return Odd(name)

    build.__module__ = __name__
    return build


class Strict(Naive):
    """Has every doubtful sum and every warning raise, and leaves it so."""

    def misbehave(self) -> None:
        np.seterr(all="raise")
        warnings.simplefilter("error")


class Careless(Naive):
    """Divides by nought and warns for every series, as many do."""

    def forecast(self, window: Window) -> Forecast:
        np.ones(1) / np.zeros(1)
        warnings.warn("deprecated", stacklevel=1)
        return super().forecast(window)

    def misbehave(self) -> None:
        pass


class Twins(Naive):
    """Forks, and both come back."""

    def misbehave(self) -> None:
        os.fork()


class Hopeless(Naive):
    """Fails for every series."""

    def forecast(self, window: Window) -> Forecast:
        raise ArithmeticError("never works")


def hopeless(settings: ForecastSettings) -> Hopeless:
    return Hopeless()


def strict(settings: ForecastSettings) -> Strict:
    return Strict()


def careless(settings: ForecastSettings) -> Careless:
    return Careless()


def twins(settings: ForecastSettings) -> Twins:
    return Twins()


def twins_from_the_start(settings: ForecastSettings) -> Naive:
    os.fork()
    return Careless()


def naive(settings: ForecastSettings) -> Naive:
    return Naive()


def killer(settings: ForecastSettings) -> Killer:
    return Killer()


def slanderer(settings: ForecastSettings) -> Slanderer:
    return Slanderer()


def sleeper(settings: ForecastSettings) -> Sleeper:
    return Sleeper()


def not_finite(settings: ForecastSettings) -> NotFinite:
    return NotFinite()


def wild(settings: ForecastSettings) -> Wild:
    return Wild()


def slow(settings: ForecastSettings) -> Slow:
    return Slow()


def unhurried(settings: ForecastSettings) -> Unhurried:
    return Unhurried()


def random(settings: ForecastSettings) -> Random:
    return Random()


def starts_for_ever(settings: ForecastSettings) -> Naive:
    time.sleep(3600)
    return Naive()


def starts_slowly(settings: ForecastSettings) -> Naive:
    time.sleep(1.0)
    return Naive()


def parent(settings: ForecastSettings) -> Parent:
    return Parent()


def parent_that_sleeps(settings: ForecastSettings) -> Parent:
    return ParentThatSleeps()


def parent_that_dies(settings: ForecastSettings) -> Parent:
    return ParentThatDies()


def _few_files() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))


def hoarder(settings: ForecastSettings) -> Hoarder:
    _few_files()
    return Hoarder(fails=False)


def hoarder_that_fails(settings: ForecastSettings) -> Hoarder:
    _few_files()
    return Hoarder(fails=True)


def leaker(settings: ForecastSettings) -> Leaker:
    _few_files()
    return Leaker()


def tidier(settings: ForecastSettings) -> Tidier:
    return Tidier()


def cannot_start(settings: ForecastSettings) -> Naive:
    raise MemoryError("no room for this entrant")


def dies_at_start(settings: ForecastSettings) -> Naive:
    os._exit(1)
