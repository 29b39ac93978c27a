"""What a process is told from outside: by the command that it carries out, else by its environment."""

import os
from pathlib import Path

import pytest

from turbo_forecast.errors import SettingsError
from turbo_forecast.settings import Environment, current_environment, use_environment

VARIABLES = ("TELEMETRY", "DATA", "CONFIG", "FIRST_MONTH")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(f"TURBO_FORECAST_{name}", raising=False)


@pytest.mark.parametrize("value", [None, ""])
def test_nothing_is_told_where_no_variable_is_set_or_all_are_empty(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in VARIABLES if value is not None else ():
        monkeypatch.setenv(f"TURBO_FORECAST_{name}", "")
    assert current_environment() == Environment(data=Path("data"), telemetry="", config=None, first_month="")


def test_variables_are_read_when_it_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = {"TELEMETRY": "https://h/x.csv?key=1", "DATA": str(tmp_path), "CONFIG": "a.yaml", "FIRST_MONTH": "2020-01"}
    for name, value in given.items():
        monkeypatch.setenv(f"TURBO_FORECAST_{name}", value)
    found = current_environment()
    assert found == Environment(tmp_path, "https://h/x.csv?key=1", Path("a.yaml"), "2020-01")
    assert found.variables() == {f"TURBO_FORECAST_{name}": value for name, value in given.items()}


def test_a_command_tells_what_it_was_given_and_leaves_the_environment_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TURBO_FORECAST_TELEMETRY", "theirs.csv")
    before = dict(os.environ)
    ours = Environment(data=tmp_path, telemetry="ours.csv")
    with use_environment(ours):
        assert current_environment() == ours
        with pytest.raises(RuntimeError), use_environment(Environment(telemetry="inner.csv")):
            raise RuntimeError
        assert current_environment() == ours
    assert current_environment().telemetry == "theirs.csv"
    assert dict(os.environ) == before


def test_what_was_told_survives_the_way_into_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for environment in (Environment(tmp_path, "a b.csv", tmp_path / "s.yaml", "2021-03"), Environment(tmp_path)):
        for name, value in environment.variables().items():
            monkeypatch.setenv(name, value)
        assert current_environment() == environment


def test_the_telemetry_that_is_named_goes_before_the_settings_files(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("telemetry: {telemetry: file.csv}\nforecast: {folds: 2}\n")
    assert Environment(config=file).settings().telemetry.telemetry == "file.csv"
    named = Environment(config=file, telemetry="named.csv").settings()
    assert (named.telemetry.telemetry, named.forecast.folds) == ("named.csv", 2)


def test_results_on_object_storage_are_told_by_their_address_and_worked_on_in_a_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TURBO_FORECAST_WORK", str(tmp_path))
    monkeypatch.setenv("TURBO_FORECAST_DATA", "s3://bucket/fleet/")
    found = current_environment()
    assert found.store == found.place == "s3://bucket/fleet"
    assert found.data.parent == tmp_path / "data"
    assert found.variables()["TURBO_FORECAST_DATA"] == "s3://bucket/fleet"


def test_an_address_that_holds_a_secret_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURBO_FORECAST_DATA", "s3://key:planted-secret@bucket")
    with pytest.raises(SettingsError, match="TURBO_FORECAST_DATA s3://bucket has credentials in it") as error:
        current_environment()
    assert "planted-secret" not in str(error.value)
