"""A data folder with months that were made up: every table, the files, and what a run leaves; and its publication."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl

from turbo_forecast.month_keys import month_key
from turbo_forecast.schemas import BASE_TABLE, MONTH_STEPS, MONTHS, RUN_AUDIT
from turbo_forecast.storage.base_table import digest_up_to, record_base_table
from turbo_forecast.storage.datasets import part_name
from turbo_forecast.storage.frames import write_frame
from turbo_forecast.storage.months import STEPS
from turbo_forecast.storage.published.history import publish_history
from turbo_forecast.storage.published.layout import FILES, TABLES
from turbo_forecast.storage.published.manifest import MonthManifest
from turbo_forecast.storage.published.sql import publish_views
from turbo_forecast.storage.published.writing import WHAT_IF_TABLES, Publication, publish_month
from turbo_forecast.storage.warehouse import replace_audit, replace_partition, transaction
from turbo_forecast.tables import Table
from turbo_forecast_tests.one_duckdb import opened

CUTOFF, EARLIER = date(2025, 12, 31), date(2025, 11, 30)
HOSTS = ("a'b\"<script>", "plain", " söme 日本 ", "x" * 300, "=1+1", "")
"""As hosts may be called."""
OWN_STATE = (MONTHS, MONTH_STEPS, RUN_AUDIT)
ASSET = "published_month"


def some_rows(table: Table, cutoff: date, hosts: Sequence[str] = HOSTS, number: int = 0) -> pl.DataFrame:
    """A row for each host: texts are the host's name, numbers are `number` and a little more; every other null where one may be."""
    columns = {}
    for place, column in enumerate(table.columns):
        plain = {
            pl.String: list(hosts),
            pl.Date: [cutoff + timedelta(days=i) for i in range(len(hosts))],
        }
        values = plain.get(column.dtype) or [number + i for i in range(len(hosts))]  # type: ignore[call-overload]
        if column.name == "cutoff":
            values = [cutoff] * len(hosts)
        if column.nullable:
            values = [None if (i + place) % 2 else value for i, value in enumerate(values)]
        columns[column.name] = pl.Series(values, dtype=column.dtype, strict=False)
    return pl.DataFrame(columns, schema=table.polars_schema)


def make(data: Path, cutoff: date = CUTOFF, hosts: Sequence[str] = HOSTS, number: int = 0) -> None:
    """Store a complete month in a data folder, beside those that are there."""
    data.mkdir(parents=True, exist_ok=True)
    key = month_key(cutoff)
    with duckdb.connect(str(data / "warehouse.duckdb")) as con, transaction(con):
        if not con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'base_table'").fetchall():
            con.execute(BASE_TABLE.ddl())
            observe(con, [(host, "cpu", EARLIER + timedelta(days=i), float(i)) for host in hosts for i in range(40)])
        for table in TABLES:
            if table not in OWN_STATE:
                replace_partition(con, table, cutoff, some_rows(table, cutoff, hosts, number))
        store_state(con, cutoff)
    for table in FILES:
        write_frame(some_rows(table, cutoff, hosts, number), data / table.name / f"{key}.parquet", table.name)
    for table in WHAT_IF_TABLES:
        name = f"{table.name}/{part_name(0, 6)}" if table in FILES else f"{table.name}.parquet"
        write_frame(some_rows(table, cutoff, hosts, number), data / "tournament" / key / name, table.name)


def observe(con: duckdb.DuckDBPyConnection, rows: Sequence[tuple[str, str, date, float]]) -> None:
    """Replace the base table by these rows, in their order, as reading telemetry would."""
    con.execute("DELETE FROM base_table")
    frame = pl.DataFrame(rows, schema=BASE_TABLE.polars_schema, orient="row")
    con.register("rows", frame.to_arrow())
    con.execute("INSERT INTO base_table SELECT * FROM rows")
    con.unregister("rows")
    record_base_table(con, "reader")


def store_state(con: duckdb.DuckDBPyConnection, cutoff: date, run_id: str = "maker") -> None:
    """The month is complete, each of its parts stored, and one of its checks passed."""
    then = datetime(2026, 1, 2, 3, 4, 5)
    state = {
        "cutoff": cutoff,
        "month": month_key(cutoff),
        "state": "complete",
        "run_id": run_id,
        "base_table_digest": digest_up_to(con, cutoff),
        "config_hash": "hash",
        "reached": "months",
        "started_at": then,
        "finished_at": then,
    }
    replace_partition(con, MONTHS, cutoff, pl.DataFrame([state], schema=MONTHS.polars_schema))
    steps = pl.DataFrame({"asset": list(STEPS)}).with_columns(
        cutoff=pl.lit(cutoff), check_name=pl.lit(""), result=pl.lit("stored"), run_id=pl.lit(run_id), recorded_at=then
    )
    passed = steps.head(1).with_columns(check_name=pl.lit("no_duplicate_keys"), result=pl.lit("passed"))
    replace_partition(con, MONTH_STEPS, cutoff, MONTH_STEPS.conform(pl.concat([steps, passed])))
    audit(con, cutoff, "champions", run_id)


def audit(con: duckdb.DuckDBPyConnection, cutoff: date, asset: str, run_id: str) -> None:
    """Record a stage of an asset."""
    row = some_rows(RUN_AUDIT, cutoff, ["x"]).with_columns(asset=pl.lit(asset), run_id=pl.lit(run_id))
    replace_audit(con, row)


def publication(data: Path, cutoff: date = CUTOFF, run_id: str = "12345678-run") -> Publication:
    """What is to be published of a month."""
    key = month_key(cutoff)
    return Publication(
        data=data,
        cutoff=cutoff,
        run_id=run_id,
        forecast={"horizon_months": 6},
        outlook={"thresholds": [90.0]},
        warnings=["champions.x: did not pass"],
        results=data / "tournament" / key,
        group_results=data / "groups" / key,
    )


def publish(data: Path, cutoff: date = CUTOFF, run_id: str = "12345678-run") -> MonthManifest:
    """Publish a month as its asset does: with the history and the views, and a record of the run."""
    with duckdb.connect(str(data / "warehouse.duckdb")) as con, transaction(con):
        con.execute("SET enable_progress_bar = false")
        publish_history(con, data)
        manifest = publish_month(con, publication(data, cutoff, run_id))
        publish_views(data)
        audit(con, cutoff, ASSET, run_id)
    return manifest


def sql(data: Path, statement: str) -> None:
    """Run a statement in the warehouse."""
    with opened(data / "warehouse.duckdb") as con:
        con.execute(statement)
