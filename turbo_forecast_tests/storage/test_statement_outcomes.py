"""Earlier statements against what was observed since: only those whose days have passed, by hand."""

from datetime import date, timedelta

import duckdb
import polars as pl
import pytest

from turbo_forecast.schemas import BASE_TABLE, CAPACITY_OUTLOOK, GROUP_HISTORY
from turbo_forecast.storage.statement_outcomes import statements_since

THEN, NOW = date(2025, 9, 30), date(2025, 12, 31)


def state(con: duckdb.DuckDBPyConnection, host: str, cutoff: date = THEN, **more: object) -> None:
    """A statement of the baseline about 90 %."""
    said = {
        "probability_30": 0.25,
        "probability_91": 0.5,
        "probability_182": 0.75,
        "likely": cutoff + timedelta(days=80),
    }
    fixed = {"scenario": "baseline", "kind": "series", "resource": "cpu", "threshold": 90.0, "growth": 0.0}
    plain = {"cutoff": cutoff, "level": 50.0, "state": "expected", "urgency": 1, "host_id": host}
    values = {**fixed, **said, **plain, **more}
    asked = ", ".join(f"? AS {name}" for name in values)
    con.execute(f"INSERT INTO capacity_outlook BY NAME SELECT {asked}", list(values.values()))


def observe(con: duckdb.DuckDBPyConnection, host: str, first: date, values: list[float]) -> None:
    """Values of days that follow each other."""
    for days, y in enumerate(values):
        con.execute("INSERT INTO base_table VALUES (?, 'cpu', ?, ?)", [host, first + timedelta(days=days), y])


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    """A warehouse without rows."""
    con = duckdb.connect()
    for table in (BASE_TABLE, CAPACITY_OUTLOOK, GROUP_HISTORY):
        con.execute(table.ddl())
    return con


def since(con: duckdb.DuckDBPyConnection, months: int = 6, settled: tuple[date, ...] = (THEN,)) -> pl.DataFrame:
    return statements_since(con, NOW, settled, months)


def test_a_statement_is_judged_by_the_seven_day_mean_since_its_month(con: duckdb.DuckDBPyConnection) -> None:
    state(con, "a", forecast_date=THEN + timedelta(days=50))
    observe(con, "a", THEN - timedelta(days=6), [50.0] * 47 + [100.0] * 52)  # full from day 41 on
    rows = since(con)
    # on the k-th full day the mean is 50 + 50 k / 7: 90 is passed on the sixth, day 46
    reached = THEN + timedelta(days=46)
    assert rows.select("cutoff", "horizon_days", "probability", "happened", "point", "actual").rows() == [
        (THEN, 30, 0.25, 0, 0, None),
        (THEN, 91, 0.5, 1, 1, reached),
    ], "182 days have not passed"
    assert rows["level"].to_list() == [50.0, 50.0]


def test_nothing_after_the_cutoff_and_nothing_on_it_or_before_the_statement_counts(
    con: duckdb.DuckDBPyConnection,
) -> None:
    state(con, "a")
    observe(con, "a", THEN - timedelta(days=20), [100.0] * 14 + [0.0] * 99)
    observe(con, "a", NOW + timedelta(days=1), [100.0] * 30)
    assert since(con)["happened"].to_list() == [0, 0]


def test_a_gap_of_some_days_keeps_the_level_of_the_days_before(con: duckdb.DuckDBPyConnection) -> None:
    state(con, "a")
    observe(con, "a", THEN + timedelta(days=1), [80.0, 80.0, 96.0, 96.0, 96.0, 96.0])
    # days 4 to 9 have four days or more of the six: the highest mean is that of the last four, on day 9
    assert since(con)["actual"].unique().to_list() == [THEN + timedelta(days=6)], "(2 * 80 + 4 * 96) / 6 = 90.67"


@pytest.mark.parametrize("observed", [[], [100.0] * 3])
def test_what_was_not_observed_since_is_not_judged(observed: list[float], con: duckdb.DuckDBPyConnection) -> None:
    state(con, "a")
    observe(con, "a", THEN + timedelta(days=3), observed)
    assert since(con).is_empty()


@pytest.mark.parametrize(
    "other",
    [
        {"scenario": "move"},
        {"cutoff": NOW},
        {"cutoff": date(2025, 5, 31)},
        {"cutoff": date(2025, 8, 31)},
    ],
)
def test_only_settled_months_within_the_horizon_and_the_baseline_are_judged(
    other: dict[str, object], con: duckdb.DuckDBPyConnection
) -> None:
    state(con, "a", **other)  # type: ignore[arg-type]
    observe(con, "a", date(2025, 5, 1), [50.0] * 245)
    assert since(con, settled=(THEN, date(2025, 5, 31), NOW)).is_empty()


def grouped(con: duckdb.DuckDBPyConnection, cutoff: date, first: date, levels: list[float]) -> None:
    """Days of the group a, as a month's history has them."""
    for days, y in enumerate(levels):
        row = [cutoff, first + timedelta(days=days), y]
        con.execute("INSERT INTO group_history VALUES (?, 'a', 'cpu', ?, ?, 1, 1, 1)", row)


@pytest.mark.parametrize(("highest", "happened"), [(45.5, 1), (44.5, 0)])
def test_a_group_is_judged_in_percent_of_what_was_usable_of_it_then(
    highest: float, happened: int, con: duckdb.DuckDBPyConnection
) -> None:
    """It stood at 25 of all and 50 of what is usable, so half of it is: 90 % is 45 of all; the seventh day leaves all days of 25 behind."""
    state(con, "a", kind="group", level=50.0)
    grouped(con, THEN, THEN - timedelta(days=6), [25.0] * 7)
    grouped(con, NOW, THEN + timedelta(days=1), [highest] * 92)
    observe(con, "a", THEN + timedelta(days=1), [100.0] * 92)
    rows = since(con)
    assert rows["kind"].unique().to_list() == ["group"]
    assert rows["happened"].to_list() == [happened, happened]
    assert rows["actual"].to_list() == [THEN + timedelta(days=7) if happened else None] * 2


def test_a_groups_days_are_of_the_hosts_that_it_had_then(con: duckdb.DuckDBPyConnection) -> None:
    """December's history expresses October for December's hosts; the statement was about those of then."""
    state(con, "a", kind="group", level=50.0)
    grouped(con, THEN, THEN - timedelta(days=6), [50.0] * 7)
    grouped(con, date(2025, 10, 31), date(2025, 10, 1), [95.0] * 31)
    grouped(con, NOW, date(2025, 9, 24), [20.0] * 99)
    assert since(con)["happened"].to_list() == [1, 1]


@pytest.mark.parametrize("level", [None, 0.0])
def test_a_group_of_which_nothing_is_known_to_be_usable_is_not_judged(
    level: float | None, con: duckdb.DuckDBPyConnection
) -> None:
    state(con, "a", kind="group", level=level)
    grouped(con, THEN, THEN - timedelta(days=6), [0.0] * 7)
    grouped(con, NOW, THEN + timedelta(days=1), [95.0] * 92)
    assert since(con).is_empty()


def test_a_statement_ends_with_the_forecast_that_it_rests_on(con: duckdb.DuckDBPyConnection) -> None:
    state(con, "a", probability_91=None)
    observe(con, "a", THEN + timedelta(days=1), [50.0] * 92)
    assert since(con, months=3)["horizon_days"].to_list() == [30, 182], (
        "three months have passed, and so has the forecast"
    )


def test_without_any_statement_there_is_nothing_to_judge() -> None:
    with duckdb.connect() as con:
        assert since(con).is_empty()
