"""Expectations as asset checks of a month: what was stored is read again, and the result is recorded with its failing rows.

Belongs here: which month a check is of, and what becomes of its result. Does not belong here: expectations, and words.
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

from turbo_forecast.defs.checks.expectations import Expectation, Validation, validate
from turbo_forecast.defs.checks.sql_context import RowsNotKept, require_readable_files, sql_context
from turbo_forecast.defs.checks.wording import describe
from turbo_forecast.defs.links import check_again, described_check
from turbo_forecast.defs.partitions import MONTHS, WAREHOUSE_POOL, month_of
from turbo_forecast.defs.reporting import Metadata, log_to, markdown, plain_errors
from turbo_forecast.defs.resources import DataFolder, ForecastResource, OutlookResource, Warehouse
from turbo_forecast.defs.settings_hashes import require_same_thresholds
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
EXPECTATIONS: dict[tuple[str, str], tuple[Table, Expectation]] = {}
"""Table and expectation of each check of a month, by asset and name; filled likewise."""


@dataclass(frozen=True, slots=True)
class CheckedMonth:
    """The month a check is of (key: YYYY-MM); named: by the run; kept: Dagster stores the result as that month's by itself."""

    key: str
    named: bool
    kept: bool


@dataclass(frozen=True, slots=True)
class MonthValidation:
    """The result of validating a month; extra: metadata of this check alone."""

    expectation: Expectation
    month: CheckedMonth
    validation: Validation
    extra: Metadata = field(default_factory=dict)


Validator = Callable[[dg.AssetCheckExecutionContext, ForecastSettings, Warehouse, DataFolder], MonthValidation]


def month_check(expectation: Expectation, table: Table, validator: Validator | None = None) -> dg.AssetChecksDefinition:
    """The expectation as an asset check of a month-partitioned table.

    validator: for what SQL over the stored rows cannot decide; it records its result itself.
    """
    EXPECTATIONS[table.name, expectation.name] = table, expectation
    # tables that no run makes come after a complete month, but for that of the months themselves
    if expectation.is_required and (table.made_from is not None or table == MONTHS_TABLE):
        BLOCKING.add((table.name, expectation.name))
    name = f"{table.name}_{expectation.name}"
    spec = dg.AssetCheckSpec(
        expectation.name,
        asset=table.name,
        description=described_check(expectation.description),
        blocking=expectation.blocking,
        partitions_def=MONTHS,
    )

    # the general form of asset_check: only its function may set the month of an evaluation
    @dg.multi_asset_check(name=name, specs=[spec], pool=WAREHOUSE_POOL, op_tags=_turn(table))
    def check(
        context: dg.AssetCheckExecutionContext,
        forecast: ForecastResource,
        outlook: OutlookResource,
        warehouse: Warehouse,
        folder: DataFolder,
    ) -> Iterator[dg.AssetCheckResult | dg.AssetCheckEvaluation | dg.Output[None]]:
        log = StatusLog(log_to(context))
        with plain_errors(), log.working(f"checking {table.name}: {expectation.name}"):
            settings = forecast.settings()
            if validator:
                checked = validator(context, settings, warehouse, folder)
            else:
                checked = validate_month(context, expectation, table, settings, warehouse, folder, outlook.settings())
            result = check_result(
                checked.expectation, table.name, checked.validation, folder, checked.month, checked.extra
            )
        if checked.month.kept:
            yield result
        else:
            yield evaluation(context, result, dg.AssetCheckKey(dg.AssetKey(table.name), expectation.name), checked)
            yield dg.Output(None, name)

    return check


def _turn(table: Table) -> dict[str, str]:
    """Dagster's tags for when the check is made: the check of a month's state comes after those that the state follows from."""
    return {PRIORITY: "-1"} if table == MONTHS_TABLE else {}


def month_to_check(context: dg.AssetCheckExecutionContext, con: duckdb.DuckDBPyConnection) -> CheckedMonth:
    """The run's month; where it is of none, as the UI starts a check, the latest month that is stored whole.

    Raises StorageError where there is no such month, and PartitionError for a run of several.
    """
    if context.has_partition_key or context.has_partition_key_range:
        return CheckedMonth(month_of(context), named=True, kept=context.has_partition_key)
    latest = latest_stored_month(con)
    if latest is None:
        raise StorageError("there is no month to check yet: materialise one first, with the job monthly_forecast")
    return CheckedMonth(latest, named=False, kept=False)


