"""How a month's property is judged when Dagster runs the check: what was stored is read again, evidence is kept.

Belongs here: which month a check looks at, and what becomes of the verdict. Does not belong here: properties, and words.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    # Dagster publishes no such name, and without it no evaluation can point to a materialisation (see `evaluation`)
    AssetCheckEvaluationTargetMaterializationData,
)

from turbo_forecast.defs.checks.places import RowsNotKept, places, require_readable_files
from turbo_forecast.defs.checks.properties import Property, Verdict, judge
from turbo_forecast.defs.checks.wording import description
from turbo_forecast.defs.decided import require_same_thresholds
from turbo_forecast.defs.links import check_again, described_check
from turbo_forecast.defs.partitions import MONTHS, WAREHOUSE_POOL, month_of
from turbo_forecast.defs.reporting import Metadata, markdown, plain_errors, say_to
from turbo_forecast.defs.resources import DataFolder, ForecastResource, OutlookResource, Warehouse
from turbo_forecast.errors import StorageError
from turbo_forecast.schemas import MONTHS as MONTHS_TABLE
from turbo_forecast.settings import ForecastSettings, OutlookSettings
from turbo_forecast.status_log import StatusLog
from turbo_forecast.storage.files import write_csv
from turbo_forecast.storage.months import MonthOfRun, latest_stored_month
from turbo_forecast.storage.warehouse import transaction
from turbo_forecast.tables import Table
from turbo_forecast.windows import cutoff_of

SHOWN = 20
PRIORITY = "dagster/priority"
"""Dagster's tag for the order of steps that could be taken at the same time, as its documents name it."""
BLOCKING: set[tuple[str, str]] = set()
"""Asset and name of every check that a month must pass to be complete; filled where the checks are defined."""
PROPERTIES: dict[tuple[str, str], tuple[Table, Property]] = {}
"""What each check of a month judges, by asset and name; filled likewise."""


@dataclass(frozen=True, slots=True)
class JudgedMonth:
    """The month a check looks at; whether the run named it, and so Dagster keeps the result as that month's."""

    key: str
    named: bool
    kept: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """A property's verdict on a month, and what more its metadata tells."""

    prop: Property
    month: JudgedMonth
    verdict: Verdict
    more: Metadata = field(default_factory=dict)


Judge = Callable[[dg.AssetCheckExecutionContext, ForecastSettings, Warehouse, DataFolder], Judged]


def month_check(prop: Property, table: Table, judged_by: Judge | None = None) -> dg.AssetChecksDefinition:
    """The property as an asset check of a month-partitioned table.

    judged_by: where the stored rows alone do not tell; it records its verdict itself.
    """
    PROPERTIES[table.name, prop.name] = table, prop
    if prop.stops_a_month and (
        table.made_from is not None or table == MONTHS_TABLE
    ):  # others come after a complete month
        BLOCKING.add((table.name, prop.name))
    name = f"{table.name}_{prop.name}"
    spec = dg.AssetCheckSpec(
        prop.name,
        asset=table.name,
        description=described_check(prop.sentence),
        blocking=prop.blocking,
        partitions_def=MONTHS,
    )

    # the general form of asset_check: only its function may say which month an evaluation is of
    @dg.multi_asset_check(name=name, specs=[spec], pool=WAREHOUSE_POOL, op_tags=_turn(table))
    def check(
        context: dg.AssetCheckExecutionContext,
        forecast: ForecastResource,
        outlook: OutlookResource,
        warehouse: Warehouse,
        folder: DataFolder,
    ) -> Iterator[dg.AssetCheckResult | dg.AssetCheckEvaluation | dg.Output[None]]:
        log = StatusLog(say_to(context))
        with plain_errors(), log.working(f"checking {table.name}: {prop.name}"):
            settings = forecast.settings()
            if judged_by:
                judged = judged_by(context, settings, warehouse, folder)
            else:
                judged = judge_month(context, prop, table, settings, warehouse, folder, outlook.settings())
            result = told(judged.prop, table.name, judged.verdict, folder, judged.month, judged.more)
        if judged.month.kept:
            yield result
        else:
            yield evaluation(context, result, dg.AssetCheckKey(dg.AssetKey(table.name), prop.name), judged)
            yield dg.Output(None, name)

    return check


def _turn(table: Table) -> dict[str, str]:
    """Dagster's tags for when the check is made: what judges a month's state comes after what the state follows from."""
    return {PRIORITY: "-1"} if table == MONTHS_TABLE else {}


def month_to_judge(context: dg.AssetCheckExecutionContext, con: duckdb.DuckDBPyConnection) -> JudgedMonth:
    """The run's month; where it is of none, as the UI starts a check, the latest month that is stored whole.

    Raises StorageError where there is no such month, and PartitionError for a run of several.
    """
    if context.has_partition_key or context.has_partition_key_range:
        return JudgedMonth(month_of(context), named=True, kept=context.has_partition_key)
    latest = latest_stored_month(con)
    if latest is None:
        raise StorageError("there is no month to check yet: materialise one first, with the job monthly_forecast")
    return JudgedMonth(latest, named=False, kept=False)


