"""A Dask cluster for benchmarks and drills: scheduler and workers as processes of their own, which can be hurt.

Belongs here: starting and ending them, on loopback or in network namespaces. Does not belong here: what is measured or tried.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.namespaces import Node
from turbo_forecast.fleet.executors.descendants import end_all

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 180.0


@dataclass
class Cluster:
    """A scheduler and workers of one thread each. nodes: where they run, the scheduler at the first; else on loopback.

    environment: what their processes are told beside this one's variables.
    """

    folder: Path
    nodes: Sequence[Node] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    scheduler: "subprocess.Popen[bytes] | None" = None
    workers: "list[subprocess.Popen[bytes]]" = field(default_factory=list)
    _started: int = 0

    @property
    def address(self) -> str:
        """The scheduler's."""
        return str(json.loads(self._file.read_text())["address"])

    @property
    def _file(self) -> Path:
        return self.folder / "scheduler.json"

    def start_scheduler(self) -> None:
        """Start it at a free port, and wait until it answers. Raises TimeoutError."""
        self._file.unlink(missing_ok=True)
        self.scheduler = self._program("scheduler", 0, "--port", "0")
        deadline = time.monotonic() + START_SECONDS
        while not self._file.exists():
            if time.monotonic() > deadline or self.scheduler.poll() is not None:
                raise TimeoutError("the scheduler does not start")
            time.sleep(0.05)

    def start_workers(self, count: int) -> None:
        """Start so many more; they join when they are ready."""
        for _ in range(count):
            self._started += 1
            own = ["--name", f"worker-{self._started}", "--nthreads", "1", "--no-nanny"]
            place = ["--local-directory", str(self.folder / f"worker-{self._started}")]
            at = 1 + len(self.workers) % max(1, len(self.nodes) - 1)
            self.workers.append(self._program("worker", at, *own, *place))

    def _program(self, name: str, node: int, *options: str) -> "subprocess.Popen[bytes]":
        host = self.nodes[node].address if self.nodes else "127.0.0.1"
        common = ["--scheduler-file", str(self._file), "--host", host, "--no-dashboard"]
        command = [sys.executable, "-m", f"distributed.cli.dask_{name}", *common, *options]
        inside = self.nodes[node].command(*command) if self.nodes else command
        environment = {**os.environ, **self.environment, "PYTHONPATH": str(ROOT)}
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(inside, cwd=self.folder, env=environment, stdout=log, stderr=log)

    def kill_workers(self, count: int | None = None) -> None:
        """End so many at once, or all, without a word; what they have started is left to itself."""
        for worker in self.workers[:count]:
            worker.kill()
            worker.wait()
        self.workers = self.workers[count:] if count else []

    def kill_scheduler(self) -> None:
        """End it without a word."""
        if self.scheduler is not None:
            self.scheduler.kill()
            self.scheduler.wait()

    def end(self) -> None:
        """End all of it, with everything it has started."""
        living = [each for each in (*self.workers, self.scheduler) if each is not None and each.poll() is None]
        for each in living:
            with suppress(ProcessLookupError):
                os.kill(each.pid, signal.SIGCONT)
        end_all([each.pid for each in living])
        for each in living:
            each.wait()


@contextmanager
def cluster(
    workers: int, folder: Path, nodes: Sequence[Node] = (), environment: Mapping[str, str] | None = None
) -> Iterator[Cluster]:
    """A cluster until the block ends. folder: for its files, an own one of each cluster."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Cluster(folder, nodes, environment or {})
    try:
        made.start_scheduler()
        made.start_workers(workers)
        yield made
    finally:
        made.end()
