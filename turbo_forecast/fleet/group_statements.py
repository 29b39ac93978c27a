"""A month's statements about groups: as those about series, in percent of the capacity that a group may use.

Belongs here: what is usable of each group, and what is said of one of which nothing is. Does not belong here: the statements
themselves (`outlook/rows.py`), and the groups' forecast (`groups.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import polars as pl

from turbo_forecast.fleet.groups import FEW_SERIES
from turbo_forecast.fleet.outlook_statements import NAMES, Statements
from turbo_forecast.outlook.groups import PATIENCE_DAYS, usable_share
from turbo_forecast.outlook.learning import OutlookModel
from turbo_forecast.outlook.rows import BASELINE, GROUP, OutlookInputs, available_horizons, backtest_rows, capacity_rows
from turbo_forecast.schemas import CAPACITY_OUTLOOK, OUTLOOK_BACKTEST, OUTLOOK_SERIES
from turbo_forecast.schemas.outlook import STATED
from turbo_forecast.settings import OutlookSettings
from turbo_forecast.storage.forecast_blocks import PublishedBlock
from turbo_forecast.storage.hand_kept_tables import listed_names
from turbo_forecast.types import Phase, State


def usable_shares(members: pl.DataFrame, options: OutlookSettings) -> pl.DataFrame:
    """`host_id (the group), resource, usable`: the share of the capacity of its hosts at the cutoff that a group may use.

    members: rows of GROUP_MEMBERS.
    """
    present = members.filter(pl.col("present") == 1).rename({"host_id": "member", "group_name": "host_id"})
    capacities = present.group_by(NAMES, maintain_order=True).agg("capacity")
    found = [
        usable_share(np.array(capacity), options.reserve_of(group)) for group, _, capacity in capacities.iter_rows()
    ]
    return capacities.select(NAMES).with_columns(usable=pl.Series(found, dtype=pl.Float64))


def regrouped(members: pl.DataFrame, history: pl.DataFrame, since: date) -> pl.DataFrame:
    """`host_id (the group), resource` of the groups of which a host came or left after a day.

    All of such a group's history is expressed for the hosts it has today, by what was only observed after that day.
    members, history: rows of GROUP_MEMBERS and GROUP_HISTORY.
    """
    left = (pl.col("present") == 0) & (pl.col("last_ds") >= since - timedelta(days=PATIENCE_DAYS))
    moved = members.filter((pl.col("first_ds") > since) | left).select(
        pl.col("group_name").alias("host_id"), "resource"
    )
    counts = history.filter(pl.col("ds") >= since).group_by(NAMES).agg(pl.col("hosts").n_unique())
    return pl.concat([moved, counts.filter(pl.col("hosts") > 1).select(NAMES)]).unique().sort(NAMES)


@dataclass(frozen=True, slots=True)
class GroupStatements:
    """What is said of a month's groups. own: of the groups' run; fleet: of the fleet's, whose experience few groups rest on.

    published: rows of GROUP_FORECAST, by series, phase and day. usable: as `usable_shares` gives it;
    regrouped: as `regrouped` does, of the backtest.
    """

    own: Statements
    fleet: Statements
    published: pl.DataFrame
    usable: pl.DataFrame
    regrouped: pl.DataFrame

    @classmethod
    def of_month(
        cls, own: Statements, fleet: Statements, published: pl.DataFrame, members: pl.DataFrame, history: pl.DataFrame
    ) -> "GroupStatements":
        """Those of a month's tables. published, members, history: rows of GROUP_FORECAST, GROUP_MEMBERS, GROUP_HISTORY."""
        return cls(
            *(own, fleet, published.sort("host_id", "resource", "phase", "ds")),
            usable_shares(members, own.options),
            regrouped(members, history, own.windows.train_end),
        )

    def model(self, phase: Phase) -> OutlookModel:
        """The model of the groups, where there are enough of them to fit one; else the fleet's. Raises StorageError."""
        series = self.own.results.read(OUTLOOK_SERIES).filter(pl.col("phase") == phase.value)
        few = series.select(pl.len()).collect().item() < FEW_SERIES
        return (self.fleet if few else self.own).model(phase)

    def blocks(self, phase: Phase) -> Iterator[tuple[OutlookInputs, PublishedBlock]]:
        """The groups that have usable capacity, some hundred at a time, with what is known of each and what of it is usable."""
        rows = self.published.join(self._with(usable=True), on=NAMES, how="semi", maintain_order="left")
        for inputs, block in self.own.blocks(rows.lazy(), phase):
            shares = inputs.names.join(self.usable, on=NAMES, how="left", maintain_order="left")["usable"].to_numpy()
            yield OutlookInputs(inputs.names, inputs.signals, inputs.before, shares), block

    def capacity(self) -> pl.DataFrame:
        """Rows of CAPACITY_OUTLOOK of kind 'group', as they are without further plans; not ranked yet."""
        model, cutoff = self.model(Phase.FORECAST), self.own.windows.cutoff
        parts = [
            capacity_rows(inputs, block.yhat, self.own.thresholds(inputs.names), model, cutoff, kind=GROUP)
            for inputs, block in self.blocks(Phase.FORECAST)
        ]
        return pl.concat([self.unusable_rows(BASELINE), *parts])

    def backtest(self) -> pl.DataFrame:
        """Rows of OUTLOOK_BACKTEST of kind 'group'; there is nothing to judge of a group without usable capacity.

        Nor of one whose hosts came or left in the backtest: nobody could have said before how its level would be expressed.
        """
        steady = self.published.join(self.regrouped, on=NAMES, how="anti", maintain_order="left")
        model, windows = self.model(Phase.BACKTEST), self.own.windows
        parts = [
            backtest_rows(
                *(inputs, block.yhat, block.y, self.own.thresholds(inputs.names), model),
                *(windows.train_end, windows.cutoff),
                kind=GROUP,
            )
            for inputs, block in replace(self, published=steady).blocks(Phase.BACKTEST)
        ]
        return pl.concat([pl.DataFrame(schema=OUTLOOK_BACKTEST.polars_schema), *parts])

    @property
    def unusable(self) -> pl.DataFrame:
        """`host_id, resource` of the groups whose reserve takes all of their capacity."""
        return self._with(usable=False)

    def remarks(self) -> list[str]:
        """A sentence on the groups whose reserve takes all of their capacity, where there are any."""
        names = self.unusable["host_id"].unique().sort().to_list()
        names_and_advice = (
            f"({len(names):,}): {listed_names(names)}; add hosts to them, or set their own in outlook.group_reserves"
        )
        return (
            [f"groups whose reserve takes all of their capacity, so nothing of them is usable {names_and_advice}"]
            if names
            else []
        )

    def unusable_rows(self, scenario: str) -> pl.DataFrame:
        """Rows of CAPACITY_OUTLOOK of the groups without usable capacity: whatever they do, it does not fit.

        Every threshold is reached for certain, from the first day on; the level has no percentage.
        """
        names = self.unusable
        thresholds = pl.Series(self.own.thresholds(names), dtype=pl.List(pl.Float64))
        cutoff, days = self.own.windows.cutoff, self.own.windows.forecast_days.size
        first = pl.lit(cutoff + timedelta(days=1))
        rows = (
            names.with_columns(threshold=thresholds)
            .explode("threshold", empty_as_null=False)
            .with_columns(
                **{
                    name: pl.lit(value)
                    for name, value in {"cutoff": cutoff, "scenario": scenario, "kind": GROUP}.items()
                },
                **dict.fromkeys(("level", "headroom", "recent_shift"), pl.lit(None, pl.Float64)),
                **dict.fromkeys(("early", "likely", "late", "forecast_date"), first),
                **{
                    f"probability_{each}": pl.lit(
                        None if each == 91 and not available_horizons(days, [91]) else 1.0, pl.Float64
                    )
                    for each in STATED
                },
                growth=pl.lit(0.0),
                state=pl.lit(State.UNUSABLE.value),
                urgency=pl.lit(0),
            )
        )
        return CAPACITY_OUTLOOK.conform(rows)

    def _with(self, *, usable: bool) -> pl.DataFrame:
        """`host_id, resource` of the published groups that have usable capacity, or have none."""
        rows = self.published.select(NAMES).unique(maintain_order=True)
        shares = rows.join(self.usable, on=NAMES, how="left", maintain_order="left")
        return shares.filter((pl.col("usable") > 0).fill_null(False) == usable).select(NAMES)
