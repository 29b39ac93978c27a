"""What tests of a run's steps share."""

from collections.abc import Iterator

import pytest

from turbo_forecast.fleet import chunks
from turbo_forecast_tests.fleet.in_this_process import in_this_process


@pytest.fixture(scope="module")
def small_parts() -> Iterator[None]:
    """Parts of four series, so that a handful of series has several of them; in this process alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "PART_SERIES", 4)
        yield


@pytest.fixture
def without_workers() -> Iterator[None]:
    """Runs forecast in this process."""
    with in_this_process():
        yield
