"""Turbo Forecast: monthly forecasts of a server fleet's utilisation, with proof.

Only the two names of the library live here, imported when first used: a worker process imports this
module, and must not pay for what it does not need.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from turbo_forecast.library.forecast import forecast_fleet
    from turbo_forecast.turbo_prophet.drop_in import TurboProphet

__all__ = ["TurboProphet", "forecast_fleet"]


def __getattr__(name: str) -> Any:
    if name == "forecast_fleet":
        from turbo_forecast.library.forecast import forecast_fleet

        return forecast_fleet
    if name == "TurboProphet":
        from turbo_forecast.turbo_prophet.drop_in import TurboProphet

        return TurboProphet
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
