"""What demo, dashboard and ui hand over to who does the work."""

import os
from pathlib import Path

import pytest

from turbo_forecast.commands.app import main


def test_demo_writes_the_fleet_that_run_would_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = ["demo", "--hosts", "2", "--data", str(tmp_path / "data")]
    assert main(typed) == 0
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["demo-telemetry-2"]
    assert "8 series (2 hosts x 4 resources)" in capsys.readouterr().out
    assert main(typed) == 0, "it is there already"


@pytest.mark.parametrize("data", ["", "/dev/null/x"])
def test_demo_refuses_a_folder_that_cannot_be(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--data", data or " "]) == 2
    assert capsys.readouterr().err.startswith("error: --data")


def test_the_dashboard_is_served_where_it_is_asked_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []

    def serve(data: Path, host: str, port: int, *, names: tuple[str, ...]) -> int:
        seen.append((data, host, port, tuple(names)))
        return 0

    monkeypatch.setattr("turbo_forecast.dashboard.serving.serve", serve)
    monkeypatch.setenv("TURBO_FORECAST_DATA", str(tmp_path))
    assert main(["dashboard"]) == 0
    assert main(["dashboard", "--data", "d", "--port", "0", "--host", "::1", "--name", "a", "--name", "b"]) == 0
    assert seen == [(tmp_path, "127.0.0.1", 3001, ()), (Path("d"), "::1", 0, ("a", "b"))]


def test_the_ui_is_told_by_its_environment_what_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster's processes are told by variables alone; arguments go before them."""
    seen: list[object] = []
    monkeypatch.setattr("turbo_forecast.defs.ui.main", lambda arguments: seen.append(list(arguments)) or 0)
    (tmp_path / "home").mkdir()
    before = {
        "DAGSTER_HOME": str(tmp_path / "home"),
        "DATA": "elsewhere",
        "TELEMETRY": "old.csv",
        "CONFIG": "",
        "FIRST_MONTH": "2024-01",
    }
    for name, value in before.items():
        monkeypatch.setenv(name if name == "DAGSTER_HOME" else f"TURBO_FORECAST_{name}", value)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f.yaml").write_text("{}")
    assert (
        main(["ui", "--data", "data", "--telemetry", "https://host/x?key=1", "--config", "f.yaml", "--port", "3010"])
        == 0
    )
    assert seen == [["--port", "3010"]]
    assert {name: os.environ[f"TURBO_FORECAST_{name}"] for name in ("DATA", "TELEMETRY", "CONFIG", "FIRST_MONTH")} == {
        "DATA": str(tmp_path / "data"),
        "TELEMETRY": "https://host/x?key=1",
        "CONFIG": str(tmp_path / "f.yaml"),
        "FIRST_MONTH": "2024-01",
    }
