"""Every table's columns, once.

Belongs here: names, types and meanings of what is stored; Polars schemas and DuckDB DDL are derived.
Does not belong here: how a table is filled, and anything of Dagster (`defs/` derives its TableSchema).
"""

import polars as pl

from turbo_forecast.tables import DATETIME, Column, Table

HOST = Column("host_id", pl.String, "the host, as telemetry names it")
RESOURCE = Column("resource", pl.String, "what is utilised: cpu, memory, disk, network, …")
CUTOFF = Column("cutoff", pl.Date, "last day of the partition's month; nothing after it was read")
MODEL = Column("model", pl.String, "the entrant that made the forecast")

BASE_TABLE = Table(
    "base_table",
    "One row per series and day of utilisation, sorted by series.",
    (
        HOST,
        RESOURCE,
        Column("ds", pl.Date, "the day"),
        Column("y", pl.Float64, "the day's utilisation in percent of capacity, in [0, 100]"),
    ),
    key=("host_id", "resource", "ds"),
)

BASE_TABLE_REJECTS = Table(
    "base_table_rejects",
    "Telemetry that could not be used, one row per value, with the reason.",
    (
        Column("source", pl.String, "the file (or database table) the value came from"),
        Column("host_id", pl.String, "the host as found, if any", nullable=True),
        Column("resource", pl.String, "the resource as found, if any", nullable=True),
        Column("time", pl.String, "the time as found, if any", nullable=True),
        Column("value", pl.String, "the value as found, if any, before any conversion", nullable=True),
        Column("reason", pl.String, "why it could not be used"),
    ),
    key=(),
)

BASE_TABLE_RUNS = Table(
    "base_table_runs",
    "Every run that read the base table's telemetry or found it unchanged, one row each; the highest number is the one "
    "whose base table is stored.",
    (
        Column("number", pl.Int64, "1, 2, 3, …: the order in which the base tables were stored"),
        Column("run_id", pl.String, "the Dagster run"),
        Column(
            "digest", pl.String, "hash of the rows; the same rows give the same digest, in whatever order they stand"
        ),
        *(Column("rows", pl.Int64, "its rows"), Column("series", pl.Int64, "its series")),
        Column("first_day", pl.Date, "its first day", nullable=True),
        Column("last_day", pl.Date, "its last day", nullable=True),
        Column("written_at", DATETIME, "when it was stored, UTC"),
        Column(
            "telemetry",
            pl.String,
            "hash of what the telemetry is known by (files, settings, program); null where it must be read each time",
            nullable=True,
        ),
        Column("read_in", pl.Int64, "number of the run that read it; another's where it was unchanged", nullable=True),
        Column(
            "read_on", pl.Date, "the day that the reading took for today; null where nothing was read", nullable=True
        ),
        Column("report", pl.String, "what the reading found, as JSON; null where nothing was read", nullable=True),
        Column("failed", pl.String, "the blocking checks it failed, parted by commas; null where none", nullable=True),
    ),
    key=("number",),
)

BASE_TABLE_DAYS = Table(
    "base_table_days",
    "One row per day of the base table: what its digest up to a cutoff is made of.",
    (
        Column("ds", pl.Date, "the day"),
        Column("rows", pl.Int64, "series observed that day"),
        Column("digest", pl.String, "hash of the day's rows"),
    ),
    key=("ds",),
)

_ROW = (
    HOST,
    RESOURCE,
    MODEL,
    Column("phase", pl.String, "backtest (the last months before the cutoff) or forecast (after it)"),
    CUTOFF,
    Column("ds", pl.Date, "the projected day"),
    Column("y", pl.Float64, "what was observed that day; null where nothing was, and after the cutoff", nullable=True),
    Column("yhat", pl.Float32, "projected utilisation in percent, in [0, 100]"),
    Column("yhat_lower", pl.Float32, "lower bound of the entrant's own prediction interval, in [0, yhat]"),
    Column("yhat_upper", pl.Float32, "upper bound of the entrant's own prediction interval, in [yhat, 100]"),
)
_ROW_KEY = ("host_id", "resource", "model", "phase", "cutoff", "ds")

