"""Zabbix's hourly trends, in its own schema on PostgreSQL and in the same tables on MariaDB."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest
from pydantic import ValidationError

from reference.servers import postgres
from turbo_forecast.errors import SettingsError
from turbo_forecast.sources.protocol import Window
from turbo_forecast.sources.registry import source_of
from turbo_forecast.sources.sql.zabbix import ZabbixOptions, ZabbixSource
from turbo_forecast.sources.sql.zabbix_items import Patterns, says_what_is_free
from turbo_forecast_tests.sources.sql.databases import MariaDBLab, PostgresLab
from turbo_forecast_tests.sources.sql.test_systems import fetched
from turbo_forecast_tests.sources.sql.zabbix_schema import MYSQL, TABLES, Fleet, postgresql_schema

START = datetime(2025, 12, 1, tzinfo=UTC)
WINDOW = Window.of_days(date(2025, 12, 1), date(2025, 12, 2), "UTC")
CLOCKS = [int((START + timedelta(hours=hour)).timestamp()) for hour in (-1, 0, 1, 47, 48)]
INSIDE = [datetime.fromtimestamp(clock, UTC) for clock in CLOCKS[1:4]]
CPU = [(0.5, 10.25 + i, 60.0) for i in range(5)]
WHOLE = [(1, 20 + i, 99) for i in range(5)]
AVAILABLE = [(10.0, 30.5 + i, 70.0) for i in range(5)]


def fleet() -> Fleet:
    made = Fleet()
    linux, nested, other = made.group("Linux servers"), made.group("Linux servers/Web"), made.group("50%_off")
    web, database = made.host("web-1", nested, visible="Web 1"), made.host("db-1", linux, other, flags=4)
    made.item(web, "system.cpu.util", CLOCKS, CPU)
    made.item(web, 'vfs.fs.size["/var/lib, x",pused]', CLOCKS, CPU)
    made.item(web, "vfs.fs.size[/,pused]", CLOCKS, WHOLE, whole=True)
    made.item(web, "vfs.fs.size[/,free]", CLOCKS, WHOLE, whole=True, units="B")
    made.item(web, 'net.if.in["eth0"]', CLOCKS, WHOLE, whole=True, units="bps")
    made.item(web, 'net.if.in["eth0",errors]', CLOCKS, WHOLE, whole=True, units="")
    made.item(database, "system.cpu.util[,idle]", CLOCKS, AVAILABLE)
    made.item(database, "vm.memory.size[pavailable]", CLOCKS, AVAILABLE, flags=4)
    made.item(database, "vm_memory.size[pavailable]", CLOCKS, CPU)
    made.item(database, "system.cpu.util", CLOCKS, CPU, status=1)
    made.item(database, "vfs.fs.size[{#FSNAME},pused]", [], [], flags=2)
    for name, status, flags in (("template", 3, 0), ("disabled", 1, 0), ("{#HOST}", 0, 2)):
        made.item(made.host(name, linux, status=status, flags=flags), "system.cpu.util", CLOCKS, CPU)
    made.host("printer", other)
    return made


def with_zabbix_s_tables(lab: PostgresLab | MariaDBLab) -> dict[str, Any]:
    """The options of a source of kind zabbix; its tables are the fleet's."""
    if isinstance(lab, PostgresLab):
        schema = postgresql_schema()
        with psycopg.connect(lab.server.url) as there:
            there.execute("DROP SCHEMA public CASCADE")
            there.execute("CREATE SCHEMA public")
            there.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")  # as a new database has it
            there.execute(schema)  # type: ignore[call-overload]  # no literal
        lab.run(*fleet().statements)
    else:
        lab.run(*(f"DROP TABLE IF EXISTS {table}" for table in TABLES), *MYSQL, *fleet().statements)
    return {"kind": "zabbix", **lab.options, "address": "zabbix+" + lab.options["address"], "attempts": 1}


