"""Which hosts form a group: the file of groups as people keep it, and the hosts of it that the base table knows.

Belongs here: reading and validating the file, the members of a month, and their values out of the base table. Does not belong
here: a group's level (`outlook/groups.py`).

The file has one row for each host of a group: `host_id, group`, and if wanted `capacity`, the host's weight in the group
(cores, gigabytes; 1 without it). With a column `resource` a row is of that resource alone, so that a host may weigh 64
cores and 512 gigabytes: then each row names one. A host may be in several groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import polars as pl

from turbo_forecast.errors import SettingsError
from turbo_forecast.schemas import GROUP_MEMBERS
from turbo_forecast.storage.hand_kept_tables import ROW, Listing, listed_names, listing, read_listing
from turbo_forecast.storage.warehouse import query

OPTION = "outlook.groups"
REQUIRED, OPTIONAL = ("host_id", "group"), ("resource", "capacity")


@dataclass(frozen=True, slots=True)
class Groups:
    """What the file says: `group_name, host_id, resource (null: all that the host has), capacity`. where: its name in messages."""

    where: str
    rows: pl.DataFrame
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Members:
    """The members of a month's groups: rows of GROUP_MEMBERS, and sentences on what of the file they do not hold."""

    rows: pl.DataFrame
    remarks: tuple[str, ...] = ()


def read_groups(path: str) -> Groups:
    """The groups of a CSV or Parquet file. Raises SettingsError, which names file, column and row."""
    return _groups(read_listing(OPTION, path, REQUIRED, OPTIONAL))


def groups_of(frame: pl.DataFrame, where: str = "groups") -> Groups:
    """The groups of a frame with the file's columns. Raises SettingsError, which names column and row."""
    return _groups(listing(where, frame, REQUIRED, OPTIONAL))


def _groups(found: Listing) -> Groups:
    wide = [name for name in found.left_out if name.startswith("capacity_")]
    if wide:
        raise found.error(f"{wide[0]}: give capacities by resource as rows, in the columns resource and capacity")
    for column in REQUIRED:
        found.refuse(column, pl.col(column).is_null(), "each row names a host and a group")
    for column in (*REQUIRED, "resource"):
        found.refuse(column, pl.col(column).str.contains(r"\p{Cc}"), "a name must not hold control characters")
    by_resource = not found.rows["resource"].is_null().all()
    if by_resource:
        found.refuse("resource", pl.col("resource").is_null(), "where a row names a resource, each row must")
    numbers = found.numbers("capacity", "a capacity must be a finite number above 0", above=0.0)
    if not numbers["capacity"].is_null().all():
        found.refuse("capacity", pl.col("capacity").is_null(), "where a row has a capacity, each row must")
    key = ["host_id", "group", *(["resource"] if by_resource else [])]
    again = ~pl.struct(key).is_first_distinct()
    found.refuse("host_id", again, f"this {', '.join(key)} stands in an earlier row already")
    rows = numbers.drop(ROW).rename({"group": "group_name"}).with_columns(pl.col("capacity").fill_null(1.0))
    return Groups(found.where, rows, found.left_out)


