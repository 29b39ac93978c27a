"""Which groups run full, by when, and what they consist of: a row for each group and resource of a month.

Belongs here: the groups' table. Does not belong here: what a group's level is (`outlook/groups.py`), one group in full
(`host.py`).
"""

from collections.abc import Mapping

import polars as pl

from turbo_forecast.answers.outlook import OutlookQuestion, outlook_answer
from turbo_forecast.fleet.group_statements import usable_shares
from turbo_forecast.outlook.rows import GROUP
from turbo_forecast.schemas import GROUP_MEMBERS
from turbo_forecast.storage.published.reading import PublishedMonth

NAMES = ["host_id", "resource"]
ADDED = {
    "hosts": pl.Int64,
    "present": pl.Int64,
    "capacity": pl.Float64,
    "usable": pl.Float64,
    "reserve": pl.String,
}


def groups_answer(month: PublishedMonth) -> pl.DataFrame:
    """A row for each group and resource, the most urgent first: those of CAPACITY_OUTLOOK, of the threshold nearest to 90 %.

    Further columns: `hosts` in the file of groups that have telemetry; of these, `present` at the cutoff; their `capacity` together, in
    the unit of that file; `usable`, the share of it that thresholds and levels are percent of, in [0, 1]; `reserve`, in words, null
    without one. A group of which no statement is made comes last, with its names and these columns alone.
    """
    statements = outlook_answer(month, OutlookQuestion(kind="group"))
    if not month.has(GROUP_MEMBERS):
        return statements.clear().with_columns(pl.lit(None, dtype).alias(name) for name, dtype in ADDED.items())
    members = month.frame(GROUP_MEMBERS)
    is_present = pl.col("present") == 1
    sizes = (
        members.rename({"host_id": "host", "group_name": "host_id"})
        .group_by(NAMES)
        .agg(
            hosts=pl.len().cast(pl.Int64),
            present=is_present.sum().cast(pl.Int64),
            capacity=pl.col("capacity").filter(is_present).sum(),
        )
    )
    options = month.outlook_settings
    words = {name: reserve_words(options.reserve_of(name)) for name in sizes["host_id"].unique().to_list()}
    sizes = sizes.join(usable_shares(members, options), on=NAMES, how="left").with_columns(
        reserve=pl.col("host_id").replace_strict(words, default=None, return_dtype=pl.String)
    )
    found = statements.join(sizes, on=NAMES, how="full", coalesce=True).with_columns(kind=pl.lit(GROUP))
    return found.sort("urgency", *NAMES, nulls_last=True)


def reserve_words(reserve: Mapping[str, float]) -> str | None:
    """What a group must do without, in words; None where it need not."""
    hosts, percent = reserve.get("hosts", 0), reserve.get("percent", 0)
    if hosts:
        return "its largest host (N+1)" if hosts == 1 else f"its {hosts:g} largest hosts (N+{hosts:g})"
    return f"{percent:g} % of its capacity" if percent else None
