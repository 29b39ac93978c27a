"""A small fleet's node_exporter metrics, made up so that every average and rate over an hour is known without asking a server.

Samples are taken every 15 minutes, at :05, :20, :35 and :50; what is measured changes at full hours only. So the four samples of
an hour are equal for a gauge, and a counter grows evenly between them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

HOUR = 3600
FIRST = datetime(2025, 2, 26, tzinfo=UTC)
"""When the first sample is taken; March of Berlin, which has the day of 23 hours, is within."""
LAST = datetime(2025, 4, 3, tzinfo=UTC)
HOURS = int((LAST - FIRST).total_seconds()) // HOUR
OFFSETS = (300, 1200, 2100, 3000)
APPEARS, VANISHES = datetime(2025, 3, 10, 12, tzinfo=UTC), datetime(2025, 3, 20, 6, tzinfo=UTC)
REBOOT = datetime(2025, 3, 5, 7, 30, tzinfo=UTC)
"""Of web1, in the middle of an hour: its counters begin again at 0."""
NEW_POD = datetime(2025, 3, 15, 9, 30, tzinfo=UTC)
"""Of kube1: its exporter gets a new name in the middle of an hour."""
HOSTS = {"web1": (FIRST, LAST), "web2": (APPEARS, LAST), "db1": (FIRST, VANISHES), "kube1": (FIRST, LAST)}
NAN_HOURS = range(100, 130)
GIGABIT = 125_000_000


def hour_of(moment: datetime) -> int:
    """The hour's number since FIRST."""
    return int((moment - FIRST).total_seconds()) // HOUR


def used(host: str, what: str) -> npt.NDArray[np.int64]:
    """Whole percents used in each hour, by host and what is measured."""
    kinds = ["cpu", "memory", "disk:/", "disk:/var", "network"]
    seed = 100 * list(HOSTS).index(host) + kinds.index(what)
    return np.random.default_rng(seed).integers(5, 90, HOURS)


@dataclass(frozen=True)
class Sampled:
    """One series: its name with labels, seconds since 1970, values."""

    name: str
    times: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]


def sample_times(begin: datetime, end: datetime) -> npt.NDArray[np.int64]:
    """When samples are taken in [begin, end)."""
    hours = int(FIRST.timestamp()) + HOUR * np.arange(HOURS)
    times = (hours[:, None] + np.array(OFFSETS)).ravel()
    return times[(times >= begin.timestamp()) & (times < end.timestamp())]