def validate_month(
    context: dg.AssetCheckExecutionContext,
    expectation: Expectation,
    table: Table,
    settings: ForecastSettings,
    warehouse: Warehouse,
    folder: DataFolder,
    outlook: OutlookSettings | None = None,
) -> MonthValidation:
    """The run's month, validated and recorded in one transaction. outlook: whose thresholds statements are about.

    Raises BaseTableReplacedError or SettingsError, and validates nothing, where the month was forecast from another base
    table or with other settings: what would be found then are differences of those, not faults of the month. Raises
    StorageError where the table has not been stored; where a file cannot be read, which counts as a check that failed; and
    RowsNotKept, which does not, where the month is so old that its rows were removed.
    """
    outlook = outlook or OutlookSettings()
    with plain_errors(), warehouse.get_connection(keep_duckdb=True) as con:
        with transaction(con):
            checked = month_to_check(context, con)
            month = MonthOfRun(cutoff_of(checked.key), settings.config_hash(), context.run.run_id)
            month.require_same(con)
            month.require_stored(con, table.name)
            require_same_thresholds(con, table, month.cutoff, settings, outlook)
        try:
            with transaction(con):  # while the connection is open, nobody else's process changes what was found above
                validation = _validate(con, expectation, table, checked.key, settings, folder, outlook)
                record(con, month, table.name, expectation, passed=validation.passes(expectation.tolerance))
        except RowsNotKept:
            raise  # this is no failure of the month
        except StorageError:
            with transaction(con):
                record(con, month, table.name, expectation, passed=False)
            raise
    return MonthValidation(expectation, checked, validation)


def _validate(
    con: duckdb.DuckDBPyConnection,
    expectation: Expectation,
    table: Table,
    month: str,
    settings: ForecastSettings,
    folder: DataFolder,
    outlook: OutlookSettings,
) -> Validation:
    """The result of validating the month. Raises StorageError, which names the file, where one of the month's cannot be read."""
    try:
        return validate(con, expectation, sql_context(table, month, settings, folder, outlook))
    except duckdb.Error:  # of many kinds, where a file is damaged within; all others are faults of ours
        require_readable_files(month, folder)
        raise


def record(
    con: duckdb.DuckDBPyConnection, month: MonthOfRun, asset: str, expectation: Expectation, *, passed: bool
) -> None:
    """Store a check's result beside the month's state. The caller holds the transaction that validated."""
    month.record_check(con, asset, expectation.name, passed=passed, blocking=expectation.is_required)


def check_result(
    expectation: Expectation,
    asset: str,
    validation: Validation,
    folder: DataFolder,
    month: CheckedMonth | None = None,
    extra: Metadata | None = None,
) -> dg.AssetCheckResult:
    """A check's result as Dagster takes it: counts, the first failing rows, and a CSV file of all. month: None where it is of none."""
    metadata: Metadata = {
        "expected": validation.total,
        "got": validation.passing,
        "counted": expectation.items,
        **(extra or {}),
    }
    metadata |= {name: _metadata_value(value) for name, value in validation.metrics.items()}
    path = folder.failing_rows(asset, expectation.name, month.key if month else None)
    if len(validation.failing_rows):
        metadata["first failing rows"] = dg.MetadataValue.md(markdown(validation.failing_rows.head(SHOWN)))
        metadata["all failing rows"] = _written(validation.failing_rows, path)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)  # of an earlier result: there are none any more
    if month:
        metadata["check again"] = dg.MetadataValue.url(check_again(asset, expectation.name, month.key))
    text = describe(expectation, validation)
    if month and not month.named:
        text = f"{text} (The run named no month: this is {month.key}, the latest that is stored whole.)"
    passed = validation.passes(expectation.tolerance)
    return dg.AssetCheckResult(passed=passed, severity=expectation.severity, metadata=metadata, description=text)


def _written(failing_rows: pl.DataFrame, path: Path) -> dg.MetadataValue[Any]:
    """Where the failing rows were written to; or why they could not be, which must not hide what was found."""
    try:
        write_csv(failing_rows, path)
    except StorageError as error:
        return dg.MetadataValue.text(str(error))
    return dg.MetadataValue.path(str(path))


def evaluation(
    context: dg.AssetCheckExecutionContext,
    result: dg.AssetCheckResult,
    check: dg.AssetCheckKey,
    checked: MonthValidation,
) -> dg.AssetCheckEvaluation:
    """The result as an evaluation of its month, in a run that Dagster does not know to be of that month.

    It points to the month's latest materialisation: only then does the UI count it for the month.
    """
    month = dg.AssetRecordsFilter(asset_key=check.asset_key, asset_partitions=[checked.month.key])
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
        partition=checked.month.key,
        blocking=checked.expectation.blocking,
        target_materialization_data=target or None,
    )


def _metadata_value(metric: object) -> str | int | float:
    """A metric as Dagster's metadata can hold it."""
    return metric if isinstance(metric, int | float) else "none" if metric is None else str(metric)
