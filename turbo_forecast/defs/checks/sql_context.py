"""SQL by the names that a check's statements may use: a month's stored rows, and the bounds of its windows.

Does not belong here: expectations, and the statements (`sql/`).
"""

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

from turbo_forecast.defs.checks.parts import parts_sql, require_columns, require_first_part, require_parts
from turbo_forecast.defs.checks.statements import shared
from turbo_forecast.defs.checks.thresholds import thresholds_sql
from turbo_forecast.defs.resources import DataFolder
from turbo_forecast.errors import StorageError
from turbo_forecast.outlook.rows import BACKTEST_HORIZONS, available_horizons
from turbo_forecast.schemas import (
    FLEET_FORECAST,
    FOLD_FORECAST,
    FORECAST_INTERVALS,
    FORECAST_PARQUET,
    TOURNAMENT_RESULTS,
)
from turbo_forecast.schemas.outlook import STATED
from turbo_forecast.settings import ForecastSettings, OutlookSettings
from turbo_forecast.storage.datasets import duckdb_sql, require_unaltered, require_whole
from turbo_forecast.storage.months import STEPS, settled
from turbo_forecast.storage.telemetry.sql import listed, literal
from turbo_forecast.tables import Table
from turbo_forecast.windows import BACKTEST, Windows, cutoff_of, run_windows, window_name

ROWS = (FLEET_FORECAST, FOLD_FORECAST)
"""Tables of every entrant's rows, which are kept for `rows_months` months."""
FILES = (*ROWS, FORECAST_PARQUET, FORECAST_INTERVALS)
"""Tables that are stored as Parquet."""


class RowsNotKept(StorageError):
    """A month's rows are not there because newer months have taken their place: nothing is wrong with the month."""


class SqlContext(dict[str, str]):
    """SQL by name. A file is looked at when its name is first used: one that a statement does not read may be missing."""

    def __init__(self, known: Mapping[str, str], asked: Mapping[str, Callable[[], str]]) -> None:
        super().__init__(known)
        self._asked = asked

    def __missing__(self, name: str) -> str:
        """What is made when it is asked for: a file's rows, or a shared expression filled with these same names.

        Raises StorageError, and KeyError for what is no name.
        """
        self[name] = self._asked[name]() if name in self._asked else shared(name).format_map(self)
        return self[name]


def sql_context(
    table: Table, month: str, settings: ForecastSettings, folder: DataFolder, outlook: OutlookSettings | None = None
) -> SqlContext:
    """SQL for a month's stored rows and its windows' bounds. outlook: whose thresholds statements are about.

    Using the name of a file raises StorageError when it is not there, not whole or of another version, and RowsNotKept
    when it was removed as that of an old month.
    """

    def rows(of: Table, options: str = "") -> str:
        path = folder.parquet(of.name, month)
        require_first_part(_stored(of, month, folder), of)
        return duckdb_sql(path, options=options)

    names = _names(month, settings)
    names["settled"] = settled(names["cutoff"], table.name)

    def stored() -> str:
        if table in FILES:
            return rows(table)
        if table == TOURNAMENT_RESULTS:  # which serves that table's rows, or none once they were removed
            _stored(FLEET_FORECAST, month, folder)
        return f"(SELECT * FROM {table.name} WHERE cutoff = {names['cutoff']})"

    return SqlContext(
        names,
        {
            "stored": stored,
            "numbered": lambda: rows(table, "file_row_number = true, filename = true"),
            "parts": lambda: parts_sql(_stored(table, month, folder)),
            "fleet_rows": lambda: rows(FLEET_FORECAST),
            "fold_rows": lambda: rows(FOLD_FORECAST),
            "master_rows": lambda: rows(FORECAST_PARQUET),
            "thresholds": lambda: thresholds_sql(outlook or OutlookSettings()),
            "kept": lambda: _kept(folder),
            "lost": lambda: _lost(folder, month),
        },
    )


def require_readable_files(month: str, folder: DataFolder) -> None:
    """Raises StorageError that names the first of the month's files that is of another version or cannot be read."""
    for table in FILES:
        path = folder.parquet(table.name, month)
        if path.exists():
            require_parts(path, table)


