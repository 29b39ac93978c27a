"""What the tests of the production instance share: one PostgreSQL and one installation, in which they tell one story."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reference.servers.postgres import Postgres, postgres_running
from turbo_forecast_tests.end_to_end.gate import GATE
from turbo_forecast_tests.production.installation import Installation, installed


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """An empty database."""
    with postgres_running() as server:
        yield server


@pytest.fixture(scope="session")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder at which runs with the gate's entrant wait until there is a file `open` in it."""
    return tmp_path_factory.mktemp("gate")


@pytest.fixture(scope="session")
def installation(postgres: Postgres, gate: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Webserver, daemon and code server at work."""
    with installed(tmp_path_factory.mktemp("production"), postgres, **{GATE: str(gate)}) as running:
        yield running


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They share one installation, so they run in one process."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and "installation" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.xdist_group("postgres"))
