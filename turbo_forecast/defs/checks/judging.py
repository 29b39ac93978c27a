"""How any property is judged: SQL names the offenders, their number decides, evidence is kept.

Belongs here: running a property against what was stored, and telling the verdict: first what is wrong (or right), with
the numbers it rests on, then what to do. Does not belong here: properties.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import dagster as dg
import duckdb
import polars as pl

from turbo_forecast.defs.partitions import MONTHS, WAREHOUSE_POOL, month_of
from turbo_forecast.defs.reporting import Metadata, markdown, plain_errors
from turbo_forecast.defs.resources import DataFolder, ForecastResource, Warehouse
from turbo_forecast.errors import StorageError
from turbo_forecast.fleet.windows import Windows, cutoff_of, run_windows
from turbo_forecast.schemas import FLEET_FORECAST, FOLD_FORECAST, FORECAST_PARQUET
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.storage.files import parquet_sql, write_csv
from turbo_forecast.storage.months import SETTLED, MonthOfRun, latest_stored_month
from turbo_forecast.storage.telemetry.sql import literal
from turbo_forecast.storage.warehouse import query, transaction
from turbo_forecast.tables import Table

SHOWN = 20
FILES = (FLEET_FORECAST.name, FOLD_FORECAST.name, FORECAST_PARQUET.name)
"""Tables that are stored as Parquet."""
PLACE_WIDTH = 90
"""Characters of the first offender that are shown in the sentence; the check's metadata has all of it."""
AGAIN = "Materialise the asset again; if the check fails again, it is a fault of the program: please report it"


@dataclass(frozen=True, slots=True)
class Verdict:
    """expected: items judged; offenders: those for which the sentence is false; figures: what the sentence measures."""

    expected: int
    offenders: pl.DataFrame
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def got(self) -> int:
        """Items for which the sentence holds; offenders beyond those expected (a row too many, say) take none away."""
        return max(0, self.expected - len(self.offenders))

    def holds(self, tolerated: float) -> bool:
        """Whether at most this share of the items offends."""
        return len(self.offenders) <= tolerated * self.expected


@dataclass(frozen=True, slots=True)
class Property:
    """A sentence that must hold of every item.

    judged: SELECT of how many items there are. offenders: SELECT of those for which the sentence is false.
    figures: SELECT of the one row of figures that `says` puts into words, where the sentence is about a single thing.
    tolerated: share of offenders up to which the check passes.
    In all three, `{stored}` is the asset's stored rows of the month, and `places` gives the other names.
    items: what is counted, in the plural. remedy: what to do when the check does not pass, a sentence without its stop.
    says: words of its own for a month's verdict, in place of the counted ones; without what to do.
    """

    name: str
    sentence: str
    judged: str
    offenders: str
    tolerated: float = 0.0
    blocking: bool = True
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR
    items: str = "items"
    remedy: str = AGAIN
    figures: str = ""
    says: Callable[[Verdict], str] | None = None


BLOCKING: set[tuple[str, str]] = set()
"""Asset and name of every check that a month must pass to be complete; filled where the checks are defined."""


def judge(con: duckdb.DuckDBPyConnection, prop: Property, places: dict[str, str]) -> Verdict:
    """Judge a property by re-reading what is stored at `places`."""
    expected = query(con, prop.judged.format(**places)).item()
    figures = query(con, prop.figures.format(**places)).row(0, named=True) if prop.figures else {}
    return Verdict(int(expected), query(con, prop.offenders.format(**places)), figures)


