"""Addresses and options: what is refused, and that no refusal shows a password."""

import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turbo_forecast.errors import SettingsError
from turbo_forecast.sources.protocol import Source
from turbo_forecast.sources.registry import source_of
from turbo_forecast.sources.sql.address import DatabaseAddress, database_address
from turbo_forecast.sources.sql.source import SQLSource

QUERY = "SELECT 1\nWHERE t >= :start AND t < :end  -- a query may have lines"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("postgresql://reader@db:5433/metrics", DatabaseAddress("postgresql", "reader", "db", 5433, "metrics")),
        ("postgres://db/metrics", DatabaseAddress("postgresql", "", "db", 5432, "metrics")),
        ("postgresql://a%40b@[::1]:5433/my%20db", DatabaseAddress("postgresql", "a@b", "::1", 5433, "my db")),
        (
            "postgresql://%2Frun%2Fpostgresql/metrics",
            DatabaseAddress("postgresql", "", "/run/postgresql", 5432, "metrics"),
        ),
        ("mariadb://reader@db/metrics", DatabaseAddress("mysql", "reader", "db", 3306, "metrics")),
        ("MySQL://reader@[fe80::1]/metrics", DatabaseAddress("mysql", "reader", "fe80::1", 3306, "metrics")),
        ("sqlite:///fleet.db", DatabaseAddress("sqlite", path="fleet.db")),
        ("duckdb:////var/lib/a%20fleet.duckdb", DatabaseAddress("duckdb", path="/var/lib/a fleet.duckdb")),
    ],
)
def test_an_address_names_a_database(text: str, address: DatabaseAddress) -> None:
    assert database_address(text) == address


@given(password=st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S")), min_size=3))
def test_a_password_in_an_address_is_refused_and_not_shown(password: str) -> None:
    without_host = (
        [] if re.match("[0-9]{1,5}/", password) else [f"postgresql://u:{password}xyzzy"]
    )  # else u is the host
    for text in (f"postgresql://u:{password}xyzzy@db/metrics", f"mysql://:{password}xyzzy@db/metrics", *without_host):
        with pytest.raises(SettingsError) as caught:
            source_of("fleet", {"kind": "sql", "address": text, "query": QUERY})
        assert "xyzzy" not in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"address": "postgresql://u:p@h/db"},
            "address: has a password in it: write user@host alone, and name where the password is in",
        ),
        (
            {"address": "postgresql://u@h/db?password=p"},
            "address: has ? or # in it: what follows them is set by options",
        ),
        (
            {"address": "oracle://u@h/db"},
            "address: is no address of a database that is known: write postgresql://user@host",
        ),
        ({"address": "postgresql://u@h"}, "address: names no database: write postgresql://user@host:5432/database"),
        ({"address": "mysql://u@/db"}, "address: names no host"),
        ({"address": "postgresql://u@h:pg/db"}, "address: names no host and port"),
        ({"address": "sqlite://x.db"}, "address: names no file: write sqlite:/// and a path"),
        (
            {"address": "postgresql://u@h/db", "query": ""},
            "query is missing: an address alone does not say what to ask for",
        ),
        ({"query": "SELECT 1"}, "query has no :start"),
        (
            {"query": "SELECT :start_local, :end_local"},
            "query has a local time, so time_zone must say whose clock is meant",
        ),
        ({"time_zone": "Berlin"}, "time_zone: 'Berlin' is not a zone"),
        ({"time_zone": "+02:00"}, "time_zone: must be a zone such as UTC or Europe/Berlin, not '+02:00'"),
        ({"password_env": "A", "password_file": "b"}, "password_env and password_file are both set"),
        (
            {"address": "sqlite:///x.db", "password_env": "A"},
            "password_env and password_file are of no use: the database is a file",
        ),
        ({"address": "mysql://u@h/db", "ca_file": "ca.pem"}, "ca_file cannot be used with MySQL or MariaDB"),
        ({"cert_file": "c.pem"}, "cert_file and key_file belong together"),
        ({"columns": {"host": "a", "value": "a"}}, "must be four different columns"),
        ({"query": "SELECT :start, :end, '\x00'"}, "must not hold control characters"),
        ({"querry": "x"}, "querry"),
        ({"statement_timeout_seconds": 0}, "statement_timeout_seconds: must be at least 1"),
    ],
)
def test_what_cannot_work_is_refused_in_a_sentence_that_names_the_source(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        source_of("fleet", {"kind": "sql", "address": "postgresql://u@h/db", "query": QUERY, **options})
    assert str(caught.value).startswith("sources.fleet: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "address",
    ["postgresql://u@h/d", "postgres://h/d", "mysql://u@h/d", "mariadb://u@h/d", "sqlite:///d", "duckdb:///d"],
)
def test_a_database_s_address_is_known_but_says_that_it_needs_a_query(address: str) -> None:
    options = SQLSource.recognises(address)
    assert options == {"address": address}
    with pytest.raises(
        SettingsError, match="query is missing: an address alone does not say what to ask for; write one with :start"
    ):
        source_of("telemetry", {"kind": "sql", **options})


@pytest.mark.parametrize(
    "address", ["http://h/d", "s3://b/p", "fleet.db", "d/postgresql.csv", "zabbix+mysql://u@h/d", "file:///d"]
)
def test_other_addresses_are_not_its(address: str) -> None:
    assert SQLSource.recognises(address) is None


def test_making_a_source_connects_to_nothing_and_its_query_is_plain() -> None:
    options = {"address": "postgresql://reader@no-such-host.invalid/db", "query": QUERY, "password_env": "NOT_SET"}
    made = source_of("fleet", {"kind": "sql", **options})
    assert isinstance(made, Source)
    assert made.query == {
        "database": "postgresql://no-such-host.invalid:5432/db",
        "query": QUERY,
        "columns": {"host": "host_id", "resource": "resource", "time": "timestamp", "value": "value"},
        "time_zone": "",
        "epoch": "seconds",
    }


def test_addresses_are_known_without_the_packages_that_ask_them() -> None:
    """Every path that a person gives instead of a file is looked at by each kind of source."""
    script = """
import sys
import turbo_forecast.sources.sql.source
import turbo_forecast.sources.sql.zabbix
drivers = {"tenacity", "adbc_driver_manager", "adbc_driver_postgresql", "adbc_driver_sqlite", "connectorx", "pymysql", "duckdb"}
print(sorted(drivers & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
