"""`turbo-forecast ui`: which telemetry it starts with, what it says, and that Dagster takes the process's place."""

import os
import sys
from pathlib import Path

import dagster as dg
import pytest

from turbo_forecast.defs import ui
from turbo_forecast.defs.ui import chosen_telemetry, main
from turbo_forecast.settings import Environment
from turbo_forecast_tests.defs.conftest import Place


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TELEMETRY", "DATA", "CONFIG"):
        monkeypatch.delenv(f"TURBO_FORECAST_{name}", raising=False)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    file = tmp_path / "settings.yaml"
    file.write_text("telemetry: {telemetry: 's3://jo:secret@bucket/export?key=1'}\n")
    return file


def test_the_environments_telemetry_goes_before_all_other(tmp_path: Path, settings: Path) -> None:
    (tmp_path / "demo-telemetry-50").mkdir()
    named = Environment(data=tmp_path, telemetry="https://host/x.csv?signature=1", config=settings)
    chosen, said = chosen_telemetry(named)
    assert chosen == "https://host/x.csv?signature=1"
    assert said == "Telemetry https://host/x.csv, as TURBO_FORECAST_TELEMETRY has it.", "keys are not shown"


def test_the_settings_files_telemetry_goes_before_a_demo_and_stays_in_the_file(tmp_path: Path, settings: Path) -> None:
    (tmp_path / "demo-telemetry-50").mkdir()
    assert chosen_telemetry(Environment(data=tmp_path, config=settings)) == (
        "",
        f"Telemetry s3://bucket/export, as the settings file {settings} has it.",
    )


def test_the_only_demo_fleet_is_taken_where_nothing_is_set(tmp_path: Path) -> None:
    demo = tmp_path / "demo-telemetry-50"
    demo.mkdir()
    (tmp_path / ".demo-telemetry-60.partial").mkdir()
    (tmp_path / "demo-telemetry-notes").write_text("a file")
    assert chosen_telemetry(Environment(data=tmp_path)) == (
        str(demo),
        f"Telemetry {demo}: the demo fleet, since no other is set.",
    )


def test_of_two_demo_fleets_none_is_taken_and_both_are_named(tmp_path: Path) -> None:
    for hosts in (50, 2000):
        (tmp_path / f"demo-telemetry-{hosts}").mkdir()
    chosen, said = chosen_telemetry(Environment(data=tmp_path))
    assert chosen == ""
    assert said.startswith(
        "There are 2 demo fleets (demo-telemetry-2000, demo-telemetry-50), so none is taken; telemetry"
    )


def test_without_any_telemetry_all_places_are_said_where_it_can_be_named(tmp_path: Path) -> None:
    chosen, said = chosen_telemetry(Environment(data=tmp_path))
    assert chosen == ""
    for place in (
        "TURBO_FORECAST_TELEMETRY",
        "`telemetry: {telemetry: …}` in the settings file (TURBO_FORECAST_CONFIG)",
        "`resources: {telemetry: {config: {telemetry: …}}}`",
        "`turbo-forecast run --month 2025-12 --demo-hosts 50`",
    ):
        assert place in said


def test_a_run_without_telemetry_fails_with_the_same_sentence(tmp_path: Path) -> None:
    place = Place(tmp_path / "data", dg.DagsterInstance.ephemeral())
    job = place.definitions().resolve_job_def("monthly_forecast")
    result = job.execute_in_process(instance=place.instance, partition_key="2025-12", raise_on_error=False)
    (failure,) = [event.step_failure_data for event in result.get_step_failure_events()]
    assert failure.user_failure_data.description == ui.NOT_SET


def test_the_launchpad_path_that_is_said_is_where_a_run_takes_its_telemetry_from(
    tmp_path: Path, telemetry: Path
) -> None:
    place = Place(tmp_path / "data", dg.DagsterInstance.ephemeral())
    job = place.definitions().resolve_job_def("monthly_forecast")
    result = job.execute_in_process(
        instance=place.instance,
        partition_key="2025-12",
        asset_selection=[dg.AssetKey("base_table"), dg.AssetKey("base_table_rejects")],
        run_config={"resources": {"telemetry": {"config": {"telemetry": str(telemetry)}}}},
    )
    assert result.success


def test_what_the_ui_cannot_start_with_is_said_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "home").write_text("a file")
    monkeypatch.setenv("TURBO_FORECAST_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    assert main([]) == 2
    assert capsys.readouterr().err == f"error: DAGSTER_HOME {tmp_path / 'home'} cannot be written: Not a directory\n"
    monkeypatch.delenv("DAGSTER_HOME")
    assert main([]) == 2
    assert capsys.readouterr().err.startswith("error: DAGSTER_HOME is not set")


def test_a_first_month_that_is_none_is_refused_before_dagster_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("TURBO_FORECAST_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TURBO_FORECAST_FIRST_MONTH", "July")
    assert main([]) == 2
    assert capsys.readouterr().err.startswith("error: TURBO_FORECAST_FIRST_MONTH must be a month YYYY-MM")


def test_dagster_takes_the_process_and_gets_what_was_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = tmp_path / "data" / "demo-telemetry-50"
    demo.mkdir(parents=True)
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    started: list[tuple[str, list[str], str]] = []

    def execv(path: str, command: list[str]) -> None:
        started.append((path, command, os.environ["TURBO_FORECAST_TELEMETRY"]))
        raise SystemExit(0)

    monkeypatch.setattr(os, "execv", execv)
    with pytest.raises(SystemExit):
        main(["--port", "4000"])
    (path, command, telemetry) = started[0]
    assert os.access(path, os.X_OK)
    assert path == sys.executable
    assert command[1:] == [*ui.DG, "dev", "--workspace", str(ui.WORKSPACE), *ui.ADDRESS, "--port", "4000"]
    assert ui.WORKSPACE.is_file()
    assert telemetry == str(demo)
    assert capsys.readouterr().out == (
        f"Data folder {tmp_path / 'data'}. Telemetry {demo}: the demo fleet, since no other is set.\n"
    )
    assert (home / "history" / "runs.db").exists()
