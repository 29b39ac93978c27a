"""Pages of the dashboard at the fleet's size: how long the server takes for two hundred of them, drawn at random.

Belongs here: which pages, and their times. Does not belong here: what they say, and how fast a browser draws them.

    python -m benchmarks --section dashboard [--data FOLDER]     # a folder in which months are published
"""

import http.client
import random
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np

from benchmarks.measuring import table
from benchmarks.scale import ROOT, command, workplace
from turbo_forecast import deep_links
from turbo_forecast.answers.names import names
from turbo_forecast.demo import write_demo_fleet
from turbo_forecast.schemas import CAPACITY_OUTLOOK
from turbo_forecast.storage.published.reading import Published, PublishedMonth
from turbo_forecast.types import State

PAGES = 200
SEED = 2025
GOAL_MILLISECONDS = {"host": 150.0}
"""At the 95th percentile; every other page has OTHER_GOAL."""
OTHER_GOAL = 300.0
KINDS = {
    "outlook": 5,
    "host": 5,
    "groups": 1,
    "what-if": 1,
    "track-record": 2,
    "tournament": 1,
    "run": 1,
    "hosts.json": 2,
}
"""Kinds of pages, and how often each is drawn: as planners open them, we think."""
GREETING = re.compile(r"http://127\.0\.0\.1:(\d+)")
SERVE = "import sys; from pathlib import Path; from turbo_forecast.dashboard.serving import serve; serve(Path(sys.argv[1]), port=0)"


@dataclass(frozen=True, slots=True)
class Load:
    """One page that was loaded. server: milliseconds that the server says it took; all: until the last byte; size: bytes sent."""

    kind: str
    path: str
    server: float
    all: float
    size: int


class Visits:
    """Addresses drawn at random: the same ones for the same month and seed."""

    def __init__(self, published: Published, seed: int = SEED) -> None:
        self._random, self._months = random.Random(seed), published.months()

    def draw(self, count: int) -> Iterator[tuple[str, str]]:
        """A kind and a path, so many times."""
        for kind in self._random.choices(list(KINDS), list(KINDS.values()), k=count):
            month = self._random.choice(self._months)
            given = getattr(self, f"_{kind.replace('-', '_').replace('.', '_')}")(month)
            yield kind, deep_links.page(f"/{kind}", **given, month=month.key)

    def _maybe(self, value: object, chance: float = 0.3) -> object:
        return value if self._random.random() < chance else None

    def _outlook(self, month: PublishedMonth) -> dict[str, object]:
        choice, rows = self._random.choice, month.frame(CAPACITY_OUTLOOK)
        day = month.cutoff + timedelta(days=self._random.randint(2, (month.windows.horizon_end - month.cutoff).days))
        return {
            "resource": self._maybe(choice(rows["resource"].unique().sort().to_list())),
            "threshold": self._maybe(choice([*(f"{each:g}" for each in rows["threshold"].unique().sort()), "every"])),
            "before": self._maybe(day),
            "at_least": self._maybe(choice([0.1, 0.5, 0.9])),
            "state": self._maybe(choice(list(State))),
            "text": self._maybe(choice("abcdefgh0123456789")),
            "sort": self._maybe(choice(["level", "-level", "headroom", "likely", "probability", "host_id", "state"])),
            "page": self._maybe(self._random.randint(1, 100)),
        }

    def _host(self, month: PublishedMonth) -> dict[str, object]:
        host = self._random.choice(names(month, "series"))
        own = month.frame(CAPACITY_OUTLOOK)
        resources = (
            own.filter((own["host_id"] == host) & (own["kind"] == "series"))["resource"].unique().sort().to_list()
        )
        return {
            "host": host,
            "resource": self._maybe(self._random.choice(resources)) if resources else None,
            "history": self._maybe("year"),
        }

    def _groups(self, month: PublishedMonth) -> dict[str, object]:
        groups = names(month, "group")
        return {"group": self._maybe(self._random.choice(groups), 0.5) if groups else None}

    def _hosts_json(self, month: PublishedMonth) -> dict[str, object]:
        return {"text": "".join(self._random.choices("abcdeinorst0123", k=self._random.randint(1, 4)))}

    def _what_if(self, month: PublishedMonth) -> dict[str, object]:
        return {}

    _track_record = _tournament = _run = _what_if


