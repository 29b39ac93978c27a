"""Entrants that are hard to stop, for the tests of the time that a series may take."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from turbo_forecast.settings import ForecastSettings
from turbo_forecast_tests.fleet.entrants import Naive

LONG = 120.0


def _blocks_signals() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    for kind in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(kind, signal.SIG_IGN)
    time.sleep(LONG)


def _holds_the_lock() -> None:
    """The C library sleeps without giving the interpreter's lock back."""
    ctypes.PyDLL(None).sleep(int(LONG))


def _waits_for_a_child() -> None:
    subprocess.run([sys.executable, "-c", f"import time; time.sleep({LONG})"], start_new_session=True, check=False)


def _waits_for_a_thread() -> None:
    thread = threading.Thread(target=time.sleep, args=(LONG,))
    thread.start()
    thread.join()


def _swallows_errors() -> None:
    while True:
        try:
            time.sleep(LONG)
        except BaseException:
            continue


def _has_left_its_group() -> None:
    """The worker's own process is in its parent's group again, as far as the system lets it."""
    os.setpgid(0, os.getpgid(os.getppid()))
    time.sleep(LONG)


WAYS: dict[str, Callable[[], None]] = {
    each.__name__.strip("_"): each
    for each in (
        *(_blocks_signals, _holds_the_lock, _waits_for_a_child, _waits_for_a_thread),
        *(_swallows_errors, _has_left_its_group),
    )
}


class Stubborn(Naive):
    """Never ends, in one of these ways."""

    def __init__(self, way: Callable[[], None]) -> None:
        self.misbehave = way  # type: ignore[method-assign]


def __getattr__(name: str) -> Callable[[ForecastSettings], Naive]:
    if name not in WAYS:
        raise AttributeError(name)

    def build(settings: ForecastSettings) -> Naive:
        return Stubborn(WAYS[name])

    build.__module__ = __name__
    return build
