"""The checks' SQL files: each is used, each belongs to a check, and duplicate days are found as grouping finds them."""

from collections.abc import Sequence
from datetime import date
from importlib.resources import files

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turbo_forecast.defs.checks.expectations import validate
from turbo_forecast.defs.checks.keys import no_duplicates
from turbo_forecast.defs.checks.statements import shared, statements
from turbo_forecast.schemas import BASE_TABLE
from turbo_forecast_tests.defs.damage import EXPECTATIONS, OF_BASE_TABLE
from turbo_forecast_tests.one_duckdb import empty_database

SQL = files("turbo_forecast.defs.checks") / "sql"


def names(folder: str = "") -> set[str]:
    place = SQL / folder if folder else SQL
    return {path.name.removesuffix(".sql") for path in place.iterdir() if path.name.endswith(".sql")}


def test_every_file_is_a_checks_and_every_check_but_the_comparisons_has_one() -> None:
    expectations = [*(expectation for _, expectation in EXPECTATIONS.values()), *OF_BASE_TABLE.values()]
    used = {expectation.sql or expectation.name for expectation in expectations} - {
        "turbo_agrees_with_stan",
        "is_what_is_stored",
    }
    assert used == names()


@pytest.mark.parametrize("name", sorted(names("shared")))
def test_every_shared_expression_is_used(name: str) -> None:
    texts = ["".join(statements(each).values()) for each in names()] + [shared(each) for each in names("shared")]
    parts = [text for _, expectation in EXPECTATIONS.values() for text in expectation.parameters.values()]
    assert name == "solved_by_turbo" or f"{{{name}}}" in "".join([*texts, *parts])


def test_what_is_no_file_is_no_places_name() -> None:
    with pytest.raises(KeyError):
        shared("elsewhere")


DAYS = (
    st.none()
    | st.dates(date(1969, 12, 30), date(2201, 1, 2))
    | st.sampled_from([date(2024, 2, 29), date(2024, 12, 31)])
)
ROWS = st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from(["cpu", None]), DAYS), max_size=12)


@given(rows=ROWS, again=st.lists(st.integers(0, 11), max_size=3))
def test_days_that_are_there_twice_are_found_as_grouping_finds_them(
    rows: Sequence[tuple[str | None, str | None, date | None]], again: Sequence[int]
) -> None:
    schema = {"host_id": pl.String, "resource": pl.String, "ds": pl.Date}
    doubled = [*rows, *(rows[at] for at in again if at < len(rows))]
    frame = pl.DataFrame(doubled, schema=schema, orient="row")
    with empty_database() as con:
        con.register("stored", frame.to_arrow())
        found = validate(con, no_duplicates(BASE_TABLE), {"stored": "stored"})
    expected = frame.group_by(pl.all()).len("n").filter(pl.col("n") > 1)
    assert found.total == len(frame)
    assert sorted(map(str, found.failing_rows.rows())) == sorted(map(str, expected.rows()))
