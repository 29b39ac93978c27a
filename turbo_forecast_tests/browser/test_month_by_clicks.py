"""From an empty instance to a month, in the UI alone."""

from turbo_forecast_tests.browser.clicks import Person
from turbo_forecast_tests.browser.conftest import MONTH
from turbo_forecast_tests.browser.server import Run, Server


def test_an_empty_instance_shows_all_groups_and_no_dialog(first_look: str) -> None:
    assert all(group in first_look for group in ("telemetry", "forecast", "tournament"))
    assert "newsletter" not in first_look.lower()


def test_without_telemetry_the_run_says_so(without_telemetry: Run, server: Server) -> None:
    assert without_telemetry.status == "FAILURE"
    assert "telemetry is not set" in server.errors(without_telemetry.id)


def test_a_month_is_one_run_in_one_process(december: Run, server: Server) -> None:
    assert december.status == "SUCCESS"
    assert december.month == MONTH
    assert len(server.process_ids(december.id)) == 1


def test_the_run_stores_every_asset_for_its_month(december: Run, server: Server) -> None:
    partitioned = {asset for asset, has_months in server.assets().items() if has_months}
    assert [asset for asset in partitioned if MONTH not in server.months_of(asset)] == []
    assert server.house.parquet("forecast_parquet", MONTH).exists()


def test_the_run_passes_every_check_for_its_month(december: Run, server: Server) -> None:
    assert set(server.verdicts_of(december.id, partitioned=True).values()) == {(MONTH, True)}


def test_every_asset_has_a_page_that_shows_its_last_materialisation(
    december: Run, person: Person, server: Server
) -> None:
    person.open("/assets")
    person.sees("base_table")  # from here on the program of the page listens
    for asset, has_months in server.assets().items():
        person.go_on(f"/assets/{asset}", title=f"Assets | {asset}")
        person.sees("Latest materialization")
        person.sees(server.months_of(asset)[0] if has_months else "ago")
        person.picture(f"asset-{asset}")
