"""The registry of month tables: an asset stores its part of what a run has made, and a new table needs no other list."""

import re
import shutil
from pathlib import Path
from unittest import mock

import dagster as dg
import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from turbo_forecast import schemas
from turbo_forecast.defs import catalog, fleet_month
from turbo_forecast.defs.catalog import Place as Room
from turbo_forecast.defs.catalog import Stored
from turbo_forecast.defs.checks import month_checks
from turbo_forecast.defs.checks.keys import key_checks
from turbo_forecast.defs.month_table import month_table
from turbo_forecast.defs.monthly import Month
from turbo_forecast.schemas import CHAMPIONS, FORECAST_PARQUET, MONTHS
from turbo_forecast.schemas.columns import CUTOFF, HOST
from turbo_forecast.storage import months
from turbo_forecast.storage.months import STEPS, steps_of
from turbo_forecast.storage.results import Results
from turbo_forecast.tables import Column, Table
from turbo_forecast_tests.defs.conftest import MONTH, Place
from turbo_forecast_tests.defs.made_up_run import made_up_run, rows, run, said, told

pytestmark = pytest.mark.xdist_group("steps")

LATER = [name for name in STEPS if name not in months.FLEET_STEP]
IN_THE_WAREHOUSE = ("tournament_scores", "champions", "calibration", "tournament_standings")

BUSIEST = Table(
    "busiest_hosts",
    "How many series of each host have a champion.",
    (CUTOFF, HOST, Column("series", pl.Int64, "its series")),
    key=("cutoff", "host_id"),
    made_from=(CHAMPIONS,),
)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory, telemetry: Path) -> tuple[Place, dg.ExecuteInProcessResult]:
    """A month whose run was made up, with all that is stored of it, and the run's result."""
    place = Place(tmp_path_factory.mktemp("stored") / "data", dg.DagsterInstance.ephemeral())
    place.materialise_base(telemetry)
    with mock.patch.object(fleet_month, "run_fleet", made_up_run):
        result = run(place, "fleet_forecast", *LATER)
    assert result.success
    return place, result


@pytest.fixture
def made(stored: tuple[Place, dg.ExecuteInProcessResult], tmp_path: Path) -> Place:
    """A copy of that month."""
    shutil.copytree(stored[0].data, tmp_path / "data")
    return Place(tmp_path / "data", stored[0].instance)


@pytest.mark.parametrize("name", IN_THE_WAREHOUSE)
def test_what_the_run_made_is_what_the_warehouse_holds(
    name: str, stored: tuple[Place, dg.ExecuteInProcessResult]
) -> None:
    place, result = stored
    made = Results(place.data / "tournament" / MONTH).read(getattr(schemas, name.upper())).collect()
    assert_frame_equal(rows(place, name), made.sort(made.columns, nulls_last=True))
    assert told(result)[name]["dagster/row_count"] == len(made)


def test_the_master_file_is_one_file_of_the_parts_rows_in_their_order(
    stored: tuple[Place, dg.ExecuteInProcessResult],
) -> None:
    place, result = stored
    parts = sorted((place.data / "tournament" / MONTH / "forecast_parquet").glob("*.parquet"))
    assert len(parts) == 3
    master = pl.read_parquet(place.data / "forecast_parquet" / f"{MONTH}.parquet")
    assert_frame_equal(master, pl.concat([pl.read_parquet(part) for part in parts]))
    assert told(result)["forecast_parquet"]["dagster/row_count"] == len(master) == 6 * (122 + 181)


def test_the_intervals_beside_are_one_file_of_the_parts_rows(stored: tuple[Place, dg.ExecuteInProcessResult]) -> None:
    place, result = stored
    parts = sorted((place.data / "tournament" / MONTH / "forecast_intervals").glob("*.parquet"))
    file = pl.read_parquet(place.data / "forecast_intervals" / f"{MONTH}.parquet")
    assert_frame_equal(file, pl.concat([pl.read_parquet(part) for part in parts]))
    assert told(result)["forecast_intervals"]["dagster/row_count"] == len(file) == 2 * 6 * (122 + 181)


