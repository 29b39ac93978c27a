"""A month's state: true at every moment, also after a run that ended between two steps."""

from collections.abc import Iterator
from datetime import date, datetime

import duckdb
import pytest

from turbo_forecast.errors import BaseTableReplacedError, SettingsError, StorageError
from turbo_forecast.schemas import BASE_TABLE
from turbo_forecast.storage.base_table import record_base_table, utc_now
from turbo_forecast.storage.months import FLEET_STEP, STEPS, MonthOfRun, not_passed, settled_months

OCTOBER, NOVEMBER, DECEMBER = date(2025, 10, 31), date(2025, 11, 30), date(2025, 12, 31)
LATER = tuple(name for name in STEPS if name not in FLEET_STEP)
CHECKS = {("champions", "good"), ("fleet_forecast", "whole")}
FINISHED = datetime(2026, 1, 1, 12)
OURS = MonthOfRun(DECEMBER, "config", "ours")
JUDGING = "outlook_over_time"


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute(BASE_TABLE.ddl())
        observe(con, 1.0)
        yield con


def observe(con: duckdb.DuckDBPyConnection, y: float, ds: date = NOVEMBER, run: str = "reader") -> None:
    """One more value, as a run that reads telemetry leaves it."""
    con.execute("INSERT INTO base_table VALUES ('a', 'cpu', ?, ?)", [ds, y])
    record_base_table(con, run)


def begin(con: duckdb.DuckDBPyConnection, month: MonthOfRun) -> None:
    month.begin(con, month.announce(con))
    month.record_stored(con, FLEET_STEP)


def take(con: duckdb.DuckDBPyConnection, month: MonthOfRun, *assets: str) -> None:
    for asset in assets:
        month.begin_step(con, asset)
        month.record_stored(con, [asset])


def verify(con: duckdb.DuckDBPyConnection, month: MonthOfRun, *, passed: bool = True) -> None:
    for asset, check in sorted(CHECKS):
        month.record_check(con, asset, check, passed=passed, blocking=True)


def make(con: duckdb.DuckDBPyConnection, month: MonthOfRun, finished: datetime = FINISHED) -> None:
    """The whole of a month."""
    begin(con, month)
    take(con, month, *LATER)
    verify(con, month)
    month.complete(con, CHECKS, finished)


def state(con: duckdb.DuckDBPyConnection, cutoff: date = DECEMBER) -> tuple[object, ...]:
    rows = con.execute("SELECT state, reached, run_id, finished_at FROM months WHERE cutoff = ?", [cutoff]).fetchall()
    assert len(rows) == 1
    return rows[0]


def test_a_month_is_complete_after_its_last_step_and_never_before(con: duckdb.DuckDBPyConnection) -> None:
    digest = OURS.announce(con)
    assert state(con) == ("incomplete", "", "ours", None)
    OURS.begin(con, digest)
    OURS.record_stored(con, FLEET_STEP)
    for asset in LATER:
        OURS.begin_step(con, asset)
        assert state(con)[0] == "incomplete"
        OURS.record_stored(con, [asset])
        assert state(con) == ("incomplete", asset, "ours", None)
        with pytest.raises(StorageError, match="month 2025-12 is not complete"):
            OURS.complete(con, CHECKS, FINISHED)
    verify(con, OURS)
    OURS.complete(con, CHECKS, FINISHED)
    assert state(con) == ("complete", "months", "ours", FINISHED)


TRACK_RECORD = {"outlook_accuracy", "outlook_reliability"}
STATEMENTS = {"capacity_outlook", "outlook_backtest", "outlook_over_time", *TRACK_RECORD}
AFTER_ALL = {"forecast_intervals", "tournament_standings", "forecast_accuracy", *STATEMENTS}
RESTING = {
    "tournament_results": {"tournament_scores", "champions", "calibration", "forecast_parquet", *AFTER_ALL},
    "tournament_scores": {"champions", "calibration", "forecast_parquet", *AFTER_ALL},
    "champions": {"calibration", "forecast_parquet", *AFTER_ALL},
    "calibration": {"forecast_parquet", *AFTER_ALL},
    "forecast_parquet": AFTER_ALL,
    "forecast_intervals": set(),
    "tournament_standings": set(),
    "forecast_accuracy": set(),
    "group_members": {
        *("group_history", "group_forecast", "planned_changes", "planned_loads", "forecast_parquet", *AFTER_ALL)
    },
    "group_history": {"group_forecast", *STATEMENTS},
    "group_forecast": STATEMENTS,
    "planned_changes": {"planned_loads", "forecast_parquet", *AFTER_ALL},
    "planned_loads": {"forecast_parquet", *AFTER_ALL},
    "capacity_outlook": {"outlook_over_time"},
    "outlook_backtest": TRACK_RECORD,
    **{name: set() for name in (*TRACK_RECORD, "outlook_over_time")},
}


