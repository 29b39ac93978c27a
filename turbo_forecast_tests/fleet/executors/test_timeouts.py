"""The time that a series may take, whatever its entrant does with its worker."""

import time
from pathlib import Path

import pytest

from turbo_forecast.types import Status
from turbo_forecast_tests.fleet.stubborn import LONG, WAYS
from turbo_forecast_tests.fleet.working import fleet, forecast, job_of

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("timeouts")]


@pytest.mark.parametrize("way", sorted(WAYS))
def test_a_series_that_never_ends_is_ended_whatever_its_entrant_does(way: str, tmp_path: Path) -> None:
    job = job_of(
        fleet(2, marked=(0,)), tmp_path, f"turbo_forecast_tests.fleet.stubborn:{way}", series_timeout_seconds=1.5
    )
    began = time.monotonic()
    done = forecast(job, 2, chunk=2, workers=1)
    assert time.monotonic() - began < LONG / 2
    assert (done.named("forecast"), done.named("failed")) == ([1], [0])
    assert done.models[0] == {"seasonal_naive"}
    assert done.outcomes.row(0, named=True)["reason"] == "the series took longer than 1.5 s (series_timeout_seconds)"
    assert [report.task.status for report in done.reports if report.failed] == [Status.TIMED_OUT]
