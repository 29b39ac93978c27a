"""What has landed is whole, and no month is missing in between.

It reads files alone: neither the warehouse nor its pool is asked. It is no part of what makes a month complete: that rests on the
base table, which is not made of files that are not whole.
"""

from collections.abc import Callable, Iterator

import dagster as dg
import polars as pl

from turbo_forecast.defs.catalog import LANDING
from turbo_forecast.defs.checks.expectations import Expectation, Validation
from turbo_forecast.defs.checks.month_checks import CheckedMonth, MonthValidation, check_result, evaluation
from turbo_forecast.defs.links import described_check
from turbo_forecast.defs.partitions import MONTHS, month_of
from turbo_forecast.defs.reporting import plain_errors
from turbo_forecast.defs.resources import DataFolder
from turbo_forecast.landing.verification import missing_between
from turbo_forecast.landing.verification_cache import all_faults
from turbo_forecast.month_keys import last_over
from turbo_forecast.schemas import FORECAST_PARQUET
from turbo_forecast.storage.landed import landed_files, landed_months

WHOLE = Expectation(
    name="landed_months_are_whole",
    description=(
        "every landed file is there to its end and has the rows, series and window that its manifest says, the same rows by their "
        "digest, and one value a series and moment"
    ),
    items="landed files",
    remedy="Take the file from a backup; or, if the source still has the month, remove the file and land the month again",
)
WITHOUT_GAPS = Expectation(
    name="no_month_is_missing_in_between",
    description="between the first month that has landed from a source and its last, every month has landed",
    blocking=False,
    severity=dg.AssetCheckSeverity.WARN,
    items="landed and missing months",
    remedy="Land them if the source has them (turbo-forecast land --month); else series have gaps there",
)


def validated_files(folder: DataFolder) -> Validation:
    """Read every landed file again that has changed since it was found whole."""
    wrong = [(path.parent.name, path.stem, fault) for path, fault in all_faults(folder.root)]
    return Validation(
        len(landed_files(folder.root)), pl.DataFrame(wrong, schema=["source", "month", "fault"], orient="row")
    )


def validated_gaps(folder: DataFolder) -> Validation:
    """Look for months without a file. Raises StorageError for a file that is none of a landed month."""
    landed = landed_months(folder.root)
    missing = missing_between(landed)
    return Validation(len(landed) + len(missing), pl.DataFrame(missing, schema=["source", "month"], orient="row"))


def files_check(expectation: Expectation, validate: Callable[[DataFolder], Validation]) -> dg.AssetChecksDefinition:
    """The expectation as a check of all that has landed, whichever month the run is of."""
    name = f"{LANDING}_{expectation.name}"
    spec = dg.AssetCheckSpec(
        expectation.name,
        asset=LANDING,
        description=described_check(expectation.description),
        blocking=expectation.blocking,
        partitions_def=MONTHS,
    )

    @dg.multi_asset_check(name=name, specs=[spec])
    def check(
        context: dg.AssetCheckExecutionContext, folder: DataFolder
    ) -> Iterator[dg.AssetCheckResult | dg.AssetCheckEvaluation | dg.Output[None]]:
        with plain_errors():
            month = _month_to_check(context, folder)
            checked = MonthValidation(expectation, month, validate(folder))
            result = check_result(expectation, LANDING, checked.validation, folder, month)
        if month.kept:
            yield result
        else:
            yield evaluation(context, result, dg.AssetCheckKey(dg.AssetKey(LANDING), expectation.name), checked)
            yield dg.Output(None, name)

    return check


def _month_to_check(context: dg.AssetCheckExecutionContext, folder: DataFolder) -> CheckedMonth:
    """The run's month; where it is of none, as the UI starts a check, the latest that has a master file, as other checks do.

    What is checked are the files of all months; before there is any month, the result is stored with the last that is over.
    """
    if context.has_partition_key or context.has_partition_key_range:
        return CheckedMonth(month_of(context), named=True, kept=context.has_partition_key)
    made = folder.masters(FORECAST_PARQUET.name)
    return CheckedMonth(f"{max(made):%Y-%m}" if made else last_over(), named=False, kept=False)


checks = [files_check(WHOLE, validated_files), files_check(WITHOUT_GAPS, validated_gaps)]
