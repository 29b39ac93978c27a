"""Entrants that misbehave, for the tests of worker processes. Which series they hit is told by its level."""

import os
import signal
import time

import numpy as np

from turbo_forecast.models.protocol import Projection, Window
from turbo_forecast.settings import ForecastSettings

MARKED = 77.0
"""A series whose first value is this one is treated badly."""


class Naive:
    """The last value, for everyone but marked series."""

    def project(self, window: Window) -> Projection:
        if window.y[0] == MARKED:
            self.misbehave()
        flat = np.full(window.asked.size, window.y[-1])
        return Projection(flat, flat - 1, flat + 1, solver="naive")

    def misbehave(self) -> None:
        raise ArithmeticError("this series is cursed")


class Killer(Naive):
    """Dies as the out-of-memory killer would have it."""

    def misbehave(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Sleeper(Naive):
    """Never ends."""

    def misbehave(self) -> None:
        time.sleep(3600)


class NotFinite(Naive):
    """Answers NaN."""

    def project(self, window: Window) -> Projection:
        flat = np.full(window.asked.size, np.nan if window.y[0] == MARKED else 50.0)
        return Projection(flat, flat, flat, solver="nan")


class Wild(Naive):
    """Answers far outside the envelope, bounds in the wrong order."""

    def project(self, window: Window) -> Projection:
        shape = window.asked.size
        return Projection(np.full(shape, 140.0), np.full(shape, 150.0), np.full(shape, -20.0), solver="wild")


class Slow(Naive):
    """Takes a while for each series, so that a run can be killed meanwhile."""

    def project(self, window: Window) -> Projection:
        time.sleep(0.2)
        return super().project(window)


class Random(Naive):
    """Draws from the window's seed, and remembers nothing."""

    def project(self, window: Window) -> Projection:
        draws = np.random.default_rng(window.seed).uniform(20, 80, window.asked.size)
        return Projection(draws, draws - 5, draws + 5, solver="random")


def naive(settings: ForecastSettings) -> Naive:
    return Naive()


def killer(settings: ForecastSettings) -> Killer:
    return Killer()


def sleeper(settings: ForecastSettings) -> Sleeper:
    return Sleeper()


def not_finite(settings: ForecastSettings) -> NotFinite:
    return NotFinite()


def wild(settings: ForecastSettings) -> Wild:
    return Wild()


def slow(settings: ForecastSettings) -> Slow:
    return Slow()


def random(settings: ForecastSettings) -> Random:
    return Random()


def cannot_start(settings: ForecastSettings) -> Naive:
    raise MemoryError("no room for this entrant")
