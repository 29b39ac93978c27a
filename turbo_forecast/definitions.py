"""What Dagster loads: assets, checks, jobs, schedule, sensors, resources.

`build_definitions` is the one seam where tests (and deployments) override resources. Every asset of a module in
`defs/assets/` is loaded, and every check in a list of a module in `defs/checks/`: no list here says so again. Only the landing of
telemetry is left out where no source is named and nothing has landed.
"""

from collections.abc import Mapping

import dagster as dg

from turbo_forecast.defs import assets, checks
from turbo_forecast.defs.alerts import alerts
from turbo_forecast.defs.catalog import LANDING, long_text, presented
from turbo_forecast.defs.freshness import latest_month_sensor
from turbo_forecast.defs.io_manager import AtomicParquetIOManager
from turbo_forecast.defs.jobs import (
    latest_month_check,
    monthly_checks,
    monthly_forecast,
    monthly_outlook,
    monthly_schedule,
)
from turbo_forecast.defs.landed import NO_SOURCES
from turbo_forecast.defs.old_runs import remove_old_runs, remove_old_runs_daily
from turbo_forecast.defs.resources import (
    DataFolder,
    ForecastResource,
    OutlookResource,
    TelemetryResource,
    Warehouse,
)
from turbo_forecast.errors import SettingsError
from turbo_forecast.landing.configured import configured
from turbo_forecast.settings import Environment, current_environment
from turbo_forecast.storage.landed import landed_files

NOTHING_LANDS = dg.AssetSpec(
    LANDING,
    description=f"{NO_SOURCES[0].upper()}{NO_SOURCES[1:]}. {long_text(LANDING)}",
    **presented("telemetry", ["parquet"]),
)
"""What stands for the landing of telemetry where no source is named and nothing has landed."""
EXECUTORS = {"in_process": dg.in_process_executor, "multiprocess": dg.multiprocess_executor}


def build_resources(environment: Environment | None = None) -> dict[str, object]:
    """Resources as the settings file states them, which the environment names; `current_environment()` without one. Raises SettingsError."""
    environment = environment or current_environment()
    settings, data = environment.settings(), environment.data.resolve()
    try:
        forecast = ForecastResource(**settings.forecast.model_dump())
    except SettingsError as error:  # entrants that are nobody's, which reading the file alone does not find
        raise SettingsError(f"{environment.config}: {error}" if environment.config else str(error)) from None
    return {
        "telemetry": TelemetryResource.of_environment(environment),
        "forecast": forecast,
        "outlook": OutlookResource(**settings.outlook.model_dump()),
        "folder": DataFolder(path=str(data), store=environment.store),
        "warehouse": Warehouse(database=str(data / "warehouse.duckdb"), store=environment.store),
        "io_manager": AtomicParquetIOManager(base_dir=str(data)),
    }


def build_definitions(
    resource_overrides: Mapping[str, object] | None = None, *, environment: Environment | None = None
) -> dg.Definitions:
    """All definitions, with some resources replaced. environment: as for `build_resources`."""
    environment = environment or current_environment()
    lands = bool(configured(environment).sources or landed_files(environment.data))
    every = dg.load_assets_from_package_module(assets, include_specs=True)
    return dg.Definitions(
        assets=[*every] if lands else [*(each for each in every if not _is_landing(each)), NOTHING_LANDS],
        asset_checks=[
            check for check in dg.load_asset_checks_from_package_module(checks) if lands or not _is_landing(check)
        ],
        jobs=[monthly_forecast, monthly_outlook, monthly_checks, latest_month_check, remove_old_runs],
        schedules=[monthly_schedule, remove_old_runs_daily],
        sensors=[alerts, latest_month_sensor],
        resources={**build_resources(environment), **(resource_overrides or {})},
        # asset pages, Lineage and jobs alike: a process per step costs seconds each, and only one step is heavy
        executor=EXECUTORS[environment.settings().deployment.executor],
    )


def _is_landing(definition: object) -> bool:
    """Whether it is the asset that lands telemetry, or checks of it: where no source is named and nothing has landed, it is left out.

    They would cost every run three steps, and every range that is chosen in the UI one more run a month.
    """
    keys = {each.asset_key for each in getattr(definition, "check_keys", ())} | set(getattr(definition, "keys", ()))
    return keys == {dg.AssetKey(LANDING)}


@dg.definitions
def defs() -> dg.Definitions:
    """Built when Dagster asks, not at import."""
    return build_definitions()
