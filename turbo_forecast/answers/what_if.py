"""What-if analysis: a month's statements with other plans than it was published with, beside its own.

Belongs here: a month's plans as rows of the file of plans, and what other rows would move. Does not belong here: the rules
(`outlook/`), how statements are made (`fleet/`), and forms (`dashboard/`). Nothing is forecast, and nothing is stored.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import polars as pl

from turbo_forecast.errors import SettingsError, StorageError
from turbo_forecast.fleet.group_statements import GroupStatements
from turbo_forecast.fleet.outlook_statements import Statements
from turbo_forecast.fleet.planned_statements import month_statements
from turbo_forecast.option_rules import shown
from turbo_forecast.outlook.loads import composed
from turbo_forecast.outlook.plans import APPLIED, Fleet, require_known, resolved, scenarios, stated_plans
from turbo_forecast.outlook.rows import BASELINE
from turbo_forecast.outlook.scenarios import beside_baseline
from turbo_forecast.schemas import (
    CHAMPIONS,
    FORECAST_PARQUET,
    GROUP_FORECAST,
    GROUP_HISTORY,
    GROUP_MEMBERS,
    PLANNED_CHANGES,
    PLANNED_LOADS,
    SCENARIO_OUTLOOK,
    SERIES_OUTCOMES,
)
from turbo_forecast.storage.files import spreadsheet_safe
from turbo_forecast.storage.plans import LONGEST_NAME, plan_cells
from turbo_forecast.storage.published.reading import PublishedMonth
from turbo_forecast.storage.results import Results
from turbo_forecast.tables import Table
from turbo_forecast.types import State

PUBLISHED = BASELINE
"""The scenario that is published: rows of the file of plans without a scenario."""
WHAT_IF = "what-if"
"""The scenario's name in the answer."""
MOST_ROWS = 500
"""Rows of plans that are answered for at once."""
NAME = "plans"
"""What messages call the rows."""
_PLAN_COLUMNS = ["day", "host_id", "group", "resource", "what", "amount", "target"]
_REACHING_STATES = [State.OVER.value, State.EXPECTED.value, State.UNUSABLE.value]


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What plans would alter.

    changes: rows of PLANNED_CHANGES that say what each plan means. compared: rows of SCENARIO_OUTLOOK of the series and groups
    for which the plans mean something else than what is published, the most affected first: whose state changes, then by the
    days that are gained or lost, then by how far the probability moves. remarks: sentences about what is not answered.
    """

    changes: pl.DataFrame
    compared: pl.DataFrame
    remarks: tuple[str, ...] = ()

    @property
    def without_effect(self) -> pl.DataFrame:
        """`file_row, effect`: plans, or parts of them, that alter nothing, and why; each once."""
        idle = self.changes.filter(pl.col("effect") != APPLIED)
        return idle.select("file_row", "host_id", "resource", "effect").unique(maintain_order=True)

    @property
    def concerned(self) -> int:
        """How many series and groups the plans concern otherwise than what is published."""
        return len(self.compared.select("kind", "host_id", "resource").unique())

    def newly(self, *, reached: bool) -> pl.DataFrame:
        """Rows whose threshold is now expected to be reached and was not, or is not any more and was."""
        now, before = pl.col("state").is_in(_REACHING_STATES), pl.col("baseline_state").is_in(_REACHING_STATES)
        return self.compared.filter(now & ~before if reached else before & ~now)


def month_plans(month: PublishedMonth, scenario: str = BASELINE) -> pl.DataFrame:
    """The month's plans as the file of plans had them: the baseline's rows, and a scenario's own.

    Returns rows of PLAN_SCHEMA. Raises SettingsError for a scenario that the month does not have, and StorageError where it was
    made by a version that kept no rows of the file.
    """
    plans = stated_plans(month.frame(PLANNED_CHANGES))
    if plans is None:
        raise StorageError(
            f"the rows of the file of plans that {month.key} was published with are not known, since an earlier version of this program "
            "made its outlook: run the job monthly_outlook for the month, or write them down anew"
        )
    known = month_scenarios(month)
    if scenario not in (BASELINE, *known):
        there = f"there is {', '.join(shown(name) for name in known)}" if known else "it has none"
        raise SettingsError(f"scenario {shown(scenario)} is not in the plans of {month.key}: {there}")
    return plans.filter(pl.col("scenario").is_in([BASELINE, scenario]))


def month_scenarios(month: PublishedMonth) -> list[str]:
    """The scenarios of the month's plans, in the order of their file, where that is known."""
    changes = month.frame(PLANNED_CHANGES)
    plans = stated_plans(changes)
    return scenarios(changes if plans is None else plans)


def what_if(month: PublishedMonth, plans: pl.DataFrame) -> WhatIf:
    """What the month would say, were these its plans and no others.

    plans: rows of PLAN_SCHEMA; what they call their scenario does not matter. Raises SettingsError, which names row and column, for
    a host, group or resource that the month does not have, and StorageError where what its run has learnt is not published.
    """
    if len(plans) > MOST_ROWS:
        raise SettingsError(f"{NAME}: {len(plans):,} rows; at most {MOST_ROWS:,} are answered for at once")
    require_run_results(month)
    statements = Statements(_CachedResults(month.run_results.folder), month.windows, month.outlook_settings)
    end = month.windows.horizon_end
    changes = resolved(plans.with_columns(scenario=pl.lit(BASELINE)), _fleet(month), month.cutoff, end, NAME)
    changes = changes.with_columns(scenario=pl.lit(WHAT_IF))
    published = month.frame(PLANNED_LOADS).filter(scenario=BASELINE)
    groups, remarks = _groups(month, statements)
    with month.run_results.reading():
        statements_by_kind = month_statements(
            statements, groups, pl.concat([published, composed(changes, end)]), [WHAT_IF]
        )
        pairs = [pair for each in statements_by_kind for pair in each.gathered().compared()]
    nothing = pl.DataFrame(schema=SCENARIO_OUTLOOK.polars_schema)
    compared = pl.concat([nothing, *(beside_baseline(*pair) for pair in pairs)])
    return WhatIf(changes, most_affected(compared), tuple(remarks))


