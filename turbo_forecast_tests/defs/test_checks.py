"""Every check fails when its expectation is not met, says where, and passes when it is not."""

import shutil
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from turbo_forecast.settings import OutlookSettings
from turbo_forecast.storage.rows_view import month_folders, redefine
from turbo_forecast.storage.warehouse import transaction
from turbo_forecast_tests.defs.conftest import FED
from turbo_forecast_tests.defs.damage import spoil, validate_stored
from turbo_forecast_tests.defs.made_month import CHAMPION as CHOSEN
from turbo_forecast_tests.defs.made_month import EARLIER, GUESSER, SINGLES
from turbo_forecast_tests.defs.violations import (
    ALL_WIDTHS,
    BEFORE,
    BREAKS,
    CALIBRATED,
    CHAMPION,
    COVERAGE,
    COVERS,
    ELSEWHERE,
    HAPPENED,
    HORIZON,
    KEYS,
    NESTED,
    NIGHT,
    NOT_WORSE,
    ONE,
    RECORDED,
    RELIABLE,
    ROWS,
    SKILL,
    SOMETHING,
    STATED,
    STATEMENTS_JUDGED,
    VIEW,
    VIOLATIONS,
)

JUDGED = sorted({(asset, check) for asset, check, _ in VIOLATIONS})


def attached() -> set[tuple[str, str]]:
    from turbo_forecast.definitions import build_definitions

    checks = build_definitions({}, environment=FED).asset_checks or ()
    return {(key.asset_key.to_user_string(), key.name) for check in checks for key in check.check_keys}  # type: ignore[union-attr]


def readable(value: object) -> str:
    """A statement as part of a test's name."""
    return str(value).replace("{stored}", "stored").replace("{served}", "served")


def failing_rows(data: Path, asset: str, check: str) -> pl.DataFrame:
    """The failing rows of a check that fails."""
    found = validate_stored(data, asset, check)
    assert len(found.failing_rows)
    return found.failing_rows


def test_every_check_of_every_asset_has_a_statement_that_violates_it() -> None:
    tested = {(asset, check) for asset, check, _ in VIOLATIONS} | {("base_table", "fleet_has_not_shrunk")}
    tested |= {("fleet_forecast", "turbo_agrees_with_stan"), ("forecast_parquet", "forecasts_rest_on_observations")}
    tested |= {("forecast_parquet", "latest_month_is_published")}  # test_latest_month.py
    tested |= {("published_month", "is_what_is_stored")}  # test_publication_check.py
    tested |= {("month_report", "report_is_whole")}  # test_month_report.py
    tested |= {
        ("telemetry_landing", "landed_months_are_whole"),
        ("telemetry_landing", "no_month_is_missing_in_between"),
    }
    assert tested == attached()  # those of landed files: test_telemetry_landing.py


@pytest.mark.parametrize(("asset", "check"), JUDGED)
def test_a_healthy_month_passes(asset: str, check: str, data: Path) -> None:
    if check == "telemetry_is_fresh":
        spoil(data, asset, "UPDATE base_table SET ds = ds + (current_date - DATE '2025-12-31' - 45)::INTEGER")
    found = validate_stored(data, asset, check)
    assert found.failing_rows.is_empty(), found.failing_rows
    assert found.total == found.passing > 0


@pytest.mark.parametrize(("asset", "check", "statement"), VIOLATIONS, ids=readable)
def test_a_violation_fails_the_check_and_is_shown(asset: str, check: str, statement: str, data: Path) -> None:
    spoil(data, asset, statement)
    wrong = failing_rows(data, asset, check)
    named = wrong.filter(pl.col("host_id").is_not_null()) if "host_id" in wrong.columns else wrong.clear()
    if check != "is_sorted_by_series":  # there, those that stand beside what is wrong are named too
        assert set(named.select("host_id", "resource").rows() if len(named) else []) <= {("b", "cpu"), ("ghost", "cpu")}
    if "host_id" in wrong.columns:
        assert len(named)


