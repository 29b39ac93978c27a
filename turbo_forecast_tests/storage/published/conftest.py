"""Published months to be read, and copies of them to be spoilt."""

import shutil
from pathlib import Path

import pytest

from turbo_forecast_tests.storage.published import made


@pytest.fixture(scope="session")
def made_months(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with two months that are stored and published, not to be changed."""
    data = tmp_path_factory.mktemp("months") / "data"
    for cutoff in (made.EARLIER, made.CUTOFF):
        made.make(data, cutoff)
        made.publish(data, cutoff)
    return data


@pytest.fixture
def data(made_months: Path, tmp_path: Path) -> Path:
    """A copy of it, whose views are those of the copy."""
    copied = Path(shutil.copytree(made_months, tmp_path / "data"))
    made.publish_views(copied)
    return copied
