"""The month's report as the dashboard serves it: the file as it is, with a policy of its own, or a sentence that says what to do."""

import shutil
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from turbo_forecast.dashboard.app import build_app
from turbo_forecast.storage.reports import report_path


@pytest.fixture
def data(published_fleet: Path, tmp_path: Path) -> Path:
    shutil.copytree(published_fleet, tmp_path / "data")
    for month in ("2025-11", "2025-12"):
        path = report_path(tmp_path / "data", month)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(f"<!doctype html><title>{month} – ż</title>".encode())
    return tmp_path / "data"


@pytest.mark.parametrize(("address", "month"), [("/report", "2025-12"), ("/report?month=2025-11", "2025-11")])
def test_the_file_is_served_as_it_is(address: str, month: str, data: Path) -> None:
    response = TestClient(build_app(data)).get(address)
    assert response.status_code == 200
    assert response.content == report_path(data, month).read_bytes()
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy, "so none is executed"
    assert response.headers["x-content-type-options"] == "nosniff"


def test_a_month_without_a_report_says_what_to_do(data: Path) -> None:
    response = TestClient(build_app(data)).get("/report?month=2025-10")
    assert response.status_code == 404
    assert "Month 2025-10 has no report" in response.text
    assert "Materialise month_report for the month" in response.text


def test_no_address_leads_out_of_the_folder(data: Path) -> None:
    (data / "secret.html").write_text("secret")
    for month in ("../secret", "..%2Fsecret", "2025-12/../../secret", "/etc/passwd"):
        response = TestClient(build_app(data)).get("/report", params={"month": month})
        assert response.status_code == 404
        assert "secret</" not in response.text
        assert "root:" not in response.text
