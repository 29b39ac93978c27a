"""The names that a property's SQL may use: where a month's stored rows are, and the bounds of its windows.

Does not belong here: what is judged.
"""

from datetime import timedelta

from turbo_forecast.defs.resources import DataFolder
from turbo_forecast.errors import StorageError
from turbo_forecast.fleet.windows import Windows, cutoff_of, run_windows
from turbo_forecast.schemas import FLEET_FORECAST, FOLD_FORECAST, FORECAST_PARQUET
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.storage.files import parquet_sql
from turbo_forecast.storage.months import SETTLED
from turbo_forecast.storage.telemetry.sql import literal
from turbo_forecast.tables import Table

FILES = (FLEET_FORECAST.name, FOLD_FORECAST.name, FORECAST_PARQUET.name)
"""Tables that are stored as Parquet."""


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
