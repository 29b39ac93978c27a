"""Files that browsers keep."""

from starlette.testclient import TestClient

from turbo_forecast.dashboard import static_files


def test_a_file_is_kept_for_as_long_as_its_address_is_the_same(client: TestClient) -> None:
    address = static_files.address("style.css")
    kept = client.get(f"/{address}")
    assert kept.headers["cache-control"] == static_files.CACHE_FOR_EVER
    assert kept.headers["content-type"] == "text/css; charset=utf-8"
    assert client.get("/static/style.css?v=another").headers["cache-control"] == "no-cache"


def test_only_files_of_the_folder_are_served(client: TestClient) -> None:
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static/app.py", "/static/"):
        assert client.get(path).status_code == 404


def test_the_script_that_draws_is_served_compressed_to_who_takes_that() -> None:
    script = static_files.Script(lambda: "draw();" * 1000)
    packed, plain = script.answer("gzip, br"), script.answer("")
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.body) < len(plain.body) == 7000
    assert "content-encoding" not in plain.headers
