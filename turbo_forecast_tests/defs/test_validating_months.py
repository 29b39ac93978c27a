"""Checks run again: for a month, and as the UI starts them, for none; and what a failed one keeps from being made."""

import shutil
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from turbo_forecast.defs.partitions import MONTHS
from turbo_forecast.storage.months import STEPS
from turbo_forecast_tests.defs.conftest import EARLIER, MONTH, Place
from turbo_forecast_tests.defs.damage import parts
from turbo_forecast_tests.defs.test_month_runs import FLEET, rows, sentences, state, store

pytestmark = pytest.mark.xdist_group("definitions")

CHECK = ("champions", "exactly_one_champion_per_series")
WHOLE = ("months", "a_complete_month_is_whole")
STANDINGS = tuple(
    ("tournament_standings", name)
    for name in ("everyone_stands_everywhere", "no_duplicate_keys", "standings_are_finite")
)
GAP = "DELETE FROM {stored} WHERE host_id = 'b' AND resource = 'cpu' AND cutoff = DATE '2025-12-31'"


def check_again(place: Place, month: str | None, *checks: tuple[str, str]) -> dg.ExecuteInProcessResult:
    """The job monthly_checks, or some of its checks, for a month; None: as the UI's "Execute all" starts it."""
    job = place.definitions().resolve_job_def("monthly_checks")
    keys = [dg.AssetCheckKey(dg.AssetKey(asset), name) for asset, name in checks]
    chosen = job.get_subset(asset_check_selection=set(keys), asset_selection=set()) if keys else job
    return chosen.execute_in_process(
        instance=place.instance, tags={"dagster/partition": month} if month else None, raise_on_error=False
    )


def of_months_and_the_base_table(place: Place) -> set[tuple[str, str]]:
    """Every check but the one of the calendar."""
    keys = place.definitions().resolve_asset_graph().asset_check_keys
    return {(key.asset_key.to_user_string(), key.name) for key in keys} - {
        ("forecast_parquet", "latest_month_is_published")
    }


def found(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str], dg.AssetCheckEvaluation]:
    return {(e.asset_key.to_user_string(), e.check_name): e for e in result.get_asset_check_evaluations()}


def test_all_checks_of_a_month_can_be_made_again_and_belong_to_it(place: Place) -> None:
    result = check_again(place, MONTH)
    verdicts = found(result)
    assert set(verdicts) == of_months_and_the_base_table(place)
    assert {check for check, e in verdicts.items() if not e.passed} <= {("base_table", "telemetry_is_fresh")}
    assert {e.partition for (asset, _), e in verdicts.items() if asset != "base_table"} == {MONTH}
    assert not [event for event in result.all_events if event.is_step_materialization], "nothing is made"
    assert state(place)[0] == "complete"


def test_validated_without_dagster_a_month_fails_the_checks_that_it_breaks_and_no_others(place: Place) -> None:
    """What `Place.failing_checks` says, by which other tests judge the months that they have made."""
    place.spoil("champions", GAP)
    place.sql("UPDATE series_outcomes SET outcome = 'fallback' WHERE host_id = 'c' AND cutoff = DATE '2025-12-31'")
    broken = place.failing_checks()
    by_dagster = {("series_outcomes", "few_series_rest_on_the_fallback"), ("published_month", "is_what_is_stored")}
    assert {CHECK, ("base_table", "telemetry_is_fresh"), *by_dagster} <= broken
    assert ("tournament_scores", "every_window_is_scored") not in broken
    assert not broken & {WHOLE, *STANDINGS}


@pytest.mark.parametrize("judged", [EARLIER, MONTH])
def test_a_gap_fails_the_check_of_its_month_and_of_no_other(judged: str, place: Place) -> None:
    place.spoil("champions", GAP)
    evaluation = found(check_again(place, judged, CHECK))[CHECK]
    assert evaluation.passed == (judged == EARLIER)
    assert evaluation.partition == judged
    assert (state(place)[0], state(place, EARLIER)[0]) == ("complete" if judged == EARLIER else "failed", "complete")


