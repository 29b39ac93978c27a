"""Every series of the base table has the one outcome its history asks for, and exactly the rows its outcome promises."""

from turbo_forecast.defs.checks.expectations import Expectation
from turbo_forecast.defs.checks.month_checks import month_check
from turbo_forecast.schemas import FLEET_FORECAST, FORECAST_PARQUET, TOURNAMENT_RESULTS


def served(owed: str) -> Expectation:
    """Whose rows a series is owed is a shared expression, by its name."""
    return Expectation(
        name="every_series_has_an_outcome_and_its_rows",
        description="every series has the one outcome its history asks for, and exactly the rows that outcome promises",
        parameters={"owed": f"{{{owed}}}"},
        items="series",
    )


EVERY_ENTRANT, EVERY_CHAMPION = served("entrants_due"), served("champions_due")

checks = [
    *(month_check(EVERY_ENTRANT, table) for table in (FLEET_FORECAST, TOURNAMENT_RESULTS)),
    month_check(EVERY_CHAMPION, FORECAST_PARQUET),
]
