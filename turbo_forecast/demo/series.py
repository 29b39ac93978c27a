"""What the demo's series look like, day by day.

Belongs here: the shapes as ranges of knobs, and the arithmetic that turns knobs and noise into utilisation. To add a
shape, add its ranges to `SHAPES` and hand it to a role in `roster.py`.
Does not belong here: hours (`hours.py`), files, and rows that are wrong on purpose (`bad_rows.py`).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.demo import host_presence
from turbo_forecast.demo.calendar import Calendar
from turbo_forecast.demo.roster import RESOURCES, Host

BLOCK_HOSTS = 250  # hosts computed at once: large enough for numpy, small enough for the processor's cache
DECIMALS = 3
DAYS_PER_YEAR = 365.25

Range = tuple[float, float]
Values = NDArray[np.float64]
Knobs = dict[str, Values]

# Ranges a series' knobs are drawn from, in percentage points unless said otherwise; a shape states what differs.
USUAL: dict[str, Range] = {
    "level": (12, 50),
    "growth": (-1.5, 2.5),  # per year
    "ceiling": (0, 0),  # the logistic's upper end; 0: no logistic
    "middle": (0.3, 0.9),  # of the logistic, as a share of the demo's days
    "rise_days": (20, 90),  # the logistic's time constant
    "arrival": (0, 0),  # level shift up, at arrival_at (share of the days)
    "arrival_at": (0.1, 0.85),
    "departure": (0, 0),  # level shift down; at a share above 1 it never comes
    "departure_at": (0.2, 1.5),
    "weekly": (1, 4),
    "yearly": (0.5, 3),
    "yearly_phase": (0, 6.283),  # radians
    "month_end": (0, 0),
    "burst_chance": (0, 0.004),  # per day
    "burst_size": (4, 12),
    "noise": (0.8, 2.5),  # standard deviation
    "persistence": (0.1, 0.6),  # lag-one autocorrelation of the noise
    "saw": (0, 0),  # height of a tooth
    "saw_days": (20, 60),
    "saw_curve": (1, 1),  # exponent of the rise: 1 is straight, 0.5 fast and then slow
}
_STILL: dict[str, Range] = dict.fromkeys(("growth", "weekly", "yearly", "burst_chance", "noise"), (0, 0))
SHAPES: dict[str, dict[str, Range]] = {
    "growth": {"level": (18, 55), "growth": (3, 13)},
    "saturation": {"level": (12, 40), "ceiling": (93, 100), "growth": (0, 0), "noise": (0.4, 1.5)},
    "migration": {"level": (34, 58), "arrival": (12, 32), "departure": (-30, -12)},
    "seasonal": {"level": (25, 55), "weekly": (8, 18), "yearly": (4, 14)},
    "month_end": {"level": (8, 30), "month_end": (20, 60), "noise": (0.8, 2)},
    "bursts": {"level": (6, 30), "burst_chance": (0.01, 0.05), "burst_size": (12, 35)},
    "noisy": {"level": (25, 60), "noise": (5, 11), "persistence": (0.75, 0.95)},
    "sawtooth": {"level": (20, 50), "growth": (0, 5), "saw": (18, 40), "noise": (0.3, 0.9), "weekly": (0, 1)},
    "restarts": {
        "level": (25, 45),
        "saw": (20, 45),
        "saw_days": (9, 40),
        "saw_curve": (0.4, 0.7),
        "noise": (0.5, 1.5),
        "weekly": (0, 2),
    },
    "near_constant": {**_STILL, "level": (2, 90), "noise": (0.01, 0.08)},
    "constant": {**_STILL, "level": (2, 90)},
    "all_zero": {**_STILL, "level": (0, 0)},
    "all_full": {**_STILL, "level": (100, 100)},
}

# Monday to Sunday, from the quietest day (-1) to the busiest (1).
WEEK: dict[str, tuple[float, ...]] = {
    "web": (0.5, 0.6, 0.6, 0.5, 0.2, -1.0, -0.9),
    "database": (0.4, 0.5, 0.5, 0.4, 0.3, -1.0, -1.0),
    "batch": (-0.4, -0.5, -0.5, -0.5, 0.0, 1.0, 0.8),
    "cache": (0.1, 0.1, 0.2, 0.3, 0.8, 0.4, -1.0),
    "storage": (0.0, -0.2, -0.2, -0.2, 0.2, 1.0, -0.6),
    "idle": (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
}

HOST_STREAM, FLEET_STREAM, HOUR_STREAM = range(3)


def generator(seed: int, *stream: int) -> np.random.Generator:
    """A generator of its own for each stream, e.g. (HOST_STREAM, host number): never one drawn from in turn."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=stream)))


def daily_values(fleet: Sequence[Host], calendar: Calendar, seed: int, outage: int) -> NDArray[np.float32]:
    """Every series' daily utilisation, shape (days, hosts * resources), in [0, 100]; NaN where there is no row."""
    values = np.empty((len(calendar.days), len(fleet) * len(RESOURCES)), np.float32)
    for first in range(0, len(fleet), BLOCK_HOSTS):
        block = fleet[first : first + BLOCK_HOSTS]
        columns = slice(first * len(RESOURCES), (first + len(block)) * len(RESOURCES))
        values[:, columns] = _block(block, calendar, seed, outage)
    return values


