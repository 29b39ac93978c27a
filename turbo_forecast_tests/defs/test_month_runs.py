"""A month's run beside other runs: it notices telemetry that another run has read, and says which months are complete."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from turbo_forecast.defs import fleet_month, io_manager
from turbo_forecast.defs.checks.month_checks import BLOCKING
from turbo_forecast.defs.jobs import OF_THE_CALENDAR
from turbo_forecast.storage.datasets import parts
from turbo_forecast.storage.months import STEPS
from turbo_forecast_tests.conftest import CUTOFF, series_rows, wave
from turbo_forecast_tests.defs.conftest import MONTH, Place, six_series
from turbo_forecast_tests.one_duckdb import opened

pytestmark = pytest.mark.xdist_group("definitions")

FLEET = ["fleet_forecast", "fold_forecast", "combination_weights", "series_outcomes", "model_runs", "run_audit"]
LATER = [name for name in STEPS if name not in FLEET]
WHILE = "the base table was replaced by run {} while this month (2025-12) was worked on: run the month again"


def export(rows: pl.DataFrame, path: Path) -> Path:
    rows.rename({"ds": "timestamp", "y": "value"}).write_parquet(path)
    return path


def other_telemetry(folder: Path) -> Path:
    """Telemetry of the same hosts in which one value is another."""
    there = (pl.col("host_id") == "b") & (pl.col("ds") == date(2025, 11, 11))
    return export(six_series().with_columns(y=pl.when(there).then(99.0).otherwise("y")), folder / "other.parquet")


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return other_telemetry(tmp_path)


def run(
    place: Place,
    selection: dg.AssetSelection,
    telemetry: Path | None = None,
) -> dg.ExecuteInProcessResult:
    """One run of some of the month's assets or checks."""
    base = place.definitions(telemetry)
    job = dg.define_asset_job("some", selection=selection)
    return (
        dg.Definitions(assets=base.assets, asset_checks=base.asset_checks, jobs=[job], resources=base.resources)
        .resolve_job_def("some")
        .execute_in_process(instance=place.instance, tags={"dagster/partition": MONTH}, raise_on_error=False)
    )


def store(place: Place, *assets: str, telemetry: Path | None = None) -> dg.ExecuteInProcessResult:
    return run(place, dg.AssetSelection.assets(*assets).without_checks(), telemetry)


def sentences(result: dg.ExecuteInProcessResult) -> set[str]:
    """What failed steps said."""
    failed = [event.step_failure_data for event in result.get_step_failure_events()]
    assert all(data.user_failure_data for data in failed), failed
    return {data.user_failure_data.description or "" for data in failed if data.user_failure_data}


def rows(place: Place, sql: str) -> list[tuple[object, ...]]:
    with opened(place.data / "warehouse.duckdb") as con:
        return con.execute(sql).fetchall()


def state(place: Place, month: str = "2025-12") -> tuple[object, ...]:
    return rows(place, f"SELECT state, run_id, reached FROM months WHERE month = '{month}'")[0]


def files(place: Place) -> dict[str, bytes]:
    stored = [part for path in place.data.glob(f"*/{MONTH}.parquet") for part in parts(path)]
    return {str(path): path.read_bytes() for path in stored}


def before(function: Callable[..., object], done: Callable[[], object]) -> Callable[..., object]:
    """The function, with something that happens before it."""

    def wrapped(*arguments: object, **options: object) -> object:
        done()
        return function(*arguments, **options)

    return wrapped


def after(function: Callable[..., object], done: Callable[[], object]) -> Callable[..., object]:
    """The function, with something that happens after it."""

    def wrapped(*arguments: object, **options: object) -> object:
        found = function(*arguments, **options)
        done()
        return found

    return wrapped


