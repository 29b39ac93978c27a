"""The state of each month: complete, incomplete or failed, and by which steps and checks."""

import polars as pl

from turbo_forecast.schemas.columns import CUTOFF
from turbo_forecast.tables import DATETIME, Column, Table

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
    "What has been stored and checked of a month since its fleet forecast began: what its state rests on.",
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