def test_a_month_whose_check_failed_is_complete_again_once_it_is_mended_and_checked(place: Place) -> None:
    kept = rows(place, f"FROM champions WHERE {GAP.split('WHERE ')[1]}")
    finished = rows(place, "SELECT finished_at FROM months WHERE month = '2025-12'")
    place.spoil("champions", GAP)
    check_again(place, MONTH, CHECK, WHOLE)
    assert state(place)[::2] == ("failed", ".".join(CHECK))
    place.sql(
        f"INSERT INTO champions VALUES {tuple(str(v) if v is not None else None for v in kept[0])!r}".replace(
            "None", "NULL"
        )
    )
    check_again(place, MONTH, CHECK)
    assert state(place)[::2] == ("complete", "months")
    assert rows(place, "SELECT finished_at FROM months WHERE month = '2025-12'") == finished


def test_one_run_of_all_checks_makes_a_mended_month_complete_and_finds_it_so(place: Place) -> None:
    place.sql("UPDATE month_steps SET result = 'failed' WHERE asset = 'tournament_standings' AND check_name <> ''")
    place.sql("UPDATE months SET state = 'failed' WHERE month = '2025-12'")
    assert not found(check_again(place, MONTH, WHOLE))[WHOLE].passed
    judged = check_again(place, MONTH, WHOLE, ("months", "no_duplicate_keys"), *STANDINGS)
    assert all(evaluation.passed for evaluation in found(judged).values()), "the state is judged last"
    assert state(place)[0] == "complete"


def damaged(content: bytes) -> bytes:
    return content[:4] + b"\xff" * 400 + content[404:]


def gone(path: Path) -> None:
    """Whatever is stored there: a folder of parts, or a file."""
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def without_its_end(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def damaged_within(path: Path) -> None:
    path.write_bytes(damaged(path.read_bytes()))


def of_another_version(path: Path) -> None:
    pl.read_parquet(path).drop("yhat_upper").write_parquet(path)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (without_its_end, " cannot be read: "),
        (damaged_within, " cannot be read: "),
        (of_another_version, " was stored by another version and lacks yhat_upper: "),
    ],
)
def test_a_part_that_cannot_be_read_fails_its_checks_in_a_sentence_and_the_month_until_it_is_mended(
    spoil: Callable[[Path], None], said: str, place: Place, tmp_path: Path
) -> None:
    path = parts(place.data, "fold_forecast")[-1]
    shutil.copy(path, tmp_path / "kept")
    spoil(path)
    checks = (("fold_forecast", "projections_are_finite"), ("calibration", "every_champion_is_calibrated"))
    result = check_again(place, MONTH, *checks)
    assert not found(result)
    (sentence,) = sentences(result)
    assert sentence.startswith(f"{path}{said}")
    assert len(sentence.splitlines()) == 1
    assert state(place)[0] == "failed"
    (only,) = sentences(store(place, "tournament_standings"))
    assert "rests on what " in only
    shutil.copy(tmp_path / "kept", path)
    assert check_again(place, MONTH, *checks, WHOLE).success
    assert state(place)[0] == "complete"


@pytest.mark.parametrize("asset", ["fleet_forecast", "fold_forecast", "forecast_parquet", "forecast_intervals"])
def test_a_month_without_one_of_its_files_is_not_whole(asset: str, place: Place) -> None:
    gone(place.data / asset / f"{MONTH}.parquet")
    evaluation = found(check_again(place, MONTH, WHOLE))[WHOLE]
    assert not evaluation.passed
    assert evaluation.description is not None
    assert evaluation.description.startswith(f"1 of {len(STEPS)} tables and files breaks this rule: ")
    assert "is not there" in evaluation.metadata["first failing rows"].value


def test_a_file_that_a_check_does_not_read_may_be_missing(place: Place) -> None:
    gone(place.data / "fold_forecast" / f"{MONTH}.parquet")
    assert found(check_again(place, MONTH, CHECK))[CHECK].passed


