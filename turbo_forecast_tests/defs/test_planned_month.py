"""Planned changes of a month, from the file to the master file and the scenarios, as Dagster makes them."""

import shutil
from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from turbo_forecast.definitions import build_definitions
from turbo_forecast.defs.resources import OutlookResource
from turbo_forecast.errors import SettingsError
from turbo_forecast_tests.defs.conftest import MONTH, Place
from turbo_forecast_tests.one_duckdb import opened

pytestmark = pytest.mark.xdist_group("definitions")

PLANS = """date,host_id,resource,change,factor,move_to,retire,scenario
2026-02-01,a,cpu,7.5,,,,
2026-03-01,b,memory,,,c,,
2025-06-01,a,cpu,50,,,,
2026-02-15,c,cpu,,3,,,growth
2026-02-15,c,cpu,,,,yes,closing
2026-08-01,c,cpu,5,,,,late
"""
OWN = "cutoff = DATE '2025-12-31'"
VALUES = ["yhat", "yhat_lower", "yhat_upper"]


def make(place: Place, selection: dg.AssetSelection | str, **outlook: object) -> dg.ExecuteInProcessResult:
    """What is selected, or a job of the code location, with its checks."""
    every = build_definitions({**place.resources(), "outlook": OutlookResource(**outlook)})
    if isinstance(selection, str):
        job = every.resolve_job_def(selection)
    else:
        chosen = dg.define_asset_job("some", selection=selection)
        definitions = dg.Definitions(
            assets=every.assets, asset_checks=every.asset_checks, jobs=[chosen], resources=every.resources
        )
        job = definitions.resolve_job_def("some")
    return job.execute_in_process(instance=place.instance, partition_key=MONTH, raise_on_error=False)


def stored(place: Place, query: str) -> list[tuple[object, ...]]:
    with opened(place.data / "warehouse.duckdb") as con:
        return con.execute(query).fetchall()


def master(place: Place) -> pl.DataFrame:
    return pl.read_parquet(place.data / "forecast_parquet" / f"{MONTH}.parquet")


def copied(source: Place, to: Path) -> Place:
    shutil.copytree(source.data, to / "data")
    return Place(to / "data", source.instance)


@pytest.fixture(scope="module")
def planned(
    month: tuple[Place, dg.ExecuteInProcessResult], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Place, dg.ExecuteInProcessResult, str]:
    """A month whose outlook was made again with plans, not to be changed; the run that did so, and the file."""
    place = copied(month[0], tmp_path_factory.mktemp("planned"))
    file = place.data.parent / "plans.csv"
    file.write_text(PLANS)
    return place, make(place, "monthly_outlook", plans=str(file)), str(file)


def test_a_month_without_plans_has_no_row_of_any_and_the_champions_rows(place: Place) -> None:
    for table in ("planned_changes", "planned_loads", "scenario_outlook"):
        assert stored(place, f"SELECT count(*) FROM {table}") == [(0,)]
    parts = sorted((place.data / "tournament" / MONTH / "forecast_parquet").glob("*.parquet"))
    assert_frame_equal(master(place), pl.concat([pl.read_parquet(part) for part in parts]))


def test_the_outlook_made_again_leaves_a_complete_month_that_passes_every_check(
    planned: tuple[Place, dg.ExecuteInProcessResult, str],
) -> None:
    place, result, _ = planned
    assert result.success
    checks = result.get_asset_check_evaluations()
    assert {"is_the_champions_forecast", "loads_are_whole", "statements_are_monotone"} <= {c.check_name for c in checks}
    assert [check.check_name for check in checks if not check.passed and check.blocking] == []
    assert stored(place, f"SELECT state FROM months WHERE month = '{MONTH}'") == [("complete",)]
    assert not [event for event in result.all_events if event.step_key == "fleet_forecast"]


