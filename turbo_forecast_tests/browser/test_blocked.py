"""A defect in a run: its check is red, and nothing that rests on the asset is made of it."""

from pathlib import Path

import pytest

from turbo_forecast_tests.browser.clicks import Person
from turbo_forecast_tests.browser.server import Run, Server

MONTH = "2025-09"
ASSET, CHECK = "fleet_forecast", "every_series_has_an_outcome_and_its_rows"
DOWNSTREAM = ("tournament_results", "champions", "calibration", "forecast_parquet", "months")


@pytest.fixture(scope="module")
def blocked(december: Run, person: Person, server: Server, telemetry: Path) -> Run:
    """A month forecast by a program that loses a host."""
    defect = "turbo_forecast_tests.end_to_end.defect:build"
    with server.other_entrants(telemetry, ["seasonal_naive", defect]), server.launched() as runs:
        person.materialise_all(MONTH)
    person.open(f"/runs/{runs[0].id}")
    person.sees("Failure")
    person.picture("20-downstream-is-blocked")
    return runs[0]


@pytest.fixture(scope="module")
def repeated(blocked: Run, person: Person, server: Server) -> Run:
    """The month again, by a program that loses none."""
    with server.launched() as runs:
        person.materialise_all(MONTH)
    return runs[0]


def test_a_failed_check_blocks_all_that_rests_on_its_asset(blocked: Run, server: Server) -> None:
    assert blocked.status == "FAILURE"
    assert server.verdicts_of(blocked.id)[ASSET, CHECK] == (MONTH, False)
    assert MONTH in server.months_of(ASSET)
    assert [asset for asset in DOWNSTREAM if MONTH in server.months_of(asset)] == []
    assert not server.house.parquet("forecast_parquet", MONTH).exists()


def test_the_month_made_again_without_the_defect_is_whole(repeated: Run, server: Server) -> None:
    assert repeated.status == "SUCCESS"
    assert [asset for asset in DOWNSTREAM if MONTH not in server.months_of(asset)] == []
    assert set(server.verdicts(MONTH).values()) == {"SUCCEEDED"}
