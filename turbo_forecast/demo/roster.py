"""Who is in the demo fleet: each host's name, role, life, and the shape of each of its series.

Belongs here: the words of the demo (roles, lives, shapes) and which host gets which, by its number alone, so that a
host is the same in a fleet of 50 and of 5,000.
Does not belong here: numbers; what a shape looks like is `series.py`, what a life does is `host_presence.py`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

RESOURCES = ("cpu", "memory", "disk", "network")

SITES = ("fra1", "ams2", "iad1", "sin1", "gru1")

# 23 hosts, then again. The length is prime to those of the sites and the lives, so every role meets each of them.
ROLE_CYCLE = (
    *("web", "database", "batch", "web", "storage", "cache", "web", "idle", "web", "database", "batch", "web"),
    *("cache", "web", "database", "batch", "storage", "web", "idle", "web", "cache", "database", "batch"),
)

# A host's number modulo 100 -> its life; all others are steady. The rarest are early, so that small fleets have them.
LIFE_CYCLE = 100
LIVES = {
    **dict.fromkeys((5, 9, 12, 36, 47, 58, 69, 74, 81, 93), "gaps"),
    **dict.fromkeys((7, 31, 42, 65, 77, 88), "new"),
    **dict.fromkeys((11, 55), "new_lately"),
    **dict.fromkeys((13,), "single_day"),
    **dict.fromkeys((17, 39, 52, 86), "retired"),
    **dict.fromkeys((19, 71), "stopped_lately"),
}

# Per role and resource, the shapes its hosts take in turn.
ROLE_SHAPES: dict[str, tuple[tuple[str, ...], ...]] = {
    "web": (
        ("seasonal", "growth", "migration", "bursts", "saturation"),
        ("restarts", "growth", "noisy"),
        ("sawtooth", "growth"),
        ("seasonal", "growth", "bursts"),
    ),
    "database": (
        ("growth", "seasonal", "migration", "saturation"),
        ("saturation", "near_constant", "growth"),
        ("growth", "saturation", "migration", "sawtooth"),
        ("seasonal", "noisy", "growth"),
    ),
    "batch": (
        ("month_end", "month_end", "bursts"),
        ("restarts", "month_end"),
        ("sawtooth", "month_end"),
        ("month_end", "bursts", "noisy"),
    ),
    "cache": (
        ("seasonal", "noisy"),
        ("near_constant", "restarts", "growth", "noisy"),
        ("constant", "near_constant"),
        ("seasonal", "noisy", "bursts", "migration"),
    ),
    "storage": (
        ("noisy", "bursts"),
        ("near_constant", "restarts"),
        ("saturation", "growth", "all_full", "sawtooth", "migration"),
        ("bursts", "noisy", "month_end"),
    ),
    "idle": (
        ("near_constant", "all_zero"),
        ("constant", "near_constant"),
        ("constant", "near_constant", "growth"),
        ("all_zero", "near_constant"),
    ),
}


@dataclass(frozen=True, slots=True)
class Host:
    """One host of the fleet; `shapes` has one entry per resource, in the order of `RESOURCES`."""

    number: int
    name: str
    role: str
    life: str
    shapes: tuple[str, ...]


def roster(hosts: int) -> list[Host]:
    """The first `hosts` hosts of the fleet. A longer roster begins with the shorter one."""
    return [_host(number) for number in range(hosts)]


def count_roles(fleet: Sequence[Host]) -> dict[str, int]:
    """Hosts per role."""
    return _sorted(Counter(host.role for host in fleet))


def count_lives(fleet: Sequence[Host]) -> dict[str, int]:
    """Hosts per life."""
    return _sorted(Counter(host.life for host in fleet))


def count_shapes(fleet: Sequence[Host]) -> dict[str, int]:
    """Series per shape."""
    return _sorted(Counter(shape for host in fleet for shape in host.shapes))


def _host(number: int) -> Host:
    turn, slot = divmod(number, len(ROLE_CYCLE))
    role = ROLE_CYCLE[slot]
    # The second web host of a cycle takes the second shape, and so on; the next cycle begins one shape further.
    start = turn + ROLE_CYCLE[:slot].count(role)
    shapes = tuple(options[(start + nth) % len(options)] for nth, options in enumerate(ROLE_SHAPES[role]))
    name = f"{role}-{number + 1:04d}.{SITES[number % len(SITES)]}"
    return Host(number, name, role, LIVES.get(number % LIFE_CYCLE, "steady"), shapes)


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return {name: counts[name] for name in sorted(counts)}