def test_what_each_row_of_the_file_means_is_recorded(planned: tuple[Place, dg.ExecuteInProcessResult, str]) -> None:
    found = stored(
        planned[0],
        "SELECT file_row, host_id, resource, what, effect FROM planned_changes WHERE scenario = 'baseline' ORDER BY ALL",
    )
    assert found == [
        (1, "a", "cpu", "change", "applied"),
        (2, "b", "memory", "move_to", "applied"),
        (2, "c", "memory", "move_from", "applied"),
        (3, "a", "cpu", "change", "no effect: the day is not after the cutoff"),
    ]
    late = "SELECT effect FROM planned_changes WHERE scenario = 'late' AND file_row = 6"
    assert stored(planned[0], late) == [("no effect: the day is after the forecast's last",)]


def test_the_master_file_has_the_baselines_changes_and_all_else_as_it_was(
    planned: tuple[Place, dg.ExecuteInProcessResult, str], month: tuple[Place, dg.ExecuteInProcessResult]
) -> None:
    before, after = master(month[0]), master(planned[0])
    changed = before.filter(host_id="a", resource="cpu").filter(pl.col("ds") >= date(2026, 2, 1))
    expected = changed.with_columns((pl.col(VALUES).cast(pl.Float64) + 7.5).clip(0, 100).cast(pl.Float32))
    is_own = (pl.col("host_id") == "a") & (pl.col("resource") == "cpu")
    assert_frame_equal(after.filter(is_own, pl.col("ds") >= date(2026, 2, 1)), expected, check_exact=True)
    gone = after.filter(pl.col("ds") >= date(2026, 3, 1)).filter(host_id="b", resource="memory")
    assert (gone.select(VALUES).to_numpy() == 0).all()
    assert len(gone) == 122
    is_moved = (
        pl.col("host_id").is_in(["b", "c"]) & (pl.col("resource") == "memory") & (pl.col("ds") >= date(2026, 3, 1))
    )
    others = ~is_moved & ~(is_own & (pl.col("ds") >= date(2026, 2, 1)))
    assert_frame_equal(after.filter(others), before.filter(others), check_exact=True)


def test_the_intervals_beside_have_the_same_changes(
    planned: tuple[Place, dg.ExecuteInProcessResult, str], month: tuple[Place, dg.ExecuteInProcessResult]
) -> None:
    before, after = (
        pl.read_parquet(of.data / "forecast_intervals" / f"{MONTH}.parquet") for of in (month[0], planned[0])
    )
    assert before["interval_width"].unique().sort().to_list() == [0.5, 0.95]
    bounds, key = ["lower", "upper"], ["interval_width", "ds"]

    def of(rows: pl.DataFrame, host: str, resource: str, since: date) -> pl.DataFrame:
        own = rows.filter(pl.col("ds") >= since, host_id=host, resource=resource)
        return own.sort(key).select(*key, pl.col(bounds).cast(pl.Float64))

    added = of(before, "a", "cpu", date(2026, 2, 1)).with_columns((pl.col(bounds) + 7.5).clip(0, 100))
    assert_frame_equal(of(after, "a", "cpu", date(2026, 2, 1)), added, rel_tol=1e-6)
    spring = date(2026, 3, 1)
    assert (of(after, "b", "memory", spring).select(bounds).to_numpy() == 0).all()
    both = of(before, "c", "memory", spring).select(bounds) + of(before, "b", "memory", spring).select(bounds)
    assert_frame_equal(
        of(after, "c", "memory", spring).select(bounds), both.select(pl.all().clip(0, 100)), rel_tol=1e-6
    )
    is_early = pl.col("ds") < date(2026, 2, 1)
    assert_frame_equal(after.filter(is_early), before.filter(is_early), check_exact=True)