def test_a_healthy_run_leaves_complete_months_that_name_run_base_table_and_settings(
    month: tuple[Place, dg.ExecuteInProcessResult],
) -> None:
    place, result = month
    found = rows(
        place, f"SELECT month, state, run_id = '{result.run_id}', finished_at > started_at FROM months ORDER BY 1"
    )
    assert found == [("2025-11", "complete", False, True), ("2025-12", "complete", True, True)]
    of_forecasts = "asset NOT IN ('capacity_outlook', 'outlook_backtest')"  # which thresholds decide, too
    audited = rows(place, f"SELECT DISTINCT cutoff, config_hash FROM run_audit WHERE {of_forecasts} ORDER BY 1")
    assert rows(place, "SELECT cutoff, config_hash FROM months ORDER BY 1") == audited
    ((whole, current, run_id),) = rows(
        place,
        "SELECT base_table_digest, digest, base_table_runs.run_id FROM months, base_table_runs "
        "WHERE month = '2025-12' ORDER BY number DESC LIMIT 1",
    )
    assert (whole, run_id) == (current, result.run_id), "the telemetry ends at the cutoff"
    passed = rows(place, "SELECT asset, check_name FROM month_steps WHERE result = 'passed' AND cutoff = '2025-12-31'")
    assert set(passed) >= BLOCKING


