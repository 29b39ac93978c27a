"""An installation as docs/production.md describes it: its folders, and its processes, each started and ended by itself.

Belongs here: starting and ending, launching runs, reading what Dagster has recorded. Does not belong here: PostgreSQL (`postgres.py`).
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from pathlib import Path
from unittest import mock

import dagster as dg
import polars as pl
import yaml
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._grpc.client import DagsterGrpcClient

from reference.servers.loopback import free_port
from reference.servers.postgres import Postgres
from turbo_forecast.fleet.executors.descendants import descendants, end_all
from turbo_forecast_tests.browser.server import LOCATION, Server, hears_ctrl_c, settings
from turbo_forecast_tests.conftest import series_rows, wave
from turbo_forecast_tests.end_to_end.conftest import ROOT, House, as_telemetry

LAUNCH = """
    mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) {
        __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""
START_SCHEDULE = """
    mutation ($name: String!, $location: String!) { startSchedule(scheduleSelector: {
        scheduleName: $name, repositoryName: "__repository__", repositoryLocationName: $location
    }) { __typename ... on ScheduleStateResult { scheduleState { id selectorId status } } ... on PythonError { message } } }
"""
STOP_SCHEDULE = """
    mutation ($id: String!) { stopRunningSchedule(id: $id) { __typename ... on PythonError { message } } }
"""
HISTORY_DAYS = 1300


def ended_months(count: int) -> list[str]:
    """The last months that are over, the earliest first: what the schedule asks for is the last of them."""
    found, day = [], date.today().replace(day=1)
    for _ in range(count):
        day = (day - timedelta(days=1)).replace(day=1)
        found.append(f"{day:%Y-%m}")
    return found[::-1]


def write_telemetry(path: Path) -> Path:
    """Two series up to the end of the month just ended."""
    start = date.today().replace(day=1) - timedelta(days=HISTORY_DAYS)
    rows = [series_rows(host, wave(HISTORY_DAYS, seed=seed), start=start) for seed, host in enumerate(("one", "two"))]
    return as_telemetry(pl.concat(rows), path)


class Installation:
    """Webserver, daemon and code server over one database. Each is ended by its process."""

    def __init__(self, folder: Path, postgres: Postgres, **variables: str) -> None:
        self.house, self.postgres, self.folder = House(folder / "house"), postgres, folder
        (self.house.home / "dagster.yaml").unlink()
        (self.house.home / "dagster.yaml").symlink_to(ROOT / "dagster_home" / "dagster.production.yaml")
        self.telemetry = write_telemetry(folder / "telemetry.parquet")
        self.house.write_settings(settings(self.telemetry))
        self.code_port, self.web_port = free_port(), free_port()
        self.workspace = folder / "workspace.yaml"
        content = yaml.safe_load((ROOT / "workspace.production.yaml").read_text())
        content["load_from"][0]["grpc_server"]["port"] = self.code_port
        self.workspace.write_text(yaml.safe_dump(content))
        self.environment = {
            **self.house.environment,
            "TURBO_FORECAST_DATA": str(self.house.data),
            "TURBO_FORECAST_CONFIG": str(self.house.settings),
            **postgres.variables,
            "TURBO_FORECAST_LOGS": str(folder / "logs"),
            **variables,
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> "subprocess.Popen[bytes]":
        """One of `code`, `daemon`, `webserver`, by the command of its unit."""
        bin_folder = Path(sys.executable).parent
        commands = {
            "code": [sys.executable, "-m", "turbo_forecast.defs.code_server", "--port", str(self.code_port)],
            "daemon": [bin_folder / "dagster-daemon", "run", "-w", self.workspace],
            "webserver": [bin_folder / "dagster-webserver", "-p", str(self.web_port), "-w", self.workspace],
        }
        with self.log(name).open("ab") as log:
            self.processes[name] = subprocess.Popen(
                commands[name],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=hears_ctrl_c,
            )
        return self.processes[name]

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def kill(self, name: str) -> None:
        """SIGKILL, to it and to all that it has started, as when a machine goes down."""
        process = self.processes.pop(name)
        end_all({process.pid, *descendants([process.pid])})
        process.wait(timeout=30)

    def stop(self, name: str, kind: signal.Signals = signal.SIGTERM, seconds: float = 90) -> int:
        """A signal to the process alone, as systemd and containers send it; the code that it ends with."""
        process = self.processes.pop(name)
        started = descendants([process.pid])
        process.send_signal(kind)
        try:
            return process.wait(timeout=seconds)
        finally:
            end_all({process.pid, *started})

    @property
    def server(self) -> Server:
        """Who answers GraphQL."""
        return Server(self.house, f"http://127.0.0.1:{self.web_port}", self.processes["webserver"])

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        """The instance, opened in this process."""
        with mock.patch.dict(os.environ, self.environment), dg.DagsterInstance.get() as instance:
            yield instance

    def launch(
        self, month: str | None = None, job: str = "monthly_forecast", *, assets: Sequence[str] = (), **ops: object
    ) -> str:
        """The id of a new run in the queue. assets: some of the job's, without their checks."""
        selector: dict[str, object] = {
            "repositoryLocationName": LOCATION,
            "repositoryName": "__repository__",
            "jobName": job,
        }
        if assets:
            selector |= {"assetSelection": [{"path": [asset]} for asset in assets], "assetCheckSelection": []}
        tags = [{"key": "dagster/partition", "value": month}] if month else []
        params = {
            "selector": selector,
            "executionMetadata": {"tags": tags},
            "runConfigData": {"ops": ops} if ops else {},
        }
        answer = self.server.ask(LAUNCH, params=params)["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def settle(self) -> None:
        """Wait until the code server serves, and the webserver answers whatever it is asked, with the definitions.

        A webserver shows what it knew for a while after the code server has ended; and after a restart of the database, each
        of the connections that it holds fails once.
        """
        client = DagsterGrpcClient(host="127.0.0.1", port=self.code_port)

        def answers() -> bool:
            try:
                client.ping("")
                self.server.reload()
                return loaded(self.server) and self.server.told() != "" and bool(self.server.verdicts("2000-01"))
            except (OSError, AssertionError, DagsterUserCodeUnreachableError):
                return False

        self.server.wait("code server and webserver", answers)

    def status(self, run_id: str) -> str:
        with self.instance() as instance:
            run = instance.get_run_by_id(run_id)
            assert run is not None
            return run.status.value

    def end(self) -> None:
        for name in list(self.processes):
            with suppress(Exception):
                self.kill(name)


@contextmanager
def installed(folder: Path, postgres: Postgres, **variables: str) -> Iterator[Installation]:
    """All three processes, from when the webserver has the definitions."""
    installation = Installation(folder, postgres, **variables)
    try:
        for name in ("code", "webserver", "daemon"):
            installation.start(name)
        try:
            installation.server.wait("the webserver with the definitions", lambda: loaded(installation.server))
        except AssertionError as error:
            logs = [installation.log(name).read_text()[-2000:] for name in ("code", "webserver", "daemon")]
            raise AssertionError(f"{error}\n" + "\n---\n".join(logs)) from None
        yield installation
    finally:
        installation.end()


def loaded(server: Server) -> bool:
    """Whether the definitions are there; the webserver is started before the code server answers, and asks it again."""
    try:
        if server.loaded():
            return True
    except AssertionError:
        with suppress(AssertionError, OSError):
            server.reload()
    return False
