"""A month that is called complete is: its parts are stored, its files are there, and none of its blocking checks has failed.

It asks whether a check of a part has failed, and not whether the state is failed, which is the same said again.
"""

from turbo_forecast.defs.checks.expectations import Expectation
from turbo_forecast.defs.checks.month_checks import month_check
from turbo_forecast.schemas import MONTHS
from turbo_forecast.storage.months import FAILED, INCOMPLETE
from turbo_forecast.storage.telemetry.sql import literal

WHOLE = Expectation(
    name="a_complete_month_is_whole",
    description="the month is complete: every table and file is stored, and no blocking check of them has failed",
    parameters={"incomplete": literal(INCOMPLETE), "failed": literal(FAILED)},
    items="tables and files",
    remedy="Mend what is named and run the job monthly_checks, or run the month again",
)

checks = [month_check(WHOLE, MONTHS)]
