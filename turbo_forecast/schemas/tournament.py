"""What the entrants' forecasts are compared by, and whose is published: scores, champions, calibration, standings, the master file."""

import polars as pl

from turbo_forecast.schemas.columns import CUTOFF, HOST, MODEL, RESOURCE, WINDOW
from turbo_forecast.schemas.forecast import FLEET_FORECAST, FOLD_FORECAST, ROW, ROW_KEY, SERIES_OUTCOMES
from turbo_forecast.schemas.plans import PLANNED_LOADS
from turbo_forecast.schemas.telemetry import BASE_TABLE
from turbo_forecast.tables import Column, Table

TOURNAMENT_RESULTS = Table(
    "tournament_results",
    "Every entrant's rows, all months.",
    ROW,
    ROW_KEY,
    made_from=(FLEET_FORECAST,),
)

TOURNAMENT_SCORES = Table(
    "tournament_scores",
    "How far each entrant's backtest, and each of its folds, was from what happened, per series.",
    (
        CUTOFF,
        HOST,
        RESOURCE,
        MODEL,
        WINDOW,
        Column("n", pl.Int64, "observed days of the window the scores rest on"),
        Column("mae", pl.Float64, "mean absolute error, percentage points"),
        Column("rmse", pl.Float64, "root mean squared error, percentage points"),
        Column("smape", pl.Float64, "symmetric mean absolute percentage error, in [0, 1]; 0 where both are 0"),
        Column("wape", pl.Float64, "sum of absolute errors over sum of y; null where y is 0 throughout", nullable=True),
        Column("mase", pl.Float64, "MAE over the training window's seasonal-naive (7 days) MAE", nullable=True),
        Column("bias", pl.Float64, "mean over the n days of yhat - y, percentage points"),
        Column("coverage", pl.Float64, "share of the n days inside the entrant's own prediction interval, in [0, 1]"),
        Column("pinball", pl.Float64, "mean pinball loss of the two bounds, percentage points; lower is better"),
        Column("interval_score", pl.Float64, "Winkler interval score, percentage points; lower is better"),
    ),
    key=("cutoff", "host_id", "resource", "model", "window_name"),
    made_from=(FLEET_FORECAST, FOLD_FORECAST, TOURNAMENT_RESULTS),
)

CHAMPIONS = Table(
    "champions",
    "The entrant whose forecast is published: exactly one per series that has a forecast, and what decided for it.",
    (
        CUTOFF,
        HOST,
        RESOURCE,
        MODEL,
        Column("reason", pl.String, "why this entrant; folds are the windows before the backtest"),
        Column("folds", pl.Int32, "folds of the series the choice rests on"),
        Column(
            "fold_mae",
            pl.Float64,
            "mean over the folds of the champion's MAE in each, percentage points",
            nullable=True,
        ),
        Column("fallback_fold_mae", pl.Float64, "the fallback's, on the same folds", nullable=True),
        Column(
            "expected_ratio",
            pl.Float64,
            "the champion's expected error over the incumbent's, shrunk towards resource and fleet; 1 for the incumbent",
            nullable=True,
        ),
        Column(
            "runner_up",
            pl.String,
            "the best expected of the others, allowed by the fallback guard or not",
            nullable=True,
        ),
        Column(
            "margin",
            pl.Float64,
            "the runner-up's expected error over the champion's, minus 1; below 0 where the guard or the one-standard-error "
            "rule decided",
            nullable=True,
        ),
    ),
    key=("cutoff", "host_id", "resource"),
    made_from=(FLEET_FORECAST, TOURNAMENT_RESULTS, TOURNAMENT_SCORES),
)

CALIBRATION = Table(
    "calibration",
    "How far the published interval reaches from yhat, per series and horizon month: conformal, from earlier windows.",
    (
        CUTOFF,
        Column("phase", pl.String, "backtest (calibrated on the folds) or forecast (on the folds and the backtest)"),
        HOST,
        RESOURCE,
        Column("horizon_month", pl.Int32, "calendar month of the phase, from 1"),
        Column("scale", pl.Float64, "the series' expected absolute error, percentage points"),
        Column("lower", pl.Float64, "added to yhat for the lower bound, percentage points; below 0"),
        Column("upper", pl.Float64, "added to yhat for the upper bound, percentage points; above 0"),
        Column("n", pl.Int64, "observed days of earlier windows behind the quantiles (its resource's)"),
    ),
    key=("cutoff", "phase", "host_id", "resource", "horizon_month"),
    made_from=(FLEET_FORECAST, FOLD_FORECAST, CHAMPIONS, TOURNAMENT_RESULTS),
)

FORECAST_PARQUET = Table(
    "forecast_parquet",
    "The master file for dashboards: the champion's rows of every series, with calibrated bounds and the planned changes, "
    "sorted by series.",
    (
        *ROW[:-2],
        Column(
            "yhat_lower", pl.Float32, "lower bound of the calibrated interval, in [0, yhat]; 0 where nothing is known"
        ),
        Column(
            "yhat_upper",
            pl.Float32,
            "upper bound, in [yhat, 100]; 100 where nothing is known of such weekdays or months",
        ),
        Column(
            "outcome",
            pl.String,
            "as in series_outcomes: forecast, fallback or failed; retired series have no rows. fallback and failed are published from "
            "the fallback; a series whose outcome is forecast may have the same model as its champion",
        ),
    ),
    ROW_KEY,
    made_from=(FLEET_FORECAST, CHAMPIONS, CALIBRATION, TOURNAMENT_RESULTS, SERIES_OUTCOMES, PLANNED_LOADS),
)

