"""The command's arguments: what cannot work is one sentence and exit code 2, before anything is written."""

from pathlib import Path

import pytest

from turbo_forecast.__main__ import main

pytestmark = pytest.mark.xdist_group("definitions")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder that is not there yet, and an environment that names nothing."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    for name in ("TELEMETRY", "CONFIG", "DATA"):
        monkeypatch.setenv(f"TURBO_FORECAST_{name}", "")
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--month", "2025-13"], "month '2025-13' cannot be forecast"),
        (["--month", ""], "month '' cannot be forecast"),
        (["--month", "2025-12.."], "month '' cannot be forecast"),
        (["--month", "2025-12..2025-11"], "are no range"),
        (["--month", "December"], "month 'December' cannot be forecast"),
        (["--demo-hosts", "0"], "--demo-hosts must be from 1 to 100,000, not 0"),
        (["--demo-hosts", "-3"], "--demo-hosts must be from 1"),
        (["--demo-hosts", "1000000000"], "--demo-hosts must be from 1 to 100,000"),
        (["--data", " "], "--data is empty"),
        (["--data", "/dev/null"], "--data /dev/null cannot be a folder: /dev/null is a file"),
        (["--data", "/dev/null/deeper"], "/dev/null is a file"),
        (["--data", "x" * 300], "cannot be a folder: File name too long"),
        (["--config", "/nowhere/settings.yaml"], "/nowhere/settings.yaml: cannot be read as a settings file"),
    ],
)
def test_arguments_that_cannot_work_are_one_sentence_and_nothing_is_written(
    arguments: list[str], said: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--month", "2025-12", "--data", str(data), "--demo-hosts", "2", *arguments]
    assert main(given) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert said in error
    assert error.count("\n") == 1
    assert not data.exists()


@pytest.mark.parametrize("settings", ["{entrants: [nope]}", "{cap: .nan}", "{folds: 24}", "{entrants: ['sys:exit']}"])
def test_settings_that_cannot_work_are_named_with_their_file_before_a_demo_is_written(
    settings: str, data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(f"forecast: {settings}")
    assert main(["--month", "2025-12", "--data", str(data), "--demo-hosts", "2", "--config", str(file)]) == 2
    assert capsys.readouterr().err.startswith(f"error: {file}: ")
    assert not data.exists()