@pytest.mark.sweep(keep=6)
@pytest.mark.parametrize("asset", LATER)
def test_storing_a_part_again_makes_old_all_that_rests_on_it(asset: str, con: duckdb.DuckDBPyConnection) -> None:
    make(con, OURS)
    again = MonthOfRun(DECEMBER, "config", "again")
    again.begin_step(con, asset)
    assert state(con) == ("incomplete", "months", "again", None), "before the table is touched"
    again.record_stored(con, [asset])
    stored = {row[0] for row in con.execute("SELECT asset FROM month_steps WHERE check_name = ''").fetchall()}
    assert set(STEPS) - stored == RESTING[asset]
    if RESTING[asset]:
        with pytest.raises(StorageError, match=f"is not complete: {min(RESTING[asset])}.* is not stored"):
            again.complete(con, CHECKS, FINISHED)


def test_a_part_that_nothing_rests_on_is_stored_again_alone(con: duckdb.DuckDBPyConnection) -> None:
    make(con, OURS)
    take(con, OURS, "tournament_standings")
    OURS.complete(con, CHECKS, FINISHED)
    assert state(con)[0] == "complete"


def test_a_step_is_not_taken_on_what_is_old(con: duckdb.DuckDBPyConnection) -> None:
    make(con, OURS)
    take(con, OURS, "tournament_results")
    with pytest.raises(StorageError, match="champions is made from tournament_scores, which has not been stored since"):
        OURS.begin_step(con, "champions")


def test_a_rerun_leaves_the_month_complete_until_its_first_table_is_replaced(con: duckdb.DuckDBPyConnection) -> None:
    make(con, OURS)
    again = MonthOfRun(DECEMBER, "config", "again")
    digest = again.announce(con)
    assert state(con) == ("complete", "months", "ours", FINISHED)
    again.begin(con, digest)
    assert state(con) == ("incomplete", "", "again", None)
    with pytest.raises(StorageError, match="tournament_results is made from fleet_forecast"):
        again.begin_step(con, "tournament_results")


def test_a_failed_check_makes_the_month_failed_until_it_passes(con: duckdb.DuckDBPyConnection) -> None:
    begin(con, OURS)
    take(con, OURS, *LATER)
    verify(con, OURS, passed=False)
    assert state(con)[:2] == ("failed", "champions.good")
    with pytest.raises(
        StorageError, match=r"forecast_accuracy rests on what champions\.good, fleet_forecast\.whole found"
    ):
        OURS.begin_step(con, "forecast_accuracy")
    OURS.record_stored(con, ["forecast_accuracy"])
    assert state(con)[:2] == ("failed", "champions.good"), "a step beside it does not hide it"
    with pytest.raises(StorageError, match=r"champions\.good, fleet_forecast\.whole has not passed"):
        OURS.complete(con, CHECKS, FINISHED)
    verify(con, OURS)
    assert state(con)[0] == "incomplete"
    OURS.complete(con, CHECKS, FINISHED)
    OURS.record_check(con, "champions", "warns", passed=False, blocking=False)
    assert state(con)[0] == "complete"
    OURS.record_check(con, "champions", "good", passed=False, blocking=True)
    assert state(con)[:3] == ("failed", "champions.good", "ours"), "a complete month that is found to be wrong"
    OURS.record_check(con, "champions", "good", passed=True, blocking=True)
    assert state(con) == ("complete", "months", "ours", FINISHED), "and mended"