def test_where_no_further_width_is_asked_for_no_interval_is_due_and_none_may_be_there(data: Path) -> None:
    main_only = {"interval_widths": [0.8]}
    assert (
        len(validate_stored(data, "forecast_intervals", ALL_WIDTHS, **main_only).failing_rows) == 2 * 6 * 2
    )  # widths, series, phases
    spoil(data, "forecast_intervals", "DELETE FROM {stored}")
    for check in (ALL_WIDTHS, NESTED):
        found = validate_stored(data, "forecast_intervals", check, **main_only)
        assert found.failing_rows.is_empty()
        assert found.total == 0


def test_a_phase_of_which_nothing_is_calibrated_has_no_interval_beside(data: Path) -> None:
    spoil(data, "calibration", "DELETE FROM {stored} WHERE phase = 'backtest'")
    wrong = failing_rows(data, "forecast_intervals", ALL_WIDTHS)
    assert wrong["phase"].unique().to_list() == ["backtest"]
    assert len(wrong) == 2 * 6
    spoil(data, "forecast_intervals", "DELETE FROM {stored} WHERE phase = 'backtest'")
    assert validate_stored(data, "forecast_intervals", ALL_WIDTHS).failing_rows.is_empty()


@pytest.mark.parametrize("asset", [*ROWS, VIEW])
@pytest.mark.parametrize(("other", "statement"), ELSEWHERE, ids=readable)
def test_coverage_is_judged_against_the_base_table_and_the_outcomes(
    asset: str, other: str, statement: str, data: Path
) -> None:
    spoil(data, other, statement)
    wrong = failing_rows(data, asset, COVERAGE)
    assert wrong.height == 1, "one series, one line"
    assert wrong.select("host_id", "resource").row(0) in {("b", "cpu"), ("d", "cpu")}


@pytest.mark.parametrize("asset", ROWS)
def test_a_live_series_called_retired_is_not_covered(asset: str, data: Path) -> None:
    spoil(data, "series_outcomes", f"UPDATE series_outcomes SET outcome = 'retired' WHERE {ONE}")
    spoil(data, asset, f"DELETE FROM {{stored}} WHERE {ONE}")
    assert failing_rows(data, asset, COVERAGE).height == 1


@pytest.mark.parametrize(
    ("asset", "check"), [("fleet_forecast", COVERAGE), ("fold_forecast", "every_fold_is_held_by_everyone")]
)
def test_rows_of_an_entrant_are_due_unless_one_of_its_fits_failed(asset: str, check: str, data: Path) -> None:
    spoil(data, asset, f"DELETE FROM {{stored}} WHERE {ONE} AND model = 'recent_level'")
    faults = failing_rows(data, asset, check)["faults"].to_list()
    # the folds' days: September to December, January to April, May to August
    due = ["122", "120", "123"] if asset == "fold_forecast" else ["122"]
    assert sorted(fault.split(" of ")[1].split()[0] for fault in faults) == sorted(due)
    assert all(fault.startswith("recent_level: 0 of ") for fault in faults)
    wrong = f"{ONE} AND model = 'recent_level' AND window_name = 'backtest'"
    spoil(data, "model_runs", f"UPDATE {{stored}} SET status = 'raised' WHERE {wrong}")
    assert validate_stored(data, asset, check).failing_rows.is_empty()


def test_rows_of_an_entrant_whose_fit_failed_are_too_many(data: Path) -> None:
    spoil(data, "model_runs", f"UPDATE {{stored}} SET status = 'timed_out' WHERE {ONE} AND model = '{GUESSER}'")
    assert failing_rows(data, "fleet_forecast", COVERAGE)["faults"].to_list() == [
        f"{GUESSER}: 122 of 0 backtest and 181 of 0 forecast days"
    ]


