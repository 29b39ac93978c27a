"""A fleet's history out of a local Prometheus: landed, only fetched, and one query a series by a plain client's own loop.

Belongs here: seconds, rows a second and peak memory of each. Does not belong here: what becomes of the rows.

The fleet has one value a day. It is put in as blocks by promtool, from OpenMetrics text of half a year each, for promtool reads
a text once for each block that it makes of it. Each way is one process of its own, so that its memory is its own.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import numpy as np

from benchmarks.landed import landed_rows
from turbo_forecast.sources.prometheus.settings import PrometheusOptions
from turbo_forecast.sources.prometheus.source import PrometheusSource
from turbo_forecast.sources.protocol import Window

RESOURCES = ("cpu", "disk", "memory", "network")
FIRST, NOON = date(2022, 12, 1), 12 * 3600
DAYS_A_TEXT = 180
WAYS = {
    "landed, a file a month": "landing",
    "fetched month by month, and let go": "source",
    "one query a series, a plain client's loop": "loop",
}


def report(hosts: int, months: int, say: Callable[[str], None]) -> str:
    """The section; a sentence where Prometheus is not installed."""
    head = f"## Out of a Prometheus: {hosts * len(RESOURCES):,} series, {months} months, one value a day"
    if shutil.which("prometheus") is None or shutil.which("promtool") is None:
        return f"{head}\n\nNot measured: Debian's package prometheus is not installed."
    # here, so that the processes that are measured do not have them in memory
    from benchmarks.measuring import table
    from reference.servers.prometheus import Prometheus

    with tempfile.TemporaryDirectory(prefix="prometheus-source-") as folder:
        say(f"prometheus: putting in {hosts * len(RESOURCES):,} series of {months} months")
        server = Prometheus(Path(folder), [])
        _put_in(Path(folder), hosts, months)
        with server.running():
            measured = {name: _measured(way, server.address, hosts, months, say) for name, way in WAYS.items()}
    rows = [
        [
            name,
            f"{found['rows']:,}",
            f"{found['seconds']:,.1f}",
            f"{found['rows'] / found['seconds']:,.0f}",
            f"{found['peak']:,.0f}",
        ]
        for name, found in measured.items()
    ]
    same = len({found["sum"] for found in measured.values()}) == 1
    note = "All gave the same values." if same else "**They gave different values.**"
    return f"{head}\n\n{table(['', 'rows', 'seconds', 'rows a second', 'peak memory, MiB'], rows)}\n\n{note}"


def _measured(way: str, address: str, hosts: int, months: int, say: Callable[[str], None]) -> dict[str, float]:
    """Rows, seconds and MiB of one way, in a process of its own."""
    say(f"prometheus: the way {way}")
    command = [sys.executable, "-m", "benchmarks.prometheus_source", way, address, str(hosts), str(months)]
    figures: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return figures


def _peak() -> float:
    """MiB that this process had in memory at most; getrusage would tell its parent's, where that had more."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 1024


def _window(months: int) -> tuple[date, list[Window]]:
    """The day after the last month, and each month."""
    firsts = [
        date(FIRST.year + (FIRST.month - 1 + i) // 12, (FIRST.month - 1 + i) % 12 + 1, 1) for i in range(months + 1)
    ]
    months_of = [Window.of_days(first, after - timedelta(days=1), "UTC") for first, after in pairwise(firsts)]
    return firsts[-1], months_of


def _put_in(folder: Path, hosts: int, months: int) -> None:
    """The blocks of the whole fleet, in folder/data."""
    from reference.servers.prometheus import blocks_of

    text, random = folder / "samples.om", np.random.default_rng(7)
    names = [
        f'used_percent{{instance="host{i:05}:9100",resource="{each}"}}' for i in range(hosts) for each in RESOURCES
    ]
    days = (_window(months)[0] - FIRST).days
    for begin in range(0, days, DAYS_A_TEXT):
        times = [_noon(FIRST + timedelta(days=day)) for day in range(begin, min(days, begin + DAYS_A_TEXT))]
        with text.open("w") as file:
            for name in names:
                values = random.integers(0, 10_000, len(times)) / 100
                file.writelines(f"{name} {value} {at}\n" for value, at in zip(values.tolist(), times, strict=True))
            file.write("# EOF\n")
        blocks_of(text, folder / "data")
    text.unlink()


def _noon(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) + NOON


def _source(address: str) -> PrometheusSource:
    queries = {
        each: f'max by ($host) (last_over_time(used_percent{{resource="{each}",$hosts}}[$step]))' for each in RESOURCES
    }
    return PrometheusSource.configured("bench", PrometheusOptions(address=address, queries=queries, step="1d"))


def by_landing(address: str, hosts: int, months: int) -> tuple[int, float]:
    """Rows, and the sum of their values: of all months, landed as files."""
    return landed_rows(_source(address), [f"{window.start:%Y-%m}" for window in _window(months)[1]])


def by_source(address: str, hosts: int, months: int) -> tuple[int, float]:
    """The same, as a landing asks for them; nothing is kept."""
    source, rows, total = _source(address), 0, 0.0
    for window in _window(months)[1]:
        for batch in source.fetch(window):
            rows += batch.num_rows
            total += float(np.asarray(batch["value"]).sum())
    return rows, total


def by_loop(address: str, hosts: int, months: int) -> tuple[int, float]:
    """The same by a loop over series, as scripts do it: a query for the whole time, its answer as a list of rows."""
    end = _window(months)[0]
    rows = []
    with httpx.Client() as client:
        for host in range(hosts):
            for each in RESOURCES:
                query = f'last_over_time(used_percent{{instance="host{host:05}:9100",resource="{each}"}}[1d])'
                span = {"start": _noon(FIRST) + NOON, "end": _noon(end) - NOON, "step": "1d"}
                answer = client.get(f"{address}/api/v1/query_range", params={"query": query, **span}).json()
                for series in answer["data"]["result"]:
                    rows += [(host, each, at, float(value)) for at, value in series["values"]]
    return len(rows), sum(row[3] for row in rows)


def _one_way() -> None:
    """What a process of its own does: one way, its figures as JSON."""
    way, address, hosts, months = sys.argv[1:]
    started = time.perf_counter()
    rows, total = {"landing": by_landing, "source": by_source, "loop": by_loop}[way](address, int(hosts), int(months))
    seconds = time.perf_counter() - started
    print(json.dumps({"rows": rows, "sum": round(total, 0), "seconds": seconds, "peak": _peak()}))


if __name__ == "__main__":
    _one_way()