def require_possible(month: PublishedMonth, plans: pl.DataFrame) -> None:
    """Raises SettingsError, which names row and column, for a host, group or resource that the month does not have."""
    require_known(plans, _fleet(month), month.cutoff, month.windows.horizon_end, NAME)


def require_run_results(month: PublishedMonth) -> None:
    """Raises StorageError where what the month's run has learnt is not published: then no other plans can be answered for."""
    if not month.run_results.folder.is_dir():
        raise StorageError(
            f"other plans cannot be answered for in {month.key}: what its run has learnt was not kept any more when the month was "
            "published (rows_months keeps it of the latest months). Ask a later month, or run this one again"
        )


def most_affected(compared: pl.DataFrame) -> pl.DataFrame:
    """Rows of SCENARIO_OUTLOOK in the order that `WhatIf` states."""
    by = {
        "moved": pl.col("state") != pl.col("baseline_state"),
        "days": pl.col("days_gained").abs().fill_null(0),
        "odds": (pl.col("probability_182") - pl.col("baseline_probability_182")).abs(),
    }
    ordered = compared.with_columns(**by).sort(
        *by, "kind", "host_id", "resource", "threshold", descending=[True] * 3 + [False] * 4
    )
    return ordered.drop(list(by))


def scenario_file(plans: pl.DataFrame, published: pl.DataFrame, scenario: str) -> str:
    """A file of plans (CSV) in which a scenario of this name says what these plans say.

    plans: all rows of the what-if; published: those of the month's baseline. Where all of these are among the plans, they stay the
    baseline's, and the rest is the scenario's. Else every row is the scenario's: a file cannot say that a scenario lacks a row
    of its baseline. Raises SettingsError for a name that no scenario can have, or text that a spreadsheet might execute.
    """
    name = scenario.strip()
    if name.lower() in ("", BASELINE) or len(name) > LONGEST_NAME or not name.isprintable():
        raise SettingsError(
            f"a scenario needs a name of visible characters, other than {BASELINE}, and of at most {LONGEST_NAME}; not {shown(name)}"
        )
    rest = Counter(published.select(_PLAN_COLUMNS).iter_rows())
    is_whole = not rest - Counter(plans.select(_PLAN_COLUMNS).iter_rows())
    names = []
    for row in plans.select(_PLAN_COLUMNS).iter_rows():
        is_baseline = is_whole and rest[row] > 0
        rest[row] -= is_baseline
        names.append(BASELINE if is_baseline else name)
    cells = plan_cells(plans.with_columns(pl.Series("scenario", names, pl.String)))
    _require_harmless(cells)
    return cells.select(pl.when(pl.all() != "").then(pl.all())).write_csv()


def _require_harmless(cells: pl.DataFrame) -> None:
    """Raises SettingsError for a name that a spreadsheet would take for a formula: shielded, it would be another name."""
    safe = spreadsheet_safe(cells)
    for column in cells.columns:
        found = cells.filter(cells[column] != safe[column])
        if len(found):
            raise SettingsError(
                f"{column} {shown(found[column][0])} holds what a spreadsheet would execute as a formula, so no CSV is made of it: "
                "write the row into the file of plans by hand"
            )


def _groups(month: PublishedMonth, fleet: Statements) -> tuple[GroupStatements | None, Iterable[str]]:
    """What makes statements about the month's groups, if there are any; and a sentence where they cannot be made."""
    if not month.row_count(GROUP_FORECAST):
        return None, ()
    if not month.group_run_results.folder.is_dir():
        return None, (f"Groups are left out: what their run has learnt is not published of {month.key}.",)
    own = Statements(_CachedResults(month.group_run_results.folder), month.windows, month.outlook_settings)
    frames = (month.frame(table) for table in (GROUP_FORECAST, GROUP_MEMBERS, GROUP_HISTORY))
    return GroupStatements.of_month(own, fleet, *frames), ()


@lru_cache(maxsize=4)
def _fleet(month: PublishedMonth) -> Fleet:
    """The month's series and groups; nobody changes it."""
    return Fleet.of_month(*(month.frame(table) for table in (SERIES_OUTCOMES, CHAMPIONS, GROUP_MEMBERS)))


class _CachedResults(Results):
    """What a published run has learnt, which never changes: read once, and of the rows of all series, found to be whole once."""

    def read(self, table: Table) -> pl.LazyFrame:
        """As `Results` has it."""
        return _cached(self.folder, table)

    def from_disk(self, table: Table) -> pl.LazyFrame:
        """The same, read anew."""
        return super().read(table)


@lru_cache(maxsize=24)
def _cached(folder: Path, table: Table) -> pl.LazyFrame:
    """Small tables are kept in memory; the rows of all series stay where they are."""
    found = _CachedResults(folder).from_disk(table)
    return found if table is FORECAST_PARQUET else found.collect().lazy()