FLEET_FORECAST = Table(
    "fleet_forecast", "Every entrant's rows for every series of one month, sorted by series.", _ROW, _ROW_KEY
)
TOURNAMENT_RESULTS = Table("tournament_results", "Every entrant's rows, all months.", _ROW, _ROW_KEY)
FORECAST_PARQUET = Table(
    "forecast_parquet",
    "The master file for dashboards: the champion's rows of every series, with calibrated bounds, sorted by series.",
    (
        *_ROW[:-2],
        Column(
            "yhat_lower", pl.Float32, "lower bound of the calibrated interval, in [0, yhat]; 0 where nothing is known"
        ),
        Column(
            "yhat_upper",
            pl.Float32,
            "upper bound, in [yhat, 100]; 100 where nothing is known of such weekdays or months",
        ),
        Column("outcome", pl.String, "the series' outcome: forecast, fallback or failed"),
    ),
    _ROW_KEY,
)

SERIES_OUTCOMES = Table(
    "series_outcomes",
    "What happened to each series of a month: exactly one row per series.",
    (
        CUTOFF,
        HOST,
        RESOURCE,
        Column("outcome", pl.String, "forecast, fallback, retired or failed"),
        Column("reason", pl.String, "why the outcome is not a plain forecast, or what limits it", nullable=True),
        Column("error_class", pl.String, "class of the error that was caught", nullable=True),
        Column("error_message", pl.String, "message of the error that was caught", nullable=True),
        Column("solver", pl.String, "what solved the model, and how it ended", nullable=True),
        Column("observations", pl.Int64, "days with a value in the history window"),
        Column("first_ds", pl.Date, "first day with a value in the history window", nullable=True),
        Column("last_ds", pl.Date, "last day with a value in the history window", nullable=True),
        Column(
            "unobserved_weekdays",
            pl.String,
            "weekdays never or hardly ever observed, by name, parted by ', ': the published interval there is [0, 100]",
            nullable=True,
        ),
        Column("unobserved_months", pl.String, "the same of months, of a history of two years or more", nullable=True),
        Column(
            "unobserved_stretches",
            pl.String,
            "the same of other stretches of the year of four weeks or more, each as its first and last day: 07-10 to 08-20",
            nullable=True,
        ),
        Column("fits", pl.Int64, "model fits made for the series"),
        Column("milliseconds", pl.Float64, "time spent on the series by its worker"),
    ),
    key=("cutoff", "host_id", "resource"),
)

MODEL_RUNS = Table(
    "model_runs",
    "What happened to each fit: one row per series, entrant and window that was asked for.",
    (
        CUTOFF,
        HOST,
        RESOURCE,
        MODEL,
        Column("window", pl.String, "forecast, backtest, or a window before it: fold 1 (the latest), fold 2, …"),
        Column(
            "status",
            pl.String,
            "ok; raised; timed_out; worker_died. An entrant takes part in a series only if all its windows are ok",
        ),
        Column(
            "solver",
            pl.String,
            "turbo, stan, closed_form, constant, outside, statsforecast or other; null without an answer",
            nullable=True,
        ),
        Column("iterations", pl.Int64, "steps of the solver; null where it counts none", nullable=True),
        Column("note", pl.String, "what replaced the ordinary fit, or went another way, and why", nullable=True),
        Column("error_class", pl.String, "class of the error that was raised", nullable=True),
        Column("error_message", pl.String, "its message", nullable=True),
        Column("milliseconds", pl.Float64, "time spent on the answer by its worker"),
    ),
    key=("cutoff", "host_id", "resource", "model", "window"),
)

RUN_AUDIT = Table(
    "run_audit",
    "Where a month's time went: one row per stage of each of the month's assets, as it was last made. The base table, "
    "the checks and Dagster's own time are in no stage.",
    (
        CUTOFF,
        Column("asset", pl.String, "the asset the stage belongs to"),
        Column("stage", pl.String, "the stage; seconds of worker stages are summed over workers"),
        Column("seconds", pl.Float64, "seconds spent in the stage"),
        Column("clock", pl.String, "wall (elapsed) or worker (summed over worker processes, overlaps wall)"),
        Column("series", pl.Int64, "series worked on"),
        Column("series_per_second", pl.Float64, "series per second of the stage", nullable=True),
        Column("fits", pl.Int64, "model fits made", nullable=True),
        Column("workers", pl.Int64, "worker processes", nullable=True),
        Column("peak_memory_mb", pl.Float64, "largest resident set of the asset's processes so far, MiB"),
        Column("versions", pl.String, "versions of the packages that decide the numbers, as JSON"),
        Column("config_hash", pl.String, "hash of every setting that decides the numbers"),
        Column("run_id", pl.String, "the Dagster run, or 'library' outside Dagster"),
    ),
    key=("cutoff", "asset", "stage"),
)

