"""Statements are judged by the thresholds they were made for, and made again for others without a forecast."""

from unittest import mock

import dagster as dg
import duckdb
import pytest

from turbo_forecast.defs import fleet_month
from turbo_forecast.defs.resources import OutlookResource
from turbo_forecast.defs.settings_hashes import settings_hash
from turbo_forecast.schemas import CAPACITY_OUTLOOK, CHAMPIONS, OUTLOOK_BACKTEST
from turbo_forecast.settings import ForecastSettings, OutlookSettings
from turbo_forecast.windows import cutoff_of
from turbo_forecast_tests.defs.conftest import MONTH, Place, job_of_check
from turbo_forecast_tests.defs.made_up_run import rows

pytestmark = pytest.mark.xdist_group("definitions")

FIFTY = OutlookSettings(thresholds=[50.0])


def test_thresholds_decide_statements_and_nothing_else() -> None:
    forecast, plain = ForecastSettings(), OutlookSettings()
    for table in (CAPACITY_OUTLOOK, OUTLOOK_BACKTEST):
        assert settings_hash(table, forecast, FIFTY) != settings_hash(table, forecast, plain)
        assert settings_hash(table, forecast, OutlookSettings(plans="p.csv")) == settings_hash(table, forecast, plain)
        more = ForecastSettings(train_months=31)
        assert settings_hash(table, more, plain) != settings_hash(table, forecast, plain)
    assert settings_hash(CHAMPIONS, forecast, FIFTY) == forecast.config_hash()


def resources(place: Place) -> dict[str, object]:
    """Those of the place, with another threshold."""
    return {**place.resources(), "outlook": OutlookResource(**FIFTY.model_dump())}


def check(place: Place) -> str | bool:
    """Whether every threshold has its statement, by the other threshold; or why that is not judged."""
    job = job_of_check("capacity_outlook", "every_threshold_has_a_statement")
    result = job.execute_in_process(
        instance=place.instance, tags={"dagster/partition": MONTH}, resources=resources(place), raise_on_error=False
    )
    found = result.get_asset_check_evaluations()
    if found:
        return found[0].passed
    (failed,) = [event.step_failure_data for event in result.get_step_failure_events()]
    assert failed.user_failure_data is not None
    return str(failed.user_failure_data.description)


def test_other_thresholds_are_stated_again_without_a_forecast_and_judged_then(place: Place) -> None:
    said = check(place)
    assert str(said).startswith("capacity_outlook of 2025-12 was made for other thresholds than the settings name now")
    with duckdb.connect(str(place.data / "warehouse.duckdb")) as con:
        state = con.execute("SELECT state FROM months WHERE month = ?", [MONTH]).fetchall()
    assert state == [("complete",)], "nothing is wrong with the month"
    base = place.definitions()
    job = dg.define_asset_job("again", selection=dg.AssetSelection.assets("capacity_outlook").without_checks())
    definitions = dg.Definitions(assets=base.assets, jobs=[job], resources=resources(place))
    with mock.patch.object(fleet_month, "run_fleet", side_effect=AssertionError("nothing is to be forecast")):
        again = definitions.resolve_job_def("again").execute_in_process(instance=place.instance, partition_key=MONTH)
    assert again.success
    stated = rows(place, "capacity_outlook").filter(cutoff=cutoff_of(MONTH))
    assert stated["threshold"].unique().to_list() == [50.0]
    assert check(place) is True
