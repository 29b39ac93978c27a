"""What tests of commands share."""

from pathlib import Path

import pytest


@pytest.fixture
def untouched_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder that is not there yet, and an environment that names nothing."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    for name in ("TELEMETRY", "CONFIG", "DATA", "FIRST_MONTH"):
        monkeypatch.setenv(f"TURBO_FORECAST_{name}", "")
    return tmp_path / "data"
