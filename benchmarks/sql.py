"""Three years of daily values out of a PostgreSQL of this machine: seconds, rows a second, peak memory; beside psycopg's own loop.

Belongs here: the rows, the ways of fetching them, their cost. Does not belong here: what becomes of fetched rows.

    python -m benchmarks --section sql [--small]
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from benchmarks.landed import landed_rows
from benchmarks.measuring import table, timed
from reference.servers.postgres import PASSWORD, Postgres, postgres_running
from turbo_forecast.sources.protocol import Source, Window
from turbo_forecast.sources.registry import source_of

RESOURCES = ("cpu", "memory", "disk", "network")
FIRST = date(2023, 1, 1)
GOAL_BYTES = 1e9
PASSWORD_VARIABLE = "TURBO_FORECAST_BENCHMARK_PASSWORD"
QUERY = "SELECT host_id, resource, at AS timestamp, value FROM telemetry WHERE at >= :start AND at < :end"
_ROWS = """
CREATE UNLOGGED TABLE telemetry AS
SELECT 'host-' || lpad(host::text, 5, '0') AS host_id, resource, day AS at, round((random() * 100)::numeric, 4)::float8 AS value
FROM generate_series(%(first)s::timestamptz, %(last)s::timestamptz, '1 day') AS day,
     generate_series(1, %(hosts)s) AS host, unnest(%(resources)s::text[]) AS resource
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one way. seconds: for all months; peak: bytes of its process; rows: fetched."""

    seconds: float
    peak: float
    rows: int

    @property
    def cells(self) -> list[str]:
        """Of the table."""
        return [
            f"{self.rows:,}",
            f"{self.seconds:,.1f} s",
            f"{self.rows / self.seconds:,.0f}",
            f"{self.peak / 1e6:,.0f} MB",
        ]


def report(series: int, months: int, say: Callable[[str], None]) -> str:
    """A table of the ways, each in a process of its own; series: a multiple of 4."""
    with _filled(series, months, say) as server:
        costs = {}
        for name, way in WAYS.items():
            say(f"sql: {name} …")
            costs[name] = _measured(way.__name__, server, months)
    ours = next(iter(costs.values()))
    goal = f"goal: under {GOAL_BYTES / 1e9:.0f} GB {'✓' if ours.peak < GOAL_BYTES else '✗'}"
    rows = [[name, *cost.cells] for name, cost in costs.items()]
    head = ["way", "rows", "time", "rows a second", f"peak memory ({goal})"]
    title = f"## SQL: {series:,} daily series × {months} months from a PostgreSQL of this machine, a month at a time"
    return f"{title}\n\n{table(head, rows)}"


def _source(url: str) -> Source:
    place = urlsplit(url)
    address = f"postgresql://{place.username}@{place.hostname}:{place.port}{place.path}"
    options = {"kind": "sql", "address": address, "password_env": PASSWORD_VARIABLE, "query": QUERY}
    return source_of("benchmark", options)


def landing_way(url: str, windows: list[Window]) -> int:
    """The product: each month landed as a file."""
    return landed_rows(_source(url), [f"{window.start:%Y-%m}" for window in windows])[0]


def source_way(url: str, windows: list[Window]) -> int:
    """The product's source: each month whole, checked, as rows of the protocol; nothing is kept."""
    made = _source(url)
    return sum(batch.num_rows for window in windows for batch in made.fetch(window))


def loop_way(url: str, windows: list[Window]) -> int:
    """What a script does: a server-side cursor of psycopg, row by row, each row a dictionary of a list."""
    count = 0
    query = QUERY.replace(":start", "%(start)s").replace(":end", "%(end)s")
    with psycopg.connect(url) as there:
        for window in windows:
            with there.cursor("months") as cursor:
                cursor.itersize = 65_536
                cursor.execute(query, {"start": window.start, "end": window.end})
                rows: list[dict[str, Any]] = []
                for host, name, moment, value in cursor:
                    rows.append({"host_id": host, "resource": name, "timestamp": moment, "value": value})
                count += len(rows)
    return count


WAYS = {"landed, a file a month": landing_way, "fetched, and let go": source_way, "psycopg, row by row": loop_way}


@contextmanager
def _filled(series: int, months: int, say: Callable[[str], None]) -> Iterator[Postgres]:
    with postgres_running() as server, psycopg.connect(server.url, autocommit=True) as there:
        say(f"sql: {series:,} series × {months} months are put into PostgreSQL …")
        last = datetime.combine(_month(months), datetime.min.time(), UTC) - timedelta(days=1)
        first = datetime.combine(FIRST, datetime.min.time(), UTC)
        names = {"first": first, "last": last, "hosts": series // len(RESOURCES), "resources": list(RESOURCES)}
        there.execute("SET TIME ZONE 'UTC'")
        there.execute(_ROWS.encode(), names)
        there.execute("CREATE INDEX telemetry_at ON telemetry (at)")
        there.execute("ANALYZE telemetry")
        yield server


def _month(number: int) -> date:
    """The first day of a month, counted from the first one."""
    return date(FIRST.year + number // 12, number % 12 + 1, 1)


def _measured(way: str, server: Postgres, months: int) -> Cost:
    script = f"from benchmarks import sql; sql.main({way!r}, {months})"
    environment = {**os.environ, PASSWORD_VARIABLE: PASSWORD, "TURBO_FORECAST_BENCHMARK_URL": server.url}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def main(way: str, months: int) -> None:
    """Measure one way in this process, and print its cost."""
    windows = [
        Window.of_days(first, after - timedelta(days=1), "UTC")
        for first, after in pairwise(map(_month, range(months + 1)))
    ]
    url, fetch = os.environ["TURBO_FORECAST_BENCHMARK_URL"], globals()[way]
    fetch(url, windows[:1])  # imports what it needs
    counted: list[int] = []
    seconds = timed(lambda: counted.append(fetch(url, windows)))
    status = Path(
        "/proc/self/status"
    ).read_text()  # what getrusage tells begins with the memory of this process's parent
    peak = 1024 * int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0])
    print(json.dumps({"seconds": seconds, "peak": peak, "rows": counted[0]}))
