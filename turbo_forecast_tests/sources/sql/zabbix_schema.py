"""Zabbix's own tables, as its packages make them, and a small fleet in them.

Belongs here: the schema, hosts, items. Does not belong here: what is tested.
"""

import gzip
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PACKAGE = Path("/usr/share/zabbix-server-pgsql/schema.sql.gz")
"""Of Debian's package zabbix-server-pgsql: Zabbix 6.0 for PostgreSQL."""
MYSQL = (
    "CREATE TABLE hosts (hostid bigint unsigned PRIMARY KEY, host varchar(128) NOT NULL DEFAULT '', status integer NOT NULL DEFAULT 0, "
    "name varchar(128) NOT NULL DEFAULT '', flags integer NOT NULL DEFAULT 0)",
    "CREATE TABLE hstgrp (groupid bigint unsigned PRIMARY KEY, name varchar(255) NOT NULL DEFAULT '')",
    "CREATE TABLE hosts_groups (hostgroupid bigint unsigned PRIMARY KEY, hostid bigint unsigned NOT NULL, groupid bigint unsigned NOT NULL)",
    "CREATE TABLE items (itemid bigint unsigned PRIMARY KEY, hostid bigint unsigned NOT NULL, name varchar(255) NOT NULL DEFAULT '', "
    "key_ varchar(2048) NOT NULL DEFAULT '', status integer NOT NULL DEFAULT 0, value_type integer NOT NULL DEFAULT 0, "
    "units varchar(255) NOT NULL DEFAULT '', flags integer NOT NULL DEFAULT 0)",
    "CREATE TABLE trends (itemid bigint unsigned NOT NULL, clock integer NOT NULL DEFAULT 0, num integer NOT NULL DEFAULT 0, "
    "value_min double precision NOT NULL, value_avg double precision NOT NULL, value_max double precision NOT NULL, PRIMARY KEY (itemid, clock))",
    "CREATE TABLE trends_uint (itemid bigint unsigned NOT NULL, clock integer NOT NULL DEFAULT 0, num integer NOT NULL DEFAULT 0, "
    "value_min bigint unsigned NOT NULL, value_avg bigint unsigned NOT NULL, value_max bigint unsigned NOT NULL, PRIMARY KEY (itemid, clock))",
    "CREATE TABLE dbversion (dbversionid bigint unsigned PRIMARY KEY, mandatory integer NOT NULL, optional integer NOT NULL)",
    "INSERT INTO dbversion VALUES (1, 6000000, 6000018)",
)
"""The columns that are asked for, of the types that Zabbix has in MySQL (create/src/schema.tmpl): no package of Debian brings its schema
for MariaDB beside the one for PostgreSQL."""
TABLES = ("trends_uint", "trends", "items", "hosts_groups", "hstgrp", "hosts", "dbversion")


def postgresql_schema() -> str:
    """Zabbix's own, or a skip that says how to get it."""
    if not PACKAGE.exists():
        pytest.skip("these tests need Zabbix's schema, which is not here: apt-get install zabbix-server-pgsql")
    return gzip.decompress(PACKAGE.read_bytes()).decode()


@dataclass
class Fleet:
    """Statements that put hosts, items and trends into the tables."""

    statements: list[str] = field(default_factory=list)
    _numbers: int = 100

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def group(self, name: str) -> int:
        number = self._number()
        quoted = name.replace("'", "''")
        self.statements.append(f"INSERT INTO hstgrp (groupid, name) VALUES ({number}, '{quoted}')")
        return number

    def host(self, host: str, *groups: int, visible: str = "", status: int = 0, flags: int = 0) -> int:
        number = self._number()
        values = f"{number}, '{host}', '{visible or host}', {status}, {flags}"
        self.statements.append(f"INSERT INTO hosts (hostid, host, name, status, flags) VALUES ({values})")
        for group in groups:
            values = f"{self._number()}, {number}, {group}"
            self.statements.append(f"INSERT INTO hosts_groups (hostgroupid, hostid, groupid) VALUES ({values})")
        return number

    def item(
        self,
        host: int,
        key: str,
        clocks: list[int],
        values: list[tuple[float, float, float]],
        *,
        units: str = "%",
        status: int = 0,
        flags: int = 0,
        whole: bool = False,
    ) -> None:
        """values: smallest, mean, greatest of the hour that begins at each clock."""
        number = self._number()
        columns = "itemid, hostid, name, key_, status, value_type, units, flags"
        given = f"{number}, {host}, 'an item', '{key}', {status}, {3 if whole else 0}, '{units}', {flags}"
        self.statements.append(f"INSERT INTO items ({columns}) VALUES ({given})")
        rows = ", ".join(
            f"({number}, {clock}, 60, {low}, {mean}, {high})"
            for clock, (low, mean, high) in zip(clocks, values, strict=True)
        )
        if rows:
            table = "trends_uint" if whole else "trends"
            self.statements.append(
                f"INSERT INTO {table} (itemid, clock, num, value_min, value_avg, value_max) VALUES {rows}"
            )
