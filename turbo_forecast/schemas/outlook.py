"""When thresholds are reached, how often such statements were true, and what planned changes would alter."""

import polars as pl

from turbo_forecast.schemas.columns import CUTOFF, HOST, RESOURCE
from turbo_forecast.schemas.forecast import FLEET_FORECAST
from turbo_forecast.schemas.groups import GROUP_FORECAST
from turbo_forecast.schemas.telemetry import BASE_TABLE
from turbo_forecast.schemas.tournament import FORECAST_PARQUET
from turbo_forecast.tables import Column, Table

GRID_DAYS = (1, 7, 14, 30, 61, 91, 122, 152, 182, 274, 365)
"""Days after the cutoff of which the predictors of a series are kept; in between, they are interpolated."""
PREDICTORS = ("forecast", "entrants", "history")
"""Signals of how high a series will climb: the published forecast, the highest of anybody's, earlier stretches of as many days."""
LEVEL_DAYS, LEVEL_OBSERVED = 7, 4
"""A level is the mean of so many days, of which so many at least are observed."""
DAYS_BEFORE = LEVEL_DAYS - 1
"""Days up to the cutoff that count in the first 7-day means after it."""
STATED = (30, 91, 182)
"""Days after the cutoff whose probabilities are columns; the last one ends with the forecast where that is shorter."""

KIND = Column("kind", pl.String, "series, or group: then host_id is the group's name")
SCENARIO = Column("scenario", pl.String, "baseline, or the name of a scenario of the planned changes")
THRESHOLD = Column("threshold", pl.Float64, "percent; of a group, percent of its usable capacity")
HORIZON = Column("horizon_days", pl.Int32, "days after the cutoff within which the threshold is reached")
OF_RESOURCE = Column("resource", pl.String, "the resource, or 'all'")
POPULATION = Column("population", pl.String, "all: every statement; below: of those below the threshold at the cutoff")

PHASE = Column("phase", pl.String, "backtest: what was known before it; forecast: what is known at the cutoff")

OUTLOOK_CALIBRATION = Table(
    "outlook_calibration",
    "What a month's run has learnt of earlier windows, by resource: what probabilities are made of. It lies beside the run's "
    "other results, so that the outlook can be made again without a forecast.",
    (
        CUTOFF,
        PHASE,
        OF_RESOURCE,
        Column("days", pl.Int64, "days after the cutoff; 0 for what is the same for all"),
        Column("term", pl.String, "what the value is"),
        Column("value", pl.Float64, "a coefficient, a knot's probability, or how many windows it rests on"),
    ),
    key=("cutoff", "phase", "resource", "days", "term"),
)

OUTLOOK_SERIES = Table(
    "outlook_series",
    "Signals of how high each series will climb, as the run has left it beside its other results.",
    (
        *(CUTOFF, PHASE, HOST, RESOURCE),
        Column("level", pl.Float64, "mean of the last seven days, percent; null where fewer than four", nullable=True),
        Column("start", pl.Float64, "mean of the forecast's first seven days, percent"),
        Column("swing", pl.Float64, "how far the level ordinarily strays from its season, percentage points"),
        Column(
            "error",
            pl.Float64,
            "how far off the forecast's highest level is expected to be, from earlier windows, percentage points",
            nullable=True,
        ),
        *(
            Column(
                f"{predictor}_{days}",
                pl.Float64,
                f"how high the level will be at most within {days} days, by the predictor {predictor}, percent",
                nullable=True,
            )
            for predictor in PREDICTORS
            for days in GRID_DAYS
        ),
        *(
            Column(
                f"before_{days}", pl.Float64, f"observed {days} days before the last known day, percent", nullable=True
            )
            for days in reversed(range(DAYS_BEFORE))
        ),
    ),
    key=("cutoff", "phase", "host_id", "resource"),
)

CAPACITY_OUTLOOK = Table(
    "capacity_outlook",
    "When each series and group reaches each threshold, and with what probability: the mean of seven days, at least four "
    "of them observed, on some day after the cutoff.",
    (
        CUTOFF,
        SCENARIO,
        KIND,
        HOST,
        RESOURCE,
        THRESHOLD,
        Column(
            "level",
            pl.Float64,
            "mean of the last seven days up to the cutoff, percent; of a group, percent of its usable capacity",
            nullable=True,
        ),
        Column("growth", pl.Float64, "slope of the forecast's 7-day mean, percentage points per 30 days"),
        Column("headroom", pl.Float64, "threshold minus level, percentage points; below 0 above it", nullable=True),
        Column(
            "probability_30", pl.Float64, "that the threshold is reached within 30 days after the cutoff, in [0, 1]"
        ),
        Column(
            "probability_91",
            pl.Float64,
            "within 91 days; null where the forecast is shorter",
            nullable=True,
        ),
        Column("probability_182", pl.Float64, "within 182 days, or the forecast's last day where that is before"),
        Column("early", pl.Date, "first day by which the probability is 10 %; null where it never is", nullable=True),
        Column("likely", pl.Date, "first day by which it is 50 %", nullable=True),
        Column("late", pl.Date, "first day by which it is 90 %", nullable=True),
        Column(
            "forecast_date",
            pl.Date,
            "first day on which the forecast's own 7-day mean reaches the threshold; null where it never does: what a line "
            "drawn to the threshold would say",
            nullable=True,
        ),
        Column(
            "state",
            pl.String,
            "over (at the cutoff already), expected (50 % within the forecast), possible (10 %), unlikely; unusable: a group "
            "whose reserve takes all of its capacity",
        ),
        Column("urgency", pl.Int64, "rank within the month and scenario, 1 is the most urgent"),
        Column(
            "recent_shift",
            pl.Float64,
            "how far the level lies from the forecast's first week, percentage points, where that is more than the series' "
            "errors explain: the level moved shortly before the cutoff; else null",
            nullable=True,
        ),
    ),
    key=("cutoff", "scenario", "kind", "host_id", "resource", "threshold"),
    made_from=(BASE_TABLE, FLEET_FORECAST, FORECAST_PARQUET, GROUP_FORECAST),
)