FORECAST_INTERVALS = Table(
    "forecast_intervals",
    "The published forecast's further calibrated intervals with the planned changes, one row for each day and width; the master "
    "file has the main one.",
    (
        HOST,
        RESOURCE,
        Column("phase", pl.String, "backtest (the last months before the cutoff) or forecast (after it)"),
        CUTOFF,
        Column("ds", pl.Date, "the projected day"),
        Column("interval_width", pl.Float64, "the interval's nominal coverage; a wider one contains a narrower one"),
        Column("lower", pl.Float32, "lower bound of the calibrated interval, in [0, yhat]; 0 where nothing is known"),
        Column("upper", pl.Float32, "upper bound, in [yhat, 100]; 100 where nothing is known of such days"),
    ),
    key=("host_id", "resource", "phase", "cutoff", "ds", "interval_width"),
    made_from=(FLEET_FORECAST, CALIBRATION, PLANNED_LOADS, FORECAST_PARQUET),
)

TOURNAMENT_STANDINGS = Table(
    "tournament_standings",
    "Each entrant's backtest over all series, by resource and horizon month; 'champion' is what was published.",
    (
        CUTOFF,
        Column("resource", pl.String, "the resource, or 'all'"),
        Column("horizon_month", pl.Int32, "calendar month of the backtest, from 1; 0: the whole of it"),
        Column(
            "model", pl.String, "the entrant, or 'champion' for the published forecast with its calibrated interval"
        ),
        Column("series", pl.Int64, "series compared: all that have a backtest"),
        Column("own", pl.Int64, "of these, series it forecast itself; the others count with the fallback's scores"),
        Column("n", pl.Int64, "observed days of the series compared"),
        Column("mae", pl.Float64, "mean over series of their mean absolute error, percentage points"),
        Column("mase", pl.Float64, "mean over the mase_series of their MASE", nullable=True),
        Column("mase_series", pl.Int64, "series where MASE is defined for everyone: those that mase is the mean over"),
        Column("mase_low", pl.Float64, "lower end of its 95 % bootstrap interval over series", nullable=True),
        Column("mase_high", pl.Float64, "upper end", nullable=True),
        Column("bias", pl.Float64, "mean over series of yhat - y, percentage points"),
        Column(
            "coverage",
            pl.Float64,
            "share of the n days, of all series together, that lie inside the interval, in [0, 1]",
        ),
        Column(
            "mean_coverage",
            pl.Float64,
            "mean over series of each series' own share of days inside the interval, in [0, 1]",
        ),
        Column(
            "poorly_covered",
            pl.Float64,
            "share of series whose own share is below three quarters of the interval's width (60 % of an 80 % interval)",
            nullable=True,
        ),
        Column(
            "interval_score", pl.Float64, "mean over series of their mean Winkler interval score, percentage points"
        ),
        Column(
            "mean_rank",
            pl.Float64,
            "mean over series of the rank by MAE among the entrants (1 is best, ties share); the champion's beside them",
        ),
        Column("wins", pl.Int64, "series where no entrant has a lower MAE; a tie counts for each who shares it"),
        Column(
            "beats_seasonal_naive",
            pl.Float64,
            "share of series with a lower MAE than the seasonal naive's",
            nullable=True,
        ),
        Column("beats_low", pl.Float64, "lower end of its 95 % bootstrap interval", nullable=True),
        Column("beats_high", pl.Float64, "upper end", nullable=True),
    ),
    key=("cutoff", "resource", "horizon_month", "model"),
    made_from=(FLEET_FORECAST, TOURNAMENT_SCORES, FORECAST_PARQUET),
)

FORECAST_ACCURACY = Table(
    "forecast_accuracy",
    "Forecasts of earlier months against what has happened since, up to this month's cutoff.",
    (
        CUTOFF,
        Column("forecast_cutoff", pl.Date, "cutoff of the month whose forecast is scored"),
        Column("lead_month", pl.Int32, "calendar months ahead of that cutoff, from 1"),
        Column("resource", pl.String, "the resource, or 'all'"),
        Column("model", pl.String, "the entrant, or 'champion' for what was published then"),
        Column("series", pl.Int64, "series with a forecast and an observed day"),
        Column("own", pl.Int64, "of these, series it forecast itself; the others count with the fallback's forecast"),
        Column("n", pl.Int64, "observed days of these series"),
        Column("mae", pl.Float64, "mean absolute error over the n days, of all series together, percentage points"),
        Column("wape", pl.Float64, "sum of absolute errors over sum of y; null where y is 0 throughout", nullable=True),
        Column("bias", pl.Float64, "mean of yhat - y over the n days, percentage points"),
        Column("coverage", pl.Float64, "share of the n days, of all series together, inside the interval, in [0, 1]"),
        Column(
            "interval_score", pl.Float64, "mean Winkler score over days at the run's interval width, percentage points"
        ),
    ),
    key=("cutoff", "forecast_cutoff", "lead_month", "resource", "model"),
    made_from=(BASE_TABLE, FORECAST_PARQUET, TOURNAMENT_RESULTS),
)