@pytest.fixture(params=["postgres_lab", "mariadb_lab"])
def zabbix(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The same, of each system in turn."""
    return with_zabbix_s_tables(request.getfixturevalue(request.param))


def made(options: dict[str, Any], **more: Any) -> ZabbixSource:
    found = source_of("fleet", {**options, **more})
    assert isinstance(found, ZabbixSource)
    return found


def series(rows: pl.DataFrame) -> dict[tuple[str, str], list[float]]:
    assert rows["timestamp"].unique().sort().to_list() == (INSIDE if len(rows) else [])
    return {
        (host, resource): values["value"].to_list()
        for (host, resource), values in rows.sort("timestamp").group_by("host_id", "resource", maintain_order=True)
    }


def test_the_items_of_zabbix_s_own_templates_are_cpu_memory_and_disks(zabbix: dict[str, Any]) -> None:
    rows = fetched(made(zabbix), WINDOW)
    assert series(rows) == {
        ("web-1", "cpu"): [11.25, 12.25, 13.25],
        ("web-1", "disk:/"): [21.0, 22.0, 23.0],
        ("web-1", "disk:/var/lib, x"): [11.25, 12.25, 13.25],
    }
    labels = dict(rows.select("resource", "labels").rows())
    assert labels["disk:/"] == '{"item":"vfs.fs.size[/,pused]"}'


def test_what_is_free_becomes_what_is_used(zabbix: dict[str, Any]) -> None:
    """Whose greatest value is 100 minus the smallest that is free."""
    items = {"cpu": "system.cpu.util[,idle]", "memory": ["vm.memory.size[pavailable]"]}
    used = [100 - (31.5 + i) for i in range(3)]
    both = {("db-1", "cpu"): used, ("db-1", "memory"): used}
    assert series(fetched(made(zabbix, items=items), WINDOW)) == both
    greatest = series(fetched(made(zabbix, items=items, value="max"), WINDOW))
    assert greatest == {key: [90.0] * 3 for key in both}
    assert series(fetched(made(zabbix, items=items, value="min"), WINDOW)) == {key: [30.0] * 3 for key in both}
    assert series(fetched(made(zabbix, items={"cpu": "system.cpu.util"}, value="max"), WINDOW)) == {
        ("web-1", "cpu"): [60.0] * 3
    }


def test_a_star_is_one_parameter(zabbix: dict[str, Any]) -> None:
    found = series(fetched(made(zabbix, items={"network": "net.if.in[*]"}), WINDOW))
    assert found == {("web-1", "network:eth0"): [21.0, 22.0, 23.0]}


def test_hosts_can_be_those_of_groups_and_have_their_visible_names(zabbix: dict[str, Any]) -> None:
    items = {"cpu": ["system.cpu.util", "system.cpu.util[,idle]"]}

    def hosts(*groups: str, **more: Any) -> set[str]:
        return {
            host for host, _ in series(fetched(made(zabbix, items=items, host_groups=list(groups), **more), WINDOW))
        }

    assert hosts() == {"web-1", "db-1"}
    assert hosts("Linux servers", host_name="visible") == {"Web 1", "db-1"}
    assert hosts("Linux servers/Web") == {"web-1"}
    assert hosts("50%_off") == {"db-1"}
    assert hosts("50__off", "Linux%", "' OR 1=1 --", "\\' OR 1=1 #") == set()


def test_host_groups_are_rows_for_the_outlook_s_groups(zabbix: dict[str, Any]) -> None:
    assert made(zabbix).groups().to_pylist() == [
        {"host_id": "db-1", "group": "50%_off"},
        {"host_id": "printer", "group": "50%_off"},
        {"host_id": "db-1", "group": "Linux servers"},
        {"host_id": "web-1", "group": "Linux servers/Web"},
    ]


def test_it_says_what_it_has_and_what_is_missing(zabbix: dict[str, Any]) -> None:
    description = made(
        zabbix, items={"cpu": "system.cpu.util", "network": "net.if.in[*]", "swap": "system.swap.size[,pused]"}
    ).describe()
    assert description.system.startswith("Zabbix 6.0 on ")
    assert (description.first, description.last) == tuple(datetime.fromtimestamp(CLOCKS[at], UTC) for at in (0, -1))
    assert description.series == {"cpu": 1, "network:eth0": 1}
    assert "no monitored host has an item of resource swap" in description.notes
    assert "items of resource network have the unit bps, not %" in description.notes
    assert "without any of the items: 2 monitored hosts" in description.notes


def test_a_user_that_may_read_what_the_documentation_grants_can_do_all_of_it(postgres_lab: PostgresLab) -> None:
    """In Zabbix's own schema, whose tables of hosts and items hold secrets."""
    options = with_zabbix_s_tables(postgres_lab)
    text = (Path(__file__).resolve().parents[3] / "docs" / "sources-sql.md").read_text()
    grants = re.findall(r"GRANT SELECT .*ON (?:hosts|items|trends).* TO reader;", text)
    assert len(grants) == 3
    secret = postgres.PASSWORD.replace("'", "''")
    made_reader = (
        ("DROP OWNED BY reader", "DROP ROLE reader")
        if postgres_lab.server.ask("SELECT 1 FROM pg_roles WHERE rolname = 'reader'")
        else ()
    )
    postgres_lab.run(
        *made_reader, f"CREATE ROLE reader LOGIN PASSWORD '{secret}'", "GRANT USAGE ON SCHEMA public TO reader", *grants
    )
    reader = {**options, "address": options["address"].replace("turbo@", "reader@")}
    assert fetched(made(reader), WINDOW).equals(fetched(made(options), WINDOW))
    assert made(reader, host_name="visible", host_groups=["Linux servers"]).describe().series == {
        "cpu": 1,
        "disk:/": 1,
        "disk:/var/lib, x": 1,
    }
    assert made(reader).groups() == made(options).groups()


def test_two_items_of_one_series_are_refused(zabbix: dict[str, Any]) -> None:
    items = {"disk": ["vfs.fs.size[*,pused]", "vfs.fs.size[*,free]"]}
    with pytest.raises(Exception, match="the query gives web-1/disk:/ two values at 2025-12-01 00:00:00 UTC"):
        fetched(made(zabbix, items=items), WINDOW)


@pytest.mark.parametrize(
    ("key", "resource"),
    [
        ("vfs.fs.size[/var,pused]", "disk:/var"),
        ('vfs.fs.size["C:\\data",pused]', "disk:C:\\data"),
        ('vfs.fs.size["a \\"b\\", c",pused]', 'disk:a "b", c'),
        ("vfs.fs.size[/var,pfree]", None),
        ("vfs.fs.size[/var,x,pused]", None),
        ("xvfs.fs.size[/var,pused]", None),
        ("system.cpu.util", "cpu"),
        ("system.cpu.util[,idle]", None),
    ],
)
def test_a_pattern_is_of_a_whole_key(key: str, resource: str | None) -> None:
    found = Patterns({"cpu": ["system.cpu.util"], "disk": ["vfs.fs.size[*,pused]"]}).item(key)
    assert (found and found.resource) == resource


@pytest.mark.parametrize(
    ("key", "free"),
    [
        ("system.cpu.util[,idle]", True),
        ("system.cpu.util[all, idle,avg1]", True),
        ("system.cpu.util[,user]", False),
        ("vm.memory.size[pavailable]", True),
        ("vm.memory.size[pused]", False),
        ("vfs.fs.size[pfree,pused]", False),
        ('vfs.fs.size["/a,b",pfree]', True),
        ("vfs.fs.dependent.size[/,pfree]", True),
        ("system.swap.size[,pfree]", True),
    ],
)
def test_a_key_s_parameter_says_whether_its_value_is_free(key: str, free: bool) -> None:
    assert says_what_is_free(key) is free


def test_its_addresses_are_recognised_and_others_are_refused() -> None:
    for address in ("zabbix+postgresql://reader@db/zabbix", "zabbix+mysql://reader@db/zabbix"):
        assert ZabbixSource.recognises(address) == {"address": address}
    assert ZabbixSource.recognises("postgresql://reader@db/zabbix") is None
    assert ZabbixSource.recognises("exports/zabbix.csv") is None
    for options, message in (
        ({"address": "zabbix+postgresql://u:geheim@db/zabbix"}, "address has a password in it"),
        ({"address": "zabbix+sqlite:///x.db"}, "is no database of Zabbix"),
        ({"address": "zabbix+postgresql://u@db/z", "items": {}}, "items is empty"),
        ({"address": "zabbix+postgresql://u@db/z", "items": {"disk": "vfs.fs.size[*,*]"}}, "with one \\* at most"),
        ({"address": "zabbix+postgresql://u@db/z", "items": {"disk": "vfs.*"}}, "not a whole parameter"),
    ):
        with pytest.raises(SettingsError, match=message.replace("address has", "address: has")) as caught:
            source_of("fleet", {"kind": "zabbix", **options})
        assert "geheim" not in str(caught.value)
    with pytest.raises(ValidationError):
        ZabbixOptions.model_validate({"address": "zabbix+postgresql://u@db/z", "value": "sum"})