def places(table: Table, month: str, settings: ForecastSettings, folder: DataFolder) -> dict[str, str]:
    """SQL for a month's stored rows and its windows' bounds. Raises StorageError when the file is not there."""
    cutoff = cutoff_of(month)
    window = run_windows(cutoff, settings)
    path = folder.parquet(table.name, month)
    in_warehouse = f"(SELECT * FROM {table.name} WHERE cutoff = DATE '{cutoff}')"
    is_file = table.name in FILES
    if is_file and not path.exists():
        raise StorageError(f"{path} is not there: materialise {table.name} for {month}")
    return {
        "stored": parquet_sql(path) if is_file else in_warehouse,
        "cutoff": f"DATE '{cutoff}'",
        "fold_rows": parquet_sql(folder.parquet(FOLD_FORECAST.name, month)),
        "history_start": f"DATE '{window.history_start}'",
        "train_end": f"DATE '{window.train_end}'",
        "folds": _folds(window),
        "backtest_start": f"DATE '{window.train_end + timedelta(days=1)}'",
        "backtest_days": str(window.backtest_days.size),
        "horizon_end": f"DATE '{window.horizon_end}'",
        "horizon_days": str(window.forecast_days.size),
        "numbered": parquet_sql(path, options="file_row_number = true"),
        "models": "[" + ", ".join(literal(name) for name in settings.order_of_preference) + "]",
        "fallback": literal(settings.fallback),
        "interval_width": str(settings.interval_width),
        "months": str(settings.horizon_months),
        "backtest_months": str(settings.backtest_months),
        "min_train_days": str(settings.min_train_days),
        "live": f"""
            (SELECT host_id, resource,
                    count(*) FILTER (ds BETWEEN DATE '{window.history_start}' AND DATE '{window.train_end}') AS train_days,
                    count(*) FILTER (ds > DATE '{window.train_end}') AS backtest_days_observed
             FROM base_table WHERE ds <= DATE '{cutoff}' GROUP BY host_id, resource)""",
        "outcomes": f"(SELECT * FROM series_outcomes WHERE cutoff = DATE '{cutoff}')",
        "settled": SETTLED.format(cutoff=f"DATE '{cutoff}'"),
    }


def _folds(window: Windows) -> str:
    """SQL for the folds: number, last training day, last day, days."""
    rows = [f"({f.number}, DATE '{f.train_end}', DATE '{f.end}', {f.days.size})" for f in window.folds]
    none = "(NULL::INTEGER, NULL::DATE, NULL::DATE, NULL::BIGINT)"
    values = ", ".join(rows) or none
    return f"(SELECT * FROM (VALUES {values}) AS held(fold, train_end, fold_end, fold_days) WHERE fold IS NOT NULL)"


@dataclass(frozen=True, slots=True)
class JudgedMonth:
    """The month a check looks at; whether the run named it."""

    key: str
    named: bool


def month_to_judge(context: dg.AssetCheckExecutionContext, con: duckdb.DuckDBPyConnection) -> JudgedMonth:
    """The run's month; where it is of none, as the UI starts a check, the latest month that is stored whole.

    Raises StorageError where there is no such month, and PartitionError for a run of several.
    """
    if context.has_partition_key or context.has_partition_key_range:
        return JudgedMonth(month_of(context), named=True)
    latest = latest_stored_month(con)
    if latest is None:
        raise StorageError("there is no month to check yet: materialise one first, with the job monthly_forecast")
    return JudgedMonth(latest, named=False)


def tell(
    context: dg.AssetCheckExecutionContext,
    prop: Property,
    asset: str,
    verdict: Verdict,
    folder: DataFolder,
    month: JudgedMonth | None = None,
    more: Metadata | None = None,
) -> dg.AssetCheckResult:
    """A check's result: expected, got, the first offenders, and a file with all of them. month: None for no month's.

    The verdict on a month that the run did not name is recorded for that month, too.
    """
    metadata: Metadata = {"expected": verdict.expected, "got": verdict.got, "counted": prop.items, **(more or {})}
    metadata |= {name: _shown(value) for name, value in verdict.figures.items()}
    if len(verdict.offenders):
        path = folder.offenders(asset, prop.name, month.key if month else None)
        write_csv(verdict.offenders, path)
        metadata["first offenders"] = dg.MetadataValue.md(markdown(verdict.offenders.head(SHOWN)))
        metadata["all offenders"] = dg.MetadataValue.path(str(path))
    passed, said = verdict.holds(prop.tolerated), description(prop, verdict)
    if month and not month.named:
        context.instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=dg.AssetKey(asset),
                check_name=prop.name,
                passed=passed,
                metadata=metadata,
                severity=prop.severity,
                description=said,
                partition=month.key,
                blocking=prop.blocking,
            )
        )
        said = f"{said} (The run named no month; this is {month.key}, the latest that is stored whole.)"
    return dg.AssetCheckResult(passed=passed, severity=prop.severity, metadata=metadata, description=said)


