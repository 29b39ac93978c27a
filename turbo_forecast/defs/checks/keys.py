"""No two rows are about the same thing."""

from turbo_forecast.defs.checks.judging import month_check
from turbo_forecast.defs.checks.properties import Property
from turbo_forecast.schemas import (
    CALIBRATION,
    CHAMPIONS,
    COMBINATION_WEIGHTS,
    FLEET_FORECAST,
    FOLD_FORECAST,
    FORECAST_ACCURACY,
    FORECAST_PARQUET,
    MONTHS,
    SERIES_OUTCOMES,
    TOURNAMENT_RESULTS,
    TOURNAMENT_SCORES,
    TOURNAMENT_STANDINGS,
)
from turbo_forecast.tables import Table


def no_duplicates(table: Table) -> Property:
    """The key of a table is a key."""
    key = ", ".join(table.key)
    return Property(
        name="no_duplicate_keys",
        sentence=f"no two rows share {key}",
        judged="SELECT count(*) FROM {stored}",
        offenders=f"SELECT {key}, count(*) AS n FROM {{stored}} GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL",
        items="rows",
    )


TABLES = (
    *(FLEET_FORECAST, FOLD_FORECAST, COMBINATION_WEIGHTS, SERIES_OUTCOMES, TOURNAMENT_RESULTS, TOURNAMENT_SCORES),
    *(CHAMPIONS, CALIBRATION, FORECAST_PARQUET, TOURNAMENT_STANDINGS, FORECAST_ACCURACY, MONTHS),
)

checks = [month_check(no_duplicates(table), table) for table in TABLES]
