"""What the partitioned assets share: one month at a time, in one transaction, timed and reported.

Does not belong here: what any one asset stores.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from turbo_forecast.defs.partitions import MONTHS, ONE_RUN, WAREHOUSE_POOL
from turbo_forecast.defs.reporting import Metadata, plain_errors, schema_metadata, stage_metadata
from turbo_forecast.defs.resources import ForecastResource, Warehouse
from turbo_forecast.errors import SettingsError
from turbo_forecast.fleet.audit import AuditTimer
from turbo_forecast.fleet.windows import cutoff_of
from turbo_forecast.schemas import RUN_AUDIT, Table
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.storage.warehouse import has_table, query, replace_audit, transaction

HISTORY = "SELECT host_id, resource, ds, y FROM base_table WHERE ds BETWEEN ? AND ?"
"""The base table's rows from a first to a last day."""


MADE_WITH = "SELECT DISTINCT config_hash FROM run_audit WHERE asset = 'fleet_forecast' AND cutoff = ?"


@dataclass(slots=True)
class Month:
    """One month of one asset: an open transaction, a timer, and what will be told of it."""

    key: str
    cutoff: date
    settings: ForecastSettings
    con: duckdb.DuckDBPyConnection
    timer: AuditTimer
    told: Metadata = field(default_factory=dict)


def month_asset(table: Table, *, deps: list[Table], kind: str = "duckdb", group: str = "tournament") -> dict[str, Any]:
    """Arguments of `dg.asset` for a month-partitioned asset that stores `table`."""
    return {
        "name": table.name,
        "deps": [dep.name for dep in deps],
        "description": table.description,
        "metadata": schema_metadata(table),
        "kinds": {kind},
        "group_name": group,
        "partitions_def": MONTHS,
        "backfill_policy": ONE_RUN,
        "pool": WAREHOUSE_POOL,
    }


@contextmanager
def one_month(
    context: dg.AssetExecutionContext, asset: str, key: str, forecast: ForecastResource, warehouse: Warehouse
) -> Iterator[Month]:
    """A month's transaction: the asset's rows and its audit are committed together, then told to Dagster."""
    settings, timer = forecast.settings(), AuditTimer()
    with plain_errors(), warehouse.get_connection() as con, transaction(con):
        month = Month(key, cutoff_of(key), settings, con, timer)
        _same_settings(month)
        yield month
        replace_audit(con, timer.frame(asset, month.cutoff, settings, context.run.run_id))
    context.add_asset_metadata({**month.told, **stage_metadata(timer)}, asset, key)


def _same_settings(month: Month) -> None:
    """Raises SettingsError when the month's fleet run was made with settings that give other numbers.

    Windows, entrants and folds are read from the settings here, and from the files as that run left them.
    """
    if not has_table(month.con, RUN_AUDIT):
        return
    made = query(month.con, MADE_WITH, month.cutoff)["config_hash"].to_list()
    if made and made != [month.settings.config_hash()]:
        raise SettingsError(
            f"month {month.key[:7]} was forecast with other settings (config hash {', '.join(made)}, now "
            f"{month.settings.config_hash()}): materialise fleet_forecast for it again"
        )


def sql_text(text: Path | str) -> str:
    """A path or a name as a SQL string literal."""
    return "'" + str(text).replace("'", "''") + "'"
