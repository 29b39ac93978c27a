"""Every option, once: its name, default, meaning and bounds.

Belongs here: what a person may set, in YAML, in Dagster's launchpad or as keywords of `forecast_fleet`. Does not belong
here: what the options do, and anything of Dagster.
"""

from turbo_forecast.settings.deployment import DeploymentSettings
from turbo_forecast.settings.environment import Environment, current_environment, use_environment
from turbo_forecast.settings.executor import ExecutorSettings
from turbo_forecast.settings.forecast import (
    COMBINATIONS,
    DEFAULT_ENTRANTS,
    ENVELOPE,
    INDIFFERENT,
    NEGLIGIBLE_PERCENT,
    ForecastSettings,
)
from turbo_forecast.settings.outlook import DEFAULT_THRESHOLDS, OutlookSettings
from turbo_forecast.settings.reading import (
    SECTIONS,
    Settings,
    forecast_settings,
    load_settings,
    one_sentence,
    outlook_settings,
    stored_forecast_settings,
    telemetry_settings,
)
from turbo_forecast.settings.telemetry import (
    INDIFFERENT_TO_READING,
    SERIES_PLACEHOLDER,
    STATISTICS,
    UNITS,
    TelemetrySettings,
)

__all__ = [
    "COMBINATIONS",
    "DEFAULT_ENTRANTS",
    "DEFAULT_THRESHOLDS",
    "ENVELOPE",
    "INDIFFERENT",
    "INDIFFERENT_TO_READING",
    "NEGLIGIBLE_PERCENT",
    "SECTIONS",
    "SERIES_PLACEHOLDER",
    "STATISTICS",
    "UNITS",
    "DeploymentSettings",
    "Environment",
    "ExecutorSettings",
    "ForecastSettings",
    "OutlookSettings",
    "Settings",
    "TelemetrySettings",
    "current_environment",
    "forecast_settings",
    "load_settings",
    "one_sentence",
    "outlook_settings",
    "stored_forecast_settings",
    "telemetry_settings",
    "use_environment",
]
