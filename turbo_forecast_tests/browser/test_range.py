"""A range of months, chosen in one dialog."""

import pytest
from playwright.sync_api import expect

from turbo_forecast_tests.browser.clicks import PATIENCE, Person
from turbo_forecast_tests.browser.server import Run, Server

MONTHS = ("2025-11", "2025-12")


@pytest.fixture(scope="module")
def both_months(december: Run, person: Person, server: Server) -> list[Run]:
    """The runs that the range starts: the base table's, which is of no month, and one for each month."""
    with server.launched(count=1 + len(MONTHS)) as runs:
        person.materialise_all(f"[{MONTHS[0]}...{MONTHS[-1]}]", picture="30-choose-a-range")
    person.open("/runs")
    person.sees(MONTHS[-1])
    person.picture("31-one-run-a-month")
    return runs


def test_a_range_is_one_run_a_month(both_months: list[Run]) -> None:
    assert [run.status for run in both_months] == ["SUCCESS"] * (1 + len(MONTHS))
    assert sorted(run.month or "" for run in both_months) == ["", *MONTHS]


def test_each_month_has_its_own_check_results(both_months: list[Run], person: Person, server: Server) -> None:
    for run in both_months:
        told = {month for month, _ in server.verdicts_of(run.id, partitioned=True).values()}
        assert told == ({run.month} if run.month else set())
    assert {month: set(server.verdicts(month).values()) for month in MONTHS} == {
        month: {"SUCCEEDED"} for month in MONTHS
    }
    person.open_check("champions", "exactly_one_champion_per_series", MONTHS[0])
    expect(person.text("Passed").first).to_be_visible(timeout=PATIENCE)
    person.picture("32-check-results-by-month")
