"""What the tests of SQL sources share: one PostgreSQL and one MariaDB a session, and the four systems alike."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reference.servers import postgres
from reference.servers.postgres import Postgres, postgres_running
from turbo_forecast_tests.sources.sql import databases, mariadb
from turbo_forecast_tests.sources.sql.databases import FileLab, Lab, MariaDBLab, PostgresLab
from turbo_forecast_tests.sources.sql.mariadb import MariaDB, mariadb_running

GROUP = "sql_servers"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    with postgres_running() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDB]:
    with mariadb_running() as server:
        yield server


@pytest.fixture
def postgres_lab(postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch) -> PostgresLab:
    monkeypatch.setenv(databases.PASSWORD_VARIABLE, postgres.PASSWORD)
    return PostgresLab(postgres_server)


@pytest.fixture
def mariadb_lab(mariadb_server: MariaDB, monkeypatch: pytest.MonkeyPatch) -> MariaDBLab:
    monkeypatch.setenv(databases.PASSWORD_VARIABLE, mariadb.PASSWORD)
    return MariaDBLab(mariadb_server)


@pytest.fixture
def sqlite_lab(tmp_path: Path) -> FileLab:
    return FileLab("sqlite", tmp_path / "a fleet#1?.db")


@pytest.fixture
def duckdb_lab(tmp_path: Path) -> FileLab:
    return FileLab("duckdb", tmp_path / "a fleet#1?.duckdb", databases.QUERY, {"ts": "TIMESTAMPTZ"})


@pytest.fixture(params=["postgres_lab", "mariadb_lab", "sqlite_lab", "duckdb_lab"])
def lab(request: pytest.FixtureRequest) -> Lab:
    """Each of the four systems in turn."""
    found: Lab = request.getfixturevalue(request.param)
    return found


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What uses a server runs in one process, so that there is one of each."""
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        if item.path.is_relative_to(Path(__file__).parent) and names & {"lab", "postgres_lab", "mariadb_lab"}:
            item.add_marker(pytest.mark.xdist_group(GROUP))
