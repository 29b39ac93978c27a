"""What is typed after `run`, and in the former way: what cannot work is one sentence and exit code 2, before anything is written."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from turbo_forecast.commands.app import main
from turbo_forecast.definitions import build_resources
from turbo_forecast.defs import launch
from turbo_forecast.defs.launched import Launched
from turbo_forecast.errors import SettingsError

pytestmark = pytest.mark.xdist_group("steps")


@pytest.fixture
def data(untouched_data: Path) -> Path:
    return untouched_data


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


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            "outlook: {{plans: {folder}/plans.csv}}",
            "error: outlook.plans: {folder}/plans.csv: row 1, column date: '2026-02-30'",
        ),
        ("outlook: {{groups: {folder}/groups.csv}}", "error: outlook.groups: {folder}/groups.csv cannot be read: "),
        (
            "forecast: {{external: {{lstm: {folder}/x.parquet}}}}",
            "error: external.lstm: there is no file {folder}/x.parquet",
        ),
    ],
)
def test_a_file_that_the_settings_name_is_refused_before_a_demo_is_written(
    settings: str, said: str, data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "plans.csv").write_text("date,host_id,change\n2026-02-30,a,5\n")
    file = tmp_path / "settings.yaml"
    file.write_text(settings.format(folder=tmp_path))
    assert main(["--month", "2025-12", "--data", str(data), "--demo-hosts", "2", "--config", str(file)]) == 2
    assert capsys.readouterr().err.startswith(said.format(folder=tmp_path))
    assert not data.exists()


RANGE = ["2025-10", "2025-11", "2025-12"]


@pytest.mark.parametrize(
    ("came", "code", "out", "err"),
    [
        ([True, True, True], 0, "3 of 3 months complete: 2025-10, 2025-11, 2025-12\n", ""),
        ([True, False, True], 1, "2 of 3 months complete: 2025-10, 2025-12\n", ""),
        ([True, False], 1, "1 of 3 months complete: 2025-10\n", "not made: 2025-12\n"),
        ([True, SettingsError("spoilt")], 2, "1 of 3 months complete: 2025-10\n", "not made: 2025-11, 2025-12\n"),
        ([True, KeyboardInterrupt()], 2, "1 of 3 months complete: 2025-10\n", "not made: 2025-11, 2025-12\n"),
        ([SettingsError("spoilt")], 2, "", ""),
    ],
)
def test_of_a_range_it_is_said_which_months_are_complete_however_the_command_ends(
    came: list[bool | BaseException],
    code: int,
    out: str,
    err: str,
    data: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Months that are complete here stand since the command was given before: they count as those made now do."""

    def materialise(keys: list[str], *, verbose: bool) -> Iterator[Launched]:
        assert keys == RANGE
        for key, what in zip(keys, came, strict=False):
            if isinstance(what, BaseException):
                raise what
            yield Launched(key, "id", what, 1.0, stands=what)

    monkeypatch.setattr(launch, "materialise", materialise)
    given = ["--month", "2025-10..2025-12", "--data", str(data), "--telemetry", str(tmp_path / "t.csv")]
    assert main(given) == code
    printed = capsys.readouterr()
    assert [line for line in printed.out.splitlines(keepends=True) if "made again" not in line] == out.splitlines(True)
    assert printed.out.count("it is not made again") == sum(what is True for what in came)
    assert [line for line in printed.err.splitlines(True) if line.startswith("not made")] == err.splitlines(True)


@pytest.mark.parametrize("place", ["environment", "settings"])
def test_a_month_before_the_first_one_that_is_stated_is_refused_before_a_run(
    place: str, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("deployment: {first_month: 2025-12}" if place == "settings" else "")
    monkeypatch.setenv("TURBO_FORECAST_FIRST_MONTH", "2025-12" if place == "environment" else "")
    given = ["--month", "2025-11", "--data", str(data), "--telemetry", "t.csv", "--config", str(settings)]
    assert main(given) == 2
    assert "error: month 2025-11 is before the first month that is to be there: " in capsys.readouterr().err
    assert not data.exists()


@pytest.mark.parametrize("command", ["2025-12", "2025-11..2025-12"])
def test_a_reader_of_the_output_that_has_ended_is_a_sentence(
    command: str, data: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        launch, "materialise", lambda keys, verbose: (Launched(k, "id", True, 1.0, stands=True) for k in keys)
    )
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert main(["--month", command, "--data", str(data), "--telemetry", "t.csv"]) == 1
        monkeypatch.undo()
    assert capfd.readouterr().err == "error: the output cannot be written: its reader has ended\n"


@pytest.mark.parametrize("executor", ["in_process", "multiprocess"])
def test_arguments_reach_the_definitions_as_values_and_processes_of_steps_by_their_environment(
    executor: str, data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text(f"deployment: {{executor: {executor}}}")
    seen: list[tuple[object, ...]] = []

    def no_instance() -> None:
        resources = build_resources()
        variables = {name: os.environ.get(f"TURBO_FORECAST_{name}") for name in ("TELEMETRY", "DATA", "CONFIG")}
        seen.append((resources["folder"].path, resources["telemetry"].settings().telemetry, variables))  # type: ignore[attr-defined]
        raise SettingsError("far enough")

    monkeypatch.setattr(launch, "opened_instance", no_instance)
    secret = "https://host/x.csv?signature=1"
    given = ["--month", "2025-12", "--data", str(data), "--telemetry", secret, "--config", str(settings)]
    assert main(given) == 2
    named = {"TELEMETRY": secret, "DATA": str(data), "CONFIG": str(settings)}
    nothing = dict.fromkeys(named, "")
    assert seen == [(str(data), secret, named if executor == "multiprocess" else nothing)]
