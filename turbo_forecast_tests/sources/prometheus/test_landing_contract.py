"""Landing months of a real Prometheus and of a real VictoriaMetrics, both of which ask for a password."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from reference.servers.prometheus import Prometheus, Server, VictoriaMetrics, blocks_of, program
from turbo_forecast_tests.sources.landing_contract import *  # noqa: F403
from turbo_forecast_tests.sources.landing_contract import PASSWORD, PASSWORD_VARIABLE, ROWS, Place, of_month

pytestmark = pytest.mark.xdist_group("prometheus")
USER = "planner"
HASHED = "$2b$04$abcdefghijklmnopqrstuu.Zw3D9472FF2oweUMjCzfx/5SKs5tJa"
"""PASSWORD by bcrypt, as Prometheus' web configuration wants it."""
QUERY = "max by ($host) (avg_over_time(usage_percent{$hosts}[$step]))"


def samples(month: str, clock: int) -> Iterator[str]:
    """The month's rows in Prometheus' text format, a sample in the middle of each hour. clock: of its times, how many a second."""
    for host, moment, value in ROWS:
        if of_month(moment) == month:
            quoted = host.replace('"', '\\"')
            yield f'usage_percent{{instance="{quoted}:9100"}} {value!r} {(int(moment.timestamp()) + 1800) * clock}\n'


EVERY = sorted({of_month(moment) for _, moment, _ in ROWS})


class Monitoring:
    """What both have in common. forgotten: the month that the server has lost."""

    resource = "usage"
    password = PASSWORD

    def __init__(self, server: Server) -> None:
        self.server = server
        self.section: dict[str, Any] = {
            "kind": "prometheus",
            "address": server.address,
            "queries": {self.resource: QUERY},
            "username": USER,
            "password_env": PASSWORD_VARIABLE,
            "patience_seconds": 0.5,
        }
        self.wrong_query = {"queries": {self.resource: "sum("}}, "the query cannot be answered"

    def stop(self) -> None:
        self.server.stop()

    def start(self) -> None:
        self.server.start()


class OfPrometheus(Monitoring):
    """Each month is a block of its own, which is moved away where it is lost."""

    def __init__(self, folder: Path) -> None:
        config = folder / "web.yml"
        config.write_text(f"basic_auth_users: {{{USER}: {HASHED}}}\n")
        super().__init__(Prometheus(folder / "server", [f"--web.config.file={config}"]))
        self._folder = folder
        for month in EVERY:
            (folder / "samples.om").write_text("".join([*samples(month, 1), "# EOF\n"]))
            blocks_of(folder / "samples.om", folder / month)
            shutil.copytree(folder / month, self.server.folder / "data", dirs_exist_ok=True)

    @contextmanager
    def without(self, month: str) -> Iterator[None]:
        blocks = [path.name for path in (self._folder / month).iterdir()]
        self.stop()
        for block in blocks:
            shutil.rmtree(self.server.folder / "data" / block)
        self.start()
        yield  # the module's end removes all of it
        self.stop()
        shutil.copytree(self._folder / month, self.server.folder / "data", dirs_exist_ok=True)
        self.start()


class OfVictoriaMetrics(Monitoring):
    """It forgets series, not spans of them: where a month is lost, it is filled anew without it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(VictoriaMetrics(folder, [f"-httpAuth.username={USER}", f"-httpAuth.password={PASSWORD}"]))

    def fill(self, forgotten: str = "") -> None:
        """Fill the running server."""
        content = "".join(line for month in EVERY if month != forgotten for line in samples(month, 1000))
        with httpx.Client(base_url=self.server.address, auth=(USER, PASSWORD), timeout=60) as there:
            there.post("/api/v1/import/prometheus", content=content.encode()).raise_for_status()
            there.get("/internal/force_flush").raise_for_status()

    @contextmanager
    def without(self, month: str) -> Iterator[None]:
        self._anew(month)
        yield
        self._anew("")

    def _anew(self, forgotten: str) -> None:
        self.stop()
        shutil.rmtree(self.server.folder / "data")
        self.start()
        self.fill(forgotten)


@pytest.fixture(scope="module", params=["prometheus", "victoria-metrics"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    program(request.param)
    folder = tmp_path_factory.mktemp(request.param)
    made = OfPrometheus(folder) if request.param == "prometheus" else OfVictoriaMetrics(folder)
    with made.server.running():
        if isinstance(made, OfVictoriaMetrics):
            made.fill()
        yield made