@contextmanager
def served(data: Path) -> Iterator[int]:
    """The port of a dashboard over a data folder, in a process of its own."""
    process = subprocess.Popen([sys.executable, "-c", SERVE, str(data)], cwd=ROOT, text=True, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        found = GREETING.search(process.stdout.readline())
        if found is None:
            raise RuntimeError("the dashboard did not say where it listens")
        yield int(found[1])
    finally:
        process.terminate()
        process.wait()


def load(connection: http.client.HTTPConnection, kind: str, path: str) -> Load:
    """Load a page. Raises RuntimeError where it is not there."""
    began = time.perf_counter()
    connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    body = answer.read()
    spent = 1000 * (time.perf_counter() - began)
    if answer.status != 200:
        raise RuntimeError(f"{path}: status {answer.status}")
    server = float(answer.headers["Server-Timing"].rpartition("=")[2])
    return Load(kind, path, server, spent, len(body))


def loads(data: Path, count: int, say: Callable[[str], None]) -> tuple[Load, float, list[Load]]:
    """The first page after the start, seconds until what is made beforehand is made, and the pages drawn at random."""
    with served(data) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        began = time.perf_counter()
        first = load(connection, "outlook", deep_links.OUTLOOK)
        connection.request("GET", "/static/vega.js", headers={"Accept-Encoding": "gzip"})
        connection.getresponse().read()  # made last
        ready = time.perf_counter() - began
        found = []
        for kind, path in Visits(Published(data)).draw(count):
            found.append(load(connection, kind, path))
        say(f"{count} pages; the slowest: {max(found, key=lambda each: each.server)}")
    return first, ready, found


def figures(found: Sequence[Load]) -> list[list[str]]:
    """A row for each kind of page, and one for all."""
    by_kind: dict[str, list[Load]] = defaultdict(list)
    for each in found:
        by_kind[each.kind].append(each)
    rows = []
    for kind, own in [*sorted(by_kind.items()), ("all", list(found))]:
        median, high = np.percentile([each.server for each in own], [50, 95])
        slowest = max(each.server for each in own)
        last_byte = np.percentile([each.all for each in own], 95)
        goal = "" if kind == "all" else f"≤ {GOAL_MILLISECONDS.get(kind, OTHER_GOAL):.0f}"
        size = np.median([each.size for each in own]) / 1000
        rows.append(
            [
                kind,
                f"{len(own)}",
                f"{median:.0f}",
                f"{high:.0f}",
                goal,
                f"{slowest:.0f}",
                f"{last_byte:.0f}",
                f"{size:.0f}",
            ]
        )
    return rows


def report(data: Path | None, hosts: int, count: int, say: Callable[[str], None]) -> str:
    """The section of RESULTS.md. data: where months are published; without, a month of so many demo hosts is made first."""
    if data is None:
        with workplace() as place:
            write_demo_fleet(place / "telemetry", hosts=hosts)
            command(place / "data", place / "telemetry", place / "home")
            return report(place / "data", hosts, count, say)
    month = Published(data).month()
    first, ready, found = loads(data, count, say)
    rows = month.frame(CAPACITY_OUTLOOK)
    series = len(rows.filter(rows["kind"] == "series").select("host_id", "resource").unique())
    head = ["page", "n", "median ms", "95th percentile", "goal", "slowest", "with transfer, 95th", "kB sent"]
    return "\n\n".join(
        [
            "## The dashboard",
            f"{count} pages drawn at random, of {series:,} series in {len(Published(data).keys())} month(s), one after the other; "
            f"milliseconds of server time. The first page after the start took {first.all:.0f} ms; {ready:.1f} s later all was made that is "
            "made beforehand.",
            table(head, figures(found)),
        ]
    )
