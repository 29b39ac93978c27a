"""What a month's run leaves of every series: rows, folds, outcomes, fits, weights, and where its time went."""

import polars as pl

from turbo_forecast.schemas.columns import CUTOFF, FOLD, HOST, MODEL, RESOURCE
from turbo_forecast.schemas.telemetry import BASE_TABLE
from turbo_forecast.tables import Column, Table

ROW = (
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
ROW_KEY = ("host_id", "resource", "model", "phase", "cutoff", "ds")

FLEET_FORECAST = Table(
    "fleet_forecast",
    "Every entrant's rows for every series of one month, sorted by series.",
    ROW,
    ROW_KEY,
    made_from=(BASE_TABLE,),
)

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
    made_from=(BASE_TABLE,),
)

SERIES_OUTCOMES = Table(
    "series_outcomes",
    "What happened to each series of a month: exactly one row per series.",
    (
        CUTOFF,
        HOST,
        RESOURCE,
        Column(
            "outcome",
            pl.String,
            "forecast: an entrant forecast it; fallback: too short for a backtest, the fallback's forecast is published; retired: "
            "nothing observed in the backtest months, no rows; failed: every entrant raised an error, or the series killed its "
            "worker, took too long or needed too much memory: the fallback's forecast is published, or no rows where that failed, too",
        ),
        Column("reason", pl.String, "why the outcome is not a plain forecast, or what limits it", nullable=True),
        Column("error_class", pl.String, "class of the error that was caught", nullable=True),
        Column("error_message", pl.String, "message of the error that was caught", nullable=True),
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
    made_from=(BASE_TABLE,),
)

MODEL_RUNS = Table(
    "model_runs",
    "What happened to each fit: one row per series, entrant and window that was asked for.",
    (
        CUTOFF,
        HOST,
        RESOURCE,
        MODEL,
        Column("window_name", pl.String, "forecast, backtest, or a window before it: fold 1 (the latest), fold 2, …"),
        Column(
            "status",
            pl.String,
            "ok; raised: the entrant raised an error, or its answer was none. The other three are of a whole series, with a row for each "
            "entrant but the fallback: timed_out (series_timeout_seconds), worker_died, memory_exceeded (worker_memory_mb). An entrant "
            "takes part in a series only if all its windows are ok",
        ),
        Column(
            "solver",
            pl.String,
            "turbo (Prophet, in process), stan (stock Prophet), closed_form, constant (the rule for a series that never changes), "
            "outside (an external model's file), statsforecast, or other (an entrant of your own); null without an answer",
            nullable=True,
        ),
        Column("iterations", pl.Int64, "steps of the solver; null where it counts none", nullable=True),
        Column("note", pl.String, "what replaced the ordinary fit, or went another way, and why", nullable=True),
        Column("error_class", pl.String, "class of the error that was raised", nullable=True),
        Column("error_message", pl.String, "its message", nullable=True),
        Column("milliseconds", pl.Float64, "time spent on the answer by its worker"),
    ),
    key=("cutoff", "host_id", "resource", "model", "window_name"),
    made_from=(BASE_TABLE,),
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
    made_from=(BASE_TABLE,),
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
