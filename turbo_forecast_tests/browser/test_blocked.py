"""A defect in a run: its check is red, and nothing that rests on the asset is made of it."""

from turbo_forecast_tests.browser.conftest import RANGE
from turbo_forecast_tests.browser.server import Run, Server

MONTH = RANGE[0]
ASSET, CHECK = "fleet_forecast", "every_series_has_an_outcome_and_its_rows"
DOWNSTREAM = ("tournament_results", "champions", "calibration", "forecast_parquet", "months")


def test_a_failed_check_blocks_all_that_rests_on_its_asset(blocked: Run, server: Server) -> None:
    assert blocked.status == "FAILURE"
    assert server.verdicts_of(blocked.id)[ASSET, CHECK] == (MONTH, False)
    assert MONTH in server.months_of(ASSET)
    assert [asset for asset in DOWNSTREAM if MONTH in server.months_of(asset)] == []
    assert not server.house.parquet("forecast_parquet", MONTH).exists()


def test_the_month_made_again_without_the_defect_is_whole(both_months: list[Run], server: Server) -> None:
    (repeated,) = [run for run in both_months if run.month == MONTH]
    assert repeated.status == "SUCCESS"
    assert [asset for asset in DOWNSTREAM if MONTH not in server.months_of(asset)] == []
    assert set(server.verdicts(MONTH).values()) == {"SUCCEEDED"}