def test_of_a_series_that_failed_the_fallback_alone_is_due(data: Path) -> None:
    spoil(data, "series_outcomes", f"UPDATE {{stored}} SET outcome = 'failed' WHERE {ONE}")
    for asset in ("fleet_forecast", "fold_forecast"):
        spoil(data, asset, f"DELETE FROM {{stored}} WHERE {ONE} AND model != 'seasonal_naive'")
    assert validate_stored(data, "fleet_forecast", COVERAGE).failing_rows.is_empty()
    assert validate_stored(data, "fold_forecast", "every_fold_is_held_by_everyone").failing_rows.is_empty()


@pytest.mark.parametrize("asset", ROWS)
def test_a_row_without_a_day_does_not_fill_the_horizon(asset: str, data: Path) -> None:
    spoil(data, asset, f"UPDATE {{stored}} SET ds = NULL WHERE {NIGHT}")
    assert len(failing_rows(data, asset, HORIZON))


def test_evidence_counts_expected_and_got(data: Path) -> None:
    spoil(data, "fleet_forecast", "DELETE FROM {stored} WHERE host_id = 'b'")
    found = validate_stored(data, "fleet_forecast", COVERAGE)
    assert (found.total, found.passing) == (6, 4)


def test_another_month_does_not_disturb_the_judgement(data: Path) -> None:
    for table in ("series_outcomes", "champions", "model_runs"):
        another = "SELECT * REPLACE (DATE '2025-11-30' AS cutoff)"
        spoil(data, table, f"INSERT INTO {{stored}} {another} FROM {{stored}} WHERE {ONE}")
    for asset, check in ((VIEW, COVERAGE), (VIEW, KEYS), ("model_runs", RECORDED), ("champions", CHAMPION)):
        assert validate_stored(data, asset, check).failing_rows.is_empty(), check


def test_entrants_that_were_asked_for_nothing_have_not_failed(data: Path) -> None:
    spoil(data, "series_outcomes", "UPDATE {stored} SET outcome = 'fallback'")
    spoil(data, "fleet_forecast", "DELETE FROM {stored} WHERE model != 'seasonal_naive'")
    found = validate_stored(data, "fleet_forecast", SOMETHING)
    assert (found.total, len(found.failing_rows)) == (0, 0)


def test_an_entrant_without_any_forecast_is_shown_with_an_error_of_its_fits(data: Path) -> None:
    spoil(data, "fleet_forecast", f"DELETE FROM {{stored}} WHERE model = '{GUESSER}'")
    said = "status = 'raised', error_message = 'no rows for it'"
    spoil(data, "model_runs", f"UPDATE {{stored}} SET {said} WHERE model = '{GUESSER}'")
    assert failing_rows(data, "fleet_forecast", SOMETHING).rows() == [(GUESSER, 6, "no rows for it")]


def test_a_fold_that_has_seen_the_backtest_is_named(data: Path) -> None:
    leak = f"{ONE} AND fold = 1 AND ds = DATE '2025-08-31' AND model = 'weighted'"
    spoil(data, "fold_forecast", f"UPDATE {{stored}} SET ds = DATE '2025-09-01' WHERE {leak}")
    named = failing_rows(data, "fold_forecast", BEFORE).select("host_id", "resource", "model", "fold", "ds").rows()
    assert named == [("b", "cpu", "weighted", 1, date(2025, 9, 1))]


def test_a_champion_who_was_clearly_worse_than_the_fallback_is_named_with_both_errors(data: Path) -> None:
    spoil(data, "champions", f"UPDATE {{stored}} SET model = '{GUESSER}' WHERE {ONE}")
    row = failing_rows(data, "champions", NOT_WORSE).row(0, named=True)
    # the guesser is 20 above what was observed, the fallback 1, as far as [0, 100] and single precision let them
    assert row["fold_mae"] == pytest.approx(20, abs=0.1)
    assert row["fallback_fold_mae"] == pytest.approx(1, abs=1e-5)
    assert validate_stored(data, "champions", CHAMPION).failing_rows.is_empty(), (
        "it has a forecast; a bad one is another check's"
    )


