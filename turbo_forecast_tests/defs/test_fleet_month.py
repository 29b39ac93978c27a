"""What a month's run leaves is published whole and committed, and months beyond those kept lose their rows."""

import shutil
from pathlib import Path
from unittest import mock

import dagster as dg
import pytest
from polars.testing import assert_frame_equal

from turbo_forecast.defs import fleet_month
from turbo_forecast.schemas import MODEL_RUNS, SERIES_OUTCOMES
from turbo_forecast.types import Status
from turbo_forecast_tests.defs.conftest import MONTH, Place
from turbo_forecast_tests.defs.made_up_run import made_up_run, rows, run, said, told

pytestmark = pytest.mark.xdist_group("steps")

FLEET = {"fleet_forecast", "fold_forecast", "combination_weights", "series_outcomes", "model_runs", "run_audit"}
WINDOWS = {"forecast", "backtest", "fold 1", "fold 2", "fold 3"}
FOLDERS = ("fleet_forecast/{}.parquet", "fold_forecast/{}.parquet", "tournament/{}")


@pytest.fixture(scope="module")
def based(tmp_path_factory: pytest.TempPathFactory, telemetry: Path) -> Place:
    """A data folder with a base table and nothing else."""
    place = Place(tmp_path_factory.mktemp("based") / "data", dg.DagsterInstance.ephemeral())
    place.materialise_base(telemetry)
    return place


