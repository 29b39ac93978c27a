"""The outlook's statements: one for every threshold, monotone, and of one mind with themselves."""

from turbo_forecast.defs.checks.expectations import Expectation
from turbo_forecast.defs.checks.month_checks import month_check
from turbo_forecast.schemas import CAPACITY_OUTLOOK, OUTLOOK_BACKTEST

MONOTONE = Expectation(
    name="statements_are_monotone",
    description=(
        "probabilities do not fall with the days nor rise with the threshold, and early, likely and late follow each "
        "other within the forecast"
    ),
    items="statements",
)
AGREE = Expectation(
    name="statements_agree_with_themselves",
    description=(
        "dates, probabilities and state say the same, headroom is the threshold minus the level, and urgency numbers the "
        "statements of a scenario without a gap"
    ),
    items="statements",
)
COMPLETE = Expectation(
    name="every_threshold_has_a_statement",
    description="in every scenario, each series with a published forecast has one statement for each of its thresholds",
    items="thresholds of series",
)
BACKTEST_AGREES = Expectation(
    name="backtest_statements_agree_with_themselves",
    description="more days or a lower threshold make no statement less probable, and dates tell the same as what happened",
    items="statements",
)
BACKTEST_COMPLETE = Expectation(
    name="every_backtest_has_its_statements",
    description="each series with a published backtest has one statement for each of its thresholds and each horizon",
    items="thresholds and horizons of series",
)
OBSERVED = Expectation(
    name="what_happened_is_what_was_observed",
    description="actual is the first day of the backtest on which the base table's 7-day mean reaches the threshold",
    items="statements",
)

checks = [
    *(month_check(expectation, CAPACITY_OUTLOOK) for expectation in (MONOTONE, AGREE, COMPLETE)),
    *(month_check(expectation, OUTLOOK_BACKTEST) for expectation in (BACKTEST_AGREES, BACKTEST_COMPLETE, OBSERVED)),
]
