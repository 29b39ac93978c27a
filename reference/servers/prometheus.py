"""Real servers on loopback: Prometheus (Debian's package prometheus) and VictoriaMetrics (victoria-metrics), ended by their process ids."""

import shutil
import signal
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import httpx
import pytest

from reference.servers.loopback import free_port, wait_for_answer

KEEP = "100y"
"""Retention: the samples are of 2025 for ever."""


def program(name: str) -> str:
    """The program, or a skip that says which package brings it."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(
            f"{name} is not there: Debian's packages prometheus and victoria-metrics bring the servers of these tests"
        )
    return found


class Server:
    """A server that can be stopped, and started again on the same port over the same folder."""

    ready_path = "/-/ready"

    def __init__(self, folder: Path, arguments: Sequence[str], *, scheme: str = "http") -> None:
        self.folder, self.arguments, self.scheme = folder, list(arguments), scheme
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.client: tuple[str, ...] | None = None
        """Files of a certificate and its key, by which whoever waits for the server presents itself."""
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def address(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([*self.command(), *self.arguments], stdout=log, stderr=log, cwd=self.folder)
        wait_for_answer(self.process, self.folder / "log", self._ready)

    def _ready(self) -> bool:
        try:
            # with credentials asked for, "unauthorised" is an answer, too
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            if self.client:
                context.load_cert_chain(*self.client)
            return httpx.get(f"{self.address}{self.ready_path}", verify=context).status_code in (200, 401)
        except httpx.HTTPError:
            return False

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(20)
            self.process = None

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Started, and stopped however the block ends."""
        try:
            self.start()
            yield self
        finally:
            self.stop()

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")


class Prometheus(Server):
    """folder/data: blocks that `blocks_of` made."""

    def command(self) -> list[str]:
        config = self.folder / "prometheus.yml"
        config.write_text("global: {}\n")
        return [
            *(program("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={self.folder / 'data'}"),
            *(f"--storage.tsdb.retention.time={KEEP}", f"--web.listen-address=127.0.0.1:{self.port}"),
        ]


class VictoriaMetrics(Server):
    ready_path = "/health"

    def command(self) -> list[str]:
        return [
            *(program("victoria-metrics"), f"-storageDataPath={self.folder / 'data'}", f"-retentionPeriod={KEEP}"),
            *(f"-httpListenAddr=127.0.0.1:{self.port}", "-search.latencyOffset=0s", "-memory.allowedBytes=200MB"),
        ]

    def put(self, exposition: Path) -> None:
        """All samples of a text file; they can be read when this returns."""
        httpx.post(
            f"{self.address}/api/v1/import/prometheus", content=exposition.read_bytes(), timeout=60
        ).raise_for_status()
        httpx.get(f"{self.address}/internal/force_flush", timeout=60).raise_for_status()


def blocks_of(openmetrics: Path, folder: Path) -> None:
    """The samples as blocks of a Prometheus. It reads the file once for each block: few long blocks, not one for each two hours."""
    command = [
        program("promtool"),
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        "--quiet",
        "--max-block-duration=8760h",
    ]
    done = subprocess.run([*command, str(openmetrics), str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