def _block(block: Sequence[Host], calendar: Calendar, seed: int, outage: int) -> Values:
    shape = (len(calendar.days), len(block), len(RESOURCES))
    life_draws = np.empty((len(block), host_presence.DRAWS))
    knob_draws = np.empty((len(block), len(RESOURCES), len(USUAL)))
    noise = np.empty(shape)
    chance = np.empty(shape, np.float32)
    for nth, host in enumerate(block):
        rng = generator(seed, HOST_STREAM, host.number)
        life_draws[nth] = rng.random(host_presence.DRAWS)
        knob_draws[nth] = rng.random(knob_draws.shape[1:])
        noise[:, nth] = rng.standard_normal((shape[0], shape[2]), np.float32)
        chance[:, nth] = rng.random((shape[0], shape[2]), np.float32)
    present = host_presence.presence(block, calendar, life_draws, chance, outage).reshape(shape[0], -1)
    knobs = _knobs(block, knob_draws)
    y = _trend(knobs, shape[0])
    y += _seasons(knobs, block, calendar)
    y += _bursts(knobs, chance.reshape(y.shape))
    y += _noise(knobs, noise.reshape(y.shape))
    _add_teeth(y, knobs)
    return np.where(present, y.clip(0, 100).round(DECIMALS), np.nan)


def _knobs(block: Sequence[Host], draws: NDArray[np.float64]) -> Knobs:
    """Each knob of each series, shape (series,), from uniforms of shape (hosts, resources, knobs)."""
    ranges = {name: np.array(list({**USUAL, **changes}.values())) for name, changes in SHAPES.items()}
    low_high = np.stack([ranges[shape] for host in block for shape in host.shapes])
    low, high = low_high[..., 0], low_high[..., 1]
    drawn = low + (high - low) * draws.reshape(low.shape)
    return {name: drawn[:, nth].copy() for nth, name in enumerate(USUAL)}


def _trend(knobs: Knobs, days: int) -> Values:
    day = np.arange(days, dtype=np.float64)[:, None]
    y = knobs["level"] + knobs["growth"] * (day / DAYS_PER_YEAR)
    logistic = np.flatnonzero(knobs["ceiling"])
    position = (day - knobs["middle"][logistic] * days) / knobs["rise_days"][logistic]
    y[:, logistic] += (knobs["ceiling"] - knobs["level"])[logistic] / (1 + np.exp(-position))
    for shift in ("arrival", "departure"):
        moved = np.flatnonzero(knobs[shift])
        y[:, moved] += knobs[shift][moved] * (day >= knobs[f"{shift}_at"][moved] * days)
    return y


def _seasons(knobs: Knobs, block: Sequence[Host], calendar: Calendar) -> Values:
    week = np.repeat(np.array([WEEK[host.role] for host in block]), len(RESOURCES), axis=0)
    y: Values = (week * knobs["weekly"][:, None]).T[calendar.weekday]
    # sin(angle + phase), split so that the sine is taken once a day and not once a value
    y += np.sin(calendar.year_angle)[:, None] * (knobs["yearly"] * np.cos(knobs["yearly_phase"]))
    y += np.cos(calendar.year_angle)[:, None] * (knobs["yearly"] * np.sin(knobs["yearly_phase"]))
    y += calendar.month_end[:, None] * knobs["month_end"]
    return y


def _bursts(knobs: Knobs, chance: NDArray[np.float32]) -> Values:
    """Bursts of exponential size that are half gone the day after; the lowest of `chance` become one."""
    burst = np.zeros(chance.shape)
    rows, columns = np.nonzero(chance < knobs["burst_chance"])
    share = np.maximum(chance[rows, columns], 1e-6) / knobs["burst_chance"][columns]
    burst[rows, columns] = knobs["burst_size"][columns] * (0.4 - np.log(share))
    burst[1:] += 0.5 * burst[:-1].copy()
    return burst


def _noise(knobs: Knobs, white: Values) -> Values:
    """First-order autoregressive noise from white noise of the same shape, which it overwrites."""
    fresh = np.sqrt(1 - knobs["persistence"] ** 2)
    for day in range(1, len(white)):
        white[day] = knobs["persistence"] * white[day - 1] + fresh * white[day]
    white *= knobs["noise"]
    return white


def _add_teeth(y: Values, knobs: Knobs) -> None:
    """Add disks that fill until they are cleaned up, memory that grows until a restart. No two teeth are as long."""
    saw = np.flatnonzero(knobs["saw"])
    turns = np.arange(len(y))[:, None] / knobs["saw_days"][saw] + knobs["yearly_phase"][saw]
    turns += 0.15 * np.sin(turns * (2 * np.pi / 4.7))  # the factor keeps the slope positive: time never runs back
    y[:, saw] += knobs["saw"][saw] * (turns - np.floor(turns)) ** knobs["saw_curve"][saw]
