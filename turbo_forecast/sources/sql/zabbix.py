"""The source of kind `zabbix`: the hourly trends in Zabbix's own database, PostgreSQL or MySQL.

Belongs here: Zabbix's tables, and what of them is a host, an item and a value. Does not belong here: which keys are of which
resource (`zabbix_items.py`), and how a database is queried.

Trends hold the smallest, mean and greatest value of each hour, which begins at `clock` (Zabbix manual, "History and trends"):
`trends` of items that are decimal numbers, `trends_uint` of whole ones. Only tables and columns are used that Zabbix 6.0 and 7.0 share.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

import polars as pl
import pyarrow as pa
from pydantic import Field, field_validator, model_validator

from turbo_forecast.number_words import counted
from turbo_forecast.settings.options import Options
from turbo_forecast.sources.protocol import Description, Window
from turbo_forecast.sources.sql.address import DatabaseAddress, database_address, scheme_of
from turbo_forecast.sources.sql.buffering import Request
from turbo_forecast.sources.sql.database import Access
from turbo_forecast.sources.sql.describing import described
from turbo_forecast.sources.sql.options import Columns, DatabaseOptions
from turbo_forecast.sources.sql.query import literals, text_literal
from turbo_forecast.sources.sql.rows import Rows
from turbo_forecast.sources.sql.source_database import SourceDatabase
from turbo_forecast.sources.sql.zabbix_items import DEFAULT, Patterns, require_pattern
from turbo_forecast.text import one_line

PREFIX = "zabbix+"
_COLUMNS = Columns(time="clock")
_OPPOSITE = {"avg": "avg", "max": "min", "min": "max"}
_TABLES = {"trends": 0, "trends_uint": 3}
"""Table of trends to the items' value_type, as Zabbix reads them."""
_MONITORED = "h.status = 0 AND h.flags IN (0, 4)"
"""Hosts that are monitored: no template, no prototype, not disabled; discovered ones are."""
_ACTIVE = "i.status = 0 AND i.flags IN (0, 4)"
"""Items likewise: no discovery rule, no prototype, not disabled."""


class ZabbixOptions(DatabaseOptions):
    """A source of kind `zabbix`."""

    address: str = Field(
        description="Zabbix's database, without a password: zabbix+postgresql://user@host:5432/zabbix or zabbix+mysql://…; "
        "zabbix+ may be left out"
    )
    items: dict[str, str | list[str]] = Field(
        dict(DEFAULT),
        description="per resource: the item keys of its values; a * for one parameter makes a resource of each",
    )
    value: Literal["avg", "max", "min"] = Field(
        "avg", description="which of an hour's values: its mean, greatest or smallest"
    )
    host_name: Literal["technical", "visible"] = Field(
        "technical", description="which of a host's two names is host_id"
    )
    host_groups: list[str] = Field(
        [], description="only hosts of these host groups, or of groups nested in them; all where empty"
    )

    @classmethod
    def database(cls, address: str) -> DatabaseAddress:
        found = database_address(address[len(PREFIX) :] if scheme_of(address).startswith(PREFIX) else address)
        if found.path:
            raise ValueError(
                "is no database of Zabbix: write zabbix+postgresql://user@host:5432/zabbix or zabbix+mysql://…"
            )
        return found

    @model_validator(mode="after")
    def _require_items(self) -> Self:
        if not self.items:
            raise ValueError("items is empty: name the keys of at least one resource")
        return self

    @field_validator("items")
    @classmethod
    def _items(cls, value: dict[str, str | list[str]]) -> dict[str, str | list[str]]:
        for resource, patterns in value.items():
            if not resource.strip() or not patterns:
                raise ValueError("each needs a resource's name, and at least one key")
            for pattern in [patterns] if isinstance(patterns, str) else patterns:
                require_pattern(pattern)
        return value

    @property
    def patterns(self) -> Patterns:
        """The keys by resource."""
        return Patterns({name: [keys] if isinstance(keys, str) else keys for name, keys in self.items.items()})

    @property
    def decisive(self) -> dict[str, Any]:
        """What decides which rows a window has."""
        chosen = self.model_dump(include={"items", "value", "host_name", "host_groups"})
        return {"database": self.place.location, **chosen}


