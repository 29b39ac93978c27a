"""The hours of a day whose mean is already known.

Belongs here: how utilisation moves within a day, around the day's value.
Does not belong here: anything that lasts longer than a day; that is `series.py`.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.demo.calendar import Month
from turbo_forecast.demo.roster import RESOURCES, Host
from turbo_forecast.demo.series import HOUR_STREAM, generator

HOURS = 24
CHUNK_ROWS = 1_000_000

# Busiest hour by role, and per resource how far the day swings and how noisy an hour is, in percentage points.
BUSIEST_HOUR = {"web": 14, "database": 11, "batch": 2, "cache": 20, "storage": 1, "idle": 12}
SWING = np.array([11.0, 2.0, 0.3, 13.0])
NOISE = np.array([3.0, 0.6, 0.1, 4.0])
STILLNESS = {"constant": 0.0, "all_zero": 0.0, "all_full": 0.0, "near_constant": 0.01}  # factor on both; others: 1


def hourly_chunks(
    daily: NDArray[np.float32], fleet: Sequence[Host], month: Month, seed: int
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """A month's hours in chunks of days: (first day, values of shape (days, 24, series)).

    `daily` has shape (all days, series). The mean of a day's hours is the day's value: where that is close to 0 or
    100, the hours move less, so that none has to be cut off.
    """
    noise = _month_noise(fleet, month, seed)
    moves = np.array([STILLNESS.get(shape, 1.0) for host in fleet for shape in host.shapes])
    swing = (np.tile(SWING, len(fleet)) * moves).astype(np.float32)
    rough = (np.tile(NOISE, len(fleet)) * moves).astype(np.float32)
    busiest = np.repeat([BUSIEST_HOUR[host.role] for host in fleet], len(RESOURCES))
    curve = np.cos((np.arange(HOURS)[:, None] - busiest) * (2 * np.pi / HOURS)).astype(np.float32) * swing
    days = max(1, CHUNK_ROWS // (HOURS * daily.shape[1]))
    for first in range(month.first, month.stop, days):
        stop = min(first + days, month.stop)
        around = noise[first - month.first : stop - month.first] * rough + curve
        around -= around.mean(axis=1, keepdims=True)
        mean = daily[first:stop, None]
        room = np.minimum(mean, 100 - mean)
        furthest = np.abs(around).max(axis=1, keepdims=True)
        around *= np.minimum(1, room / np.maximum(furthest, 1e-9))
        around += mean
        yield first, around.clip(0, 100)


def _month_noise(fleet: Sequence[Host], month: Month, seed: int) -> NDArray[np.float32]:
    noise = np.empty((month.stop - month.first, HOURS, len(fleet), len(RESOURCES)), np.float32)
    number = (
        int(np.datetime64(month.name, "M").astype(np.int64)) + 12 * 1970
    )  # since the year 0: a key is never negative
    for nth, host in enumerate(fleet):
        rng = generator(seed, HOUR_STREAM, host.number, number)
        noise[:, :, nth] = rng.standard_normal((*noise.shape[:2], len(RESOURCES)), np.float32)
    return noise.reshape(*noise.shape[:2], -1)
