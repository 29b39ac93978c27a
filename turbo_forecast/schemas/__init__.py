"""Every table's columns, once.

Belongs here: names, types and meanings of what is stored, a room for each part of the work; Polars schemas and DuckDB DDL
are derived. Does not belong here: how a table is filled, and anything of Dagster (`defs/` derives its TableSchema).
"""

from turbo_forecast.schemas.forecast import (
    COMBINATION_WEIGHTS,
    FLEET_FORECAST,
    FOLD_FORECAST,
    MODEL_RUNS,
    RUN_AUDIT,
    SERIES_OUTCOMES,
)
from turbo_forecast.schemas.groups import (
    GROUP_FORECAST,
    GROUP_HISTORY,
)
from turbo_forecast.schemas.members import GROUP_MEMBERS
from turbo_forecast.schemas.months import (
    MONTH_STEPS,
    MONTHS,
)
from turbo_forecast.schemas.outlook import (
    CAPACITY_OUTLOOK,
    OUTLOOK_ACCURACY,
    OUTLOOK_BACKTEST,
    OUTLOOK_CALIBRATION,
    OUTLOOK_OVER_TIME,
    OUTLOOK_RELIABILITY,
    OUTLOOK_SERIES,
    SCENARIO_OUTLOOK,
)
from turbo_forecast.schemas.plans import PLANNED_CHANGES, PLANNED_LOADS
from turbo_forecast.schemas.telemetry import (
    BASE_TABLE,
    BASE_TABLE_DAYS,
    BASE_TABLE_FILE_DAYS,
    BASE_TABLE_PARTS,
    BASE_TABLE_REJECTS,
    BASE_TABLE_RUNS,
)
from turbo_forecast.schemas.tournament import (
    CALIBRATION,
    CHAMPIONS,
    FORECAST_ACCURACY,
    FORECAST_INTERVALS,
    FORECAST_PARQUET,
    TOURNAMENT_RESULTS,
    TOURNAMENT_SCORES,
    TOURNAMENT_STANDINGS,
)

__all__ = [
    "BASE_TABLE",
    "BASE_TABLE_DAYS",
    "BASE_TABLE_FILE_DAYS",
    "BASE_TABLE_PARTS",
    "BASE_TABLE_REJECTS",
    "BASE_TABLE_RUNS",
    "CALIBRATION",
    "CAPACITY_OUTLOOK",
    "CHAMPIONS",
    "COMBINATION_WEIGHTS",
    "FLEET_FORECAST",
    "FOLD_FORECAST",
    "FORECAST_ACCURACY",
    "FORECAST_INTERVALS",
    "FORECAST_PARQUET",
    "GROUP_FORECAST",
    "GROUP_HISTORY",
    "GROUP_MEMBERS",
    "MODEL_RUNS",
    "MONTHS",
    "MONTH_STEPS",
    "OUTLOOK_ACCURACY",
    "OUTLOOK_BACKTEST",
    "OUTLOOK_CALIBRATION",
    "OUTLOOK_OVER_TIME",
    "OUTLOOK_RELIABILITY",
    "OUTLOOK_SERIES",
    "PLANNED_CHANGES",
    "PLANNED_LOADS",
    "RUN_AUDIT",
    "SCENARIO_OUTLOOK",
    "SERIES_OUTCOMES",
    "TOURNAMENT_RESULTS",
    "TOURNAMENT_SCORES",
    "TOURNAMENT_STANDINGS",
]