def test_all_entrants_rows_are_a_view_over_the_months_files(stored: tuple[Place, dg.ExecuteInProcessResult]) -> None:
    place, result = stored
    files = sorted((place.data / "fleet_forecast" / f"{MONTH}.parquet").glob("*.parquet"))
    written = pl.concat([pl.read_parquet(file) for file in files])
    assert_frame_equal(rows(place, "tournament_results"), written.sort(written.columns, nulls_last=True))
    assert told(result)["tournament_results"]["dagster/row_count"] == len(written) == 6 * 2 * (122 + 181)
    with duckdb.connect(str(place.data / "warehouse.duckdb"), read_only=True) as con:
        kinds = con.execute("SELECT table_type FROM information_schema.tables WHERE table_name = 'tournament_results'")
        assert kinds.fetchall() == [("VIEW",)]


def test_a_part_is_stored_again_without_a_forecast(made: Place) -> None:
    before = rows(made, "champions")
    made.sql("DELETE FROM champions")
    with mock.patch.object(fleet_month, "run_fleet", side_effect=AssertionError("nothing is to be forecast")):
        result = run(made, "champions")
    assert result.success
    assert_frame_equal(rows(made, "champions"), before)
    state = rows(made, "month_steps").filter(asset="calibration")
    assert state.is_empty(), "what rests on the champions is old"


def test_a_part_whose_run_left_nothing_says_what_to_run(made: Place) -> None:
    shutil.rmtree(made.data / "tournament" / MONTH)
    assert said(run(made, "champions")) == (
        f"{made.data}/tournament/{MONTH} is not there: materialise fleet_forecast for 2025-12 again; what a "
        "run made is kept for the latest months only (rows_months)"
    )
    assert len(rows(made, "champions")) == 6, "what was stored stays"


GONE = {
    "the run's results": lambda data: shutil.rmtree(data / "tournament" / MONTH),
    "a damaged result": lambda data: [
        part.write_bytes(part.read_bytes()[:-9]) for part in (data / "tournament" / MONTH).rglob("*.parquet")
    ],
    "every entrant's rows": lambda data: shutil.rmtree(data / "fleet_forecast" / f"{MONTH}.parquet"),
}


@pytest.mark.parametrize("what", GONE)
def test_a_complete_month_stays_complete_where_a_part_cannot_be_stored_again(what: str, made: Place) -> None:
    made.sql("UPDATE months SET state = 'complete', finished_at = TIMESTAMP '2026-01-01'")
    before = [rows(made, table) for table in ("months", "month_steps")]
    GONE[what](made.data)
    tried = ["tournament_results"] if what == "every entrant's rows" else [*IN_THE_WAREHOUSE, "forecast_parquet"]
    for asset in tried:
        assert re.search(rf"{MONTH}.*(is not there|cannot be read)", said(run(made, asset))), asset
    for table, was in zip(("months", "month_steps"), before, strict=True):
        assert_frame_equal(rows(made, table), was)


def test_the_view_is_not_told_of_as_stored_where_it_serves_other_rows_than_there_are(made: Place) -> None:
    part = min((made.data / "fleet_forecast" / f"{MONTH}.parquet").glob("*.parquet"))
    november = pl.lit("2025-11-30").str.to_date()
    pl.read_parquet(part).with_columns(cutoff=november).write_parquet(part)
    assert said(run(made, "tournament_results")) == (
        f"tournament_results serves {2 * 2 * 2 * 303:,} rows of 2025-12, where {3 * 2 * 2 * 303:,} are stored"
    )


def test_every_asset_of_a_part_shows_what_it_is_made_from_and_how_it_is_kept(made: Place) -> None:
    graph = made.definitions().resolve_asset_graph()
    for name in LATER:
        node, table = graph.get(dg.AssetKey(name)), getattr(schemas, name.upper())
        assert {key.to_user_string() for key in node.parent_keys} == {source.name for source in table.made_from}
        assert any(text.format(name=name) in node.description for text in catalog.STORED_IN.values())