def members_of(groups: Groups, series: pl.DataFrame, cutoff: date, patience_days: int) -> Members:
    """The hosts of each group that have telemetry, by resource.

    series: `host_id, resource, observations, first_ds, last_ds` of all series of the month. patience_days: a host whose last value
    is older than that before the cutoff has left. Raises SettingsError where not one host is known.
    """
    known = series.select("host_id").unique()
    lacking = groups.rows.join(known, on="host_id", how="anti")
    if len(lacking) == len(groups.rows):
        raise SettingsError(
            f"{groups.where}: none of its hosts is in the base table, whose hosts are {listed_names(known['host_id'].sort().to_list())}"
        )
    whole = groups.rows.filter(pl.col("resource").is_null()).drop("resource")
    single = groups.rows.filter(pl.col("resource").is_not_null())
    facts = series.select("host_id", "resource", "observations", "first_ds", "last_ds")
    columns = ["group_name", "host_id", "resource", "capacity", "observations", "first_ds", "last_ds"]
    rows = pl.concat(
        [
            whole.join(facts, on="host_id").select(columns),
            single.join(facts, on=["host_id", "resource"]).select(columns),
        ]
    )
    since = cutoff - timedelta(days=patience_days)
    rows = rows.with_columns(
        cutoff=pl.lit(cutoff), present=(pl.col("last_ds") >= since).fill_null(False).cast(pl.Int32)
    )
    unknown = single.join(facts, on=["host_id", "resource"], how="anti").join(known, on="host_id")
    return Members(GROUP_MEMBERS.conform(rows).sort(GROUP_MEMBERS.key), tuple(_remarks(groups, lacking, unknown, rows)))


def _remarks(groups: Groups, lacking: pl.DataFrame, unknown: pl.DataFrame, rows: pl.DataFrame) -> Sequence[str]:
    """Sentences on what the file names and the base table does not know, and on columns that nobody reads."""
    hosts = lacking["host_id"].unique().sort().to_list()
    empty = set(groups.rows["group_name"]) - set(rows.filter(pl.col("present") == 1)["group_name"])
    odd = unknown.select(pl.format("{} of {}", "resource", "host_id"))[:, 0].unique().sort().to_list()
    found = []
    if hosts:
        found.append(f"hosts that are not in the base table, left out ({len(hosts):,}): {listed_names(hosts)}")
    if odd:
        found.append(
            f"resources that the base table has not of these hosts, left out ({len(odd):,}): {listed_names(odd)}"
        )
    if empty:
        found.append(
            f"groups without a host at the cutoff, and so without a forecast ({len(empty):,}): {listed_names(sorted(empty))}"
        )
    if groups.left_out:
        found.append(f"columns left out: {listed_names(groups.left_out)}")
    return [f"{groups.where}: {sentence}" for sentence in found]


def values_of(con: duckdb.DuckDBPyConnection, slots: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """The daily values of some hosts of the base table: `slot, day (from 0 on the first), y`, in no order.

    slots: `slot, host_id, resource`; a series may have several slots.
    """
    con.register("group_slots", slots.select("slot", "host_id", "resource").to_arrow())
    try:
        read = con.sql(
            "SELECT slot, (ds - $first)::INTEGER AS day, y FROM base_table JOIN group_slots USING (host_id, resource) "
            "WHERE ds BETWEEN $first AND $last",
            params={"first": first, "last": last},
        )
        return pl.DataFrame(pl.from_arrow(read.to_arrow_table()))
    finally:
        con.unregister("group_slots")


def first_observed(con: duckdb.DuckDBPyConnection, members: pl.DataFrame) -> date | None:
    """The first day of which the base table has a value of any of these hosts; None without one. members: rows of GROUP_MEMBERS."""
    con.register("group_hosts", members.select("host_id", "resource").unique().to_arrow())
    try:
        found = query(con, "SELECT min(ds) AS ds FROM base_table SEMI JOIN group_hosts USING (host_id, resource)")
    finally:
        con.unregister("group_hosts")
    day: date | None = found.item()
    return day


def first_in(base: pl.DataFrame, members: pl.DataFrame) -> date | None:
    """The same out of a frame of BASE_TABLE's columns."""
    day: date | None = base.join(members, on=["host_id", "resource"], how="semi").select(pl.col("ds").min()).item()
    return day


def values_in(base: pl.DataFrame, slots: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """The same out of a frame of BASE_TABLE's columns."""
    day = (pl.col("ds") - first).dt.total_days().cast(pl.Int32).alias("day")
    inside = base.lazy().filter(pl.col("ds").is_between(first, last))
    return inside.join(slots.lazy(), on=["host_id", "resource"]).select("slot", day, "y").collect()
