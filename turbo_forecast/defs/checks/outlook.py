"""The outlook's statements: one for every threshold, monotone, and of one mind with themselves."""

from turbo_forecast.defs.checks.judging import month_check
from turbo_forecast.defs.checks.properties import Property
from turbo_forecast.schemas import CAPACITY_OUTLOOK, OUTLOOK_BACKTEST

MONOTONE = Property(
    name="statements_are_monotone",
    sentence=(
        "probabilities do not fall with the days nor rise with the threshold, and early, likely and late follow each "
        "other within the forecast"
    ),
    items="statements",
)
AGREE = Property(
    name="statements_agree_with_themselves",
    sentence=(
        "dates, probabilities and state say the same, headroom is the threshold minus the level, and urgency numbers the "
        "statements of a scenario without a gap"
    ),
    items="statements",
)
COMPLETE = Property(
    name="every_threshold_has_a_statement",
    sentence="in every scenario, each series with a published forecast has one statement for each of its thresholds",
    items="thresholds of series",
)
BACKTEST_AGREES = Property(
    name="backtest_statements_agree_with_themselves",
    sentence="more days or a lower threshold make no statement less probable, and dates tell the same as what happened",
    items="statements",
)
BACKTEST_COMPLETE = Property(
    name="every_backtest_has_its_statements",
    sentence="each series with a published backtest has one statement for each of its thresholds and each horizon",
    items="thresholds and horizons of series",
)
OBSERVED = Property(
    name="what_happened_is_what_was_observed",
    sentence="actual is the first day of the backtest on which the base table's 7-day mean reaches the threshold",
    items="statements",
)

checks = [
    *(month_check(prop, CAPACITY_OUTLOOK) for prop in (MONOTONE, AGREE, COMPLETE)),
    *(month_check(prop, OUTLOOK_BACKTEST) for prop in (BACKTEST_AGREES, BACKTEST_COMPLETE, OBSERVED)),
]
