"""The month's report is there, whole, and of the run that is published.

It reads files alone: neither the warehouse nor its pool is asked, and no month is kept from being complete.
"""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from turbo_forecast.defs.checks.expectations import Expectation, Validation
from turbo_forecast.defs.checks.month_checks import CheckedMonth, MonthValidation, check_result, evaluation
from turbo_forecast.defs.links import described_check
from turbo_forecast.defs.partitions import MONTHS, month_of
from turbo_forecast.defs.reporting import plain_errors
from turbo_forecast.defs.resources import DataFolder
from turbo_forecast.errors import StorageError
from turbo_forecast.report.content import first_to_run_full
from turbo_forecast.report.writing import Named, named, read_report
from turbo_forecast.storage.published.reading import Published
from turbo_forecast.storage.reports import report_path

ASSET = "month_report"
WHOLE = Expectation(
    name="report_is_whole",
    description="the month's report is there, has an end, is of the run that is published, and names all who run full first",
    blocking=False,
    items="marks and names",
    remedy="Materialise month_report for the month again",
)
NAME = f"{ASSET}_{WHOLE.name}"
MARKS = 3
"""Beside the names: that the file is whole, of the month, and of the version that is published."""


def validated_report(folder: DataFolder, month: str) -> Validation:
    """Validate a month's report (YYYY-MM); of a month that is not published, nothing is expected.

    Raises StorageError where what is published cannot be read.
    """
    published = Published(folder.root)
    there = published.keys()
    if month not in there:  # made by a former version, or not complete: it has no report
        return Validation(0, pl.DataFrame())
    of_month = published.month(month)
    due = named(first_to_run_full(of_month))
    wrong = _wrong(folder, month, of_month.manifest.version, due)
    return Validation(MARKS + len(due), pl.DataFrame(wrong, schema=["what", "host_id", "resource"], orient="row"))


def _wrong(folder: DataFolder, month: str, version: str, due: list[Named]) -> list[tuple[str, str, str]]:
    """What is wrong, and of whom."""
    try:
        found = read_report(report_path(folder.root, month))
    except StorageError as error:
        return [(str(error), "", "")]
    marks = [
        ("" if found.whole else f"it ends within {', '.join(found.unclosed)}"),
        ("" if found.month == month else f"it is of month {found.month or 'unknown'}"),
        ("" if found.version == version else f"it is of version {found.version or 'unknown'}; published is {version}"),
    ]
    missing = [(f"{kind} is not named", host, resource) for kind, host, resource, _ in set(due) - set(found.named)]
    return [(mark, "", "") for mark in marks if mark] + sorted(missing)


def _month_to_check(context: dg.AssetCheckExecutionContext, folder: DataFolder) -> CheckedMonth:
    """The run's month; where it is of none, as the UI starts a check, the latest that is published. Raises StorageError."""
    if context.has_partition_key or context.has_partition_key_range:
        return CheckedMonth(month_of(context), named=True, kept=context.has_partition_key)
    return CheckedMonth(Published(folder.root).month().key, named=False, kept=False)


@dg.multi_asset_check(
    name=NAME,
    specs=[
        dg.AssetCheckSpec(
            WHOLE.name,
            asset=ASSET,
            description=described_check(WHOLE.description),
            blocking=WHOLE.blocking,
            partitions_def=MONTHS,
        )
    ],
)
def report_is_whole(
    context: dg.AssetCheckExecutionContext, folder: DataFolder
) -> Iterator[dg.AssetCheckResult | dg.AssetCheckEvaluation | dg.Output[None]]:
    """Read the report again."""
    with plain_errors():
        month = _month_to_check(context, folder)
        checked = MonthValidation(WHOLE, month, validated_report(folder, month.key))
        result = check_result(WHOLE, ASSET, checked.validation, folder, month)
    if month.kept:
        yield result
    else:
        yield evaluation(context, result, dg.AssetCheckKey(dg.AssetKey(ASSET), WHOLE.name), checked)
        yield dg.Output(None, NAME)


checks = [report_is_whole]
