"""Turbo Forecast: monthly forecasts of a server fleet's utilisation, with proof.

Only the names of the library live here, imported when first used: a worker process imports this module, and must not pay for
what it does not need.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from turbo_forecast.errors import TurboForecastError
    from turbo_forecast.library.forecast import forecast_fleet
    from turbo_forecast.library.result import FleetResult
    from turbo_forecast.turbo_prophet.drop_in import TurboProphet

__all__ = ["FleetResult", "TurboForecastError", "TurboProphet", "forecast_fleet"]

_HOMES = {
    "FleetResult": "turbo_forecast.library.result",
    "TurboForecastError": "turbo_forecast.errors",
    "TurboProphet": "turbo_forecast.turbo_prophet.drop_in",
    "forecast_fleet": "turbo_forecast.library.forecast",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