def test_checks_of_what_is_not_stored_yet_say_so(fresh_place: Callable[[], Place], telemetry: Path) -> None:
    place = fresh_place()
    assert store(place, "base_table", *FLEET, telemetry=telemetry).success
    result = check_again(place, MONTH, CHECK, *STANDINGS, WHOLE, ("fleet_forecast", "no_duplicate_keys"))
    verdicts = {check: evaluation.passed for check, evaluation in found(result).items()}
    assert verdicts == {WHOLE: False, ("fleet_forecast", "no_duplicate_keys"): True}
    failed = [
        event.step_failure_data for event in result.get_step_failure_events() if event.step_key != "_".join(WHOLE)
    ]
    told = {data.user_failure_data.description for data in failed if data.user_failure_data}
    assert len(failed) == 1 + len(STANDINGS)
    assert told == {
        f"month 2025-12: {asset} has not been stored since the month was begun: materialise it "
        "first, or run the month again"
        for asset in ("champions", "tournament_standings")
    }
    assert state(place)[0] == "incomplete"


def test_where_no_telemetry_was_read_the_checks_of_the_base_table_say_what_to_do(
    fresh_place: Callable[[], Place],
) -> None:
    place = fresh_place()
    of_base = [check for check in of_months_and_the_base_table(place) if check[0] == "base_table"]
    assert len(of_base) == 4
    result = check_again(place, None, *of_base)
    assert len(result.get_step_failure_events()) == 4
    assert sentences(result) == {"there is no base_table in the warehouse: materialise base_table first"}


def test_failing_rows_of_an_earlier_result_are_taken_away_with_it(place: Place) -> None:
    path = place.data / "checks" / "champions" / f"{CHECK[1]}-{MONTH}.csv"
    shutil.copy(place.data / "warehouse.duckdb", place.data / "kept")
    place.spoil("champions", GAP)
    check_again(place, MONTH, CHECK)
    assert path.exists()
    shutil.move(place.data / "kept", place.data / "warehouse.duckdb")
    assert found(check_again(place, MONTH, CHECK))[CHECK].passed
    assert not path.exists()


@pytest.mark.parametrize(
    ("check", "wrong"),
    [(CHECK, GAP), (("base_table", "utilisation_is_in_range"), "UPDATE {stored} SET y = 101 WHERE ds = '2025-01-01'")],
)
def test_failing_rows_that_cannot_be_written_do_not_hide_what_was_found(
    check: tuple[str, str], wrong: str, place: Place
) -> None:
    shutil.rmtree(place.data / "checks", ignore_errors=True)
    (place.data / "checks").touch()
    place.spoil(check[0], wrong)
    evaluation = found(check_again(place, MONTH, check))[check]
    assert not evaluation.passed
    assert "cannot be written: " in str(evaluation.metadata["all failing rows"].value)
    assert "| b | cpu |" in str(evaluation.metadata["first failing rows"].value)


@pytest.mark.parametrize("asset", ["calibration", "forecast_parquet", "tournament_standings", "forecast_accuracy"])
def test_what_rests_on_a_failed_check_is_not_made_by_a_later_run_either(asset: str, place: Place) -> None:
    place.spoil("champions", GAP)
    check_again(place, MONTH, CHECK)
    (said,) = sentences(store(place, asset))
    assert said == (
        f"month 2025-12: {asset} rests on what champions.exactly_one_champion_per_series found to be wrong: mend it and run "
        "the job monthly_checks, or run the month again"
    )
    assert store(place, "tournament_scores").success, "which is made from nothing that is wrong"


def test_a_check_without_a_month_judges_the_latest_stored_one_says_so_and_counts_for_it(place: Place) -> None:
    place.spoil("champions", GAP)
    for _ in range(2):  # a month that failed is still the latest stored
        result = check_again(place, None, CHECK)
        evaluation = found(result)[CHECK]
        assert not evaluation.passed
        assert evaluation.partition == MONTH
        assert evaluation.description is not None
        assert evaluation.description.startswith("1 of 6 ")
        assert evaluation.description.endswith(
            "(The run named no month: this is 2025-12, the latest that is stored whole.)"
        )
        assert (place.data / "checks" / "champions" / f"{CHECK[1]}-{MONTH}.csv").exists()
        assert not result.success, "it blocks"
        assert state(place)[0] == "failed"
    latest = place.instance.fetch_materializations(
        dg.AssetRecordsFilter(dg.AssetKey("champions"), asset_partitions=[MONTH]), limit=1
    ).records[0]
    target = evaluation.target_materialization_data
    assert target is not None
    assert (target.storage_id, target.run_id) == (latest.storage_id, latest.run_id), "else the UI does not count it"