@pytest.mark.parametrize("step", ["begin", "require_same", "begin_step", "complete"])
def test_every_step_notices_a_base_table_that_was_replaced(step: str, con: duckdb.DuckDBPyConnection) -> None:
    digest = OURS.announce(con)
    if step != "begin":
        OURS.begin(con, digest)
        OURS.record_stored(con, FLEET_STEP)
    observe(con, 2.0, run="theirs")
    taken = {
        "begin": lambda: OURS.begin(con, digest),
        "require_same": lambda: OURS.require_same(con),
        "begin_step": lambda: OURS.begin_step(con, "tournament_results"),
        "complete": lambda: OURS.complete(con, CHECKS, FINISHED),
    }
    with pytest.raises(BaseTableReplacedError) as said:
        taken[step]()
    assert str(said.value) == (
        "the base table was replaced by run theirs while this month (2025-12) was worked on: run the month again"
    )


def test_a_complete_month_outlives_its_base_table_and_says_that_it_cannot_be_checked(
    con: duckdb.DuckDBPyConnection,
) -> None:
    make(con, OURS)
    observe(con, 1.0, date(2026, 1, 1), run="next")
    OURS.require_same(con)
    observe(con, 2.0, run="theirs")
    with pytest.raises(
        BaseTableReplacedError, match="run theirs since month 2025-12 was made: the month stays complete"
    ):
        OURS.require_same(con)
    assert state(con)[0] == "complete"


