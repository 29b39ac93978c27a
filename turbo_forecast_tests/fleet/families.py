"""Entrants that start processes in every way in which these can get out of sight, for the tests of how they end.

Their command lines hold a token, by which the tests find what is left of them. All of them end by themselves after a while.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from turbo_forecast.models.protocol import Forecast, Window
from turbo_forecast.settings import ForecastSettings
from turbo_forecast_tests.fleet.entrants import Naive

TOKEN, THEN, READY = "TEST_TOKEN", "TEST_THEN", "TEST_READY"
"""Environment: the token; what the entrant does after it has started its processes; a file that says it has."""
LIVES = 120
"""Seconds until they end by themselves."""
SLEEPS = f"import time; time.sleep({LIVES})"
CHAIN = f"""
import os, time
end = time.monotonic() + {LIVES}
while time.monotonic() < end:
    if os.fork():
        os._exit(0)
    os.setsid()
    time.sleep(0.005)
"""
"""One process after the other, each of a session of its own."""
SPAWNS = f"""
import subprocess, sys, time
end = time.monotonic() + {LIVES}
while time.monotonic() < end:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(5)", sys.argv[1]], start_new_session=True, env={{}})
    time.sleep(0.2)
"""
"""Children without end, with nothing of their parent's environment."""


def start_all(token: str) -> None:
    """Processes with another session, another environment, no parent, and some that start more; a thread that does so."""
    for code in (SLEEPS, CHAIN, SPAWNS):
        own = [sys.executable, "-c", code, token]
        subprocess.Popen(own, start_new_session=True, env={})
        orphan = "import subprocess, sys; subprocess.Popen(sys.argv[1:], start_new_session=True, env={})"
        subprocess.run([sys.executable, "-c", orphan, *own], check=True)
    threading.Thread(target=_spawn, args=(token,), daemon=True).start()
    if not os.fork():  # a plain fork, as multiprocessing's of other programs
        os.setsid()
        if os.fork():
            os._exit(0)
        os.execv(sys.executable, [sys.executable, "-c", SLEEPS, token])


def _spawn(token: str) -> None:
    while True:
        subprocess.Popen([sys.executable, "-c", SLEEPS, token], start_new_session=True)
        time.sleep(0.3)


def _hold_the_lock() -> None:
    """No other thread of this process gets to work: the C library sleeps without giving the interpreter's lock back."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    ctypes.PyDLL(None).sleep(LIVES)


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _exit() -> None:
    os._exit(3)


def _grow() -> None:
    held = np.ones(600 << 20, np.uint8)
    time.sleep(LIVES)
    del held


_ENDS: dict[str, Callable[[], None]] = {
    "answer": lambda: None,
    "sleep": lambda: time.sleep(LIVES),
    "hold": _hold_the_lock,
    "stop": _stop,
    "die": _die,
    "exit": _exit,
    "grow": _grow,
}


class Founder(Naive):
    """Starts its processes at the first marked series only; then does as it is told, at each."""

    def misbehave(self) -> None:
        ready = Path(os.environ[READY])
        if not ready.exists():
            start_all(os.environ[TOKEN])
            ready.touch()
        _ENDS[os.environ[THEN]]()


class Keeper(Founder):
    """Keeps something of each series beside that."""

    def __init__(self) -> None:
        self.kept: list[np.ndarray] = []

    def forecast(self, window: Window) -> Forecast:
        self.kept.append(np.ones(30 << 20, np.uint8))
        return super().forecast(window)


def founder(settings: ForecastSettings) -> Naive:
    return Founder()


def keeper(settings: ForecastSettings) -> Naive:
    return Keeper()


def founder_while_built(settings: ForecastSettings) -> Naive:
    """Starts its processes while it is built."""
    entrant = Founder()
    entrant.misbehave()
    return entrant