def test_every_check_can_be_started_without_a_month(place: Place) -> None:
    verdicts = found(check_again(place, None))
    assert {check for check, e in verdicts.items() if not e.passed} <= {("base_table", "telemetry_is_fresh")}
    assert {e.partition for (asset, _), e in verdicts.items() if asset != "base_table"} == {MONTH}
    assert set(verdicts) == of_months_and_the_base_table(place)


def test_a_check_without_a_month_passes_over_one_that_is_not_stored_whole(place: Place) -> None:
    assert store(place, "tournament_results").success
    assert state(place)[0] == "incomplete"
    evaluation = found(check_again(place, None, CHECK))[CHECK]
    assert evaluation.partition == EARLIER


def test_where_no_month_is_stored_a_check_without_one_says_what_to_do(place: Place) -> None:
    for table in ("months", "month_steps"):
        place.sql(f"DELETE FROM {table}")
    assert sentences(check_again(place, None, CHECK)) == {
        "there is no month to check yet: materialise one first, with the job monthly_forecast"
    }


def test_a_run_of_several_months_is_refused_in_a_sentence(place: Place) -> None:
    keys = MONTHS.get_partition_keys_in_range(dg.PartitionKeyRange(EARLIER, MONTH))
    assert len(keys) == 2
    job = place.definitions().resolve_job_def("monthly_checks")
    chosen = job.get_subset(
        asset_check_selection={dg.AssetCheckKey(dg.AssetKey(CHECK[0]), CHECK[1])}, asset_selection=set()
    )
    tags = {"dagster/asset_partition_range_start": EARLIER, "dagster/asset_partition_range_end": MONTH}
    result = chosen.execute_in_process(instance=place.instance, tags=tags, raise_on_error=False)
    assert sentences(result) == {"a run is of one month: start one run for each month of the range"}


@pytest.mark.parametrize("assets", [FLEET, ("tournament_scores",), ("forecast_parquet",), ("months",)])
def test_nothing_is_built_on_a_base_table_whose_check_failed_by_a_later_run_either(
    assets: tuple[str, ...], place: Place
) -> None:
    check = ("base_table", "utilisation_is_in_range")
    wrong = "host_id = 'b' AND resource = 'cpu' AND ds = '2025-01-01'"
    ((y,),) = rows(place, f"SELECT y FROM base_table WHERE {wrong}")
    place.sql(f"UPDATE base_table SET y = 101 WHERE {wrong}")
    assert not found(check_again(place, None, check))[check].passed
    check_again(place, None, ("base_table", "one_row_per_series_and_day"))
    assert sentences(store(place, *assets)) == {
        "the base table is not to be built on: base_table.utilisation_is_in_range found it to be wrong. Materialise "
        "base_table again"
    }
    assert state(place)[0] == "complete", "nothing was begun"
    place.sql(f"UPDATE base_table SET y = {y} WHERE {wrong}")
    assert found(check_again(place, None, check))[check].passed
    assert store(place, *assets).success


def test_a_base_table_that_is_read_anew_has_no_verdict_yet(place: Place, telemetry: Path) -> None:
    check = ("base_table", "utilisation_is_in_range")
    assert place.materialise_base(telemetry).success
    place.sql("UPDATE base_table SET y = 101 WHERE host_id = 'b' AND ds = '2025-01-01'")
    check_again(place, None, check)
    assert place.materialise_base(telemetry).success
    assert store(place, "tournament_standings").success
    assert rows(place, "SELECT failed FROM base_table_runs ORDER BY number DESC LIMIT 2") == [(None,), (check[1],)]