@pytest.fixture
def busiest(monkeypatch: pytest.MonkeyPatch) -> dg.AssetsDefinition:
    """A table that nobody has: its schema, its text, and a function."""
    tables = [getattr(schemas, name) for name in schemas.__all__]
    monkeypatch.setattr(months, "STEPS", steps_of([*tables, BUSIEST]))
    monkeypatch.setattr(catalog, "long_text", lambda name: f"**A row** is one of {name}.")
    monkeypatch.setattr(month_checks, "BLOCKING", set(month_checks.BLOCKING))

    @month_table(BUSIEST, Room("publication", Stored.TABLE))
    def busiest_hosts(month: Month) -> pl.LazyFrame:
        month.metadata = {"by": "champions"}
        return month.made(CHAMPIONS).group_by("cutoff", "host_id").agg(series=pl.len().cast(pl.Int64))

    return busiest_hosts


def test_a_new_table_needs_its_schema_and_a_function(busiest: dg.AssetsDefinition, made: Place) -> None:
    (spec,) = busiest.specs
    assert {dep.asset_key.to_user_string() for dep in spec.deps} == {"champions"}
    assert spec.description is not None
    assert spec.description.startswith(BUSIEST.description)
    assert spec.kinds == {"duckdb"}
    order = list(months.STEPS)
    assert order.index("busiest_hosts") > order.index("champions")
    result = run(made, "busiest_hosts", others=[busiest])
    assert result.success
    assert told(result)["busiest_hosts"]["dagster/row_count"] == 3
    assert told(result)["busiest_hosts"]["by"] == "champions"
    assert rows(made, "busiest_hosts").select("host_id", "series").rows() == [("a", 2), ("b", 2), ("c", 2)]
    assert "busiest_hosts" in rows(made, "month_steps")["asset"].to_list()
    assert run(made, "champions").success
    assert "busiest_hosts" not in rows(made, "month_steps")["asset"].to_list(), "it rests on what was stored again"


def test_the_key_of_a_new_table_is_checked(busiest: dg.AssetsDefinition, made: Place) -> None:
    assert run(made, "busiest_hosts", others=[busiest]).success
    (check,) = key_checks([BUSIEST])
    assert ("busiest_hosts", "no_duplicate_keys") in month_checks.BLOCKING

    def passes() -> bool:
        job = dg.define_asset_job("check", selection=dg.AssetSelection.checks(check))
        definitions = dg.Definitions(
            assets=[busiest], asset_checks=[check], jobs=[job], resources=made.definitions().resources
        )
        job_of_check = definitions.resolve_job_def("check")
        result = job_of_check.execute_in_process(
            instance=made.instance, tags={"dagster/partition": MONTH}, raise_on_error=False
        )
        (found,) = result.get_asset_check_evaluations()
        return found.passed

    assert passes()
    made.sql("INSERT INTO busiest_hosts FROM busiest_hosts LIMIT 1")
    assert not passes()


def test_a_table_that_is_no_part_of_a_month_is_refused() -> None:
    with pytest.raises(ValueError, match="months is no part of a month: its schema does not say what it is made from"):
        month_table(MONTHS, Room("publication", Stored.TABLE))


def test_every_part_of_a_month_is_an_asset_with_a_check_of_its_key() -> None:
    graph = Place(Path("/nowhere"), dg.DagsterInstance.ephemeral()).definitions().resolve_asset_graph()
    assets = {key.to_user_string() for key in graph.get_all_asset_keys()}
    checked = {key.asset_key.to_user_string() for key in graph.asset_check_keys if key.name == "no_duplicate_keys"}
    assert set(STEPS) <= assets
    assert checked == {*STEPS, "months"}


def test_the_master_files_report_is_of_the_rows_it_holds(stored: tuple[Place, dg.ExecuteInProcessResult]) -> None:
    shown = told(stored[1])[FORECAST_PARQUET.name]
    assert shown["series"] == 6
    assert shown["backtest days inside the interval (percent)"] == 100.0, "50 lies between 40 and 60 every day"