def test_a_month_made_again_with_plans_tells_who_runs_full_with_them(
    planned: tuple[Place, dg.ExecuteInProcessResult, str],
) -> None:
    place, result, _ = planned
    (told,) = [
        event.step_materialization_data.materialization.metadata
        for event in result.all_events
        if event.is_step_materialization and event.asset_key == dg.AssetKey("months")
    ]
    nearest = f"SELECT count(*) FROM capacity_outlook WHERE {OWN} AND scenario = 'baseline' AND threshold = 90"
    counted = stored(place, f"{nearest} AND state IN ('over', 'expected')")[0][0]
    full = told["series and groups over their threshold"].value
    assert full + told["series and groups expected to reach it"].value == counted >= 1, "c has b's memory too"


def test_every_scenario_has_its_statements_and_those_it_leaves_alone_are_the_baselines(
    planned: tuple[Place, dg.ExecuteInProcessResult, str],
) -> None:
    place = planned[0]
    counted = stored(place, f"SELECT scenario, count(*) FROM capacity_outlook WHERE {OWN} GROUP BY ALL ORDER BY ALL")
    assert [name for name, _ in counted] == ["baseline", "closing", "growth", "late"]
    assert len({count for _, count in counted}) == 1
    differ = (
        "SELECT DISTINCT one.scenario, one.host_id, one.resource FROM capacity_outlook AS one JOIN capacity_outlook AS other "
        f"USING (cutoff, kind, host_id, resource, threshold) WHERE {OWN} AND other.scenario = 'baseline' "
        "AND one.probability_182 != other.probability_182 ORDER BY ALL"
    )
    assert stored(place, differ) == [("closing", "c", "cpu"), ("growth", "c", "cpu")]


def test_scenarios_are_compared_where_they_change_something(
    planned: tuple[Place, dg.ExecuteInProcessResult, str],
) -> None:
    place = planned[0]
    query = (
        f"SELECT scenario, host_id, resource, sum(probability_182) > sum(baseline_probability_182) FROM scenario_outlook "
        f"WHERE {OWN} GROUP BY ALL ORDER BY ALL"
    )
    assert stored(place, query) == [("closing", "c", "cpu", False), ("growth", "c", "cpu", True)]


def test_scenarios_are_made_again_by_themselves_and_the_month_stays_as_it_is(
    planned: tuple[Place, dg.ExecuteInProcessResult, str], tmp_path: Path
) -> None:
    place = copied(planned[0], tmp_path)
    before = {name: stored(place, f"FROM {name} ORDER BY ALL") for name in ("months", "capacity_outlook")}
    other = tmp_path / "other.csv"
    other.write_text("date,host_id,factor,scenario\n2026-01-15,a,1.5,busy\n")
    assert make(place, dg.AssetSelection.assets("scenario_outlook"), plans=str(other)).success
    query = "SELECT DISTINCT scenario, host_id, resource FROM scenario_outlook ORDER BY ALL"
    assert stored(place, query) == [("busy", "a", "cpu"), ("busy", "a", "memory")]
    assert {name: stored(place, f"FROM {name} ORDER BY ALL") for name in before} == before


def test_a_file_that_nobody_can_read_refuses_the_run_before_a_step_begins(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("date,host_id,change\n2026-02-01,a,much\n")
    with pytest.raises(SettingsError, match="row 1, column change: 'much' is no number"):
        make(place, dg.AssetSelection.assets("planned_changes"), plans=str(file))


def test_a_file_of_unknown_hosts_fails_with_its_sentence_and_the_month_stays_complete(
    place: Place, tmp_path: Path
) -> None:
    file, why = tmp_path / "bad.csv", "row 1, column host_id: 'nobody' is not known"
    file.write_text("date,host_id,change\n2026-02-01,nobody,5\n")
    for asset in ("planned_changes", "scenario_outlook"):
        result = make(place, dg.AssetSelection.assets(asset), plans=str(file))
        (failed,) = [event.step_failure_data for event in result.get_step_failure_events()]
        assert failed.user_failure_data is not None
        assert failed.user_failure_data.description == f"outlook.plans: {file}: {why}"
    assert stored(place, f"SELECT state FROM months WHERE month = '{MONTH}'") == [("complete",)]