def judge_month(
    context: dg.AssetCheckExecutionContext,
    prop: Property,
    table: Table,
    settings: ForecastSettings,
    warehouse: Warehouse,
    folder: DataFolder,
    outlook: OutlookSettings | None = None,
) -> Judged:
    """The verdict on the run's month, judged and recorded in one transaction. outlook: whose thresholds statements are about.

    Raises BaseTableReplacedError or SettingsError, and judges nothing, where the month was forecast from another base
    table or with other settings: what would be found then are differences of those, not faults of the month. Raises
    StorageError where the table has not been stored; where a file cannot be read, which counts as a check that failed; and
    RowsNotKept, which does not, where the month is so old that its rows were removed.
    """
    outlook = outlook or OutlookSettings()
    with plain_errors(), warehouse.get_connection(keep_duckdb=True) as con:
        with transaction(con):
            judged = month_to_judge(context, con)
            month = MonthOfRun(cutoff_of(judged.key), settings.config_hash(), context.run.run_id)
            month.require_same(con)
            month.require_stored(con, table.name)
            require_same_thresholds(con, table, month.cutoff, settings, outlook)
        try:
            with transaction(con):  # while the connection is open, nobody else's process changes what was found above
                verdict = _judge(con, prop, table, judged.key, settings, folder, outlook)
                record(con, month, table.name, prop, passed=verdict.holds(prop.tolerated))
        except RowsNotKept:
            raise  # which says nothing against the month
        except StorageError:
            with transaction(con):
                record(con, month, table.name, prop, passed=False)
            raise
    return Judged(prop, judged, verdict)


def _judge(
    con: duckdb.DuckDBPyConnection,
    prop: Property,
    table: Table,
    month: str,
    settings: ForecastSettings,
    folder: DataFolder,
    outlook: OutlookSettings,
) -> Verdict:
    """The property's verdict. Raises StorageError, which names the file, where one of the month's cannot be read."""
    try:
        return judge(con, prop, places(table, month, settings, folder, outlook))
    except duckdb.Error:  # of many kinds, where a file is damaged within; all others are faults of ours
        require_readable_files(month, folder)
        raise


def record(con: duckdb.DuckDBPyConnection, month: MonthOfRun, asset: str, prop: Property, *, passed: bool) -> None:
    """Keep a month's verdict beside its state. The caller holds the transaction that judged."""
    month.record_check(con, asset, prop.name, passed=passed, blocking=prop.stops_a_month)


def told(
    prop: Property,
    asset: str,
    verdict: Verdict,
    folder: DataFolder,
    month: JudgedMonth | None = None,
    more: Metadata | None = None,
) -> dg.AssetCheckResult:
    """A check's result: expected, got, the first offenders, and a file with all of them. month: None for no month's."""
    metadata: Metadata = {"expected": verdict.expected, "got": verdict.got, "counted": prop.items, **(more or {})}
    metadata |= {name: _shown(value) for name, value in verdict.figures.items()}
    path = folder.offenders(asset, prop.name, month.key if month else None)
    if len(verdict.offenders):
        metadata["first offenders"] = dg.MetadataValue.md(markdown(verdict.offenders.head(SHOWN)))
        metadata["all offenders"] = _kept(verdict.offenders, path)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)  # of an earlier verdict: there are none any more
    if month:
        metadata["check again"] = dg.MetadataValue.url(check_again(asset, prop.name, month.key))
    said = description(prop, verdict)
    if month and not month.named:
        said = f"{said} (The run named no month: this is {month.key}, the latest that is stored whole.)"
    passed = verdict.holds(prop.tolerated)
    return dg.AssetCheckResult(passed=passed, severity=prop.severity, metadata=metadata, description=said)


def _kept(offenders: pl.DataFrame, path: Path) -> dg.MetadataValue[Any]:
    """Where the offenders were written to; or why they could not be, which must not hide what was found."""
    try:
        write_csv(offenders, path)
    except StorageError as error:
        return dg.MetadataValue.text(str(error))
    return dg.MetadataValue.path(str(path))


def evaluation(
    context: dg.AssetCheckExecutionContext, result: dg.AssetCheckResult, check: dg.AssetCheckKey, judged: Judged
) -> dg.AssetCheckEvaluation:
    """The result as an evaluation of its month, in a run that Dagster does not know to be of that month.

    It points to the month's latest materialisation: only then does the UI count it for the month.
    """
    month = dg.AssetRecordsFilter(asset_key=check.asset_key, asset_partitions=[judged.month.key])
    latest = context.instance.fetch_materializations(month, limit=1).records
    target = latest and AssetCheckEvaluationTargetMaterializationData(
        run_id=latest[0].run_id, storage_id=latest[0].storage_id, timestamp=latest[0].timestamp
    )
    return dg.AssetCheckEvaluation(
        asset_key=check.asset_key,
        check_name=check.name,
        passed=result.passed,
        severity=result.severity,
        metadata=result.metadata,
        description=result.description,
        partition=judged.month.key,
        blocking=judged.prop.blocking,
        target_materialization_data=target or None,
    )


def _shown(figure: object) -> str | int | float:
    """A figure as Dagster's metadata can hold it."""
    return figure if isinstance(figure, int | float) else "none" if figure is None else str(figure)
