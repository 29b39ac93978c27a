"""A Dask cluster for tests: scheduler and workers as processes of their own, over TCP on loopback.

Belongs here: starting, hurting and ending them, by their process ids. Does not belong here: what is tried on them.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from distributed import Client

from turbo_forecast.fleet.executors.descendants import descendants, end_all
from turbo_forecast.fleet.executors.process_tags import TAG_VARIABLE
from turbo_forecast_tests.fleet.working import wait_until
from turbo_forecast_tests.quiet_dask import quiet_environment

ROOT = Path(__file__).parents[3]
PATIENCE = 120.0
"""Seconds: a busy machine takes long to start a process that imports much."""


class DaskProcesses:
    """A scheduler and workers of one thread each, by name. protocol: tcp or tls; options: further ones of both programs."""

    def __init__(self, folder: Path, protocol: str = "tcp", options: Sequence[str] = ()) -> None:
        self._folder, self._protocol, self._options = folder, protocol, list(options)
        self._scheduler: subprocess.Popen[bytes] | None = None
        self._workers: dict[str, subprocess.Popen[bytes]] = {}
        self._count = 0

    @property
    def address(self) -> str:
        """The scheduler's."""
        return str(json.loads(self._file.read_text())["address"])

    @property
    def _file(self) -> Path:
        return self._folder / "scheduler.json"

    def start_scheduler(self) -> None:
        """Start a scheduler at a free port; the one before must have ended."""
        self._file.unlink(missing_ok=True)
        where = [
            "--protocol",
            self._protocol,
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--dashboard-address",
            "127.0.0.1:0",
        ]
        arguments = [*where, "--scheduler-file", str(self._file), *self._options]
        self._scheduler = self._started("dask_scheduler", "scheduler", arguments)
        # it is there before it is whole
        wait_until(lambda: self._file.exists() and self._file.read_text().endswith("}"), PATIENCE)

    def start_workers(self, count: int = 1, *, nanny: bool = False, path: Sequence[Path] = ()) -> list[str]:
        """Start workers, and return their names at once. path: folders where they look for modules before any other."""
        names = []
        for _ in range(count):
            self._count += 1
            name = f"worker-{self._count}"
            arguments = ["--scheduler-file", str(self._file), "--name", name, "--nthreads", "1", "--host", "127.0.0.1"]
            arguments += ["--protocol", self._protocol, "--local-directory", str(self._folder / name), "--no-dashboard"]
            arguments += ["--nanny" if nanny else "--no-nanny", *self._options]
            self._workers[name] = self._started("dask_worker", name, arguments, path)
            names.append(name)
        return names

    def _started(
        self, program: str, name: str, arguments: Sequence[str], path: Sequence[Path] = ()
    ) -> "subprocess.Popen[bytes]":
        where = os.pathsep.join(map(str, [*path, ROOT]))
        environment = {**os.environ, **quiet_environment(), "PYTHONPATH": where}
        command = [sys.executable, "-m", f"distributed.cli.{program}", *arguments]
        with (self._folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(command, cwd=self._folder, env=environment, stdout=log, stderr=log)

    def whole(self, count: int = 3) -> "DaskProcesses":
        """See that so many workers are there at least, the first of which has a nanny; what has been stopped goes on."""
        for each in self._workers.values():
            with suppress(ProcessLookupError):
                os.kill(each.pid, signal.SIGCONT)
        if self._scheduler is None or self._scheduler.poll() is not None:
            self.end()
            self.start_scheduler()
        self._workers = {name: each for name, each in self._workers.items() if each.poll() is None}
        for _ in range(count - len(self._workers)):
            self.start_workers(nanny=not self._workers)
        wait_until(lambda: self.registered() >= set(self._workers), PATIENCE)
        return self

    def client(self) -> Client:
        """A client of the test's own."""
        return Client(self.address, set_as_default=False, timeout=PATIENCE)

    def registered(self) -> set[str]:
        """Names of the workers that the scheduler knows."""
        with self.client() as client:
            return {str(each["name"]) for each in client.scheduler_info()["workers"].values()}

    def pid(self, name: str) -> int:
        """The process id of a worker without a nanny."""
        return self._workers[name].pid

    def without_nanny(self) -> list[str]:
        """Names of the workers that have none: these may be hurt."""
        return [name for name, each in self._workers.items() if "--no-nanny" in each.args]  # type: ignore[operator]

    def sandboxes(self, *names: str) -> set[int]:
        """Our worker processes on these workers (all of them by default), by their tag in the environment."""
        pids = [each.pid for name, each in self._workers.items() if not names or name in names]
        return {pid for pid in descendants(pids) if _marked(pid)}

    def kill(self, *names: str, kind: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to workers."""
        for name in names:
            os.kill(self._workers[name].pid, kind)
            if kind is signal.SIGKILL:
                self._workers.pop(name).wait()

    def end_worker(self, name: str) -> None:
        """End a worker for good, at once, with its nanny if it has one; its children are left to themselves."""
        nanny = self._workers.pop(name)
        for pid in [nanny.pid, *(pid for pid in descendants([nanny.pid]) if not _marked(pid))]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        nanny.wait()

    def names(self) -> list[str]:
        """Of all workers."""
        return list(self._workers)

    def kill_scheduler(self) -> None:
        """End the scheduler without a word."""
        assert self._scheduler is not None
        self._scheduler.kill()
        self._scheduler.wait()

    def tasks(self) -> list[str]:
        """Keys of the tasks that the scheduler knows."""

        def keys(dask_scheduler: Any) -> list[str]:
            return list(map(str, dask_scheduler.tasks))

        with self.client() as client:
            return list(client.run_on_scheduler(keys))

    def prefixes(self) -> Mapping[str, int]:
        """What Dask's dashboard calls the tasks that there have been, with how many came to their end."""

        def names(dask_scheduler: Any) -> dict[str, int]:
            return {name: int(each.state_counts["memory"]) for name, each in dask_scheduler.task_prefixes.items()}

        with self.client() as client:
            return dict(client.run_on_scheduler(names))

    def end(self) -> None:
        """End all of it, with everything it has started."""
        processes = [*self._workers.values(), *([self._scheduler] if self._scheduler is not None else [])]
        end_all([each.pid for each in processes if each.poll() is None])
        for each in processes:
            each.wait()
        self._workers.clear()
        self._scheduler = None

    def logs(self) -> str:
        """What scheduler and workers have written, for a failed test's reader."""
        return "\n".join(f"{path.name}\n{path.read_text()[-3000:]}" for path in sorted(self._folder.glob("*.log")))


def _marked(pid: int) -> bool:
    with suppress(OSError):
        return TAG_VARIABLE.encode() in Path(f"/proc/{pid}/environ").read_bytes()
    return False
