"""Months made by the real command, and the dashboard and the questions over them, each in a process of its own.

Belongs here: starting and ending these processes. Does not belong here: what a visitor does (`visitor.py`).
"""

import os
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from reference.servers.loopback import free_port
from turbo_forecast.demo import write_demo_fleet
from turbo_forecast.storage.published.reading import Published, PublishedMonth
from turbo_forecast_tests.browser.server import PATIENCE_SECONDS, end, hears_ctrl_c
from turbo_forecast_tests.end_to_end.conftest import ROOT, Finished, House

KEY = "2025-12"
GREETING = re.compile(r"http://127\.0\.0\.1:\d+")
SCENARIO = "relief"
WORKERS = 2 if os.environ.get("TURBO_FORECAST_DRILL") else 1
"""Of the run that makes a month: to start a second one takes longer than half of a small fleet's forecasts."""
ENTRANTS = ["weighted", "median", "prophet", "reverting_level", "yearly_profile", "seasonal_naive"]
"""Of the real data: so that a month of it is made in half the time."""


@dataclass(frozen=True)
class Made:
    """A month that the command has made, with groups and planned changes.

    port: where the month's report expects the dashboard. telemetry: what the month was made of.
    """

    house: House
    telemetry: Path
    port: int

    @property
    def published(self) -> Published:
        return Published(self.house.data)

    @property
    def month(self) -> PublishedMonth:
        """As it is published now."""
        return self.published.month(KEY)

    def command(self, *arguments: str) -> "subprocess.Popen[str]":
        """`turbo-forecast` with these arguments and this data folder, started."""
        return subprocess.Popen(
            [sys.executable, "-m", "turbo_forecast", *arguments, "--data", str(self.house.data)],
            cwd=ROOT,
            env=self.house.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def asked(self, *arguments: str) -> Finished:
        """`turbo-forecast` with these arguments, ended."""
        return ended(self.command(*arguments))

    def run(self) -> "subprocess.Popen[str]":
        """The month made again, started."""
        return self.house.start(KEY, self.telemetry)


def ended(process: "subprocess.Popen[str]") -> Finished:
    """What it printed and how it ended. Raises subprocess.TimeoutExpired, after ending it."""
    try:
        out, err = process.communicate(timeout=3 * PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return Finished(process.returncode, out, err)


def make_month(folder: Path, telemetry: Path, forecast: Mapping[str, object]) -> Made:
    """The month of this telemetry: every host in the group of its name's beginning, a change, and one more in a scenario."""
    house = House(folder)
    made = Made(house, telemetry, free_port())
    files = telemetry / "*.parquet" if telemetry.is_dir() else telemetry
    counts = (
        pl.scan_parquet(files).group_by("host_id").len().drop_nulls().sort("len", "host_id", descending=[True, False])
    )
    hosts = counts.collect()["host_id"].to_list()  # the first one has been observed the longest
    groups = pl.DataFrame({"host_id": hosts, "group": [re.split(r"[-.]", host)[0] for host in hosts]})
    groups.write_csv(folder / "groups.csv")
    changed, group = hosts[0], groups["group"][0]
    (folder / "plans.csv").write_text(
        "date,host_id,group,resource,change,factor,scenario\n"
        f"2026-03-01,{changed},,,-5,,\n"
        f"2026-02-01,,{group},,,0.8,{SCENARIO}\n"
    )
    house.write_settings(
        {
            "forecast": {"workers": WORKERS, **forecast},
            "outlook": {"groups": str(folder / "groups.csv"), "plans": str(folder / "plans.csv")},
            "deployment": {"dashboard_url": f"http://127.0.0.1:{made.port}"},
        }
    )
    finished = ended(made.run())
    assert finished.code == 0, finished.err
    return made


def make_demo(folder: Path, hosts: int) -> Made:
    """The month of a demo fleet."""
    telemetry = folder / "telemetry"
    write_demo_fleet(telemetry, hosts=hosts)
    return make_month(folder / "house", telemetry, {})


@contextmanager
def dashboard(made: Made, port: int = 0) -> Iterator["Dashboard"]:
    """`turbo-forecast dashboard` over the month, from when it listens to when it has ended; port 0 takes a free one."""
    log = made.house.folder / f"dashboard-{free_port()}.log"
    command = [sys.executable, "-m", "turbo_forecast", "dashboard", "--data", str(made.house.data), "--port", str(port)]
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=made.house.environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            preexec_fn=hears_ctrl_c,
        )
        try:
            found = GREETING.search(_first_line(process))
            assert found, log.read_text()[-3000:]
            yield Dashboard(found[0], process, log)
        finally:
            end(process)


def _first_line(process: "subprocess.Popen[bytes]") -> str:
    """What it says first; nothing where it says nothing in time."""
    said: queue.Queue[bytes] = queue.Queue()
    assert process.stdout is not None
    threading.Thread(target=lambda out: said.put(out.readline()), args=(process.stdout,), daemon=True).start()
    try:
        return said.get(timeout=PATIENCE_SECONDS).decode()
    except queue.Empty:
        return ""


@dataclass(frozen=True)
class Dashboard:
    """A dashboard that is served. log: all that it has said of defects and warnings."""

    url: str
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def complaints(self) -> str:
        return self.log.read_text()


def addresses(month: PublishedMonth, hosts: Sequence[str]) -> list[str]:
    """Every page of a month, each of these hosts, and every kind of file."""
    from turbo_forecast import deep_links
    from turbo_forecast.schemas import GROUP_MEMBERS

    group = month.frame(GROUP_MEMBERS)["group_name"].min()
    return [
        deep_links.page(deep_links.OUTLOOK),
        deep_links.page(deep_links.OUTLOOK, scenario=SCENARIO, state="over"),
        deep_links.page(deep_links.OUTLOOK, threshold="every", at_least=0.1, sort="level"),
        deep_links.page(deep_links.OUTLOOK, format="csv"),
        deep_links.page(deep_links.OUTLOOK, format="xlsx"),
        deep_links.page(deep_links.HOST_PAGE),
        *(deep_links.host_page(host) for host in hosts),
        deep_links.page(deep_links.HOST_PAGE, host=group, kind="group"),
        deep_links.page("/hosts.json", text=hosts[0][:3]),
        deep_links.page(deep_links.GROUPS),
        deep_links.page(deep_links.GROUPS, group=group),
        deep_links.page(deep_links.WHAT_IF),
        deep_links.page(deep_links.WHAT_IF, scenario=SCENARIO),
        deep_links.page(deep_links.TRACK_RECORD),
        deep_links.page(deep_links.TOURNAMENT),
        deep_links.page(deep_links.RUN),
        deep_links.page(deep_links.RUN, month=month.key),
    ]
