"""What other plans would alter, asked of a month that a run has published: it is what the run itself says of the same plans."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from turbo_forecast.answers.what_if import month_plans, month_scenarios, scenario_file, what_if
from turbo_forecast.definitions import build_definitions
from turbo_forecast.defs.resources import OutlookResource
from turbo_forecast.schemas import CAPACITY_OUTLOOK, SCENARIO_OUTLOOK
from turbo_forecast.storage.plans import plans_of_text, read_plans
from turbo_forecast.storage.published.reading import Published, PublishedMonth
from turbo_forecast_tests.defs.conftest import MONTH, Place, run_unchecked

pytestmark = pytest.mark.xdist_group("definitions")

GROUPS = "host_id,group,capacity\na,site,8\nb,site,4\nc,rest,2\n"
PLANS = """date,host_id,group,resource,change,factor,move_to,retire,add_hosts,scenario
2026-02-01,a,,cpu,7.5,,,,,
2026-03-01,b,,memory,,,c,,,
2025-06-01,a,,cpu,50,,,,,
2026-02-15,c,,cpu,,3,,,,growth
2026-02-20,,site,cpu,,,,,2,growth
2026-02-15,c,,cpu,,,,yes,,closing
2026-02-16,,rest,,-5,,,,,closing
2026-08-01,c,,cpu,5,,,,,late
"""
KEY = ["kind", "host_id", "resource", "threshold"]


@dataclass(frozen=True)
class Planned:
    """A month whose outlook was made with the plans, and the options of it."""

    place: Place
    options: dict[str, str]

    @property
    def month(self) -> PublishedMonth:
        return Published(self.place.data).month(MONTH)

    def make(self) -> dg.ExecuteInProcessResult:
        """What the job `monthly_outlook` makes; its checks are looked at by `test_planned_month.py` and `test_group_month.py`."""
        resources = {**self.place.resources(), "outlook": OutlookResource(**self.options)}
        selection = dg.AssetSelection.assets("group_members").downstream()
        return run_unchecked(build_definitions(resources), selection, self.place.instance, MONTH)


@pytest.fixture(scope="module")
def planned(month: tuple[Place, dg.ExecuteInProcessResult], tmp_path_factory: pytest.TempPathFactory) -> Planned:
    data = tmp_path_factory.mktemp("what-if") / "data"
    shutil.copytree(month[0].data, data)
    files = {"groups": (data.parent / "groups.csv", GROUPS), "plans": (data.parent / "plans.csv", PLANS)}
    for path, text in files.values():
        path.write_text(text)
    found = Planned(Place(data, month[0].instance), {name: str(path) for name, (path, _) in files.items()})
    assert found.make().success
    return found


def without_scenario(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.drop("scenario").sort(KEY)


def test_a_months_tables_keep_the_rows_of_its_file_of_plans(planned: Planned) -> None:
    file, month = read_plans(planned.options["plans"]), planned.month
    assert month_scenarios(month) == ["growth", "closing", "late"]
    assert_frame_equal(month_plans(month), file.filter(scenario="baseline"))
    for scenario in month_scenarios(month):
        assert_frame_equal(month_plans(month, scenario), file.filter(pl.col("scenario").is_in(["baseline", scenario])))


@pytest.mark.parametrize("scenario", ["growth", "closing", "late"])
def test_the_rows_of_a_scenario_alter_what_the_run_says_that_the_scenario_alters(
    planned: Planned, scenario: str
) -> None:
    month = planned.month
    expected = month.frame(SCENARIO_OUTLOOK).filter(scenario=scenario)
    found = what_if(month, month_plans(month, scenario)).compared
    assert_frame_equal(without_scenario(found), without_scenario(expected), rel_tol=1e-12, abs_tol=1e-12)
    assert len(expected) == {"growth": 20, "closing": 16, "late": 0}[scenario], (
        "four thresholds of each: a, b, c, site, rest; c, rest twice"
    )


def test_what_is_published_alters_nothing_and_no_plans_undo_it(planned: Planned) -> None:
    month = planned.month
    assert what_if(month, month_plans(month)).compared.is_empty()
    undone = what_if(month, month_plans(month).clear()).compared
    names = undone.select("kind", "host_id", "resource").unique().sort("kind", "host_id", "resource").rows()
    assert names == [
        ("group", "rest", "memory"),
        ("group", "site", "cpu"),
        ("group", "site", "memory"),
        ("series", "a", "cpu"),
        ("series", "b", "memory"),
        ("series", "c", "memory"),
    ]
    published = month.frame(CAPACITY_OUTLOOK).filter(scenario="baseline")
    both = undone.join(published, on=KEY)
    assert len(both) == len(undone)
    assert both["baseline_probability_182"].to_list() == pytest.approx(
        both["probability_182_right"].to_list(), rel=1e-12
    )
    assert both["baseline_likely"].to_list() == both["likely_right"].to_list()


def test_a_saved_scenario_says_in_the_next_run_what_was_seen(planned: Planned, tmp_path: Path) -> None:
    month = planned.month
    rows = month_plans(month)
    added = plans_of_text("date,group,factor\n2026-02-03,site,1.6\n")
    plans = pl.concat([rows, added.with_columns(row=pl.lit(len(rows) + 1, pl.Int64))])
    seen = what_if(month, plans).compared
    file = tmp_path / "saved.csv"
    file.write_text(scenario_file(plans, rows, "busy site"))
    assert_frame_equal(read_plans(str(file)).filter(scenario="baseline"), rows)
    copy = Planned(Place(tmp_path / "data", planned.place.instance), {**planned.options, "plans": str(file)})
    shutil.copytree(planned.place.data, copy.place.data)
    assert copy.make().success
    said = copy.month.frame(SCENARIO_OUTLOOK)
    assert said["scenario"].unique().to_list() == ["busy site"]
    assert len(said) == len(seen) > 0
    assert_frame_equal(without_scenario(seen), without_scenario(said), rel_tol=1e-12, abs_tol=1e-12)
