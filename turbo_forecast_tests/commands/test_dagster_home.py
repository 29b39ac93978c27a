"""Where Dagster keeps its runs: as DAGSTER_HOME says, else in a folder of the current one, or of the checkout."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from turbo_forecast.commands import dagster_home
from turbo_forecast.commands.app import main
from turbo_forecast.commands.dagster_home import CHECKOUT, make_dagster_home, set_dagster_home
from turbo_forecast.errors import SettingsError, StorageError
from turbo_forecast.settings import Environment


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder that is no checkout, of a program that is installed elsewhere; DAGSTER_HOME is not set."""
    for name in ("DAGSTER_HOME", *Environment().variables()):
        monkeypatch.setenv(name, "")  # what a command sets is taken back, too
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


def test_where_there_is_none_it_is_that_of_the_current_folder_and_made_with_the_projects_file(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_dagster_home()
    home = nowhere / "dagster_home"
    assert os.environ["DAGSTER_HOME"] == str(home)
    assert not home.exists(), "what is refused before it is needed leaves nothing behind"
    make_dagster_home()
    assert (home / "dagster.yaml").read_bytes() == (CHECKOUT / "dagster_home" / "dagster.yaml").read_bytes()
    assert [path.name for path in nowhere.iterdir()] == ["dagster_home"]
    assert capsys.readouterr().out == f"DAGSTER_HOME is not set: runs are recorded in {home}\n"


def test_one_that_is_there_is_left_as_it_is(nowhere: Path) -> None:
    home = made(nowhere / "dagster_home")
    set_dagster_home()
    make_dagster_home()
    assert (home / "dagster.yaml").read_text() == ""


def test_one_that_another_command_makes_meanwhile_is_taken(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_dagster_home()
    home = nowhere / "dagster_home"

    def meanwhile(_: Path, target: Path) -> None:
        made(target)
        raise OSError(39, "Directory not empty")

    monkeypatch.setattr(Path, "rename", meanwhile)
    make_dagster_home()
    assert (home / "dagster.yaml").read_text() == ""
    assert list(nowhere.iterdir()) == [home]


def test_a_folder_that_cannot_be_written_is_named(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    set_dagster_home()
    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(StorageError, match="dagster_home cannot be written: No space left on device"):
        make_dagster_home()


@pytest.mark.parametrize("subcommand", [["run", "--month", "2025-12", "--demo-hosts", "2"], ["ui"]])
def test_a_folder_of_that_name_for_something_else_is_refused(
    subcommand: list[str], nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (nowhere / "dagster_home").mkdir()
    assert main([*subcommand, "--data", str(nowhere / "data")]) == 2
    there = nowhere / "dagster_home"
    assert capsys.readouterr().err.startswith(
        f"error: DAGSTER_HOME is not set, and {there} is there without a dagster.yaml"
    )
    assert not (nowhere / "data").exists()


@pytest.mark.parametrize("subcommand", [["run", "--month", "2025-12", "--demo-hosts", "2"], ["ui"]])
def test_settings_that_are_refused_leave_no_folder(
    subcommand: list[str], nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*subcommand, "--config", "gone.yaml"]) == 2
    assert "gone.yaml" in capsys.readouterr().err
    assert not list(nowhere.iterdir())


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
