"""Catalogue metadata of each asset beside its columns: group, owners, tags, kinds, description.

Belongs here: what places and texts there are; the long texts are files of `descriptions/`, one an asset. Does not belong
here: which asset has which place (where it is defined), a table's columns and the one sentence that says what it is
(`schemas/`), and who the owners are (the settings).
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Any

from turbo_forecast.schemas import BASE_TABLE
from turbo_forecast.settings import current_environment
from turbo_forecast.storage.published.layout import PUBLISHED
from turbo_forecast.storage.warehouse import LOCK_PATIENCE_SECONDS
from turbo_forecast.tables import Table

TELEMETRY = "telemetry"
"""The asset that others make: the monitoring system's export."""
LANDING = "telemetry_landing"
"""The asset that is fetched from where telemetry lives."""

DOMAIN = "capacity"
TIERS = {"telemetry": "source", "forecast": "core", "tournament": "core", "publication": "published"}
"""Each group, and how near to its readers it is. Data flows from one group to the next and never back."""


class Stored(StrEnum):
    """How an asset's rows are kept, and so the icon beside its name."""

    TABLE = "table"
    VIEW = "view"
    FILE = "file"
    PARTS = "parts"

    @property
    def kind(self) -> str:
        """Dagster's kind of it."""
        return "duckdb" if self in (Stored.TABLE, Stored.VIEW) else "parquet"


STORED_IN = {
    Stored.TABLE: "A table of the DuckDB file `warehouse.duckdb` in the data folder.",
    Stored.VIEW: "A view in the DuckDB file `warehouse.duckdb` over the months' Parquet files, so no row lies there twice. It "
    "shows the months whose files are kept, the latest twelve unless the option `rows_months` says otherwise.",
    Stored.FILE: "One file a month, `{name}/YYYY-MM.parquet` in the data folder; the query runs in `duckdb`, beside the "
    "folder `data`. A file is replaced whole, so it can be read at any time.",
    Stored.PARTS: "A folder a month, `{name}/YYYY-MM.parquet` in the data folder, of Parquet files each of which holds a "
    "range of series; DuckDB and Polars read the folder as one table. The query runs in `duckdb`, beside the folder "
    "`data`. A month's folder is replaced whole. The latest twelve months are kept, unless the option `rows_months` says "
    "otherwise.",
}

READ_PUBLISHED = (
    "The query runs in `duckdb -readonly data/published/turbo_forecast.duckdb`, which holds a view of this name over what is "
    "published: open it for as long as you like, no run waits for you."
)
"""How who asks in SQL reads a table that is published."""
READ_WAREHOUSE = (
    "The query runs in `duckdb -readonly data/warehouse.duckdb`. While a step writes to the file, nobody else can open it: try "
    f"again some seconds later. And while you have it open, no step can: one that has waited {LOCK_PATIENCE_SECONDS:.0f} s fails, "
    "and its run with it. So close it as soon as you have read."
)
"""The same of a table that is not."""

PUBLISHED_FILES = (
    "The month as files that readers read: `published/YYYY-MM/` in the data folder, with a manifest that names them."
)


@dataclass(frozen=True, slots=True)
class Place:
    """An asset's group, how its rows are kept, and what else it is made with: icons beside its name."""

    group: str
    stored: Stored
    made_with: tuple[str, ...] = ()

    @property
    def kinds(self) -> set[str]:
        """The icons."""
        return {self.stored.kind, *self.made_with}


def owners() -> list[str]:
    """Who answers for the assets, as the settings file has it. Raises SettingsError."""
    return current_environment().settings().deployment.owners


def presented(group: str, kinds: Collection[str]) -> dict[str, Any]:
    """Arguments of `dg.asset` and `dg.AssetSpec` that place an asset in the catalogue, all but its description."""
    return {
        "group_name": group,
        "owners": owners(),
        "tags": {"domain": DOMAIN, "tier": TIERS[group]},
        "kinds": set(kinds),
    }


def described(table: Table, stored: Stored) -> str:
    """A table's description in Markdown: what it is, who reads it, an example query, where it is stored and how it is read."""
    place = [STORED_IN[stored].format(name=table.name)]
    if stored in (Stored.TABLE, Stored.VIEW):
        place.append(READ_PUBLISHED if table in (*PUBLISHED, BASE_TABLE) else READ_WAREHOUSE)
    return "\n\n".join([table.description, long_text(table.name), " ".join(place)])


def long_text(name: str) -> str:
    """The asset's file of `descriptions/`."""
    return (files("turbo_forecast.defs") / "descriptions" / f"{name}.md").read_text(encoding="utf-8").strip()
