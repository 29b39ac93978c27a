"""The source of one's own that docs/sources.md shows is a whole one: installed beside the program, checked, landed."""

import json
import re
import sys
import threading
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import polars as pl
import pytest

from turbo_forecast.commands.app import main
from turbo_forecast.month_keys import last_over
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.sources import registry
from turbo_forecast.storage.landed import landed_months
from turbo_forecast.windows import cutoff_of

PAGE = Path(__file__).parents[2] / "docs" / "sources.md"
TEXT = PAGE.read_text()
LAST = cutoff_of(last_over())
TOKEN = "token-of-tests"


class Inventory(BaseHTTPRequestHandler):
    """The service: two values a day of one host, in the last month that is over."""

    def do_GET(self) -> None:
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self.send_error(401)
            return
        body = json.dumps(self._answer()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self) -> object:
        if self.path == "/status":
            bounds = {"first": f"{LAST:%Y-%m}-01T00:00:00Z", "last": f"{LAST}T12:00:00Z"}
            return {"system": "Inventory 2", "series": {"cpu": 1}, **bounds}
        day = date.fromisoformat(self.path.removeprefix("/days/"))
        if (day.year, day.month) != (LAST.year, LAST.month):
            return []
        return [
            {"host": "web", "resource": "cpu", "time": f"{day}T{hour:02d}:00:00Z", "percent": float(day.day)}
            for hour in (0, 12)
        ]

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Inventory) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The page's module, installed with the page's entry point as pip would install it."""
    [code] = re.findall(r"```python\n# inventory_source.py\n(.*?)```", TEXT, re.DOTALL)
    [points] = re.findall(
        r"```toml\n\[project\.entry-points\.\"(turbo_forecast\.sources)\"\]\n(.*?)```", TEXT, re.DOTALL
    )
    site = tmp_path / "site"
    (site / "inventory-1.dist-info").mkdir(parents=True)
    (site / "inventory_source.py").write_text(code)
    (site / "inventory-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: inventory\nVersion: 1\n")
    named = f"[{points[0]}]\n{points[1].replace(chr(34), '')}"
    (site / "inventory-1.dist-info" / "entry_points.txt").write_text(named)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr(registry, "BUILT_IN", {})
    monkeypatch.setenv("NO_PROXY", "*")  # loopback is reached without one
    for name in ("TELEMETRY", "CONFIG", "DATA"):
        monkeypatch.setenv(f"TURBO_FORECAST_{name}", "")
    registry._external_kinds.cache_clear()
    registry._loaded.cache_clear()
    yield
    registry._external_kinds.cache_clear()
    registry._loaded.cache_clear()
    sys.modules.pop("inventory_source", None)


def test_the_pages_source_is_found_checked_and_landed(
    package: None, service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "inventory" in registry.kinds()
    config = tmp_path / "settings.yaml"
    config.write_text(
        f"sources: {{fleet: {{kind: inventory, address: 'http://{service}', token_env: INVENTORY_TOKEN}}}}\n"
        "telemetry: {timezone: Europe/Berlin}\n"
    )
    assert main(["check-telemetry", "fleet", "--config", str(config)]) == 2
    assert "cannot be read: HTTP Error 401" in capsys.readouterr().err
    monkeypatch.setenv("INVENTORY_TOKEN", TOKEN)
    assert main(["check-telemetry", "fleet", "--config", str(config)]) == 0
    assert "Source fleet (inventory): Inventory 2" in capsys.readouterr().out
    assert main(["check-telemetry", f"inventory://{service}"]) == 2, "without a token"
    month = f"{LAST:%Y-%m}"
    assert main(["land", "--config", str(config), "--data", str(tmp_path / "data"), "--month", month]) == 0
    [landed] = landed_months(tmp_path / "data")
    rows = pl.read_parquet(landed.path)
    first = datetime(LAST.year, LAST.month, 1)
    moments = [first + timedelta(hours=12 * number) for number in range(2 * LAST.day)]
    assert rows["timestamp"].dt.replace_time_zone(None).to_list() == moments, "the zone's month ends after these"
    assert rows["value"].to_list() == [float(moment.day) for moment in moments]
    assert TOKEN not in str(landed.manifest)


def test_the_page_says_what_the_options_and_checks_are() -> None:
    default = TelemetrySettings().late_data_hours
    assert f"late_data_hours: {default}" in TEXT
    assert f"`late_data_hours` ({default})" in TEXT
    for name in ("landed_months_are_whole", "no_month_is_missing_in_between", "absent.json"):
        assert f"`{name}`" in TEXT
