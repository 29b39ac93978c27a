"""Statements about thresholds under planned changes: the baseline, and every scenario beside it; nothing is forecast.

Belongs here: which series or groups a scenario changes, and their rows with its loads, block by block. Does not belong here:
what changes come to (`outlook/loads.py`), what is said of it (`outlook/planned.py`), and where plans come from.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import polars as pl

from turbo_forecast.fleet.group_statements import GroupStatements
from turbo_forecast.fleet.outlook_statements import NAMES, Statements
from turbo_forecast.outlook.loads import by_day, effective, of_scenario, shifted
from turbo_forecast.outlook.planned import Planned
from turbo_forecast.outlook.rows import BASELINE, GROUP, SERIES, OutlookInputs, capacity_rows
from turbo_forecast.schemas import CAPACITY_OUTLOOK, FORECAST_PARQUET
from turbo_forecast.storage.forecast_blocks import PublishedBlock
from turbo_forecast.types import Phase

LOAD = ["host_id", "resource", "from_ds", "source_kind", "source", "weight", "shift"]
"""What two scenarios must have in common of a series, to say the same of it."""
Blocks = Iterator[tuple[OutlookInputs, PublishedBlock]]


class Stated(Protocol):
    """Of what statements are made: a month's series, or its groups."""

    @property
    def kind(self) -> str:
        """SERIES or GROUP."""

    @property
    def statements(self) -> Statements | GroupStatements:
        """Statements, with the model that was fitted for them."""

    @property
    def own(self) -> Statements:
        """What their run has left."""

    def blocks(self, rows: pl.LazyFrame) -> Blocks:
        """These rows' series, some hundred at a time, with what is known of each."""

    def capacity(self, rows: pl.LazyFrame) -> pl.DataFrame:
        """Rows of CAPACITY_OUTLOOK of these rows, as the baseline where nothing is planned."""

    def others(self, rows: pl.LazyFrame, scenario: str) -> pl.DataFrame:
        """Rows of CAPACITY_OUTLOOK of those that `blocks` passes over."""


@dataclass(frozen=True, slots=True)
class OfSeries:
    """The month's series."""

    statements: Statements
    kind: str = SERIES

    @property
    def own(self) -> Statements:
        """What their run has left."""
        return self.statements

    def blocks(self, rows: pl.LazyFrame) -> Blocks:
        """As `Stated` has it."""
        return self.statements.blocks(rows, Phase.FORECAST)

    def capacity(self, rows: pl.LazyFrame) -> pl.DataFrame:
        """As `Stated` has it."""
        return self.statements.capacity(rows)

    def others(self, rows: pl.LazyFrame, scenario: str) -> pl.DataFrame:
        """As `Stated` has it: none."""
        return pl.DataFrame(schema=CAPACITY_OUTLOOK.polars_schema)


@dataclass(frozen=True, slots=True)
class OfGroups:
    """The month's groups."""

    statements: GroupStatements
    kind: str = GROUP

    @property
    def own(self) -> Statements:
        """What their run has left."""
        return self.statements.own

    def blocks(self, rows: pl.LazyFrame) -> Blocks:
        """As `Stated` has it."""
        return self._of(rows).blocks(Phase.FORECAST)

    def capacity(self, rows: pl.LazyFrame) -> pl.DataFrame:
        """As `Stated` has it."""
        return self._of(rows).capacity()

    def others(self, rows: pl.LazyFrame, scenario: str) -> pl.DataFrame:
        """As `Stated` has it: those of which nothing is usable, whatever is planned."""
        return self._of(rows).unusable_rows(scenario)

    def _of(self, rows: pl.LazyFrame) -> GroupStatements:
        return replace(self.statements, published=rows.collect())


