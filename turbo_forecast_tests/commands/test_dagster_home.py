"""Where Dagster keeps its runs: as DAGSTER_HOME says, else in the folder that a checkout has for that."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from turbo_forecast.commands import dagster_home
from turbo_forecast.commands.app import main
from turbo_forecast.commands.dagster_home import CHECKOUT, set_dagster_home
from turbo_forecast.errors import SettingsError


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder that is no checkout, of a program that is installed elsewhere; DAGSTER_HOME is not set."""
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dagster_home, "CHECKOUT", tmp_path / "site-packages")
    return tmp_path


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "dagster.yaml").write_text("")
    return folder


def test_what_the_variable_names_is_taken_and_made_absolute(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(nowhere / "dagster_home")
    (nowhere / "own").mkdir()
    monkeypatch.setenv("DAGSTER_HOME", "own")
    set_dagster_home()
    assert os.environ["DAGSTER_HOME"] == str(nowhere / "own")


def test_without_it_the_current_folders_own_is_taken_before_the_checkouts_and_said(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checkout = made(nowhere / "site-packages" / "dagster_home")
    set_dagster_home()
    assert os.environ["DAGSTER_HOME"] == str(checkout)
    monkeypatch.setenv("DAGSTER_HOME", "")
    own = made(nowhere / "dagster_home")
    set_dagster_home()
    assert os.environ["DAGSTER_HOME"] == str(own)
    assert f"DAGSTER_HOME is not set: runs are recorded in {own}\n" in capsys.readouterr().out


def test_this_checkout_has_one() -> None:
    assert (CHECKOUT / dagster_home.FOLDER / dagster_home.FILE).is_file()


@pytest.mark.parametrize("subcommand", [["run", "--month", "2025-12", "--demo-hosts", "2"], ["ui"]])
def test_where_there_is_none_nothing_is_begun(
    subcommand: list[str], nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*subcommand, "--data", str(nowhere / "data")]) == 2
    assert capsys.readouterr().err.startswith("error: DAGSTER_HOME is not set, and there is no folder dagster_home")
    assert not (nowhere / "data").exists()


def test_a_folder_that_is_none_is_refused(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "gone")
    with pytest.raises(SettingsError, match="gone is not a folder"):
        set_dagster_home()


def test_a_fresh_clone_needs_no_variable(tmp_path: Path) -> None:
    """As a process that is not in the checkout: it comes as far as the month, which it refuses."""
    kept = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    done = subprocess.run(
        [sys.executable, "-m", "turbo_forecast", "run", "--month", "2025-13", "--demo-hosts", "2"],
        capture_output=True, text=True, cwd=tmp_path, env={**kept, "PYTHONPATH": str(CHECKOUT)},
    )  # fmt: skip
    assert done.returncode == 2
    assert "error: month '2025-13' cannot be forecast" in done.stderr
    assert str(CHECKOUT / "dagster_home") in done.stdout
    assert not list(tmp_path.iterdir())
