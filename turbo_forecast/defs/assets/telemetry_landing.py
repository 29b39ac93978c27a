"""`telemetry_landing`: the months that sources of telemetry have, fetched once, each a file that stays."""

import dagster as dg

from turbo_forecast.defs.catalog import LANDING, long_text, presented
from turbo_forecast.defs.landed import LANDED_FILES, landing_metadata, options_of, other_months
from turbo_forecast.defs.partitions import MONTHS as PARTITIONS
from turbo_forecast.defs.partitions import month_of
from turbo_forecast.defs.reporting import log_to, plain_errors
from turbo_forecast.defs.resources import DataFolder, ForecastResource, TelemetryResource
from turbo_forecast.landing.configured import configured
from turbo_forecast.landing.due import LandingRequest, history_months
from turbo_forecast.landing.landing import land, require_landed
from turbo_forecast.settings import current_environment


@dg.asset(
    description=f"{LANDED_FILES}\n\n{long_text(LANDING)}",
    partitions_def=PARTITIONS,
    **presented("telemetry", ["parquet"]),
)
def telemetry_landing(
    context: dg.AssetExecutionContext, telemetry: TelemetryResource, forecast: ForecastResource, folder: DataFolder
) -> dg.MaterializeResult[None]:
    """Land the months of the run's history that are not there yet; it opens no warehouse, so it waits for no step."""
    log = log_to(context)
    with plain_errors():
        sources = configured(current_environment()).sources
        request = LandingRequest(history_months(month_of(context), forecast.settings()))
        landings = land(folder.root, sources, request, options_of(telemetry.settings(), log))
        for landing in landings:
            log(landing.error or landing.describe())
        require_landed(landings)
    for month in other_months(context, folder):
        context.log_event(month)
    return dg.MaterializeResult(metadata=landing_metadata(landings, folder))
