"""What tests of a run's steps share."""

from collections.abc import Iterator

import pytest

from turbo_forecast.fleet import chunks


@pytest.fixture(scope="module")
def small_parts() -> Iterator[None]:
    """Parts of four series, so that a handful of series has several of them; in this process alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "PART_SERIES", 4)
        yield