OUTLOOK_BACKTEST = Table(
    "outlook_backtest",
    "What would have been said before the backtest of each threshold, and what happened: nothing of the backtest was known.",
    (
        CUTOFF,
        KIND,
        HOST,
        RESOURCE,
        THRESHOLD,
        HORIZON,
        Column("probability", pl.Float64, "that the threshold is reached within so many days, in [0, 1]"),
        Column("happened", pl.Int32, "1 where it was reached within so many days, else 0"),
        Column("point", pl.Int32, "1 where the point forecast alone said that it would be, else 0"),
        Column("level", pl.Float64, "mean of the last seven days before the backtest, percent", nullable=True),
        Column(
            "likely", pl.Date, "first day by which the probability was 50 %; null where it never was", nullable=True
        ),
        Column(
            "actual", pl.Date, "first day of the backtest on which it was reached; null where it was not", nullable=True
        ),
    ),
    key=("cutoff", "kind", "host_id", "resource", "threshold", "horizon_days"),
    made_from=(BASE_TABLE, FLEET_FORECAST, FORECAST_PARQUET, GROUP_FORECAST),
)

_RECORD = (
    Column("n", pl.Int64, "statements scored"),
    Column("events", pl.Int64, "of these, thresholds that were reached"),
    Column("brier", pl.Float64, "mean squared difference of probability and what happened (0 or 1); lower is better"),
    Column("base_rate_brier", pl.Float64, "the same, had every statement been the share of events"),
    Column("point_brier", pl.Float64, "the same, had the point forecast been taken at its word"),
    Column("skill", pl.Float64, "1 - brier / base_rate_brier; null where all or none happened", nullable=True),
    Column("recall", pl.Float64, "share of the events that had a probability of a half or more", nullable=True),
    Column("precision", pl.Float64, "share of statements of a half or more that came true", nullable=True),
    Column(
        "date_error_days",
        pl.Float64,
        "median absolute days between likely and actual, where there are both",
        nullable=True,
    ),
)

OUTLOOK_ACCURACY = Table(
    "outlook_accuracy",
    "How good the outlook's statements were on the backtest, beside the base rate's and the point forecast's.",
    (CUTOFF, KIND, POPULATION, OF_RESOURCE, THRESHOLD, HORIZON, *_RECORD),
    key=("cutoff", "kind", "population", "resource", "threshold", "horizon_days"),
    made_from=(OUTLOOK_BACKTEST,),
)

OUTLOOK_RELIABILITY = Table(
    "outlook_reliability",
    "How often statements of about the same probability came true on the backtest, in ten bins.",
    (
        *(CUTOFF, KIND, POPULATION),
        Column("bin", pl.Int32, "1: below 10 %, …, 10: 90 % and more"),
        Column("predicted", pl.Float64, "mean probability of the bin's statements"),
        Column("observed", pl.Float64, "share of them that came true"),
        Column("n", pl.Int64, "statements in the bin, of all series, thresholds and horizons"),
        Column("series", pl.Int64, "series they are of: statements of one series are not independent"),
    ),
    key=("cutoff", "kind", "population", "bin"),
    made_from=(OUTLOOK_BACKTEST,),
)

OUTLOOK_OVER_TIME = Table(
    "outlook_over_time",
    "Earlier months' statements against what has happened since, up to this month's cutoff.",
    (
        CUTOFF,
        Column("forecast_cutoff", pl.Date, "cutoff of the month whose statements are scored"),
        *(KIND, POPULATION, OF_RESOURCE, THRESHOLD, HORIZON),
        *_RECORD,
    ),
    key=("cutoff", "forecast_cutoff", "kind", "population", "resource", "threshold", "horizon_days"),
    made_from=(BASE_TABLE, CAPACITY_OUTLOOK),
)

SCENARIO_OUTLOOK = Table(
    "scenario_outlook",
    "Each scenario of the planned changes beside the baseline, for the series and groups that it changes: which dates are gained "
    "and lost. It is no part of a month, and may be made again whenever the file of plans has changed, without a fit.",
    (
        CUTOFF,
        SCENARIO,
        KIND,
        HOST,
        RESOURCE,
        THRESHOLD,
        Column("probability_182", pl.Float64, "as in capacity_outlook, with the scenario's changes"),
        Column("baseline_probability_182", pl.Float64, "without them"),
        Column("likely", pl.Date, "first day by which the scenario's probability is 50 %", nullable=True),
        Column("baseline_likely", pl.Date, "without them", nullable=True),
        Column(
            "days_gained",
            pl.Int64,
            "days by which likely is later than the baseline's, below 0 where earlier; null unless both reach 50 %",
            nullable=True,
        ),
        Column("state", pl.String, "as in capacity_outlook, with the scenario's changes"),
        Column("baseline_state", pl.String, "without them"),
    ),
    key=("cutoff", "scenario", "kind", "host_id", "resource", "threshold"),
)
