"""What the month assets share: they refuse a month that was forecast with other settings."""

import dagster as dg
import pytest

from turbo_forecast_tests.defs.conftest import MONTH, Place

pytestmark = pytest.mark.xdist_group("definitions")


def rerun(place: Place, asset: str, **forecast: object) -> str | None:
    """Materialise one asset again; the sentence it failed with, or None."""
    base = place.definitions(**forecast)
    job = dg.define_asset_job("again", selection=dg.AssetSelection.assets(asset).without_checks())
    result = (
        dg.Definitions(assets=base.assets, asset_checks=base.asset_checks, jobs=[job], resources=base.resources)
        .resolve_job_def("again")
        .execute_in_process(instance=place.instance, partition_key=MONTH, raise_on_error=False)
    )
    if result.success:
        return None
    failure = result.get_step_failure_events()[0].step_failure_data
    assert failure.user_failure_data is not None, failure.error
    return failure.user_failure_data.description


@pytest.mark.parametrize("changed", [{"backtest_months": 2}, {"folds": 1}, {"fallback": "recent_level"}])
def test_a_month_forecast_with_other_settings_is_not_scored_with_these(
    changed: dict[str, object], place: Place
) -> None:
    said = rerun(place, "tournament_scores", **changed)
    assert said is not None
    assert said.startswith("month 2025-12 was forecast with other settings (config hash ")
    assert said.endswith("materialise fleet_forecast for it again")


@pytest.mark.parametrize("changed", [{}, {"workers": 2}, {"max_fallback_share": 0.9}, {"max_staleness_days": 3}])
def test_settings_that_decide_no_number_may_change(changed: dict[str, object], place: Place) -> None:
    assert rerun(place, "tournament_scores", **changed) is None