def test_a_champion_needs_a_forecast_and_not_only_a_backtest(data: Path) -> None:
    spoil(data, "fleet_forecast", f"DELETE FROM {{stored}} WHERE {ONE} AND phase = 'forecast' AND model = '{CHOSEN}'")
    assert failing_rows(data, "champions", CHAMPION).select("host_id", "resource").rows() == [("b", "cpu")]


def test_a_backtest_outside_its_interval_is_measured(data: Path) -> None:
    spoil(data, "forecast_parquet", "UPDATE {stored} SET yhat_lower = yhat, yhat_upper = yhat")
    row = failing_rows(data, "forecast_parquet", BREAKS).row(0, named=True)
    assert (row["coverage"], row["nominal"], row["days"], row["series"]) == (0.0, 0.8, 6 * 122, 6)


def master(data: Path, inside: pl.Expr) -> None:
    """Put two hundred series of a backtest day each, named by number, in the place of the master file's rows."""
    path = data / "forecast_parquet" / "2025-12.parquet"
    rows = pl.read_parquet(path).filter(pl.col("phase") == "backtest", pl.col("y") > 0.2).head(200)
    assert len(rows) == 200, "series enough that no allowance is made for few"
    rows.with_columns(
        host_id=pl.int_range(pl.len()).cast(pl.String),
        resource=pl.lit("cpu"),
        yhat_lower=pl.when(inside).then(pl.col("y") - 0.1).otherwise(pl.col("y") + 0.1),
        yhat_upper=pl.when(inside).then(pl.col("y") + 0.1).otherwise(pl.col("y") + 0.2),
    ).cast({"yhat_lower": pl.Float32, "yhat_upper": pl.Float32}).write_parquet(path)


def vary(data: Path, hosts: int) -> None:
    """Scores of `hosts` made-up series, named by number, that are no constants."""
    one = f"SELECT * FROM {{stored}} WHERE {ONE} AND window_name = 'backtest' LIMIT 1"
    made = "SELECT * EXCLUDE (number) REPLACE (number::VARCHAR AS host_id, 1.0 AS mase)"
    spoil(data, "tournament_scores", f"INSERT INTO {{stored}} {made} FROM ({one}), range({hosts}) AS made(number)")


@pytest.mark.parametrize(
    ("inside", "warned", "broken"),
    [(81, False, False), (75, False, False), (74, True, False), (65, True, False), (64, True, True)],
)
@pytest.mark.parametrize("above", [False, True])
def test_coverage_may_be_five_points_off_before_it_is_warned_of_and_fifteen_before_it_fails(
    inside: int, warned: bool, broken: bool, above: bool, data: Path
) -> None:
    share = 160 - inside if above else inside  # of 100: 75 to 85 is near 80, 65 to 95 is bearable
    master(data, pl.int_range(pl.len()) < 2 * share)
    vary(data, 200)
    for check, bad in ((COVERS, warned), (BREAKS, broken)):
        assert bool(len(validate_stored(data, "forecast_parquet", check).failing_rows)) is bad, (check, share)


def test_series_that_never_vary_hide_no_interval_that_breaks(data: Path) -> None:
    # the first forty vary, and all of them miss; the others are constants inside their intervals
    master(data, pl.int_range(pl.len()) >= 40)
    vary(data, 40)
    found = failing_rows(data, "forecast_parquet", BREAKS)
    assert found.select("coverage", "series").row(0) == (0.0, 40), "over all two hundred it would be 80 %"


def test_a_month_of_which_nothing_is_calibrated_any_more_is_not_passed(data: Path) -> None:
    spoil(data, "calibration", "DELETE FROM {stored}")
    assert failing_rows(data, "calibration", CALIBRATED).height == 6 * (4 + 6)


