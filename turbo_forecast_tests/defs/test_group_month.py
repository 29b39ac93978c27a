"""Groups can be set, and changed, when a month has been forecast: what follows from them is made again without a forecast of the fleet."""

import shutil
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from turbo_forecast.definitions import build_definitions
from turbo_forecast.defs.resources import OutlookResource
from turbo_forecast.errors import SettingsError
from turbo_forecast.storage.retention import remove_rows
from turbo_forecast.windows import cutoff_of
from turbo_forecast_tests.defs.conftest import MONTH, Place
from turbo_forecast_tests.one_duckdb import opened

pytestmark = pytest.mark.xdist_group("definitions")

GROUPED = ("group_members", "group_history", "group_forecast")
BETWEEN = ("planned_changes", "planned_loads", "forecast_parquet")
"""Planned changes may be of groups, and the master file has them."""
SITES = "host_id,group,capacity\na,site,8\nb,site,4\nc,b,2\nghost,site,1\n"


def make(place: Place, *assets: str, **outlook: object) -> dg.ExecuteInProcessResult:
    """What follows from the file of groups, or only some of it, and its checks."""
    resources = {**place.resources(), "outlook": OutlookResource(**outlook)}
    job = build_definitions(resources).resolve_job_def("monthly_outlook")
    return job.execute_in_process(
        instance=place.instance,
        partition_key=MONTH,
        raise_on_error=False,
        asset_selection=[dg.AssetKey(asset) for asset in assets] or None,
    )


def stored(place: Place, query: str) -> list[tuple[object, ...]]:
    with opened(place.data / "warehouse.duckdb") as con:
        return con.execute(query).fetchall()


@pytest.fixture(scope="module")
def grouped(
    month: tuple[Place, dg.ExecuteInProcessResult], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Place, dg.ExecuteInProcessResult]:
    """A month whose groups were set when it had been forecast, not to be changed, and the run that made them."""
    source, _ = month
    data = tmp_path_factory.mktemp("grouped") / "data"
    shutil.copytree(source.data, data)
    place = Place(data, source.instance)
    file = data.parent / "sites.csv"
    file.write_text(SITES)
    return place, make(place, groups=str(file), reserve={"hosts": 1}, thresholds=[50.0, 80.0])


def test_a_month_without_groups_has_no_row_of_any(place: Place) -> None:
    for table in GROUPED:
        assert stored(place, f"SELECT count(*) FROM {table}") == [(0,)]
    assert stored(place, "SELECT DISTINCT kind FROM capacity_outlook") == [("series",)]
    assert not (place.data / "groups" / MONTH).exists()


def test_groups_get_a_history_a_forecast_and_statements_that_pass_every_check(
    grouped: tuple[Place, dg.ExecuteInProcessResult],
) -> None:
    place, result = grouped
    assert result.success
    checks = {
        (check.asset_key.to_user_string(), check.check_name): check for check in result.get_asset_check_evaluations()
    }
    mine = [("group_history", "every_group_has_its_days"), ("group_forecast", "every_group_has_its_rows")]
    assert {*mine, ("capacity_outlook", "every_group_has_its_statements")} <= set(checks)
    assert [name for name, check in checks.items() if not check.passed and check.blocking] == []
    assert {checks[name].metadata["expected"].value for name in mine} == {4}
    members = (
        "SELECT group_name, host_id, resource, capacity, present FROM group_members WHERE resource = 'cpu' ORDER BY ALL"
    )
    assert stored(place, members) == [
        ("b", "c", "cpu", 2.0, 1),
        ("site", "a", "cpu", 8.0, 1),
        ("site", "b", "cpu", 4.0, 1),
    ]
    mean = """
        SELECT max(abs(g.y - w.y)) FROM group_history AS g JOIN (
            SELECT resource, ds, sum(y * if(host_id = 'a', 8, 4)) / 12 AS y FROM base_table
            WHERE host_id IN ('a', 'b') GROUP BY ALL
        ) AS w USING (resource, ds) WHERE g.host_id = 'site'"""
    assert stored(place, mean)[0][0] == pytest.approx(0.0, abs=1e-9)
    assert stored(place, "SELECT DISTINCT host_id FROM series_outcomes ORDER BY 1") == [("a",), ("b",), ("c",)]


