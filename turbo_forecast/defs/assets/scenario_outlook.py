"""`scenario_outlook`: each scenario of the file of plans beside the baseline, as the file is when this is made."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl

from turbo_forecast.defs.catalog import Place, Stored
from turbo_forecast.defs.month_table import into_table, month_asset
from turbo_forecast.defs.monthly import Month, MonthOptions, month_beside
from turbo_forecast.defs.planned_month import planned_now, planned_statements
from turbo_forecast.defs.reporting import counts
from turbo_forecast.defs.resources import DataFolder, ForecastResource, OutlookResource, Warehouse
from turbo_forecast.outlook.loads import composed
from turbo_forecast.outlook.plans import scenarios
from turbo_forecast.outlook.scenarios import beside_baseline
from turbo_forecast.schemas import CAPACITY_OUTLOOK, SCENARIO_OUTLOOK
from turbo_forecast.windows import run_windows

PLACE = Place("publication", Stored.TABLE, ("polars",))


@dg.asset(**month_asset(SCENARIO_OUTLOOK, PLACE, deps=[CAPACITY_OUTLOOK.name]))
def scenario_outlook(
    context: dg.AssetExecutionContext,
    forecast: ForecastResource,
    outlook: OutlookResource,
    warehouse: Warehouse,
    folder: DataFolder,
) -> Iterator[dg.MaterializeResult[Any]]:
    """Read the file of plans again, and say of what each scenario changes what the baseline says, and what it says."""
    options = MonthOptions(forecast, outlook)
    with month_beside(context, SCENARIO_OUTLOOK.name, options, warehouse, folder, rests_on=CAPACITY_OUTLOOK) as month:
        rows = compared(month)
        stored = into_table(month, SCENARIO_OUTLOOK, rows)
        month.metadata = {"dagster/row_count": stored, "statements by scenario": counts(rows, "scenario")}
    yield month.result()


def compared(month: Month) -> pl.DataFrame:
    """Rows of SCENARIO_OUTLOOK, of the series and groups for which a scenario means something else than the baseline."""
    changes = planned_now(month)
    loads = composed(changes, run_windows(month.cutoff, month.settings).horizon_end)
    pairs = [pair for each in planned_statements(month, loads, scenarios(changes)) for pair in each.compared()]
    nothing = pl.DataFrame(schema=SCENARIO_OUTLOOK.polars_schema)
    return pl.concat([nothing, *(beside_baseline(*pair) for pair in pairs)])
