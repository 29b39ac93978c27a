"""Statements about thresholds under planned changes: the baseline, and every scenario beside it; nothing is forecast.

Belongs here: which series a scenario changes, and their rows with its loads, block by block. Does not belong here: what changes
come to (`outlook/loads.py`), what is said of it (`outlook/planned.py`), and where plans come from.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from turbo_forecast.fleet.outlook_statements import NAMES, Statements
from turbo_forecast.outlook.loads import by_day, of_scenario, shifted
from turbo_forecast.outlook.planned import Planned
from turbo_forecast.outlook.plans import BASELINE
from turbo_forecast.outlook.rows import Known, capacity_rows
from turbo_forecast.schemas import CAPACITY_OUTLOOK
from turbo_forecast.storage.published import PublishedBlock
from turbo_forecast.types import Phase

LOAD = ["host_id", "resource", "from_ds", "source_kind", "source", "weight", "shift"]
"""What two scenarios must have in common of a series, to say the same of it."""


@dataclass(frozen=True, slots=True)
class PlannedStatements:
    """What is said of a month's series in every scenario. unplanned: their rows of FORECAST_PARQUET without plans, as the run has
    left them; loads: rows of PLANNED_LOADS; scenarios: the names of all but the baseline, also of those that change nothing.
    """

    statements: Statements
    unplanned: pl.LazyFrame
    loads: pl.DataFrame
    scenarios: Sequence[str] = ()

    def changed(self, scenario: str) -> pl.DataFrame:
        """`host_id, resource` of the series for which the scenario means something else than the baseline."""
        own, base = (of_scenario(self.loads, name).select(LOAD) for name in (scenario, BASELINE))
        differ = [one.join(other, on=LOAD, how="anti").select(NAMES) for one, other in ((own, base), (base, own))]
        return pl.concat(differ).unique().sort(NAMES)

    def rows(self, scenario: str = BASELINE, of: pl.DataFrame | None = None) -> pl.DataFrame:
        """Rows of CAPACITY_OUTLOOK in a scenario, not ranked. of: `host_id, resource` of the series; all of them without."""
        loads, plain = of_scenario(self.loads, scenario), self._of(of)
        if loads.is_empty():
            return self.statements.capacity(plain).with_columns(scenario=pl.lit(scenario))
        learnt, windows = self.statements.learnt(Phase.FORECAST), self.statements.windows
        parts = [pl.DataFrame(schema=CAPACITY_OUTLOOK.polars_schema)]
        blocks = self._blocks(plain), self._blocks(shifted(plain, loads, self.unplanned))
        for (_, unplanned), (known, block) in zip(*blocks, strict=True):
            stretch, weight = by_day(loads, known.names, windows.cutoff, windows.forecast_days.size)
            planned = Planned(unplanned.yhat, stretch, weight)
            thresholds = self.statements.thresholds(known.names)
            parts.append(
                capacity_rows(known, block.yhat, thresholds, learnt, windows.cutoff, scenario=scenario, planned=planned)
            )
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
            yield self.rows(scenario, changed)

    def _of(self, names: pl.DataFrame | None) -> pl.LazyFrame:
        """The rows of some series, in their order."""
        if names is None:
            return self.unplanned
        return self.unplanned.join(names.lazy(), on=NAMES, how="semi", maintain_order="left")

    def _blocks(self, rows: pl.LazyFrame) -> Iterator[tuple[Known, PublishedBlock]]:
        return self.statements.blocks(rows, Phase.FORECAST)