def rows_were_removed(month: str, folder: DataFolder) -> bool:
    """Whether the month's rows of every entrant are gone as an old month's are: both kinds, and a newer month's are there."""
    if any(folder.parquet(table.name, month).exists() for table in ROWS):
        return False
    return max(folder.masters(FLEET_FORECAST.name), default=date.min) > cutoff_of(month)


def _stored(table: Table, month: str, folder: DataFolder) -> Path:
    """Where a table's rows of the month are. Raises StorageError, or RowsNotKept, where they are not."""
    path = folder.parquet(table.name, month)
    if path.is_file() or any(path.glob("[!.]*.parquet")):
        return path
    if table in ROWS and rows_were_removed(month, folder):
        raise RowsNotKept(
            f"{table.name} of {month} is not kept any more (rows_months says for how many months every entrant's rows are), "
            "so this check has nothing to validate: the month stays as it is; to check it, run it again"
        )
    raise StorageError(f"{path} is not there: materialise {table.name} for {month}")


def _kept(folder: DataFolder) -> str:
    """SQL for the cutoffs of the months whose every entrant's rows are there."""
    days = listed(_day(cutoff) for cutoff in folder.masters(FLEET_FORECAST.name))
    return f"(SELECT unnest({days}::DATE[]))"


def _lost(folder: DataFolder, month: str) -> str:
    """SQL for the month's files that are not there, not whole, or not as they were published: asset and fault, none of them null."""
    rows = ["(NULL, NULL)"]
    for table in FILES:
        try:
            path = _stored(table, month, folder)
            require_whole(path)
            require_columns(path, table)
            require_unaltered(path)
        except RowsNotKept:
            continue
        except StorageError as error:
            rows.append(f"({literal(table.name)}, {literal(str(error))})")
    return f"(SELECT * FROM (VALUES {', '.join(rows)}) AS lost(asset, fault) WHERE asset IS NOT NULL)"


def _names(month: str, settings: ForecastSettings) -> dict[str, str]:
    """The month's bounds, and what is the same whatever table is checked."""
    cutoff = cutoff_of(month)
    windows = run_windows(cutoff, settings)
    day = {
        "cutoff": cutoff,
        "history_start": windows.history_start,
        "train_end": windows.train_end,
        "horizon_end": windows.horizon_end,
    }
    number = {
        "backtest_days": windows.backtest_days.size,
        "horizon_days": windows.forecast_days.size,
        "history_days": (cutoff - windows.history_start).days,
        "interval_width": settings.interval_width,
        "months": settings.horizon_months,
        "backtest_months": settings.backtest_months,
        "min_train_days": settings.min_train_days,
        "refit": settings.refit,
    }
    names = {
        "models": settings.order_of_preference,
        "field": settings.field_of_entrants,
        "singles": settings.base_models,
        "steps": STEPS,
    }
    lists = {
        "horizons": available_horizons(windows.backtest_days.size, BACKTEST_HORIZONS),
        "stated": available_horizons(windows.forecast_days.size, STATED),
    }
    return {
        "series": "host_id, resource",
        **{name: _day(value) for name, value in day.items()},
        **{name: str(value) for name, value in number.items()},
        **{name: listed(literal(each) for each in values) for name, values in names.items()},
        **{name: listed(map(str, values)) for name, values in lists.items()},
        "widths": listed(map(str, settings.extra_widths)),
        "fallback": literal(settings.fallback),
        "windows": _windows(windows),
        "earlier_rows": TOURNAMENT_RESULTS.name,
    }


def _day(day: date) -> str:
    return f"DATE '{day}'"


def _windows(windows: Windows) -> str:
    """SQL for the windows that end by the cutoff: name, number, last training day, last day, days."""
    backtest = (BACKTEST, windows.train_end, windows.cutoff, windows.backtest_days.size)
    folds = [(fold.number, fold.train_end, fold.end, fold.days.size) for fold in windows.folds]
    rows = ", ".join(
        f"({literal(window_name(number))}, {number}, {_day(train_end)}, {_day(end)}, {days})"
        for number, train_end, end, days in (backtest, *folds)
    )
    return f'(SELECT * FROM (VALUES {rows}) AS held("window_name", fold, train_end, last_day, days))'
