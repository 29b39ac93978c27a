"""What is published of a month, and where it lies.

    published/
      months.json                     the state of every month that was ever begun
      2025-12/manifest.json           what is published of the month: renamed into place last
      2025-12/<version>/<table>.parquet
      2025-12/<version>/run/…         what the month's run has learnt, for statements about other plans; group_run/… of groups
      base_table/manifest.json        the history of all series, as it was read last
      base_table/<version>.parquet
      turbo_forecast.duckdb           views over all of it

Belongs here: names. Does not belong here: how they are written or read.
"""

from pathlib import Path

from turbo_forecast.schemas import (
    CALIBRATION,
    CAPACITY_OUTLOOK,
    CHAMPIONS,
    COMBINATION_WEIGHTS,
    FORECAST_ACCURACY,
    FORECAST_INTERVALS,
    FORECAST_PARQUET,
    GROUP_FORECAST,
    GROUP_HISTORY,
    GROUP_MEMBERS,
    MODEL_RUNS,
    MONTH_STEPS,
    MONTHS,
    OUTLOOK_ACCURACY,
    OUTLOOK_BACKTEST,
    OUTLOOK_OVER_TIME,
    OUTLOOK_RELIABILITY,
    PLANNED_CHANGES,
    PLANNED_LOADS,
    RUN_AUDIT,
    SCENARIO_OUTLOOK,
    SERIES_OUTCOMES,
    TOURNAMENT_SCORES,
    TOURNAMENT_STANDINGS,
)

FOLDER = "published"
MANIFEST = "manifest.json"
STATES = "months.json"
HISTORY = "base_table"
SQL = "turbo_forecast.duckdb"
RUN, GROUP_RUN = "run", "group_run"
MONTH_FOLDERS = "[0-9][0-9][0-9][0-9]-[0-9][0-9]"
"""Pattern of the months' folders."""

TABLES = (
    MONTHS,
    MONTH_STEPS,
    RUN_AUDIT,
    SERIES_OUTCOMES,
    MODEL_RUNS,
    CHAMPIONS,
    COMBINATION_WEIGHTS,
    CALIBRATION,
    TOURNAMENT_SCORES,
    TOURNAMENT_STANDINGS,
    FORECAST_ACCURACY,
    CAPACITY_OUTLOOK,
    SCENARIO_OUTLOOK,
    OUTLOOK_BACKTEST,
    OUTLOOK_ACCURACY,
    OUTLOOK_RELIABILITY,
    OUTLOOK_OVER_TIME,
    GROUP_MEMBERS,
    GROUP_HISTORY,
    GROUP_FORECAST,
    PLANNED_CHANGES,
    PLANNED_LOADS,
)
"""Tables of the warehouse of which a month's rows are published, sorted by key."""

FILES = (FORECAST_PARQUET, FORECAST_INTERVALS)
"""Parquet assets whose file is published by a second name for the same bytes."""

PUBLISHED = (*FILES, *TABLES)


def month_folder(data: Path, key: str) -> Path:
    """Where a month (YYYY-MM) is published."""
    return data / FOLDER / key


def history_folder(data: Path) -> Path:
    """Where the history of all series is published."""
    return data / FOLDER / HISTORY