def test_a_master_file_that_rounds_otherwise_is_not_the_champions_forecast(data: Path) -> None:
    wider = "yhat_lower = yhat_lower - 0.00001"
    spoil(data, "forecast_parquet", f"UPDATE {{stored}} SET {wider} WHERE {NIGHT}")
    assert failing_rows(data, "forecast_parquet", "is_the_champions_forecast")["problem"].to_list() == ["differs"]


@pytest.mark.parametrize("status", ["raised", "timed_out", "worker_died", "memory_exceeded"])
@pytest.mark.parametrize("failed", ["fold 3", "fold 1", "backtest", "forecast"])
def test_nothing_is_recorded_of_an_entrant_after_the_window_that_failed(failed: str, status: str, data: Path) -> None:
    order = ["fold 3", "fold 2", "fold 1", "backtest", "forecast"]
    own, at = f"{ONE} AND model = '{CHOSEN}'", order.index(failed)
    spoil(data, "model_runs", f"UPDATE {{stored}} SET status = '{status}' WHERE {own} AND window_name = '{failed}'")
    wrong = validate_stored(data, "model_runs", RECORDED).failing_rows
    # one that only raised has the windows before it recorded: here those after it are too many
    assert bool(len(wrong)) is (status != "raised" or failed != "forecast")
    gone = order[at + 1 :] if status == "raised" else [name for name in order if name != failed]
    spoil(data, "model_runs", f'DELETE FROM {{stored}} WHERE {own} AND list_contains({gone!r}, "window_name")')
    assert validate_stored(data, "model_runs", RECORDED).failing_rows.is_empty()


@pytest.mark.parametrize("refit", [True, False])
def test_without_a_second_fit_no_forecast_window_is_asked_for_by_itself(refit: bool, data: Path) -> None:
    spoil(data, "model_runs", "DELETE FROM {stored} WHERE window_name = 'forecast'")
    found = validate_stored(data, "model_runs", RECORDED, refit=refit)
    assert (found.total, len(found.failing_rows)) == (6 * len(SINGLES), 6 * len(SINGLES) * refit)


def test_of_a_series_too_short_for_a_backtest_one_fit_of_the_fallback_is_recorded(data: Path) -> None:
    spoil(data, "base_table", f"DELETE FROM {{stored}} WHERE {ONE} AND ds < DATE '2025-08-15'")
    spoil(data, "series_outcomes", f"UPDATE {{stored}} SET outcome = 'fallback' WHERE {ONE}")
    kept = "model = 'seasonal_naive' AND window_name = 'forecast'"
    spoil(data, "model_runs", f"DELETE FROM {{stored}} WHERE {ONE} AND NOT ({kept})")
    assert validate_stored(data, "model_runs", RECORDED).failing_rows.is_empty()
    spoil(data, "model_runs", f"DELETE FROM {{stored}} WHERE {ONE}")
    assert failing_rows(data, "model_runs", RECORDED)["faults"].to_list() == ["forecast: 0 of 1"]