def test_other_settings_and_a_month_that_was_never_begun_are_named(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(StorageError, match="month 2025-12 is not in the table months"):
        OURS.require_same(con)
    begin(con, OURS)
    with pytest.raises(SettingsError, match=r"config hash config, now other\): materialise fleet_forecast"):
        MonthOfRun(DECEMBER, "other", "ours").require_same(con)


@pytest.mark.parametrize("found", ["complete", "failed"])
def test_a_month_that_another_version_finished_is_neither_judged_nor_changed_in_parts(
    found: str, con: duckdb.DuckDBPyConnection
) -> None:
    """It has no part of the name `model_runs`, and its rows may be of other kinds."""
    make(con, OURS)
    con.execute("DELETE FROM month_steps WHERE asset = 'model_runs'")
    con.execute("UPDATE months SET state = ?", [found])
    before = state(con)
    for refused in (OURS.require_same, lambda con: OURS.begin_step(con, "champions")):
        with pytest.raises(StorageError) as said:
            refused(con)
        assert str(said.value) == (
            "month 2025-12 was made by another version of this program, which stored no model_runs: it stays "
            f"{found} as it is, but this version can neither check nor change parts of it; to do so, run the month again"
        )
    assert state(con) == before
    make(con, OURS)
    assert state(con)[0] == "complete", "run again, it is a month like any other"


def test_a_month_of_another_version_is_not_said_to_be_of_other_settings_or_telemetry(
    con: duckdb.DuckDBPyConnection,
) -> None:
    """A version with more options has another hash of the same settings: nobody has changed any."""
    make(con, OURS)
    con.execute("DELETE FROM month_steps WHERE asset = 'model_runs'")
    con.execute("UPDATE months SET base_table_digest = 'replaced'")
    with pytest.raises(StorageError, match="month 2025-12 was made by another version of this program"):
        MonthOfRun(DECEMBER, "other", "ours").require_same(con)


def test_of_a_month_that_another_version_began_nothing_is_judged(con: duckdb.DuckDBPyConnection) -> None:
    begin(con, OURS)
    con.execute("DELETE FROM month_steps WHERE asset = 'model_runs'")
    with pytest.raises(StorageError, match="month 2025-12: model_runs has not been stored since the month was begun"):
        OURS.require_stored(con, "fleet_forecast")


def test_complete_earlier_months_and_those_of_the_same_run_are_settled(con: duckdb.DuckDBPyConnection) -> None:
    make(con, MonthOfRun(OCTOBER, "config", "one"))
    begin(con, MonthOfRun(NOVEMBER, "config", "dead"))
    begin(con, OURS)
    assert settled_months(con, DECEMBER, JUDGING) == [OCTOBER]
    begin(con, MonthOfRun(NOVEMBER, "config", "ours"))
    assert settled_months(con, DECEMBER, JUDGING) == [OCTOBER, NOVEMBER]


def test_an_earlier_month_made_again_is_not_what_a_complete_month_has_judged(con: duckdb.DuckDBPyConnection) -> None:
    make(con, MonthOfRun(OCTOBER, "config", "one"))
    make(con, MonthOfRun(NOVEMBER, "config", "two"))
    make(con, OURS)
    assert settled_months(con, DECEMBER, JUDGING) == [OCTOBER, NOVEMBER]
    make(con, MonthOfRun(NOVEMBER, "config", "three"), utc_now())
    assert settled_months(con, DECEMBER, JUDGING) == [OCTOBER]


def test_an_earlier_month_that_another_run_finishes_after_this_one_has_judged_is_not_due(
    con: duckdb.DuckDBPyConnection,
) -> None:
    """Two runs take turns step by step, and each asset of a month has judged what was complete when it was made."""
    other = MonthOfRun(NOVEMBER, "config", "other")
    begin(con, other)
    begin(con, OURS)
    take(con, OURS, *(name for name in LATER if name != JUDGING))
    take(con, other, *LATER)
    verify(con, other)
    other.complete(con, CHECKS, utc_now())
    assert settled_months(con, DECEMBER, "forecast_accuracy") == [], "it was stored before November was complete"
    assert settled_months(con, DECEMBER, JUDGING) == [NOVEMBER], "it is still to be made"
    take(con, OURS, JUDGING)
    verify(con, OURS)
    OURS.complete(con, CHECKS, utc_now())
    for asset, judged in (("forecast_accuracy", []), (JUDGING, [NOVEMBER])):
        assert settled_months(con, DECEMBER, asset) == judged, "and so it stays"


def test_months_that_one_run_made_beside_each_other_have_judged_each_other(con: duckdb.DuckDBPyConnection) -> None:
    beside = MonthOfRun(NOVEMBER, "config", "ours")
    begin(con, beside)
    begin(con, OURS)
    take(con, beside, *LATER)
    take(con, OURS, *LATER)
    verify(con, beside)
    beside.complete(con, CHECKS, utc_now())
    assert settled_months(con, DECEMBER, JUDGING) == [NOVEMBER], "complete, and finished after December has judged it"
    later = MonthOfRun(NOVEMBER, "config", "later")
    for passed in (False, True):
        later.record_check(con, "champions", "good", passed=passed, blocking=True)
    assert settled_months(con, DECEMBER, JUDGING) == [NOVEMBER], "whoever has checked it since"


@pytest.mark.parametrize("passed", [True, False])
def test_what_a_check_found_before_a_part_was_stored_again_is_no_evidence(
    passed: bool, con: duckdb.DuckDBPyConnection
) -> None:
    """Another run's check may read the rows of before, after the month was begun anew."""
    make(con, OURS)
    OURS.begin(con, OURS.announce(con))
    OURS.record_check(con, "fleet_forecast", "whole", passed=passed, blocking=True)
    OURS.record_stored(con, FLEET_STEP)
    assert state(con)[:2] == ("incomplete", FLEET_STEP[-1])
    take(con, OURS, *LATER)
    OURS.record_check(con, "champions", "good", passed=True, blocking=True)
    with pytest.raises(StorageError, match="fleet_forecast.whole has not passed"):
        OURS.complete(con, CHECKS, FINISHED)


def test_checks_of_the_state_follow_it_and_do_not_make_it(con: duckdb.DuckDBPyConnection) -> None:
    make(con, OURS)
    later = MonthOfRun(DECEMBER, "config", "later")
    later.record_check(con, "champions", "good", passed=False, blocking=True)
    later.record_check(con, "months", "whole", passed=False, blocking=True)
    later.record_check(con, "champions", "good", passed=True, blocking=True)
    assert state(con)[0] == "complete", "or it would be failed because it was"
    assert not_passed(con, DECEMBER) == ["months.whole"]
    later.complete(con, CHECKS, FINISHED)
    assert not_passed(con, DECEMBER) == [], "that was said of the state before"


def test_an_unfinished_months_state_that_is_found_wanting_stays_incomplete(con: duckdb.DuckDBPyConnection) -> None:
    begin(con, OURS)
    OURS.record_check(con, "months", "whole", passed=False, blocking=True)
    assert state(con) == ("incomplete", FLEET_STEP[-1], "ours", None)


def test_what_is_not_stored_is_not_checked(con: duckdb.DuckDBPyConnection) -> None:
    make(con, OURS)
    OURS.begin_step(con, "champions")
    for asset in ("champions", "calibration", "forecast_parquet"):
        with pytest.raises(StorageError, match=f"month 2025-12: {asset} has not been stored since the month was begun"):
            OURS.require_stored(con, asset)
    for asset in ("tournament_scores", "months"):
        OURS.require_stored(con, asset)
