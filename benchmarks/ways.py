"""Every way to start the same month, timed on one instance: the command, `dg launch`, and what the UI sends for each click.

The month has been made before, and its telemetry is unchanged: what is compared is the way, not the work. The UI's
requests are those that its pages send (Dagster 1.13); the time is from the request to the end of the run or runs.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from turbo_forecast.demo import write_demo_fleet
from turbo_forecast.fleet.executors.descendants import descendants, end_all

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = Path(sys.executable).parent
MONTH, RANGE = "2025-12", ("2025-10", "2025-11", "2025-12")
PATIENCE_SECONDS = 1800.0
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}

RUNS = "{ runsOrError(limit: 20) { ... on Runs { results { runId status startTime endTime stepStats { startTime endTime } } } } }"
READY = "{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError { __typename } } } } }"
ASSETS = "{ assetNodes { isMaterializable assetKey { path } } }"
LAUNCH = """
    mutation ($params: ExecutionParams!) { launchPipelineExecution(executionParams: $params) {
        __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""
BACKFILL = """
    mutation ($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
        __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }
"""
REPOSITORIES = "{ repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } } }"


@dataclass(frozen=True)
class Started:
    """One way to start, and what it took. seconds: to the end; steps: of these, in steps; runs: how many it made."""

    way: str
    seconds: float
    steps: float
    runs: int


class Ui:
    """A running `dg dev`."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, query: str, **variables: object) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            found = json.load(answer)
        if "errors" in found:
            raise RuntimeError(str(found["errors"])[:2000])
        return found["data"]

    def ready(self) -> bool:
        try:
            entries = self.ask(READY)["workspaceOrError"]["locationEntries"]
        except OSError:
            return False
        return bool(entries) and all(entry["locationOrLoadError"] for entry in entries)

    def runs(self) -> dict[str, dict[str, Any]]:
        return {run["runId"]: run for run in self.ask(RUNS)["runsOrError"]["results"]}

    def timed(self, way: str, start: Callable[[], object], count: int = 1) -> Started:
        """Start, and wait for the end of so many new runs. Raises RuntimeError where one fails."""
        before, began = set(self.runs()), time.perf_counter()
        start()
        while True:
            new = [run for run_id, run in self.runs().items() if run_id not in before]
            if len(new) >= count and all(run["status"] in ENDED for run in new):
                break
            if time.perf_counter() - began > PATIENCE_SECONDS:
                raise RuntimeError(f"{way}: not ended in {PATIENCE_SECONDS:.0f} s")
            time.sleep(0.2)
        seconds = time.perf_counter() - began
        if any(run["status"] != "SUCCESS" for run in new):
            raise RuntimeError(f"{way}: {[run['status'] for run in new]}")
        steps = sum((s["endTime"] or 0) - (s["startTime"] or 0) for run in new for s in run["stepStats"])
        return Started(way, seconds, steps, len(new))

    def launch(self, job: str, month: str, assets: list[str] | None = None) -> None:
        selector = {
            "repositoryLocationName": "turbo_forecast",
            "repositoryName": self.ask(REPOSITORIES)["repositoriesOrError"]["nodes"][0]["name"],
            "pipelineName": job,
            "assetSelection": [{"path": [name]} for name in assets or []],
        }
        params = {
            "selector": selector,
            "runConfigData": "{}",
            "mode": "default",
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": month}]},
        }
        answer = self.ask(LAUNCH, params=params)["launchPipelineExecution"]
        if answer["__typename"] != "LaunchRunSuccess":
            raise RuntimeError(str(answer))

    def backfill(self, months: tuple[str, ...], assets: list[str]) -> None:
        params = {"partitionNames": list(months), "assetSelection": [{"path": [name]} for name in assets]}
        answer = self.ask(BACKFILL, params=params)["launchPartitionBackfill"]
        if answer["__typename"] != "LaunchBackfillSuccess":
            raise RuntimeError(str(answer))

    def assets(self) -> list[str]:
        return [node["assetKey"]["path"][0] for node in self.ask(ASSETS)["assetNodes"] if node["isMaterializable"]]


@contextmanager
def dagster(environment: Mapping[str, str], log: Path) -> Iterator[Ui]:
    """`dg dev` from when it answers until all its processes have ended."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [str(SCRIPTS / "dg"), "dev", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=dict(environment), stdout=out, stderr=out)
    ui = Ui(f"http://127.0.0.1:{port}")
    try:
        while not ui.ready():
            if process.poll() is not None:
                raise RuntimeError(log.read_text()[-2000:])
            time.sleep(0.5)
        yield ui
    finally:
        started = descendants([process.pid])
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=20)
        end_all({process.pid, *started})


def measure(hosts: int, entrants: list[str] | None, say: Callable[[str], None]) -> list[Started]:
    """Every way once, on a demo fleet of so many hosts whose month is there already."""
    with tempfile.TemporaryDirectory(prefix="turbo-forecast-ways-") as folder:
        place = Path(folder)
        home, data, telemetry = place / "home", place / "data", place / "telemetry"
        home.mkdir()
        shutil.copy(ROOT / "dagster_home" / "dagster.yaml", home)
        write_demo_fleet(telemetry, hosts=hosts)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TURBO_FORECAST_")},
            "DAGSTER_HOME": str(home),
            "TURBO_FORECAST_DATA": str(data),
            "TURBO_FORECAST_TELEMETRY": str(telemetry),
            "TURBO_FORECAST_CONFIG": str(_settings(place / "settings.yaml", entrants, "in_process")),
        }

        def shell(*command: str) -> None:
            subprocess.run(list(command), cwd=ROOT, env=environment, check=True, capture_output=True)

        command = (sys.executable, "-m", "turbo_forecast", "--data", str(data), "--month")
        shell(*command, MONTH)
        found = []
        with dagster(environment, place / "dagster.log") as ui:
            ways: dict[str, tuple[Callable[[], object], int]] = {
                "the command, `python -m turbo_forecast`": (lambda: shell(*command, MONTH), 1),
                "`dg launch --job monthly_forecast`": (
                    lambda: shell(str(SCRIPTS / "dg"), *("launch", "--job", "monthly_forecast", "--partition", MONTH)),
                    1,
                ),
                "the job monthly_forecast, in the UI": (lambda: ui.launch("monthly_forecast", MONTH), 1),
                '"Materialize all" on Lineage, one month': (lambda: ui.launch("__ASSET_JOB", MONTH, ui.assets()), 1),
                "the job monthly_checks, in the UI": (lambda: ui.launch("monthly_checks", MONTH), 1),
                "the command, for three months": (lambda: shell(*command, f"{RANGE[0]}..{RANGE[-1]}"), len(RANGE)),
                '"Materialize all" on Lineage, three months': (lambda: ui.backfill(RANGE, ui.assets()), 1 + len(RANGE)),
            }
            for way, (start, count) in ways.items():
                found.append(ui.timed(way, start, count))
                say(f"{way}: {found[-1].seconds:.1f} s")
        _settings(place / "settings.yaml", entrants, "multiprocess")
        with dagster(environment, place / "dagster.log") as ui:
            way = '"Materialize all" on Lineage, one month, `executor: multiprocess`'
            found.append(ui.timed(way, lambda: ui.launch("__ASSET_JOB", MONTH, ui.assets())))
        return found


def _settings(path: Path, entrants: list[str] | None, executor: str) -> Path:
    forecast = {"entrants": entrants} if entrants else {}
    path.write_text(yaml.safe_dump({"forecast": forecast, "deployment": {"executor": executor}}))
    return path


def report(hosts: int, entrants: list[str] | None, say: Callable[[str], None]) -> str:
    """The table, in Markdown."""
    rows = [
        f"| {each.way} | {each.runs} | {each.seconds:.1f} | {each.steps:.1f} | {each.seconds - each.steps:.1f} |"
        for each in measure(hosts, entrants, say)
    ]
    head = (
        f"## Ways to start the same month\n\n{hosts * 4:,} series ({hosts} demo hosts), made before, telemetry unchanged; "
        "seconds from the start to the end of the run (of all runs, for three months)\n\n"
        "| way | runs | seconds | of these in steps | the rest: Dagster's |\n|---|---|---|---|---|\n"
    )
    return head + "\n".join(rows)
