"""`month_report`: what a planner forwards of a month, one HTML file that needs no network, made of what is published."""

import dagster as dg

from turbo_forecast.defs.catalog import long_text, presented
from turbo_forecast.defs.partitions import MONTHS as PARTITIONS
from turbo_forecast.defs.partitions import month_of
from turbo_forecast.defs.report_file import REPORT_FILES, written
from turbo_forecast.defs.reporting import plain_errors
from turbo_forecast.defs.resources import DataFolder


@dg.asset(
    deps=["published_month"],
    description=f"{REPORT_FILES}\n\n{long_text('month_report')}",
    partitions_def=PARTITIONS,
    **presented("publication", ["html"]),
)
def month_report(context: dg.AssetExecutionContext, folder: DataFolder) -> dg.MaterializeResult[None]:
    """Write the month's report; it opens no warehouse, so it waits for no step and no step waits for it."""
    with plain_errors():
        return dg.MaterializeResult(metadata=written(folder, month_of(context)))
