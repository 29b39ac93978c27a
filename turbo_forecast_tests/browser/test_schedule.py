"""The schedule: switched on by a click, and what its tick would start."""

from playwright.sync_api import expect

from turbo_forecast_tests.browser import queries
from turbo_forecast_tests.browser.clicks import PATIENCE, Person
from turbo_forecast_tests.browser.server import LOCATION, Run, Server

SCHEDULE = "monthly_forecast_schedule"


def is_running(server: Server) -> bool:
    found = server.ask(queries.SCHEDULE, schedule=SCHEDULE, location=LOCATION)["scheduleOrError"]
    return bool(found["scheduleState"]["status"] == "RUNNING")


def test_the_schedule_is_switched_on_and_off_by_a_click(december: Run, person: Person, server: Server) -> None:
    assert not is_running(server)
    person.open(f"/locations/{LOCATION}/schedules/{SCHEDULE}")
    switch = person.page.locator("label").filter(has=person.page.get_by_role("checkbox")).first
    person.launch("the schedule", switch, lambda: is_running(server))
    person.picture("40-schedule-on")
    expect(switch.get_by_role("checkbox")).to_be_checked(timeout=PATIENCE)
    person.launch("the schedule's end", switch, lambda: not is_running(server))


def test_a_tick_asks_for_one_run_of_the_monthly_job(december: Run, person: Person) -> None:
    dialog = person.page.get_by_role("dialog").last
    person.until(
        lambda: expect(dialog).to_contain_text("Requested runs (1)", timeout=person.patience),
        lambda: person.open(f"/locations/{LOCATION}/schedules/{SCHEDULE}"),
        person.button("Preview tick result").click,
        person.button("Continue").click,
    )
    expect(dialog).to_contain_text("monthly_forecast")
    person.picture("41-what-a-tick-starts")
    dialog.get_by_role("button", name="Close").click()
