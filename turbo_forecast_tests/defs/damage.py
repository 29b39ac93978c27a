"""How tests damage a month that is stored, and have a check's statement validate it: the statement alone, without Dagster."""

import pkgutil
from importlib import import_module
from pathlib import Path

from turbo_forecast.defs import checks
from turbo_forecast.defs.checks import base_table
from turbo_forecast.defs.checks.expectations import Validation, validate
from turbo_forecast.defs.checks.month_checks import EXPECTATIONS
from turbo_forecast.defs.checks.sql_context import sql_context
from turbo_forecast.defs.resources import DataFolder
from turbo_forecast.settings import ForecastSettings, OutlookSettings
from turbo_forecast.storage.datasets import duckdb_sql
from turbo_forecast_tests.defs.made_month import EARLIER, FILES, FORECAST, MONTH
from turbo_forecast_tests.defs.violations import VIEW
from turbo_forecast_tests.one_duckdb import empty_database, opened

for _module in pkgutil.iter_modules(checks.__path__):  # as the code location loads them, which fills EXPECTATIONS
    import_module(f"{checks.__name__}.{_module.name}")

OF_BASE_TABLE = {
    expectation.name: expectation for expectation in (base_table.UNIQUE, base_table.IN_RANGE, base_table.FRESH)
}


def validate_stored(
    data: Path, asset: str, check: str, *, outlook: OutlookSettings | None = None, **forecast: object
) -> Validation:
    """What the check's expectation finds in the month that is stored."""
    settings = ForecastSettings.model_validate({**FORECAST, **forecast})
    with opened(data / "warehouse.duckdb") as con:
        if asset == "base_table":
            return validate(con, OF_BASE_TABLE[check], {"stored": asset})
        table, expectation = EXPECTATIONS[asset, check]
        return validate(con, expectation, sql_context(table, MONTH, settings, DataFolder(path=str(data)), outlook))


BEYOND_SQL = {"turbo_agrees_with_stan", "is_what_is_stored", "few_series_rest_on_the_fallback"}
"""Checks of EXPECTATIONS that have a validator of their own, or a tolerance of the run's."""


def is_sql_alone(asset: str, check: str) -> bool:
    """Whether `validate_stored` says of the check what a run of it says."""
    if asset == "base_table":
        return check in OF_BASE_TABLE
    return (asset, check) in EXPECTATIONS and check not in BEYOND_SQL


def parts(data: Path, asset: str, month: str = MONTH) -> list[Path]:
    """The files of the asset's month, in their order."""
    path = data / asset / f"{month}.parquet"
    return sorted(path.iterdir()) if path.is_dir() else [path]


def spoil(data: Path, asset: str, statement: str) -> None:
    """Run a statement on `{stored}`, the asset's rows, wherever they are; or one that defines the view anew."""
    if asset in FILES:
        _spoil_files(parts(data, asset), statement)
        return
    fleet = [part for month in (MONTH, EARLIER) for part in parts(data, "fleet_forecast", month)]
    served = f"SELECT * FROM {duckdb_sql(*fleet)}" if asset == VIEW else ""
    renamed = served.replace("*", "* REPLACE (if(host_id = 'b' AND resource = 'cpu', 'nobody', model) AS model)", 1)
    with opened(data / "warehouse.duckdb") as con:
        con.execute(statement.format(stored=asset, served=served, renamed=renamed, cutoff="2025-12-31"))


def _spoil_files(files: list[Path], statement: str) -> None:
    """Each row is written back to the file it came from, in its place; a new one at the end of its original's."""
    with empty_database() as con:
        con.execute(
            f"CREATE TABLE stored AS SELECT * FROM read_parquet({[str(file) for file in files]!r}, filename = true)"
        )
        con.execute(statement.format(stored="stored"))
        for file in files:
            own = f"SELECT * EXCLUDE filename FROM stored WHERE filename = '{file}' ORDER BY rowid"
            con.sql(own).pl().write_parquet(file)


def state(data: Path) -> str:
    """The month's state."""
    with opened(data / "warehouse.duckdb") as con:
        return str(con.execute("SELECT state FROM months WHERE month = ?", [MONTH]).fetchall()[0][0])


def serve_files(data: Path) -> None:
    """Define the view over both months' files, where they are now."""
    fleet = [part for month in (MONTH, EARLIER) for part in parts(data, "fleet_forecast", month)]
    with opened(data / "warehouse.duckdb") as con:
        con.execute(f"CREATE OR REPLACE VIEW {VIEW} AS SELECT * FROM {duckdb_sql(*fleet)}")