@pytest.fixture
def empty(based: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A copy of that folder, in which runs are made up."""
    monkeypatch.setattr(fleet_month, "run_fleet", made_up_run)
    shutil.copytree(based.data, tmp_path / "data")
    return Place(tmp_path / "data", based.instance)


def files(place: Place) -> dict[str, bytes]:
    """All Parquet files below the data folder, by path; hidden folders too."""
    return {
        str(path.relative_to(place.data)): path.read_bytes()
        for path in sorted(place.data.rglob("*.parquet"))
        if path.is_file()
    }


def test_a_run_leaves_folders_of_parts_and_tables_and_no_scratch(empty: Place) -> None:
    result = run(empty, "fleet_forecast", "fold_forecast")
    assert result.success
    parts = ["00000000-00000002", "00000002-00000004", "00000004-00000006"]
    for folder in (
        "fleet_forecast/2025-12.parquet",
        "fold_forecast/2025-12.parquet",
        "tournament/2025-12/forecast_parquet",
        "tournament/2025-12/forecast_intervals",
    ):
        assert sorted(path.name[:17] for path in (empty.data / folder).iterdir()) == parts
    small = {path.name for path in (empty.data / "tournament" / MONTH).glob("*.parquet")}
    tables = ("tournament_scores", "champions", "calibration", "tournament_standings")
    tables += ("outlook_calibration", "outlook_series")
    assert small == {f"{name}.parquet" for name in tables}
    assert not (empty.data / "fleet_forecast" / ".unfinished-2025-12").exists(), "what was worked with is gone"
    shown = told(result)
    assert set(shown) == FLEET
    assert shown["fleet_forecast"]["dagster/row_count"] == 6 * 2 * (122 + 181)
    assert shown["fold_forecast"]["dagster/row_count"] == 6 * 2 * (123 + 120 + 122)
    assert shown["model_runs"]["dagster/row_count"] == 6 * 2 * 5
    assert shown["model_runs"]["runs by status"] == {Status.OK: 60}
    assert shown["run_audit"]["months whose rows were removed"] == "none"


def test_what_happened_to_each_fit_is_stored_with_the_outcomes(empty: Place) -> None:
    assert run(empty, "series_outcomes").success
    fits = rows(empty, MODEL_RUNS.name)
    assert fits.schema == MODEL_RUNS.polars_schema
    assert set(fits["window_name"]) == WINDOWS
    assert len(fits) == len(fits.unique(list(MODEL_RUNS.key))) == 60
    assert len(rows(empty, SERIES_OUTCOMES.name)) == 6
    stored = rows(empty, "month_steps").filter(result="stored")["asset"]
    assert set(stored) == FLEET - {"run_audit"}


@pytest.mark.parametrize("asked", ["model_runs", "fold_forecast", "run_audit"])
def test_whichever_table_is_asked_for_all_are_made_the_same(asked: str, empty: Place) -> None:
    first = run(
        empty, "fleet_forecast", "fold_forecast", "series_outcomes", "model_runs", "run_audit", "combination_weights"
    )
    assert first.success
    before, fits = files(empty), rows(empty, "model_runs")
    for folder in FOLDERS:
        shutil.rmtree(empty.data / folder.format(MONTH))
    result = run(empty, asked)
    assert result.success
    assert files(empty) == before
    assert_frame_equal(rows(empty, "model_runs"), fits)
    assert set(told(result)) == FLEET
    assert {name: shown["dagster/row_count"] for name, shown in told(result).items() if name != "run_audit"} == {
        name: shown["dagster/row_count"] for name, shown in told(first).items() if name != "run_audit"
    }


def test_a_month_that_could_not_be_committed_is_incomplete_and_made_whole_by_the_next_run(
    empty: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(empty, "fleet_forecast").success
    whole = files(empty)
    with monkeypatch.context() as broken:
        broken.setattr(fleet_month, "store_tables", mock.Mock(side_effect=RuntimeError("power cut")))
        assert not run(empty, "fleet_forecast").success
    assert rows(empty, "months")["state"].to_list() == ["incomplete"]
    assert rows(empty, "month_steps").is_empty(), "so that nothing is made of it"
    assert (empty.data / "fleet_forecast" / ".unfinished-2025-12" / "made").is_dir(), (
        "what was made stays for the next attempt"
    )
    assert "which has not been stored since the month was begun anew" in said(run(empty, "champions"))
    assert run(empty, "fleet_forecast", "tournament_results").success
    assert files(empty) == whole
    assert len(rows(empty, "tournament_results")) == 6 * 2 * 303


def months_there(place: Place) -> list[set[str]]:
    """The months of each kind of folder."""
    return [
        {path.name.removesuffix(".parquet") for path in (place.data / Path(folder).parent).glob("????-??*")}
        for folder in FOLDERS
    ]


def test_only_the_latest_months_keep_every_entrants_rows_and_the_run_says_which_went(
    empty: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Place, "resources", keeping(2))
    parts = ("fleet_forecast", "tournament_results", "tournament_scores", "champions")
    for month in ("2025-09", "2025-10"):
        assert run(empty, *parts, month=month).success
    assert months_there(empty) == [{"2025-09", "2025-10"}] * 3
    result = run(empty, *parts, month="2025-11")
    assert result.success
    assert months_there(empty) == [{"2025-10", "2025-11"}] * 3
    assert told(result)["run_audit"]["months whose rows were removed"] == "2025-09"
    assert seen(empty, "tournament_results") == ["2025-10", "2025-11"]
    assert seen(empty, "champions") == ["2025-09", "2025-10", "2025-11"], "what is small stays"
    assert "what a run made is kept for the latest months only" in said(run(empty, "champions", month="2025-09"))


def test_the_view_shows_no_month_whose_rows_went_even_before_it_is_made_again(
    empty: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Place, "resources", keeping(1))
    assert run(empty, "fleet_forecast", "tournament_results", month="2025-10").success
    assert run(empty, "fleet_forecast", month="2025-11").success
    assert seen(empty, "tournament_results") == ["2025-11"]


def keeping(months: int):
    """The place's resources, for runs that keep so many months."""
    usual = Place.resources
    return lambda self, telemetry=None, **forecast: usual(self, telemetry, rows_months=months, **forecast)


def seen(place: Place, table: str) -> list[str]:
    return [f"{month:%Y-%m}" for month in sorted(rows(place, table)["cutoff"].unique())]
