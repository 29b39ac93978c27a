"""From a Prometheus to an outlook: an address and one command in an empty folder; then one month more, by the schedule."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from turbo_forecast_tests.end_to_end.conftest import ROOT, Finished, House, ended
from turbo_forecast_tests.end_to_end.forked import Forked

pytest.importorskip("httpx", reason="the extra `sources` is not installed: pip install 'turbo-forecast[sources]'")

from reference.servers.prometheus import Prometheus, blocks_of, program

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("prometheus")]
HOUR, DAY, SAMPLES = 3600, 24, 3
FIRST, LAST = datetime(2023, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
HOURS = int((LAST - FIRST).total_seconds()) // HOUR
HOSTS = ("web-1", "db-1")
SCHEDULE = """
import sys
from datetime import datetime, UTC
import dagster as dg
from turbo_forecast.definitions import build_definitions
defs = build_definitions()
schedule = defs.resolve_schedule_def("monthly_forecast_schedule")
context = dg.build_schedule_context(scheduled_execution_time=datetime(2026, 1, 1, 6, tzinfo=UTC))
[request] = schedule.evaluate_tick(context).run_requests
print("partition", request.partition_key, flush=True)
with dg.DagsterInstance.get() as instance:
    result = defs.resolve_job_def("monthly_forecast").execute_in_process(
        partition_key=request.partition_key, instance=instance, raise_on_error=False, run_config=request.run_config
    )
sys.exit(not result.success)
"""


def used(host: str, resource: str) -> npt.NDArray[np.float64]:
    """Percent used in each hour of three years: a week, a slow growth, and noise."""
    hours = np.arange(HOURS)
    random = np.random.default_rng([HOSTS.index(host), ("cpu", "memory").index(resource)])
    wave = 40 + 10 * np.sin(2 * np.pi * hours / (7 * DAY)) + 15 * hours / HOURS + random.normal(0, 2, HOURS)
    return np.round(wave)


def openmetrics(path: Path) -> None:
    """Counters and gauges of node_exporter, three samples an hour, each hour's within it."""
    starts = int(FIRST.timestamp()) + HOUR * np.arange(HOURS)
    times = (starts[:, None] + np.array([300, 1500, 2700])).ravel()
    with path.open("w") as file:

        def write(name: str, values: npt.NDArray[np.float64]) -> None:
            file.writelines(f"{name} {value:.6f} {at}\n" for value, at in zip(values, times, strict=True))

        for host in HOSTS:
            labels = f'instance="{host}:9100",job="node"'
            busy = used(host, "cpu") / 100
            since = np.concatenate([[0.0], np.cumsum(busy * HOUR)])[:-1]
            of_user = (since[:, None] + busy[:, None] * np.array([300, 1500, 2700])).ravel()
            for mode, seconds in (("user", of_user), ("idle", times - times[0] + 1e6 - of_user)):
                write(f'node_cpu_seconds_total{{{labels},cpu="0",mode="{mode}"}}', seconds)
            free = np.repeat(100 - used(host, "memory"), SAMPLES) * 1e7
            write(f"node_memory_MemAvailable_bytes{{{labels}}}", free)
            write(f"node_memory_MemTotal_bytes{{{labels}}}", np.full(len(times), 1e9))
        file.write("# EOF\n")


@dataclass
class Story:
    """house: where November was run by a person, and December by the schedule; the server is told of by its address alone."""

    house: House
    address: str
    first: Finished
    scheduled: Finished
    landed_first: list[str]

    def ask(self, *arguments: str) -> Finished:
        return ended(Forked(["turbo_forecast", *arguments, "--data", str(self.house.data)], environment(self.house)))

    def landed(self) -> list[str]:
        return sorted(path.stem for path in (self.house.data / "telemetry_landing").glob("*/[!.]*.parquet"))


def environment(house: House, **more: str) -> dict[str, str]:
    return {**house.environment, "NO_PROXY": "*", **more}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    program("prometheus")
    folder = tmp_path_factory.mktemp("source")
    server = Prometheus(folder / "prometheus", [])
    openmetrics(folder / "samples.om")
    blocks_of(folder / "samples.om", server.folder / "data")
    (folder / "samples.om").unlink()
    house = House(folder / "house")
    with server.running():
        address = f"prometheus+{server.address}"
        _, _, *command = house.arguments("2025-11", address)
        first = ended(Forked(command, environment(house)))
        story = Story(house, address, first, first, [])
        story.landed_first = story.landed()
        told = {"TURBO_FORECAST_TELEMETRY": address, "TURBO_FORECAST_DATA": str(house.data)}
        told |= {"TURBO_FORECAST_CONFIG": str(house.settings)}
        done = subprocess.run(
            [sys.executable, "-c", SCHEDULE], cwd=ROOT, env=environment(house, **told), capture_output=True, text=True
        )
        story.scheduled = Finished(done.returncode, done.stdout, done.stderr)
        yield story


def test_an_address_and_one_command_lead_from_an_empty_folder_to_an_outlook(story: Story) -> None:
    assert story.first.code == 0, story.first.err
    answer = story.ask("outlook", "--month", "2025-11", "--state", "all", "--json")
    assert answer.code == 0, answer.err
    rows = json.loads(answer.out)["rows"]
    assert {(row["host_id"], row["resource"]) for row in rows} == {(h, r) for h in HOSTS for r in ("cpu", "memory")}
    assert story.landed_first == [f"{year}-{month:02}" for year in (2023, 2024, 2025) for month in range(1, 13)][:-1]


def test_the_base_table_holds_each_days_mean_of_what_was_put_in(story: Story) -> None:
    stored = story.house.query("SELECT * FROM base_table ORDER BY host_id, resource, ds")
    days = pl.date_range(FIRST.date(), LAST.date(), closed="left", eager=True)
    for host in HOSTS:
        for resource in ("cpu", "memory"):
            found = stored.filter(host_id=host, resource=resource)
            assert found["ds"].to_list() == days.to_list()
            expected = used(host, resource).reshape(-1, DAY).mean(axis=1)
            if resource == "cpu":  # a rate over an hour knows its 40 minutes between the first sample and the last
                np.testing.assert_allclose(found["y"].to_numpy(), expected, atol=1e-4)
            else:
                np.testing.assert_allclose(found["y"].to_numpy(), expected, rtol=1e-9)


def test_the_schedule_lands_one_month_more_and_reads_that_alone(story: Story) -> None:
    assert story.scheduled.code == 0, story.scheduled.err[-3000:]
    assert "partition 2025-12" in story.scheduled.out
    assert set(story.landed()) - set(story.landed_first) == {"2025-12"}
    answer = story.ask("outlook", "--state", "all", "--json")
    assert json.loads(answer.out)["month"] == "2025-12"
    assert len(json.loads(answer.out)["rows"]) == len(HOSTS) * 2
    assert story.house.leftovers() == []
