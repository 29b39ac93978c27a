"""What is made of raw telemetry: the base table, what could not be used, and which run read what."""

import polars as pl

from turbo_forecast.schemas.columns import HOST, RESOURCE
from turbo_forecast.tables import DATETIME, Column, Table

BASE_TABLE = Table(
    "base_table",
    "One row per series and day of utilisation.",
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

BASE_TABLE_PARTS = Table(
    "base_table_parts",
    "What the base table is made of, one row each: the files, which are read together, and each landed month.",
    (
        Column("part", pl.String, "files, or a landed month as the rejects name it: telemetry_landing:source/YYYY-MM"),
        Column("source", pl.String, "the source of a landed month; null of files", nullable=True),
        Column("month", pl.String, "the month, as YYYY-MM; null of files", nullable=True),
        Column(
            "known_by",
            pl.String,
            "hash of what decided the reading (rows, settings, program); null where it must be read each time",
            nullable=True,
        ),
        Column(
            "digest",
            pl.String,
            "hash of the landed rows, as their manifest says; of files, that of base_table_file_days",
        ),
        Column("read_by", pl.String, "the Dagster run that read it"),
        Column("read_on", pl.Date, "the day that the reading took for today"),
        Column("findings", pl.String, "what the reading found, as JSON"),
    ),
    key=("part",),
)

BASE_TABLE_FILE_DAYS = Table(
    "base_table_file_days",
    "What the files say of the months that have landed as well, one row per series and day: where a landed month has the day, "
    "too, the base table has its value.",
    BASE_TABLE.columns,
    key=BASE_TABLE.key,
)