def description(prop: Property, verdict: Verdict) -> str:
    """The verdict in words: first what is wrong, or right, and then what to do."""
    text = _verdict(prop, verdict)
    return text if verdict.holds(prop.tolerated) else f"{text}. {prop.remedy}."


def _verdict(prop: Property, verdict: Verdict) -> str:
    """One month's verdict, without what to do."""
    if prop.says:
        return prop.says(verdict)
    if len(verdict.offenders):
        return _broken(prop, verdict)
    if not verdict.expected:
        return f"there were no {prop.items} to check; the rule is: {prop.sentence}"
    return f"{prop.sentence}: true of {verdict.expected:,} of {verdict.expected:,} {prop.items}"


def _broken(prop: Property, verdict: Verdict) -> str:
    wrong = len(verdict.offenders)
    number = (
        f"{wrong:,} of {verdict.expected:,}" if wrong <= verdict.expected else f"{wrong:,} (not {verdict.expected:,})"
    )
    return f"{number} {prop.items} break{'s' if wrong == 1 else ''} this rule: {prop.sentence}; the first: {_place(verdict.offenders)}"


def _place(offenders: pl.DataFrame) -> str:
    """The first offender as `column value, …`, cut where it is long."""
    row = offenders.row(0, named=True)
    text = ", ".join(f"{name} {'none' if value is None else value}" for name, value in row.items())
    text = " ".join(text.split())  # a host may be called anything, and this is one line
    return text if len(text) <= PLACE_WIDTH else f"{text[: PLACE_WIDTH - 2].rstrip(', ')} …"


def days_ago(days: int) -> str:
    """`today`, `1 day ago`, `12 days ago`; a clock elsewhere may be a day ahead."""
    if days < 0:
        return "in the future"
    return "today" if days == 0 else f"{days:,} day{'' if days == 1 else 's'} ago"


def _shown(figure: object) -> str | int | float:
    """A figure as Dagster's metadata can hold it."""
    return figure if isinstance(figure, int | float) else "none" if figure is None else str(figure)


def judge_month(
    context: dg.AssetCheckExecutionContext,
    prop: Property,
    table: Table,
    settings: ForecastSettings,
    warehouse: Warehouse,
    folder: DataFolder,
) -> tuple[JudgedMonth, Verdict]:
    """The verdict on the run's month, judged and recorded in one transaction.

    Raises BaseTableReplacedError or SettingsError, and judges nothing, where the month was forecast from another base
    table or with other settings: what would be found then are differences of those, not faults of the month.
    """
    with plain_errors(), warehouse.get_connection() as con, transaction(con):
        judged = month_to_judge(context, con)
        month = MonthOfRun(cutoff_of(judged.key), settings.config_hash(), context.run.run_id)
        month.require_same(con)
        verdict = judge(con, prop, places(table, judged.key, settings, folder))
        record(con, month, table.name, prop, passed=verdict.holds(prop.tolerated))
    return judged, verdict


def record(con: duckdb.DuckDBPyConnection, month: MonthOfRun, asset: str, prop: Property, *, passed: bool) -> None:
    """Keep a month's verdict beside its state. The caller holds the transaction that judged."""
    blocking = prop.blocking and prop.severity == dg.AssetCheckSeverity.ERROR
    month.record_check(con, asset, prop.name, passed=passed, blocking=blocking)


def month_check(prop: Property, table: Table) -> dg.AssetChecksDefinition:
    """The property as an asset check of a month-partitioned table."""
    if prop.blocking:
        BLOCKING.add((table.name, prop.name))

    @dg.asset_check(
        asset=table.name,
        name=prop.name,
        description=prop.sentence,
        blocking=prop.blocking,
        partitions_def=MONTHS,
        pool=WAREHOUSE_POOL,
    )
    def check(
        context: dg.AssetCheckExecutionContext, forecast: ForecastResource, warehouse: Warehouse, folder: DataFolder
    ) -> dg.AssetCheckResult:
        with plain_errors():
            judged, verdict = judge_month(context, prop, table, forecast.settings(), warehouse, folder)
            return tell(context, prop, table.name, verdict, folder, judged)

    return check
