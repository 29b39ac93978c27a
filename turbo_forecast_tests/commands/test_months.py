"""`turbo-forecast months`: every month with its state, its quality, and what to do about it."""

import json
from pathlib import Path

import polars as pl
import pytest

from turbo_forecast.commands.app import main
from turbo_forecast_tests.published_months import begin_month, publish_fleet


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two months that are published, one that has failed, one at work."""
    publish_fleet(tmp_path, ["2025-11", "2025-12"], groups=False)
    begin_month(tmp_path, "2026-01", "failed", failed="champions.every_series_has_a_champion")
    begin_month(tmp_path, "2026-02")
    monkeypatch.setenv("TURBO_FORECAST_DATA", str(tmp_path))
    return tmp_path


def test_each_month_is_a_line_with_what_is_known_of_it(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["months"]) == 1, "one has failed"
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert lines[0].split() == [
        "month",
        "state",
        "series",
        "MAE",
        "MASE",
        "inside",
        "interval",
        "warnings",
        "published",
        "(UTC)",
        "by",
        "run",
    ]
    assert [line.split()[:2] for line in lines[1:5]] == [
        ["2026-02", "incomplete"], ["2026-01", "failed"], ["2025-12", "complete"], ["2025-11", "complete"],
    ]  # fmt: skip
    assert lines[3].split()[2:7] == ["12", "0.50", "0.250", "81", "%"]
    assert "2026-01: champions.every_series_has_a_champion failed: run run-of-2026-01 says of which rows" in text
    assert "2026-02: run run-of-2026-02 is at work or ended half-way (reached: fleet_forecast)" in text
    assert "turbo-forecast run --month 2026-02 goes on from there" in text
    assert "Warnings of 2025-12:\n  base_table.telemetry_is_fresh: it ends on 2025-12-31." in text


def test_where_all_is_well_scripts_get_0(published_fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["months", "--data", str(published_fleet)]) == 0
    assert "run --month" not in capsys.readouterr().out


def test_json_and_csv_say_the_same(data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["months", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [each["month"] for each in found] == ["2026-02", "2026-01", "2025-12", "2025-11"]
    assert found[1]["failed"] == ["champions.every_series_has_a_champion"]
    assert (found[2]["series"], found[2]["mase"], found[2]["to_do"]) == (12, 0.25, None)
    assert found[2]["published_at"].endswith("Z")
    assert found[0]["published_at"] is None
    assert main(["months", "--csv", str(tmp_path / "m.csv")]) == 1
    assert pl.read_csv(tmp_path / "m.csv")["state"].to_list() == ["incomplete", "failed", "complete", "complete"]
