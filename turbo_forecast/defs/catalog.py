"""What the catalogue shows of each asset beside its columns: group, owners, tags, kinds, and what a stranger asks first.

Belongs here: an asset's place in the catalogue; the long texts are files of `descriptions/`, one an asset. Does not belong
here: a table's columns and the one sentence that says what it is (`schemas/`), and who the owners are (the settings).
"""

import os
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from turbo_forecast import schemas
from turbo_forecast.settings import load_settings
from turbo_forecast.tables import Table

TELEMETRY = "telemetry"
"""The asset that others make: the monitoring system's export."""

DOMAIN = "capacity"
TIERS = {"telemetry": "source", "forecast": "core", "tournament": "core", "publication": "published"}
"""Each group, and how near to its readers it is. Data flows from one group to the next and never back."""

STORED_IN = {
    "duckdb": "A table of the DuckDB file `warehouse.duckdb` in the data folder; the query runs in "
    "`duckdb -readonly data/warehouse.duckdb`. While a step writes to the file, nobody else can open it: try again "
    "some seconds later.",
    "parquet": "One file a month, `{name}/YYYY-MM.parquet` in the data folder; the query runs in `duckdb`, beside the "
    "folder `data`. A file is replaced whole, so it can be read at any time.",
}


@dataclass(frozen=True, slots=True)
class Place:
    """An asset's group, and its kinds: the icons beside its name. The first kind says what it is stored as."""

    group: str
    kinds: tuple[str, ...]


CATALOGUE = {
    TELEMETRY: Place("telemetry", ("parquet", "csv", "duckdb")),
    schemas.BASE_TABLE.name: Place("telemetry", ("duckdb",)),
    schemas.BASE_TABLE_REJECTS.name: Place("telemetry", ("duckdb",)),
    schemas.FLEET_FORECAST.name: Place("forecast", ("parquet", "prophet")),
    schemas.FOLD_FORECAST.name: Place("forecast", ("parquet", "prophet")),
    schemas.COMBINATION_WEIGHTS.name: Place("forecast", ("duckdb",)),
    schemas.SERIES_OUTCOMES.name: Place("forecast", ("duckdb",)),
    schemas.RUN_AUDIT.name: Place("forecast", ("duckdb",)),
    schemas.TOURNAMENT_RESULTS.name: Place("tournament", ("duckdb",)),
    schemas.TOURNAMENT_SCORES.name: Place("tournament", ("duckdb", "polars")),
    schemas.CHAMPIONS.name: Place("tournament", ("duckdb", "polars")),
    schemas.CALIBRATION.name: Place("tournament", ("duckdb", "polars")),
    schemas.FORECAST_PARQUET.name: Place("publication", ("parquet", "polars")),
    schemas.TOURNAMENT_STANDINGS.name: Place("publication", ("duckdb", "polars")),
    schemas.FORECAST_ACCURACY.name: Place("publication", ("duckdb",)),
    schemas.MONTHS.name: Place("publication", ("duckdb",)),
}


def owners() -> list[str]:
    """Who answers for the assets, as the settings file has it. Raises SettingsError."""
    file = os.environ.get("TURBO_FORECAST_CONFIG")
    return load_settings(Path(file) if file else None).deployment.owners


def presented(name: str) -> dict[str, Any]:
    """Arguments of `dg.asset` and `dg.AssetSpec` that place an asset in the catalogue, all but its description."""
    place = CATALOGUE[name]
    return {
        "group_name": place.group,
        "owners": owners(),
        "tags": {"domain": DOMAIN, "tier": TIERS[place.group]},
        "kinds": set(place.kinds),
    }


def described(table: Table) -> str:
    """A table's description in Markdown: what it is, who reads it, an example query, and where it is stored."""
    stored = STORED_IN[CATALOGUE[table.name].kinds[0]].format(name=table.name)
    return "\n\n".join([table.description, long_text(table.name), stored])


def long_text(name: str) -> str:
    """The asset's file of `descriptions/`."""
    return (files("turbo_forecast.defs") / "descriptions" / f"{name}.md").read_text(encoding="utf-8").strip()