class ZabbixSource:
    """A protocol.Source."""

    kind: ClassVar[str] = "zabbix"
    options: ClassVar[type[Options]] = ZabbixOptions

    def __init__(self, name: str, options: ZabbixOptions) -> None:
        self.name = name
        self._options, self._patterns = options, options.patterns
        self._database = SourceDatabase(name, options, Access(options, lambda: None))

    @classmethod
    def recognises(cls, address: str) -> Mapping[str, Any] | None:
        return {"address": address} if scheme_of(address).startswith(PREFIX) else None

    @classmethod
    def configured(cls, name: str, options: Options) -> Self:
        assert isinstance(options, ZabbixOptions)
        return cls(name, options)

    @property
    def query(self) -> Mapping[str, Any]:
        return self._options.decisive

    @property
    def dropped(self) -> int:
        """Rows of the last window that was fetched whose value was null or no finite number."""
        return self._database.dropped

    def describe(self) -> Description:
        """As every source; notes say which resources, hosts and units are not as they should be."""
        description = described(self._database, self._request, _COLUMNS.time)
        return replace(
            description,
            system=f"{self._version()} on {description.system}",
            notes=[*self._missing(), *description.notes],
        )

    def fetch(self, window: Window) -> Iterator[pa.RecordBatch]:
        return self._database.rows(self._request(window))

    def groups(self) -> pa.Table:
        """`host_id, group`, sorted: the monitored hosts of each host group, as the option outlook.groups takes them in a file.

        Raises SourceError.
        """
        sql = (
            f"SELECT DISTINCT {self._host} AS host_id, g.name AS host_group FROM hosts h JOIN hosts_groups m ON m.hostid = h.hostid "
            f"JOIN hstgrp g ON g.groupid = m.groupid WHERE {self._hosts()}"
        )
        found = self._database.table(sql, self._options.statement_timeout_seconds)
        return found.rename_columns(["host_id", "group"]).sort_by([("group", "ascending"), ("host_id", "ascending")])

    @property
    def _host(self) -> str:
        return "h.host" if self._options.host_name == "technical" else "h.name"

    def _text(self, value: str) -> str:
        return text_literal(value, self._database.system)

    def _hosts(self) -> str:
        """The condition for hosts `h`."""
        names = self._options.host_groups
        if not names:
            return _MONITORED
        nested = ("".join(f"!{c}" if c in "!%_" else c for c in name) + "/%" for name in names)
        wanted = [
            f"g.name = {self._text(name)} OR g.name LIKE {self._text(like)} ESCAPE '!'"
            for name, like in zip(names, nested, strict=True)
        ]
        return (
            f"{_MONITORED} AND EXISTS (SELECT 1 FROM hosts_groups m JOIN hstgrp g ON g.groupid = m.groupid "
            f"WHERE m.hostid = h.hostid AND ({' OR '.join(wanted)}))"
        )

    def _items(self) -> str:
        """The condition for items `i`."""
        keys = " OR ".join(f"i.key_ LIKE {self._text(like)} ESCAPE '!'" for like in self._patterns.like())
        return f"{_ACTIVE} AND i.value_type IN (0, 3) AND ({keys})"

    def _sql(self, window: Window) -> str:
        edges, value = literals(window, self._database.system, "UTC"), self._options.value
        parts = [
            f"SELECT {self._host} AS host_id, i.key_ AS item, t.clock AS clock, t.value_{value} AS used, "
            f"t.value_{_OPPOSITE[value]} AS free FROM {table} t JOIN items i ON i.itemid = t.itemid "
            f"JOIN hosts h ON h.hostid = i.hostid WHERE i.value_type = {value_type} AND {self._items()} AND {self._hosts()} "
            f"AND t.clock >= {edges['start_epoch']} AND t.clock < {edges['end_epoch']}"
            for table, value_type in _TABLES.items()
        ]
        return " UNION ALL ".join(parts)

    def _request(self, window: Window) -> Request:
        return Request(self._sql(window), lambda: Rows(_COLUMNS, window), self._with_resources)

    def _with_resources(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Rows of the items that are meant, each with its resource; what is free has become what is used."""
        frame = pl.DataFrame(pl.from_arrow(batch))
        known = {key: item for key in frame["item"].unique() if key is not None and (item := self._patterns.item(key))}
        items = pl.DataFrame(
            [(key, item.resource, item.free) for key, item in known.items()],
            schema={"item": pl.String, "resource": pl.String, "says_free": pl.Boolean},
            orient="row",
        )
        used, free = pl.col("used").cast(pl.Float64), pl.col("free").cast(pl.Float64)
        found = frame.join(items, on="item", maintain_order="left").select(
            "host_id", "resource", "clock", "item", value=pl.when("says_free").then(100 - free).otherwise(used)
        )
        table = found.to_arrow().combine_chunks()
        return table.to_batches()[0] if len(table) else pa.RecordBatch.from_pylist([], schema=table.schema)

    def _version(self) -> str:
        number = (
            self._database.table("SELECT mandatory FROM dbversion", self._options.connect_timeout_seconds)
            .column(0)[0]
            .as_py()
        )
        return f"Zabbix {number // 1_000_000}.{number // 10_000 % 100}"

    def _missing(self) -> list[str]:
        seconds = self._options.statement_timeout_seconds
        sql = f"SELECT DISTINCT i.key_, i.units FROM items i JOIN hosts h ON h.hostid = i.hostid WHERE {self._items()} AND {self._hosts()}"
        found = {
            (item.resource.partition(":")[0], units)
            for key, units in _pairs(self._database.table(sql, seconds))
            if (item := self._patterns.item(key))
        }
        notes = [
            f"no monitored host has an item of resource {name}"
            for name in self._patterns.by_resource
            if name not in {each for each, _ in found}
        ]
        for name, units in sorted(found):
            if units != "%":
                notes.append(f"items of resource {name} have the unit {one_line(units or '(none)', 20)}, not %")
        without = (
            f"SELECT count(*) AS hosts FROM hosts h WHERE {self._hosts()} AND NOT EXISTS "
            f"(SELECT 1 FROM items i WHERE i.hostid = h.hostid AND {self._items()})"
        )
        hosts = self._database.table(without, seconds).column(0)[0].as_py()
        return [*notes, *([f"without any of the items: {counted(hosts, 'monitored host')}"] if hosts else [])]


def _pairs(table: pa.Table) -> list[tuple[str, str]]:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))