@pytest.mark.parametrize("then", ["while it fits", "when its files are written"])
def test_a_base_table_replaced_during_the_fleet_step_stops_the_month(
    then: str, place: Place, other: Path, telemetry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, runs = files(place), []

    def replace() -> None:
        if not runs:
            runs.append(place.materialise_base(other).run_id)

    if then == "while it fits":
        monkeypatch.setattr(fleet_month, "run_fleet", after(fleet_month.run_fleet, replace))
    else:
        monkeypatch.setattr(io_manager, "publish_folder", before(io_manager.publish_folder, replace))
    result = store(place, *FLEET, telemetry=telemetry)
    assert sentences(result) == {WHILE.format(runs[0])}
    if then == "while it fits":
        assert state(place)[0] == "complete", "nothing of it was replaced"
        assert files(place) == kept
    else:
        assert state(place) == ("incomplete", result.run_id, "")


@pytest.fixture(scope="module")
def replaced(
    month: tuple[Place, dg.ExecuteInProcessResult], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Place, str]:
    """A month at work, whose base table another run has replaced, and that run; for steps that are to change nothing."""
    source, folder = month[0], tmp_path_factory.mktemp("replaced")
    shutil.copytree(source.data, folder / "data")
    place = Place(folder / "data", source.instance)
    place.sql("UPDATE months SET state = 'incomplete', finished_at = NULL WHERE month = '2025-12'")
    return place, place.materialise_base(other_telemetry(folder)).run_id


@pytest.mark.parametrize("asset", [*LATER, "months"])
def test_every_later_step_refuses_a_replaced_base_table_and_writes_nothing(
    asset: str, replaced: tuple[Place, str]
) -> None:
    place, theirs = replaced
    kept, steps = files(place), rows(place, "FROM month_steps ORDER BY ALL")
    assert sentences(store(place, asset)) == {WHILE.format(theirs)}
    assert files(place) == kept
    assert rows(place, "FROM month_steps ORDER BY ALL") == steps
    assert state(place)[0] == "incomplete"


def check(place: Place, *assets: str) -> dg.ExecuteInProcessResult:
    """All checks of these, or of the whole month; not the calendar's, which is of none."""
    return run(place, dg.AssetSelection.checks_for_assets(*(assets or (*STEPS, "months"))) - OF_THE_CALENDAR)


def test_every_check_refuses_a_replaced_base_table_and_the_month_stays_complete(place: Place, other: Path) -> None:
    theirs = place.materialise_base(other).run_id
    result = check(place)
    assert not result.get_asset_check_evaluations(), "none is judged for a reason that is not its own"
    (said,) = sentences(result)
    assert said.startswith(
        f"the base table was replaced by run {theirs} since month 2025-12 was made: the month stays "
    )
    assert len(said) < 300
    assert len(result.get_step_failure_events()) >= len(BLOCKING)
    assert state(place)[0] == "complete"


@pytest.mark.parametrize("news", ["the same rows in another order", "days after the cutoff"])
def test_telemetry_that_says_the_same_of_the_month_replaces_nothing(
    news: str, place: Place, tmp_path: Path, telemetry: Path
) -> None:
    same = six_series().sample(fraction=1, shuffle=True, seed=1)
    later = pl.concat([six_series(), series_rows("new", wave(40), start=date(2026, 1, 1))])
    place.materialise_base(export(same if news.startswith("the same") else later, tmp_path / "news.parquet"))
    result = check(place, "forecast_parquet", "fold_forecast")
    assert result.success
    assert all(evaluation.passed for evaluation in result.get_asset_check_evaluations())
    assert state(place)[0] == "complete"
    assert store(place, "tournament_standings", "forecast_accuracy").success


def test_a_run_does_not_forecast_from_telemetry_that_another_run_has_read(
    place: Place, other: Path, telemetry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[str] = []
    hook = before(fleet_month.run_windows, lambda: runs.append(place.materialise_base(other).run_id))
    monkeypatch.setattr(fleet_month, "run_windows", hook)
    result = store(place, "base_table", "base_table_rejects", *FLEET, telemetry=telemetry)
    assert sentences(result) == {
        f"the base table was replaced by run {runs[0]} after this run had read its own telemetry: run the month again"
    }
    assert state(place)[0] == "complete"


def test_a_month_that_is_not_finished_says_so_and_a_rerun_finishes_it(place: Place, telemetry: Path) -> None:
    first = store(place, *FLEET, "tournament_results", "tournament_scores", "champions")
    assert state(place) == ("incomplete", first.run_id, "champions")
    (said,) = sentences(store(place, "months"))
    lacking = [name for name in LATER if name not in ("tournament_results", "tournament_scores", "champions")]
    assert said == (
        f"month 2025-12 is not complete: calibration, capacity_outlook and {len(lacking) - 2} more is not stored: run the month "
        "again"
    )
    (said,) = sentences(store(place, "forecast_parquet"))
    assert said.startswith(
        "month 2025-12: forecast_parquet is made from calibration, planned_loads, which has not been stored since"
    )
    rest = store(place, *lacking, "months")
    (said,) = sentences(rest)
    assert "has not passed" in said, "everything is stored, but nobody has checked it"
    assert state(place)[0] == "incomplete"
    others = [checked for checked in BLOCKING if checked[0] not in ("champions", "months")]
    with opened(place.data / "warehouse.duckdb") as con:
        con.execute("CREATE TEMP TABLE others (asset VARCHAR, check_name VARCHAR)")
        con.executemany("INSERT INTO others VALUES (?, ?)", others)
        con.execute(
            f"INSERT INTO month_steps BY NAME SELECT DATE '{CUTOFF}' AS cutoff, *, 'passed' AS result, 'x' AS run_id, "
            "now()::TIMESTAMP AS recorded_at FROM others"
        )
    (said,) = sentences(store(place, "months"))
    assert "champions." in said, "whose checks alone are left"
    assert state(place)[0] == "incomplete"
    check(place, "champions")
    assert store(place, "months").success
    assert state(place)[0] == "complete"


def test_a_master_file_that_is_gone_makes_no_complete_month(place: Place) -> None:
    (place.data / "forecast_parquet" / f"{MONTH}.parquet").unlink()
    (said,) = sentences(store(place, "months"))
    assert said.endswith(f"forecast_parquet/{MONTH}.parquet is not there: run the month again")


def test_a_blocking_check_that_fails_makes_the_month_failed(place: Place) -> None:
    place.spoil("champions", "DELETE FROM {stored} WHERE host_id = 'b' AND cutoff = DATE '2025-12-31'")
    place.check("champions", "exactly_one_champion_per_series")
    assert state(place)[::2] == ("failed", "champions.exactly_one_champion_per_series")
    (said,) = sentences(store(place, "months"))
    assert "champions.exactly_one_champion_per_series has not passed" in said


@pytest.mark.parametrize("changed", [{"backtest_months": 2}, {"folds": 1}, {"fallback": "recent_level"}])
def test_a_check_with_other_settings_than_the_months_judges_nothing(changed: dict[str, object], place: Place) -> None:
    said = place.check("champions", "exactly_one_champion_per_series", **changed)
    assert isinstance(said, str)
    assert said.startswith("month 2025-12 was forecast with other settings")
    assert state(place)[0] == "complete"


def test_an_earlier_month_that_is_not_complete_is_left_out_of_the_accuracy_and_named(place: Place) -> None:
    judged = "SELECT DISTINCT forecast_cutoff FROM forecast_accuracy WHERE cutoff = '2025-12-31'"
    assert rows(place, judged) == [(date(2025, 11, 30),)]
    place.sql("UPDATE months SET state = 'incomplete', finished_at = NULL WHERE month = '2025-11'")
    result = store(place, "forecast_accuracy")
    assert rows(place, judged) == []
    (event,) = [event for event in result.all_events if event.is_step_materialization]
    metadata = event.step_materialization_data.materialization.metadata
    assert metadata["left out, not complete"].value == "2025-11"
    evaluation = place.check("forecast_accuracy", "earlier_forecasts_are_judged")
    assert isinstance(evaluation, dg.AssetCheckEvaluation), evaluation
    assert evaluation.passed


def test_an_earlier_month_that_is_made_again_does_not_fail_the_check_of_a_later_one(place: Place) -> None:
    place.sql("UPDATE months SET state = 'incomplete', finished_at = NULL, run_id = 'dead' WHERE month = '2025-11'")
    evaluation = place.check("forecast_accuracy", "earlier_forecasts_are_judged")
    assert isinstance(evaluation, dg.AssetCheckEvaluation), evaluation
    assert evaluation.passed, "what was judged then is not there any more"


def test_a_table_of_another_version_is_named_before_anything_is_forecast(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.sql("ALTER TABLE tournament_standings DROP COLUMN n")
    monkeypatch.setattr(fleet_month, "run_fleet", lambda *_, **__: pytest.fail("series were forecast"))
    before = files(place), state(place)
    (said,) = sentences(store(place, *FLEET))
    assert said.startswith("table tournament_standings in the warehouse was stored by another version and lacks n: ")
    assert (files(place), state(place)) == before


def test_outcomes_of_an_earlier_version_are_taken_over_by_a_run(place: Place) -> None:
    for column in ("unobserved_weekdays", "unobserved_months"):
        place.sql(f"ALTER TABLE series_outcomes DROP COLUMN {column}")
    assert store(place, *FLEET).success
    assert rows(place, "SELECT count(*), count(unobserved_months) FROM series_outcomes") == [(12, 0)]


@pytest.mark.parametrize("content", [b"", b"PAR1 and no end"])
@pytest.mark.parametrize("asset", ["fleet_forecast", "fold_forecast", "forecast_parquet"])
def test_a_month_with_a_file_that_cannot_be_read_is_not_called_complete(
    asset: str, content: bytes, place: Place
) -> None:
    path = parts(place.data / asset / f"{MONTH}.parquet")[-1]
    path.write_bytes(content)
    place.sql("UPDATE months SET state = 'incomplete', finished_at = NULL")
    (said,) = sentences(store(place, "months"))
    assert said.startswith(f"{path} cannot be read: ")
    assert state(place)[0] == "incomplete"


def test_every_blocking_check_of_a_month_is_evidence_of_its_state(place: Place) -> None:
    blocking = {
        (check.asset_key.to_user_string(), check.name)
        for definition in place.definitions().asset_checks or ()
        for check in definition.check_specs
        if check.blocking and check.asset_key.to_user_string() in {*STEPS, "months"}
    }
    kept = set(rows(place, f"SELECT asset, check_name FROM month_steps WHERE check_name <> '' AND cutoff = '{CUTOFF}'"))
    assert blocking <= BLOCKING
    assert blocking <= kept
