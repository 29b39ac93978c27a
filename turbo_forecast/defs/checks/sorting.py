"""Series stand together and in order, each in the part whose name says so: readers of one series rely on it."""

from turbo_forecast.defs.checks.expectations import Expectation
from turbo_forecast.defs.checks.month_checks import month_check
from turbo_forecast.schemas import FLEET_FORECAST, FOLD_FORECAST, FORECAST_PARQUET
from turbo_forecast.tables import Table

ORDER = {
    FLEET_FORECAST: ("model, phase", "list_position({field}, model), first_day"),
    FOLD_FORECAST: ("model, fold", "list_position({field}, model), first_day"),
    FORECAST_PARQUET: ("model, phase", "phase, first_day"),
}
"""What stands together within a series, and in which order that does."""


def in_order(table: Table) -> Expectation:
    """The rows of a file or of a folder's parts stand where a reader looks for them."""
    block, order = ORDER[table]
    return Expectation(
        name="is_sorted_by_series",
        description="series stand together and in order, each in the part named for it, and days follow each other",
        parameters={"block": block, "order": order},
        items="rows",
    )


checks = [month_check(in_order(table), table) for table in ORDER]