def test_thresholds_of_a_group_are_percent_of_what_it_may_use(grouped: tuple[Place, dg.ExecuteInProcessResult]) -> None:
    """The site loses its host of 8 of 12: a third is usable, so its level counts three times, and 80 is 26.7 of all."""
    place, _ = grouped
    week = "SELECT avg(y) FROM group_history WHERE host_id = 'site' AND resource = 'cpu' AND ds > DATE '2025-12-24'"
    rows = stored(
        place,
        f"SELECT threshold, level / ({week}), headroom - threshold + level, state FROM capacity_outlook "
        "WHERE kind = 'group' AND host_id = 'site' AND resource = 'cpu' ORDER BY threshold",
    )
    assert [(row[0], row[3]) for row in rows] == [(50.0, "over"), (80.0, "over")]
    assert [row[1] for row in rows] == pytest.approx([3.0, 3.0])
    assert [row[2] for row in rows] == pytest.approx([0.0, 0.0], abs=1e-9)


def test_a_group_whose_reserve_takes_all_of_it_is_said_to_be_unusable(
    grouped: tuple[Place, dg.ExecuteInProcessResult],
) -> None:
    place, _ = grouped
    rows = "FROM capacity_outlook WHERE kind = 'group' AND host_id = 'b'"
    assert stored(place, f"SELECT DISTINCT state, level, probability_30, early {rows}") == [
        ("unusable", None, 1.0, date(2026, 1, 1))
    ]
    assert stored(place, f"SELECT count(*) {rows}") == [(4,)]
    assert stored(place, "SELECT DISTINCT kind, host_id FROM outlook_backtest WHERE kind = 'group'") == [
        ("group", "site")
    ]


def test_a_group_is_left_out_again_when_no_file_names_it_any_more(
    grouped: tuple[Place, dg.ExecuteInProcessResult], tmp_path: Path
) -> None:
    source, _ = grouped
    assert (source.data / "groups" / MONTH).is_dir()
    place = Place(Path(shutil.copytree(source.data, tmp_path / "data")), source.instance)
    assert make(place, *GROUPED).success
    for table in GROUPED:
        assert stored(place, f"SELECT count(*) FROM {table}") == [(0,)]
    assert not (place.data / "groups" / MONTH).exists()


def test_a_file_that_cannot_be_meant_refuses_the_run_before_a_step_begins(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "sites.csv"
    file.write_text("host_id,group\na,site\na,site\n")
    with pytest.raises(
        SettingsError, match="row 2: host_id is 'a': this host_id, group stands in an earlier row already"
    ):
        make(place, groups=str(file))


def test_a_file_of_unknown_hosts_fails_its_step_with_one_sentence(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "sites.csv"
    file.write_text("host_id,group\nghost,site\n")
    result = make(place, groups=str(file))
    assert not result.success
    failed = {event.step_key: event.step_failure_data for event in result.get_step_failure_events()}
    said = failed["group_members"].user_failure_data
    assert said is not None
    assert "none of its hosts is in the base table, whose hosts are 'a', 'b', 'c'" in str(said.description)


@pytest.mark.parametrize("asset", ["group_members", "group_history", "planned_changes", "planned_loads"])
def test_a_month_whose_runs_results_are_not_kept_stays_complete_when_its_outlook_is_asked_for(
    asset: str, place: Place
) -> None:
    """The first steps could be made again, and nothing of what rests on them."""
    remove_rows(place.data, [cutoff_of(MONTH)])
    result = make(place, asset)
    (failed,) = (
        event.step_failure_data.user_failure_data
        for event in result.get_step_failure_events()
        if event.step_key == asset
    )
    assert failed is not None
    assert str(failed.description).startswith(
        f"{place.data / 'tournament' / MONTH} is not there: materialise fleet_fore"
    )
    assert stored(place, f"SELECT state FROM months WHERE month = '{MONTH}'") == [("complete",)]
