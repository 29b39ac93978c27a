"""The registry of a month's tables: an asset from a function that makes a month's rows.

Belongs here: what all such assets share, once: their definition, and the ways of storing. Does not belong here: what any
table is made of (`assets/`), its columns and what it is made from (`schemas/`), its checks (`checks/`).

To add a table: its schema, with `made_from`; its name in `schemas/__init__.py`, from whose `__all__` a month's steps are made; a function
of a file in `assets/` under `@month_table`; a text in `descriptions/`; and, for readers to see it, its name in `TABLES` of
`storage/published/layout.py`. Its place among a month's steps, its dependencies and the check of its key follow from the schema.
CONTRIBUTING.md shows a whole one.
"""

from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
import polars as pl

from turbo_forecast.defs.catalog import Place, Stored
from turbo_forecast.defs.monthly import Month, MonthOptions, one_month
from turbo_forecast.defs.partitions import MONTHS, WAREHOUSE_POOL
from turbo_forecast.defs.reporting import Metadata, described_asset
from turbo_forecast.defs.resources import DataFolder, ForecastResource, OutlookResource, Warehouse
from turbo_forecast.errors import StorageError
from turbo_forecast.number_words import counted
from turbo_forecast.schemas import FLEET_FORECAST
from turbo_forecast.storage.rows_view import redefine
from turbo_forecast.storage.warehouse import replace_partition
from turbo_forecast.tables import Table

Rows = pl.DataFrame | pl.LazyFrame


def month_table(table: Table, place: Place) -> Callable[[Callable[[Month], Rows]], dg.AssetsDefinition]:
    """The asset of a part of a month: the decorated function makes a month's rows, which are stored as `place` says.

    The function may fill `month.metadata` with metadata of the materialisation, and time its own stages. Raises ValueError
    for a table that is no part of a month.
    """
    if table.made_from is None:
        raise ValueError(f"{table.name} is no part of a month: its schema does not say what it is made from")

    def asset_of(make: Callable[[Month], Rows]) -> dg.AssetsDefinition:
        @dg.asset(**month_asset(table, place, deps=[source.name for source in table.made_from or ()]))
        def asset(
            context: dg.AssetExecutionContext,
            forecast: ForecastResource,
            outlook: OutlookResource,
            warehouse: Warehouse,
            folder: DataFolder,
        ) -> Iterator[dg.MaterializeResult[Any]]:
            as_file, options = place.stored is Stored.FILE, MonthOptions(forecast, outlook)
            with one_month(context, table, options, warehouse, folder, as_file=as_file) as month:
                with month.timer.stage("make"):
                    rows = make(month)
                with month.timer.stage("store"):
                    if as_file:
                        yield month.result_of(rows)
                    else:
                        month.metadata = {
                            "dagster/row_count": STORING[place.stored](month, table, rows),
                            **month.metadata,
                        }
            if not as_file:  # those are reported once they have been committed
                yield month.result()

        return asset

    return asset_of


def month_asset(table: Table, place: Place, *, deps: list[str]) -> Metadata:
    """Arguments of `dg.asset` for an asset with a partition for each month, that stores `table` as `place` says."""
    return {
        "name": table.name,
        "deps": deps,
        **described_asset(table, place),
        "partitions_def": MONTHS,
        "pool": WAREHOUSE_POOL,
        "dagster_type": FRAME if place.stored is Stored.FILE else dg.Nothing,
    }


FRAME = dg.PythonObjectDagsterType(pl.LazyFrame, name="LazyFrame")
"""What the I/O manager stores."""


def into_table(month: Month, table: Table, rows: Rows) -> int:
    """Replace the month's rows in the warehouse; returns how many there are. Raises as `replace_partition`."""
    return replace_partition(month.con, table, month.cutoff, rows)


def into_view(month: Month, table: Table, rows: Rows) -> int:
    """Define the view anew over the files of all months; returns the month's rows, counted through it.

    Raises StorageError where it does not serve as many as the month has.
    """
    redefine(month.con, month.folder.masters(FLEET_FORECAST.name))
    served = int(
        month.con.execute(f"SELECT count(*) FROM {table.name} WHERE cutoff = ?", [month.cutoff]).fetchall()[0][0]
    )
    there = int(rows.lazy().select(pl.len()).collect().item())
    if served != there:
        raise StorageError(
            f"{table.name} serves {counted(served, 'row')} of {month.key}, where {counted(there, 'is', 'are')} stored"
        )
    return served


STORING: dict[Stored, Callable[[Month, Table, Rows], int]] = {Stored.TABLE: into_table, Stored.VIEW: into_view}
"""How rows are stored in the warehouse; a file is the I/O manager's."""