FOLD = Column("fold", pl.Int32, "1, 2, …: the windows before the backtest, the latest first")
WINDOW = Column("window", pl.String, "backtest, or a window before it: fold 1 (the latest), fold 2, …")

FOLD_FORECAST = Table(
    "fold_forecast",
    "Every entrant's rows on the rolling-origin windows before the backtest, sorted by series: what choice and "
    "calibration rest on.",
    (
        HOST,
        RESOURCE,
        MODEL,
        FOLD,
        CUTOFF,
        Column("ds", pl.Date, "the projected day"),
        Column("y", pl.Float64, "what was observed that day; null where nothing was", nullable=True),
        Column("yhat", pl.Float32, "projected utilisation in percent, in [0, 100], from the days before the fold only"),
        Column("yhat_lower", pl.Float32, "the entrant's own lower bound, in [0, yhat]"),
        Column("yhat_upper", pl.Float32, "the entrant's own upper bound, in [yhat, 100]"),
    ),
    key=("host_id", "resource", "model", "fold", "cutoff", "ds"),
)

COMBINATION_WEIGHTS = Table(
    "combination_weights",
    "What the weighted combination consists of, per series: learnt from folds that ended before the window.",
    (
        CUTOFF,
        HOST,
        RESOURCE,
        Column("member", pl.String, "the entrant that is weighted"),
        Column("backtest", pl.Float64, "its weight in the backtest, in [0, 1]; learnt from the folds"),
        Column("forecast", pl.Float64, "its weight in the forecast, in [0, 1]; learnt from the folds and the backtest"),
    ),
    key=("cutoff", "host_id", "resource", "member"),
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
    key=("cutoff", "host_id", "resource", "model", "window"),
)

CHAMPIONS = Table(
    "champions",
    "The entrant whose forecast is published: exactly one per series that has a forecast, with the evidence.",
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
        Column("n", pl.Int64, "observed days of other windows behind the quantile (its resource's)"),
    ),
    key=("cutoff", "phase", "host_id", "resource", "horizon_month"),
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
)

FORECAST_ACCURACY = Table(
    "forecast_accuracy",
    "Forecasts of earlier months against what has happened since, up to this month's cutoff.",
    (
        CUTOFF,
        Column("forecast_cutoff", pl.Date, "cutoff of the month whose forecast is judged"),
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
)

MONTHS = Table(
    "months",
    "Which months can be relied on: one row per month, its state, and the base table and settings it was made with.",
    (
        *(CUTOFF, Column("month", pl.String, "YYYY-MM")),
        Column("state", pl.String, "complete; incomplete (at work, or ended half-way); failed (a blocking check)"),
        Column("run_id", pl.String, "the Dagster run that changed the month last"),
        Column("base_table_digest", pl.String, "digest, up to the cutoff, of the base table it was forecast from"),
        Column("config_hash", pl.String, "hash of every setting that decides the numbers"),
        Column("reached", pl.String, "the last step that was stored; the check that failed, where one has"),
        Column("started_at", DATETIME, "when the fleet forecast of the month was begun, UTC"),
        Column(
            "finished_at",
            DATETIME,
            "when the month became complete, UTC; null where it has not since its steps were stored",
            nullable=True,
        ),
    ),
    key=("cutoff",),
)

MONTH_STEPS = Table(
    "month_steps",
    "What has been stored and checked of a month since its fleet forecast began: the evidence behind its state.",
    (
        CUTOFF,
        Column("asset", pl.String, "the table or file"),
        Column("check_name", pl.String, "the check of it; empty for the storing of the table or file itself"),
        Column("result", pl.String, "stored; for a check: passed, warned (it does not block) or failed"),
        Column("run_id", pl.String, "the Dagster run that stored or checked it"),
        Column("recorded_at", DATETIME, "when, UTC"),
    ),
    key=("cutoff", "asset", "check_name"),
)
