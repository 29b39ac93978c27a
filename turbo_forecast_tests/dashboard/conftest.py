"""What tests of the dashboard share: a browser that shows nothing, over the months made by hand."""

from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from turbo_forecast.dashboard.app import build_app
from turbo_forecast_tests.dashboard.reader import Reader


@pytest.fixture(scope="session")
def client(published_fleet: Path) -> TestClient:
    """The application over three published months."""
    return TestClient(build_app(published_fleet))


@pytest.fixture(scope="session")
def read(client: TestClient) -> Callable[..., Reader]:
    """Read a page that is there."""

    def reading(address: str, **parameters: object) -> Reader:
        response = client.get(address, params=parameters or None)  # type: ignore[arg-type]
        assert response.status_code == 200, response.text
        return Reader(response.text)

    return reading
