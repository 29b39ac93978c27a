"""What is published of a month is what is stored of it: readers rely on it, and never look into the warehouse.

Belongs here: the check, and its words for a month that nobody has published. Does not belong here: what is compared
(`storage/published/comparison.py`).

It blocks what is made of published files. It is no part of what makes a month complete: a month is published after that.
"""

from dataclasses import replace

import dagster as dg
import polars as pl

from turbo_forecast.defs.checks.expectations import Expectation, Validation
from turbo_forecast.defs.checks.month_checks import MonthValidation, month_check, month_to_check, record
from turbo_forecast.defs.resources import DataFolder, Warehouse
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.storage.months import MonthOfRun
from turbo_forecast.storage.published.comparison import compare
from turbo_forecast.storage.warehouse import transaction
from turbo_forecast.tables import Table
from turbo_forecast.windows import cutoff_of

PUBLISHED_MONTH = Table("published_month", "What readers read of a month.", columns=(), key=())
"""The asset has no rows of its own: they are other tables'."""
SAME = Expectation(
    name="is_what_is_stored",
    description="every published table has the month's stored rows, every published file its bytes, the manifest names the run, the "
    "settings and the base table, and the published history and the views are of these",
    items="published tables and files",
    remedy="Materialise published_month for the month, which needs nothing else to be made again",
)
FAULTS = {"name": pl.String, "fault": pl.String}


def validated(
    context: dg.AssetCheckExecutionContext, settings: ForecastSettings, warehouse: Warehouse, folder: DataFolder
) -> MonthValidation:
    """Compare the month, as it is stored now."""
    with warehouse.get_connection(keep_duckdb=True) as con, transaction(con):
        asked = month_to_check(context, con)
        month = MonthOfRun(cutoff_of(asked.key), settings.config_hash(), context.run.run_id)
        month.require_same(con)
        found = compare(con, folder.root, month.cutoff, PUBLISHED_MONTH.name)
        validation = Validation(found.compared, pl.DataFrame(found.faults, schema=FAULTS, orient="row"))
        record(con, month, PUBLISHED_MONTH.name, SAME, passed=validation.passes(SAME.tolerance))
    return MonthValidation(SAME if found.published else replace(SAME, summary=_not_published), asked, validation)


def _not_published(validation: Validation) -> str:
    return (
        "this month has never been published, so there is nothing to compare; once it is complete, materialise published_month "
        "for it, and readers see it"
    )


checks = [month_check(SAME, PUBLISHED_MONTH, validated)]
