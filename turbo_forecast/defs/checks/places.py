"""The names that a property's SQL may use: where a month's stored rows are, and the bounds of its windows.

Does not belong here: what is judged.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from turbo_forecast.defs.resources import DataFolder
from turbo_forecast.errors import StorageError
from turbo_forecast.schemas import FLEET_FORECAST, FOLD_FORECAST, FORECAST_PARQUET
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.storage.datasets import duckdb_sql, require_readable, require_whole
from turbo_forecast.storage.months import SETTLED
from turbo_forecast.storage.telemetry.sql import literal
from turbo_forecast.tables import Table
from turbo_forecast.windows import Windows, cutoff_of, run_windows

FILES = (FLEET_FORECAST, FOLD_FORECAST, FORECAST_PARQUET)
"""Tables that are stored as Parquet."""


class Places(dict[str, str]):
    """SQL by name. A file is looked at when its name is first used: one that a property does not read may be missing."""

    def __init__(self, known: Mapping[str, str], asked: Mapping[str, Callable[[], str]]) -> None:
        super().__init__(known)
        self._asked = asked

    def __missing__(self, name: str) -> str:
        """What is made when it is asked for. Raises StorageError, and KeyError for what is no name."""
        self[name] = self._asked[name]()
        return self[name]


def places(table: Table, month: str, settings: ForecastSettings, folder: DataFolder) -> Places:
    """SQL for a month's stored rows and its windows' bounds.

    Using the name of a file raises StorageError when it is not there, not whole or of another version.
    """

    def file(of: Table, options: str = "") -> str:
        path = folder.parquet(of.name, month)
        _require_file(path, of)
        return duckdb_sql(path, options=options)

    names = _names(month, settings)
    if table not in FILES:
        names["stored"] = f"(SELECT * FROM {table.name} WHERE cutoff = {names['cutoff']})"
    return Places(
        names,
        {
            "stored": lambda: file(table),
            "numbered": lambda: file(table, "file_row_number = true"),
            "fold_rows": lambda: file(FOLD_FORECAST),
            "lost": lambda: _lost(folder, month),
        },
    )


def require_readable_files(month: str, folder: DataFolder) -> None:
    """Raises StorageError that names the first of the month's files in which something cannot be read."""
    for table in FILES:
        path = folder.parquet(table.name, month)
        if path.exists():
            require_readable(path)


def _require_file(path: Path, table: Table) -> None:
    if not path.exists():
        raise StorageError(f"{path} is not there: materialise {table.name} for {path.stem}")
    require_whole(path, table.names)


def _lost(folder: DataFolder, month: str) -> str:
    """SQL for the month's files that are not there or not whole: asset and fault, none of them null."""
    rows = ["(NULL, NULL)"]
    for table in FILES:
        try:
            _require_file(folder.parquet(table.name, month), table)
        except StorageError as error:
            rows.append(f"({literal(table.name)}, {literal(str(error))})")
    return f"(SELECT * FROM (VALUES {', '.join(rows)}) AS lost(asset, fault) WHERE asset IS NOT NULL)"


def _names(month: str, settings: ForecastSettings) -> dict[str, str]:
    """The month's bounds, and what is the same whatever table is judged."""
    cutoff = cutoff_of(month)
    window = run_windows(cutoff, settings)
    return {
        "cutoff": f"DATE '{cutoff}'",
        "history_start": f"DATE '{window.history_start}'",
        "train_end": f"DATE '{window.train_end}'",
        "folds": _folds(window),
        "backtest_start": f"DATE '{window.train_end + timedelta(days=1)}'",
        "backtest_days": str(window.backtest_days.size),
        "horizon_end": f"DATE '{window.horizon_end}'",
        "horizon_days": str(window.forecast_days.size),
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
