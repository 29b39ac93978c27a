"""What has landed is whole, and no month is missing in between.

It reads files alone: neither the warehouse nor its pool is asked. It is no part of what makes a month complete: that rests on the
base table, which is not made of files that are not whole.
"""

from collections.abc import Callable, Iterator

import dagster as dg
import polars as pl

from turbo_forecast.defs.catalog import LANDING
from turbo_forecast.defs.checks.judging import Judged, JudgedMonth, evaluation, told
from turbo_forecast.defs.checks.properties import Property, Verdict
from turbo_forecast.defs.links import described_check
from turbo_forecast.defs.partitions import MONTHS, month_of
from turbo_forecast.defs.reporting import plain_errors
from turbo_forecast.defs.resources import DataFolder
from turbo_forecast.landing.judged import all_faults
from turbo_forecast.landing.verification import missing_between
from turbo_forecast.month_keys import last_over
from turbo_forecast.schemas import FORECAST_PARQUET
from turbo_forecast.storage.landed import landed_files, landed_months

WHOLE = Property(
    name="landed_months_are_whole",
    sentence=(
        "every landed file is there to its end and has the rows, series and window that its manifest says, the same rows by their "
        "digest, and one value a series and moment"
    ),
    items="landed files",
    remedy="Take the file from a backup; or, if the source still has the month, remove the file and land the month again",
)
WITHOUT_GAPS = Property(
    name="no_month_is_missing_in_between",
    sentence="between the first month that has landed from a source and its last, every month has landed",
    blocking=False,
    severity=dg.AssetCheckSeverity.WARN,
    items="landed and missing months",
    remedy="Land them if the source has them (turbo-forecast land --month); else series have gaps there",
)


def judged_whole(folder: DataFolder) -> Verdict:
    """Read every landed file again that has changed since it was judged whole."""
    wrong = [(path.parent.name, path.stem, fault) for path, fault in all_faults(folder.root)]
    return Verdict(
        len(landed_files(folder.root)), pl.DataFrame(wrong, schema=["source", "month", "fault"], orient="row")
    )


def judged_gaps(folder: DataFolder) -> Verdict:
    """Look for months without a file. Raises StorageError for a file that is none of a landed month."""
    landed = landed_months(folder.root)
    missing = missing_between(landed)
    return Verdict(len(landed) + len(missing), pl.DataFrame(missing, schema=["source", "month"], orient="row"))


def files_check(prop: Property, judge: Callable[[DataFolder], Verdict]) -> dg.AssetChecksDefinition:
    """The property as a check of all that has landed, whichever month's run asks."""
    name = f"{LANDING}_{prop.name}"
    spec = dg.AssetCheckSpec(
        prop.name,
        asset=LANDING,
        description=described_check(prop.sentence),
        blocking=prop.blocking,
        partitions_def=MONTHS,
    )

    @dg.multi_asset_check(name=name, specs=[spec])
    def check(
        context: dg.AssetCheckExecutionContext, folder: DataFolder
    ) -> Iterator[dg.AssetCheckResult | dg.AssetCheckEvaluation | dg.Output[None]]:
        with plain_errors():
            month = _month_to_judge(context, folder)
            judged = Judged(prop, month, judge(folder))
            result = told(prop, LANDING, judged.verdict, folder, month)
        if month.kept:
            yield result
        else:
            yield evaluation(context, result, dg.AssetCheckKey(dg.AssetKey(LANDING), prop.name), judged)
            yield dg.Output(None, name)

    return check


def _month_to_judge(context: dg.AssetCheckExecutionContext, folder: DataFolder) -> JudgedMonth:
    """The run's month; where it is of none, as the UI starts a check, the latest that has a master file, as other checks do.

    What is judged are the files of all months; before there is any month, the verdict is kept with the last that is over.
    """
    if context.has_partition_key or context.has_partition_key_range:
        return JudgedMonth(month_of(context), named=True, kept=context.has_partition_key)
    made = folder.masters(FORECAST_PARQUET.name)
    return JudgedMonth(f"{max(made):%Y-%m}" if made else last_over(), named=False, kept=False)


checks = [files_check(WHOLE, judged_whole), files_check(WITHOUT_GAPS, judged_gaps)]