@dataclass(frozen=True, slots=True)
class PlannedStatements:
    """What is said of a month's series, or of its groups, in every scenario.

    stated: of what. unplanned: their rows of FORECAST_PARQUET without plans; hosts: those of the series. loads: rows of
    PLANNED_LOADS that are `effective`. scenarios: the names of all but the baseline, also of those that change nothing.
    """

    stated: Stated
    unplanned: pl.LazyFrame
    hosts: pl.LazyFrame
    loads: pl.DataFrame
    scenarios: Sequence[str] = ()

    def changed(self, scenario: str) -> pl.DataFrame:
        """`host_id, resource` of those for which the scenario means something else than the baseline."""
        own, base = (of_scenario(self.loads, name, self.stated.kind).select(LOAD) for name in (scenario, BASELINE))
        differ = [one.join(other, on=LOAD, how="anti").select(NAMES) for one, other in ((own, base), (base, own))]
        return pl.concat(differ).unique().sort(NAMES)

    def rows(self, scenario: str = BASELINE, of: pl.DataFrame | None = None) -> pl.DataFrame:
        """Rows of CAPACITY_OUTLOOK in a scenario, not ranked. of: `host_id, resource`; all that there are without."""
        loads, plain = self._loads(scenario, of), self._of(of)
        if loads.is_empty():
            return self.stated.capacity(plain).with_columns(scenario=pl.lit(scenario))
        own, model = self.stated.own, self.stated.statements.model(Phase.FORECAST)
        cutoff, days = own.windows.cutoff, own.windows.forecast_days.size
        parts = [self.stated.others(plain, scenario)]
        sources = _of_hosts(self.hosts, loads["source"])  # which may be few of many
        blocks = self.stated.blocks(plain), self.stated.blocks(shifted(plain, loads, sources))
        for (_, unplanned), (inputs, block) in zip(*blocks, strict=True):
            planned = Planned(unplanned.yhat, *by_day(loads, inputs.names, cutoff, days))
            about = inputs, block.yhat, own.thresholds(inputs.names), model, cutoff
            parts.append(capacity_rows(*about, kind=self.stated.kind, scenario=scenario, planned=planned))
        return pl.concat(parts)

    def every(self) -> pl.DataFrame:
        """Rows of CAPACITY_OUTLOOK in every scenario, not ranked: what a scenario leaves alone is the baseline's."""
        baseline = self.rows()
        return pl.concat([baseline, *self._beside(baseline)])

    def _beside(self, baseline: pl.DataFrame) -> Iterator[pl.DataFrame]:
        for scenario in self.scenarios:
            changed = self.changed(scenario)
            same = baseline.join(changed, on=NAMES, how="anti").with_columns(scenario=pl.lit(scenario))
            yield CAPACITY_OUTLOOK.conform(same)
            if len(changed):
                yield self.rows(scenario, changed)

    def compared(self) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        """For each scenario that changes any, their rows in it and in the baseline; those that it leaves alone are left out."""
        changed = {scenario: self.changed(scenario) for scenario in self.scenarios}
        any_of_them = [names for names in changed.values() if len(names)]
        if not any_of_them:
            return
        baseline = self.rows(BASELINE, pl.concat(any_of_them).unique())
        for scenario, names in changed.items():
            if len(names):
                yield self.rows(scenario, names), baseline.join(names, on=NAMES, how="semi")

    def gathered(self) -> "PlannedStatements":
        """The same, with the rows in memory that `compared` is about, which it would read several times: few of a large fleet's."""
        changed = pl.concat([pl.DataFrame(schema=dict.fromkeys(NAMES, pl.String)), *map(self.changed, self.scenarios)])
        about = self.loads.filter(kind=self.stated.kind).join(changed, on=NAMES, how="semi")
        hosts = _of_hosts(self.hosts, pl.concat([changed["host_id"], about["source"]])).collect().lazy()
        return replace(self, hosts=hosts, unplanned=hosts if self.stated.kind == SERIES else self.unplanned)

    def _of(self, names: pl.DataFrame | None) -> pl.LazyFrame:
        """The rows of some, in their order."""
        if names is None:
            return self.unplanned
        rows = _of_hosts(self.unplanned, names["host_id"])
        return rows.join(names.lazy(), on=NAMES, how="semi", maintain_order="left")

    def _loads(self, scenario: str, of: pl.DataFrame | None) -> pl.DataFrame:
        """A scenario's loads, of some series or of all."""
        loads = of_scenario(self.loads, scenario, self.stated.kind)
        return loads if of is None else loads.join(of, on=NAMES, how="semi", maintain_order="left")


def _of_hosts(rows: pl.LazyFrame, hosts: pl.Series) -> pl.LazyFrame:
    """The rows of some hosts or groups; files that hold none of them are not read."""
    return rows.filter(pl.col("host_id").is_in(hosts.unique().sort().implode()))


def month_statements(
    statements: Statements, groups: GroupStatements | None, loads: pl.DataFrame, scenarios: Sequence[str]
) -> list[PlannedStatements]:
    """What makes the statements of a month's series, and after them of its groups where there are any.

    loads: rows of PLANNED_LOADS; scenarios: as for `PlannedStatements`. Raises StorageError where the run has left no rows.
    """
    hosts, loads = statements.results.read(FORECAST_PARQUET), effective(loads)
    found = [PlannedStatements(OfSeries(statements), hosts, hosts, loads, scenarios)]
    if groups is not None:
        found.append(PlannedStatements(OfGroups(groups), groups.published.lazy(), hosts, loads, scenarios))
    return found
