"""A gap in what is stored: seen when the month is checked again, told with its offenders, and gone when it is mended."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import polars as pl
import pytest
from playwright.sync_api import expect

from turbo_forecast_tests.browser.clicks import PATIENCE, Person
from turbo_forecast_tests.browser.conftest import MONTH
from turbo_forecast_tests.browser.server import Run, Server

ASSET, CHECK = "calibration", "every_champion_is_calibrated"
LOST = "beta"
OTHERS_MADE_OF_IT = {
    ("forecast_parquet", "is_the_champions_forecast"),
    ("months", "a_complete_month_is_whole"),
    ("published_month", "is_what_is_stored"),
}


@contextmanager
def warehouse(server: Server) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse, while no run holds it."""
    with duckdb.connect(str(server.house.data / "warehouse.duckdb")) as con:
        yield con


@dataclass(frozen=True)
class Gap:
    """What was taken out of the warehouse, and the run of the month's checks that a person started after that."""

    rows: pl.DataFrame
    run: Run


@pytest.fixture(scope="module")
def gap(december: Run, person: Person, server: Server) -> Gap:
    """A host's rows are lost, and the month is checked again by clicks."""
    with warehouse(server) as con:
        rows = con.sql(f"FROM {ASSET} WHERE host_id = '{LOST}'").pl()
        con.execute(f"DELETE FROM {ASSET} WHERE host_id = '{LOST}'")
    with server.launched() as runs:
        person.check_again(MONTH, picture="10-check-a-month-again")
    return Gap(rows, runs[0])


@pytest.fixture(scope="module")
def refused(gap: Gap, person: Person, server: Server) -> Run:
    """The run of a person who would call the month complete all the same."""
    with server.launched() as runs:
        person.materialise("months", MONTH)
    person.open(f"/runs/{runs[0].id}")
    person.sees("is not complete")
    person.picture("13-the-month-is-not-complete")
    return runs[0]


@pytest.fixture(scope="module")
def mended(refused: Run, gap: Gap, person: Person, server: Server) -> list[Run]:
    """After the rows are put back: the check alone, by the link beside its result, then all checks of the month."""
    with warehouse(server) as con:
        con.register("rows", gap.rows)
        con.execute(f"INSERT INTO {ASSET} BY NAME FROM rows")
    person.open_check(ASSET, CHECK, MONTH)
    link = person.page.get_by_role("link", name="monthly_checks").locator("visible=true").first
    with server.launched() as alone, person.in_new_tab(link):
        person.sees(f"partition: {MONTH}")
        person.picture("14-the-link-to-check-again")
        person.launch_from_launchpad()
    with server.launched() as all_of_the_month:
        person.check_again(MONTH)
    return [*alone, *all_of_the_month]


def test_the_check_is_red_for_its_month_with_those_that_rest_on_the_same_rows(gap: Gap, server: Server) -> None:
    assert (gap.run.job, gap.run.month, gap.run.status) == ("monthly_checks", MONTH, "FAILURE")
    found = server.verdicts_of(gap.run.id, partitioned=True)
    assert {check for check, (_, passed) in found.items() if not passed} == {(ASSET, CHECK), *OTHERS_MADE_OF_IT}
    assert {month for month, _ in found.values()} == {MONTH}


def test_the_page_shows_the_offenders(gap: Gap, refused: Run, person: Person) -> None:
    person.open_check(ASSET, CHECK, MONTH)
    expect(person.text("check again").first).to_be_visible(timeout=PATIENCE)
    person.picture("11-the-check-is-red")
    dialog = person.page.get_by_role("dialog").last
    person.until(
        lambda: expect(dialog).to_contain_text(LOST, timeout=person.patience),
        lambda: person.open_check(ASSET, CHECK, MONTH),
        lambda: person.text("Show Markdown").first.click(),
    )
    person.picture("12-the-offenders")
    dialog.get_by_role("button", name="Close").click()


def test_the_month_is_not_complete_while_a_check_of_it_fails(refused: Run, server: Server) -> None:
    assert refused.status == "FAILURE"
    assert f"{ASSET}.{CHECK}" in server.errors(refused.id)


def test_the_link_beside_the_result_makes_the_one_check_again_for_its_month(mended: list[Run], server: Server) -> None:
    alone = mended[0]
    assert (alone.job, alone.month, alone.status) == ("monthly_checks", MONTH, "SUCCESS")
    assert server.steps_of(alone.id) == [f"{ASSET}_{CHECK}"]


def test_a_mended_gap_is_green(mended: list[Run], person: Person, server: Server) -> None:
    assert [run.status for run in mended] == ["SUCCESS", "SUCCESS"]
    assert set(server.verdicts(MONTH).values()) == {"SUCCEEDED"}
    person.open_check(ASSET, CHECK, MONTH)
    expect(person.text("Passed", exact=True).first).to_be_visible(timeout=PATIENCE)
    person.picture("15-the-check-is-green")
