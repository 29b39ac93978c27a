"""`published_month`: what readers read of a month, in `published/`, as the warehouse has it once the month is complete."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from turbo_forecast.defs.catalog import PUBLISHED_FILES, long_text, presented
from turbo_forecast.defs.monthly import MonthOptions, month_beside
from turbo_forecast.defs.partitions import MONTHS as PARTITIONS
from turbo_forecast.defs.partitions import WAREHOUSE_POOL
from turbo_forecast.defs.published_files import publish
from turbo_forecast.defs.resources import DataFolder, ForecastResource, OutlookResource, Warehouse
from turbo_forecast.schemas import MONTHS, SCENARIO_OUTLOOK


@dg.asset(
    deps=[MONTHS.name, SCENARIO_OUTLOOK.name],
    description=f"{PUBLISHED_FILES}\n\n{long_text('published_month')}",
    partitions_def=PARTITIONS,
    pool=WAREHOUSE_POOL,
    **presented("publication", ["parquet", "duckdb"]),
)
def published_month(
    context: dg.AssetExecutionContext,
    forecast: ForecastResource,
    outlook: OutlookResource,
    warehouse: Warehouse,
    folder: DataFolder,
) -> Iterator[dg.MaterializeResult[Any]]:
    """Publish the month's tables and files, the history of all series, and the views over them."""
    options = MonthOptions(forecast, outlook)
    with month_beside(context, "published_month", options, warehouse, folder, rests_on=SCENARIO_OUTLOOK) as month:
        month.metadata = publish(month)
    yield month.result()
