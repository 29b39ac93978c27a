"""A range of months, chosen in one dialog."""

from playwright.sync_api import expect

from turbo_forecast_tests.browser.clicks import PATIENCE, Person
from turbo_forecast_tests.browser.conftest import RANGE
from turbo_forecast_tests.browser.server import Run, Server


def test_a_range_is_one_run_a_month(both_months: list[Run]) -> None:
    assert [run.status for run in both_months] == ["SUCCESS"] * (1 + len(RANGE))
    assert sorted(run.month or "" for run in both_months) == ["", *RANGE]


def test_each_month_has_its_own_check_results(both_months: list[Run], person: Person, server: Server) -> None:
    for run in both_months:
        told = {month for month, _ in server.verdicts_of(run.id, partitioned=True).values()}
        assert told == ({run.month} if run.month else set())
    assert {month: set(server.verdicts(month).values()) for month in RANGE} == {month: {"SUCCEEDED"} for month in RANGE}
    person.open_check("champions", "exactly_one_champion_per_series", RANGE[0])
    expect(person.text("Passed").first).to_be_visible(timeout=PATIENCE)
    person.picture("32-check-results-by-month")