def test_the_view_is_judged_by_the_month_alone(data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        assert con.execute(f"SELECT count(DISTINCT cutoff) FROM {VIEW}").fetchall() == [(2,)]
    assert validate_stored(data, VIEW, KEYS).total == 6 * 5 * (122 + 181)


def test_what_was_said_of_an_earlier_month_is_no_fault_once_its_rows_were_removed(data: Path) -> None:
    before = validate_stored(data, "forecast_accuracy", "earlier_forecasts_are_judged")
    assert before.total > 0, "entrants of the earlier month were judged"
    shutil.rmtree(data / "fleet_forecast" / f"{EARLIER}.parquet")
    with duckdb.connect(str(data / "warehouse.duckdb")) as con, transaction(con):
        redefine(con, month_folders(data))
    after = validate_stored(data, "forecast_accuracy", "earlier_forecasts_are_judged")
    assert (after.total, after.failing_rows.height) == (0, 0)


def test_a_planned_scenario_has_a_statement_for_every_threshold_too(data: Path) -> None:
    moved = "SELECT * REPLACE ('move' AS scenario) FROM {stored} WHERE cutoff = DATE '2025-12-31'"
    spoil(data, "capacity_outlook", f"INSERT INTO {{stored}} {moved} AND NOT ({ONE} AND threshold = 90)")
    found = validate_stored(data, "capacity_outlook", STATED)
    assert found.total == 2 * 6 * 4
    assert found.failing_rows.rows() == [("move", "b", "cpu", 90.0, 0, 1)]


def test_thresholds_of_a_host_are_due_where_it_has_some_of_its_own(data: Path) -> None:
    own = OutlookSettings(
        host_thresholds={"b": {"cpu": [50.0]}}, resource_thresholds={"memory": [70.0, 80.0, 90.0, 95.0]}
    )
    wrong = validate_stored(data, "capacity_outlook", STATED, outlook=own).failing_rows
    assert wrong.select("host_id", "resource").unique().rows() == [("b", "cpu")]
    assert wrong.select("threshold", "statements", "due").rows() == [
        (50, 0, 1), (70, 1, 0), (80, 1, 0), (90, 1, 0), (95, 1, 0),
    ]  # fmt: skip


def test_few_events_and_few_statements_are_judged_by_nobody(data: Path) -> None:
    spoil(data, "outlook_accuracy", "UPDATE {stored} SET skill = -1, events = 29 WHERE threshold = 95")
    found = validate_stored(data, "outlook_accuracy", SKILL)
    assert (found.total, len(found.failing_rows)) == (3 * 4, 0)
    spoil(data, "outlook_reliability", "UPDATE {stored} SET observed = 0, n = 29 WHERE bin = 10")
    found = validate_stored(data, "outlook_reliability", RELIABLE)
    assert (found.total, len(found.failing_rows)) == (2 * 9, 0)


def test_what_happened_is_judged_by_the_seven_days_with_at_least_four_observed(data: Path) -> None:
    """Four days of 96 % in a week of which only these were observed are a level of 96; three are none."""
    week = f"{ONE} AND ds BETWEEN DATE '2025-10-01' AND DATE '2025-10-13'"
    spoil(data, "base_table", f"DELETE FROM {{stored}} WHERE {week}")
    for day in (7, 8, 9):
        spoil(data, "base_table", f"INSERT INTO {{stored}} VALUES ('b', 'cpu', DATE '2025-10-0{day}', 96.0)")
    before = validate_stored(data, "outlook_backtest", HAPPENED).failing_rows
    assert date(2025, 10, 10) not in before["reached"].to_list()
    spoil(data, "base_table", "INSERT INTO {stored} VALUES ('b', 'cpu', DATE '2025-10-10', 96.0)")
    after = validate_stored(data, "outlook_backtest", HAPPENED).failing_rows.filter(threshold=95)
    assert after["reached"].unique().to_list() == [date(2025, 10, 10)]


def test_a_month_judges_no_statement_before_its_days_have_passed(data: Path) -> None:
    found = validate_stored(data, "outlook_over_time", STATEMENTS_JUDGED)
    assert found.total == 4, "30 days of November's, of four thresholds; not its 91 or 182"
    spoil(data, "capacity_outlook", "UPDATE {stored} SET cutoff = DATE '2025-09-30' WHERE cutoff = DATE '2025-11-30'")
    spoil(data, "months", "UPDATE {stored} SET cutoff = DATE '2025-09-30' WHERE cutoff = DATE '2025-11-30'")
    assert validate_stored(data, "outlook_over_time", STATEMENTS_JUDGED).total == 4 * 2, (
        "September 30 and 91 days are December 30"
    )
