"""The project's UI as `make ui` starts it, on folders of its own, and what is true behind its pages.

Belongs here: starting and ending Dagster's processes, and reading its state. Does not belong here: clicking (`clicks.py`).
What a test waits for is read from GraphQL, so that no test depends on how fast a page is drawn.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reference.servers.loopback import free_port
from turbo_forecast.fleet.executors.descendants import descendants, end_all
from turbo_forecast_tests.browser import queries
from turbo_forecast_tests.end_to_end.conftest import NAIVE, ROOT, House

LOCATION = "turbo_forecast"
POLL_SECONDS = 0.3
PATIENCE_SECONDS = 180.0
"""How long anything may take on a busy machine; what is waited for comes much sooner."""
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}


@dataclass(frozen=True)
class Run:
    """A run as the instance has recorded it."""

    id: str
    job: str
    status: str
    tags: dict[str, str]

    @property
    def month(self) -> str | None:
        return self.tags.get("dagster/partition")


class Server:
    """A running UI with its daemon."""

    def __init__(self, house: House, url: str, process: "subprocess.Popen[bytes]") -> None:
        self.house, self.url, self.process = house, url, process
        self.before_waiting: Callable[[], None] = lambda: None  # called when runs were started that are waited for now

    def ask(self, query: str, **variables: object) -> Any:
        """The data that GraphQL answers. Raises AssertionError with its errors."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            found = json.load(answer)
        assert "errors" not in found, found["errors"]
        return found["data"]

    def wait(self, what: str, condition: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
        """The first true answer of the condition. Raises AssertionError when there is none in time."""
        deadline = time.monotonic() + seconds
        while not (answer := condition()):
            assert self.process.poll() is None, "Dagster has ended"
            assert time.monotonic() < deadline, f"not seen in {seconds:.0f} s: {what}; {self.told()}"
            time.sleep(POLL_SECONDS)
        return answer

    def runs(self) -> list[Run]:
        """All runs, the newest first. Who waits asks this again and again: it holds nothing for which Dagster reads a run's events."""
        return [
            Run(each["runId"], each["pipelineName"], each["status"], {tag["key"]: tag["value"] for tag in each["tags"]})
            for each in self.ask(queries.RUNS)["runsOrError"]["results"]
        ]

    def has_ended(self, run_id: str) -> bool:
        """Whether the run, which there is, is over."""
        return next(run.status for run in self.runs() if run.id == run_id) in ENDED

    def steps_of(self, run_id: str) -> list[str]:
        """The steps that a run has begun."""
        return [step["stepKey"] for step in self.ask(queries.STEPS, run=run_id)["runOrError"]["stepStats"]]

    def told(self) -> str:
        """The runs, in short."""
        return (
            ", ".join(f"{run.id[:8]} {run.job} {run.month or 'no month'} {run.status}" for run in self.runs())
            or "no runs"
        )

    @contextmanager
    def launched(self, count: int = 1) -> Iterator[list[Run]]:
        """The runs that the block starts, ended, in the order in which they were created."""
        before, runs = {run.id for run in self.runs()}, list[Run]()
        yield runs

        def new() -> list[Run]:
            found = [run for run in reversed(self.runs()) if run.id not in before]
            return found if len(found) >= count and all(run.status in ENDED for run in found) else []

        # not before there is one: leaving the page takes back what it has not yet asked of the server
        self.wait("a run", lambda: any(run.id not in before for run in self.runs()), PATIENCE_SECONDS * count)
        self.before_waiting()
        runs += self.wait(f"{count} ended runs", new, PATIENCE_SECONDS * count)

    def errors(self, run_id: str) -> str:
        """What the run's log says of failed steps."""
        events = self.ask(queries.EVENTS, run=run_id)["logsForRun"]["events"]
        texts = [event["error"] for event in events if event["__typename"] == "ExecutionStepFailureEvent"]
        return "\n".join(error["message"] + ((error["cause"] or {}).get("message") or "") for error in texts)

    def process_ids(self, run_id: str) -> set[str]:
        """The processes in which the run's steps began."""
        events = self.ask(queries.EVENTS, run=run_id)["logsForRun"]["events"]
        starts = [event for event in events if event["__typename"] == "EngineEvent"]
        entries = [entry for event in starts for entry in event["metadataEntries"] if entry["label"] == "pid"]
        return {entry.get("text") or str(entry.get("intValue")) for entry in entries}

    def months_of(self, asset: str) -> list[str]:
        """Months for which the asset has been materialised, the last one first."""
        found = self.ask(queries.MATERIALISED, asset=asset)["assetNodeOrError"]["assetMaterializations"]
        return [each["partition"] for each in found]

    def assets(self) -> dict[str, bool]:
        """Every asset that can be materialised, and whether it is partitioned."""
        nodes = self.ask(queries.ASSETS)["assetNodes"]
        return {node["assetKey"]["path"][-1]: node["isPartitioned"] for node in nodes if node["isMaterializable"]}

    def verdicts(self, month: str) -> dict[tuple[str, str], str]:
        """The status of every partitioned check for a month, by asset and name."""
        found = {}
        for node in self.ask(queries.CHECKS)["assetNodes"]:
            for check in node["assetChecksOrError"].get("checks", ()):
                ranges = (check["partitionStatuses"] or {}).get("ranges")
                if ranges is not None:
                    statuses = {r["status"] for r in ranges if r["startKey"] <= month <= r["endKey"]}
                    found[node["assetKey"]["path"][-1], check["name"]] = "+".join(sorted(statuses)) or "MISSING"
        return found

    def verdicts_of(self, run_id: str, *, partitioned: bool = False) -> dict[tuple[str, str], tuple[str | None, bool]]:
        """What a run's checks have found, by asset and name: the month, and whether it passed. partitioned: only those of months."""
        events = self.ask(queries.EVALUATIONS, run=run_id)["logsForRun"]["events"]
        found = [event["evaluation"] for event in events if "evaluation" in event]
        return {
            (each["assetKey"]["path"][-1], each["checkName"]): (each["partition"], each["success"])
            for each in found
            if each["partition"] or not partitioned
        }

    def reload(self) -> None:
        """Read the definitions and the settings file again, as the button of that name does."""
        answer = self.ask(queries.RELOAD, location=LOCATION)["reloadRepositoryLocation"]
        assert answer["locationOrLoadError"]["__typename"] == "RepositoryLocation", answer

    def read_at(self) -> list[float]:
        """When the definitions were last read, in seconds since 1970, as the UI says it; nothing while they are being read."""
        return [
            entry["updatedTimestamp"]
            for entry in self.ask(queries.LOCATIONS)["workspaceOrError"]["locationEntries"]
            if entry["locationOrLoadError"]
        ]

    @contextmanager
    def other_entrants(self, telemetry: Path, entrants: list[str]) -> Iterator[None]:
        """Within the block, the settings file names these; what was forecast with them is not to be checked after it.

        A run is a process of its own, which reads the settings file when it begins: the UI need not read it, too.
        """
        self.house.write_settings(settings(telemetry, entrants))
        try:
            yield
        finally:
            self.house.write_settings(settings(telemetry))

    def loaded(self) -> bool:
        """Whether the UI answers and the code location is there."""
        try:
            entries = self.ask(queries.LOCATIONS)["workspaceOrError"]["locationEntries"]
        except OSError:
            return False
        states = [entry["locationOrLoadError"] for entry in entries]
        assert all(state is None or state["__typename"] == "RepositoryLocation" for state in states), states
        return bool(states) and None not in states


def settings(telemetry: Path | None, entrants: list[str] | None = None) -> dict[str, object]:
    """A settings file's content: six series are forecast in a second by the seasonal naive entrant alone."""
    forecast = {**NAIVE["forecast"], **({"entrants": entrants} if entrants else {})}
    return {"forecast": forecast, **({"telemetry": {"telemetry": str(telemetry)}} if telemetry else {})}


def hears_ctrl_c() -> None:
    """A shell's background jobs ignore Ctrl-C, and so would what they start: Dagster could not be asked to end."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def serving(house: House, log: Path, **environment: str) -> Iterator[Server]:
    """`dg dev` for the house, from when it answers, to when all its processes have ended."""
    port = free_port()
    command = [str(Path(sys.executable).parent / "dg"), "dev", "--host", "127.0.0.1", "--port", str(port)]
    variables = {
        **house.environment,
        "TURBO_FORECAST_DATA": str(house.data),
        "TURBO_FORECAST_CONFIG": str(house.settings),
        **environment,
    }
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=variables,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=hears_ctrl_c,
        )
    server = Server(house, f"http://127.0.0.1:{port}", process)
    try:
        try:
            server.wait("the UI", server.loaded)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{log.read_text()[-3000:]}") from None
        yield server
    finally:
        end(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    """Ask Dagster to end, as Ctrl-C does, and end what is still there after that with everything it has started."""
    started = descendants([process.pid])
    if process.poll() is None:
        os.kill(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
    end_all({process.pid, *started})
    process.wait(timeout=20)
