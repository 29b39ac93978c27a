"""What happened to each fit is known: whose rows are due, and which solver was at work, follows from it."""

from turbo_forecast.defs.checks.expectations import Expectation
from turbo_forecast.defs.checks.month_checks import month_check
from turbo_forecast.schemas import MODEL_RUNS

RECORDED = Expectation(
    name="every_fit_is_recorded",
    description=(
        "of every entrant of a series that was asked, each window up to the one that failed is recorded once, and no other"
    ),
    items="entrants of series",
)

checks = [month_check(RECORDED, MODEL_RUNS)]
