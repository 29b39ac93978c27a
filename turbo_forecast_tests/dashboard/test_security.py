"""What other sites cannot make a browser do with these pages."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from turbo_forecast.dashboard.app import build_app
from turbo_forecast.dashboard.page import Page
from turbo_forecast.dashboard.security import LARGEST_FORM
from turbo_forecast.dashboard.serving import own_names

FORM = Page("/form", "Form", "error.html", lambda visit: {"sentence": f"got {dict(visit.form)}"}, takes_form=True)
OWN = "http://127.0.0.1:3001"


@pytest.fixture(scope="module")
def own(published_fleet: Path) -> TestClient:
    """The application as it is served on this machine, with a form."""
    return TestClient(build_app(published_fleet, [FORM], hosts=own_names("127.0.0.1")), base_url=OWN)


@pytest.mark.parametrize("host", ["127.0.0.1:3001", "localhost:3001", "localhost", "[::1]:3001", "LOCALHOST"])
def test_a_server_of_this_machine_answers_to_its_own_names(own: TestClient, host: str) -> None:
    assert own.post("/form", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.test", "evil.test:3001", "127.0.0.1.evil.test", "localhost.evil.test", ""])
def test_another_name_that_points_to_this_machine_is_refused(own: TestClient, host: str) -> None:
    for path in ("/form", "/static/style.css", "/nowhere", "/"):
        assert own.get(path, headers={"host": host}).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.test"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:3002"},
        {"sec-fetch-site": "cross-site", "origin": OWN},
    ],
)
def test_a_form_of_another_site_is_refused(own: TestClient, headers: dict[str, str]) -> None:
    assert own.post("/form", data={"a": "1"}, headers=headers).status_code == 403


@pytest.mark.parametrize("headers", [{}, {"origin": OWN}, {"sec-fetch-site": "same-origin", "origin": OWN}])
def test_our_own_form_is_taken(own: TestClient, headers: dict[str, str]) -> None:
    response = own.post("/form", data={"a": ["1", "2"], "b": ""}, headers=headers)
    assert response.status_code == 200
    assert "got {&#39;a&#39;: [&#39;1&#39;, &#39;2&#39;], &#39;b&#39;: [&#39;&#39;]}" in response.text


def test_a_form_that_is_too_large_is_refused_before_it_is_read(own: TestClient) -> None:
    assert own.post("/form", content=b"x" * (LARGEST_FORM + 1)).status_code == 413


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(own: TestClient, method: str) -> None:
    response = own.request(method, "/form", content=b"")
    assert response.status_code == 405


def test_a_page_without_a_form_takes_none(client: TestClient) -> None:
    assert client.post("/outlook", data={"a": "1"}).status_code == 405
    assert client.head("/outlook").status_code == 200


@pytest.mark.parametrize("path", ["/outlook", "/static/style.css", "/nowhere", "/outlook?format=csv"])
def test_every_answer_says_what_a_browser_must_not_do_with_it(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy


def test_only_a_page_with_a_chart_may_compile_expressions(client: TestClient) -> None:
    assert "script-src 'self' 'unsafe-eval';" in client.get("/host").headers["content-security-policy"]


def test_a_server_for_other_machines_answers_to_any_name_unless_it_is_told_its_own() -> None:
    assert own_names("0.0.0.0") == ()
    assert set(own_names("0.0.0.0", ["plans.test"])) == {"plans.test", "127.0.0.1", "localhost", "[::1]"}
    assert own_names("::1")[0] == "[::1]"