def gauge(name: str, per_hour: npt.ArrayLike, begin: datetime, end: datetime) -> Sampled:
    times = sample_times(begin, end)
    return Sampled(name, times, np.asarray(per_hour, float)[(times - int(FIRST.timestamp())) // HOUR])


def counter(
    name: str, per_second: npt.ArrayLike, begin: datetime, end: datetime, reset: datetime | None = None
) -> Sampled:
    """What has come together since FIRST, or since the reset."""
    rates = np.asarray(per_second, float)
    times = sample_times(begin, end)
    whole = np.concatenate([[0.0], np.cumsum(rates * HOUR)])

    def total(at: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        hour, rest = np.divmod(at - int(FIRST.timestamp()), HOUR)
        return whole[hour] + rates[np.minimum(hour, HOURS - 1)] * rest

    values = total(times)
    if reset is not None:
        at = np.array([int(reset.timestamp())])
        values = np.where(times >= at, values - total(at), values)
    return Sampled(name, times, values)


def fleet() -> Iterator[Sampled]:
    """Every series of the fleet."""
    for host in ("web1", "db1"):
        yield from exporter(f'instance="{host}:9100",job="node"', host, *HOSTS[host])
    for replica in "ab":  # of two Prometheus servers that scrape the same
        yield from exporter(f'instance="web2:9100",replica="{replica}"', "web2", *HOSTS["web2"])
    yield from exporter('instance="kube1:9100",pod="node-exporter-a"', "kube1", FIRST, NEW_POD)
    yield from exporter('instance="kube1:9100",pod="node-exporter-b"', "kube1", NEW_POD, LAST)
    yield from odd_series()


def exporter(labels: str, host: str, begin: datetime, end: datetime) -> Iterator[Sampled]:
    """What node_exporter tells of one host."""
    reset = REBOOT if host == "web1" else None
    busy = used(host, "cpu")
    for cpu in ("0", "1"):
        # neither iowait nor steal is use
        modes = {"user": busy, "idle": 97 - busy, "iowait": np.full(HOURS, 2), "steal": np.full(HOURS, 1)}
        for mode, percent in modes.items():
            name = f'node_cpu_seconds_total{{{labels},cpu="{cpu}",mode="{mode}"}}'
            yield counter(name, percent / 100, begin, end, reset)
    total = np.full(HOURS, 64 * 2**30)
    yield gauge(f"node_memory_MemTotal_bytes{{{labels}}}", total, begin, end)
    yield gauge(f"node_memory_MemAvailable_bytes{{{labels}}}", total * (1 - used(host, "memory") / 100), begin, end)
    yield from file_systems(labels, host, begin, end)
    for device, speed in (("eth0", GIGABIT), ("docker0", -125_000), ("veth12", 1_250_000_000)):
        own = f'{{{labels},device="{device}"}}'
        rate = used(host, "network") / 100 * GIGABIT
        yield gauge(f"node_network_speed_bytes{own}", np.full(HOURS, speed), begin, end)
        yield counter(f"node_network_receive_bytes_total{own}", rate / 5, begin, end, reset)
        yield counter(f"node_network_transmit_bytes_total{own}", rate, begin, end, reset)


def file_systems(labels: str, host: str, begin: datetime, end: datetime) -> Iterator[Sampled]:
    """Two that can run full, of which 5 percent is kept for root; and two that cannot."""
    mounts = [("/", "ext4", 0), ("/var", "xfs", 0), ("/run/user", "tmpfs", 0), ("/mnt/image", "ext4", 1)]
    for mount, kind, read_only in mounts:
        own = f'{{{labels},mountpoint="{mount}",fstype="{kind}",device="/dev/sda1"}}'
        percent = used(host, f"disk:{mount}") if mount in ("/", "/var") else np.full(HOURS, 99)
        usable = 1_000_000.0
        yield gauge(f"node_filesystem_avail_bytes{own}", usable * (1 - percent / 100), begin, end)
        yield gauge(f"node_filesystem_free_bytes{own}", usable * (1 - percent / 100) + 50_000, begin, end)
        yield gauge(f"node_filesystem_size_bytes{own}", np.full(HOURS, usable + 50_000), begin, end)
        yield gauge(f"node_filesystem_readonly{own}", np.full(HOURS, read_only), begin, end)


def odd_series() -> Iterator[Sampled]:
    """What makes trouble: values that are no numbers, two series of one host, two ports of one host, a host without a name."""
    level = np.arange(HOURS) % 100
    holes = level.astype(float)
    holes[list(NAN_HOURS)] = np.nan
    holes[NAN_HOURS.stop] = np.inf
    yield gauge('holes_percent{instance="web1:9100"}', holes, FIRST, LAST)
    for replica in "ab":
        yield gauge(f'twice_percent{{instance="web1:9100",replica="{replica}"}}', level, FIRST, LAST)
    for port in (9100, 9200):
        yield gauge(f'ports_percent{{instance="web1:{port}"}}', level, FIRST, LAST)
    yield gauge('nameless_percent{job="node"}', level, FIRST, LAST)
    for number in range(40):
        yield gauge(f'many_percent{{instance="many{number:02}.example:9100"}}', (level + number) % 100, FIRST, LAST)


def write_openmetrics(path: Path) -> None:
    """All samples in the OpenMetrics format, whose times are seconds."""
    _write(path, fleet(), 1, "# EOF\n")


def write_exposition(path: Path, series: Iterable[Sampled]) -> None:
    """Samples in the older text format, whose times are milliseconds."""
    _write(path, series, 1000, "")


def _write(path: Path, every: Iterable[Sampled], clock: int, end: str) -> None:
    with path.open("w") as file:
        for series in every:
            pairs = zip(series.times.tolist(), series.values.tolist(), strict=True)
            file.writelines(f"{series.name} {value!r} {at * clock}\n" for at, value in pairs)
        file.write(end)
