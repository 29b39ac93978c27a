"""Landing months of a real PostgreSQL, of Zabbix' own tables in one, and of a MariaDB."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from reference.servers import postgres
from reference.servers.postgres import Postgres
from turbo_forecast_tests.sources.landing_contract import *  # noqa: F403
from turbo_forecast_tests.sources.landing_contract import PASSWORD_VARIABLE, ROWS, Place, of_month
from turbo_forecast_tests.sources.sql import mariadb
from turbo_forecast_tests.sources.sql.conftest import GROUP
from turbo_forecast_tests.sources.sql.databases import MariaDBLab, PostgresLab
from turbo_forecast_tests.sources.sql.mariadb import MariaDB
from turbo_forecast_tests.sources.sql.zabbix_schema import Fleet, postgresql_schema

pytestmark = pytest.mark.xdist_group(GROUP)


class Database:
    """One query on a table of a database server."""

    resource = "cpu"

    def __init__(self, lab: PostgresLab | MariaDBLab, password: str) -> None:
        self._lab, self.password = lab, password
        self.section: dict[str, Any] = {
            "kind": "sql",
            **lab.options,
            "password_env": PASSWORD_VARIABLE,
            "query": lab.query,
            "attempts": 1,
        }
        self.wrong_query = {"query": lab.query.replace("telemetry", "nowhere")}, "refuses the query"
        self._fill("")

    def _fill(self, forgotten: str) -> None:
        kept = [(host, moment, value) for host, moment, value in ROWS if of_month(moment) != forgotten]
        self._lab.fill([(host, self.resource, moment, value, None) for host, moment, value in kept])

    @contextmanager
    def without(self, month: str) -> Iterator[None]:
        self._fill(month)
        try:
            yield
        finally:
            self._fill("")

    def stop(self) -> None:
        self._lab.server.stop()

    def start(self) -> None:
        self._lab.server.start()


class Zabbix(Database):
    """Zabbix' schema of Debian's package, in a database of its own beside the others'."""

    def __init__(self, server: Postgres) -> None:
        schema = postgresql_schema()
        with psycopg.connect(server.url, autocommit=True) as there:
            there.execute("DROP DATABASE IF EXISTS zabbix")
            there.execute("CREATE DATABASE zabbix")
        self._url = server.url.replace(f"/{postgres.DATABASE}", "/zabbix")
        with psycopg.connect(self._url) as there:
            there.execute(schema)  # type: ignore[call-overload]  # no literal
        super().__init__(PostgresLab(server), postgres.PASSWORD)
        address = f"zabbix+postgresql://{postgres.USER}@127.0.0.1:{server.port}/zabbix"
        self.section = {"kind": "zabbix", "address": address, "password_env": PASSWORD_VARIABLE, "attempts": 1}
        self.wrong_query = {"items": {"cpu": "no.such.key"}}, "the query gives no rows"

    def _fill(self, forgotten: str) -> None:
        fleet = Fleet()
        group = fleet.group("Linux servers")
        for host in dict.fromkeys(host for host, _, _ in ROWS):
            kept = [(at, value) for name, at, value in ROWS if name == host and of_month(at) != forgotten]
            clocks = [int(at.timestamp()) for at, _ in kept]
            fleet.item(fleet.host(host, group), "system.cpu.util", clocks, [(0.0, value, 100.0) for _, value in kept])
        tables = "hosts, hstgrp, hosts_groups, items, trends, trends_uint"
        with psycopg.connect(self._url) as there:
            there.execute(f"TRUNCATE {tables} CASCADE")  # type: ignore[call-overload]  # no literal
            for statement in fleet.statements:
                there.execute(statement)  # type: ignore[call-overload]  # no literal


@pytest.fixture(scope="module", params=["postgresql", "zabbix", "mariadb"])
def place(request: pytest.FixtureRequest) -> Place:
    if request.param == "mariadb":
        server: MariaDB = request.getfixturevalue("mariadb_server")
        return Database(MariaDBLab(server), mariadb.PASSWORD)
    there: Postgres = request.getfixturevalue("postgres_server")
    return Zabbix(there) if request.param == "zabbix" else Database(PostgresLab(there), postgres.PASSWORD)
