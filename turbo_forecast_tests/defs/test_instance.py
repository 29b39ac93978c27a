"""Opening DAGSTER_HOME: several processes at once, and a folder nobody may write."""

import multiprocessing
import os
import traceback
from multiprocessing.synchronize import Barrier
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import exc

from turbo_forecast.defs.instance import opened_instance, storage_errors_named
from turbo_forecast.errors import StorageError


def _open(homes: list[str], together: Barrier, reports: list[Path]) -> None:
    for home, report in zip(homes, reports, strict=True):
        os.environ["DAGSTER_HOME"] = home
        together.wait(timeout=60)
        try:
            with opened_instance() as instance:
                instance.get_runs(limit=1)
                instance.event_log_storage.get_concurrency_keys()
                instance.all_instigator_state()
            report.write_text("opened")
        except Exception as error:
            report.write_text(f"{type(error).__name__}: {error}")


def test_processes_that_open_an_empty_home_at_once_all_get_it(tmp_path: Path) -> None:
    spawning = multiprocessing.get_context("spawn")
    homes = [tmp_path / f"home-{number}" for number in range(3)]  # without the lock, most homes lost a process
    for home in homes:
        home.mkdir()
        (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    together = spawning.Barrier(3)
    reports = [[tmp_path / f"{home.name}-{number}" for home in homes] for number in range(3)]
    named = [str(home) for home in homes]
    processes = [spawning.Process(target=_open, args=(named, together, mine)) for mine in reports]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=120)
    assert [report.read_text() for mine in reports for report in mine] == ["opened"] * 9


def test_opening_makes_the_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with opened_instance():
        pass
    assert (tmp_path / "history" / "runs.db").exists()


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.write_text("a file")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with pytest.raises(StorageError) as refused, opened_instance():
        pass
    assert str(refused.value) == f"DAGSTER_HOME {home} cannot be written: Not a directory"


PRODUCTION = Path(__file__).resolve().parents[2] / "dagster_home" / "dagster.production.yaml"
PARTS = {"HOST": "127.0.0.1", "PORT": "1", "USER": "turbo", "PASSWORD": "s3cret/@", "DB": "turbo"}
"""Nobody listens at port 1."""


def production_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **changed: str | None) -> Path:
    (tmp_path / "dagster.yaml").symlink_to(PRODUCTION)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("TURBO_FORECAST_LOGS", str(tmp_path / "logs"))
    for name, value in {**PARTS, **changed}.items():
        if value is None:
            monkeypatch.delenv(f"TURBO_FORECAST_PG_{name}", raising=False)
        else:
            monkeypatch.setenv(f"TURBO_FORECAST_PG_{name}", value)
    return tmp_path / "dagster.yaml"


def refused(home: Path) -> StorageError:
    with pytest.raises(StorageError) as caught, opened_instance() as instance:
        instance.get_runs(limit=1)
    told = "".join(traceback.format_exception(caught.value))
    assert "s3cret" not in told, "no secret in what a log would hold"
    return caught.value


def test_a_database_that_does_not_answer_is_named_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = production_home(tmp_path, monkeypatch)
    said = str(refused(tmp_path))
    assert said.startswith(f"Dagster's PostgreSQL storage ({file}) cannot be used: ")
    assert "port 1 " in said
    assert "\n" not in said


@pytest.mark.parametrize("name", ["HOST", "PASSWORD", "DB"])
def test_a_variable_that_is_not_set_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = production_home(tmp_path, monkeypatch, **{name: None})
    assert str(refused(tmp_path)) == (
        f"TURBO_FORECAST_PG_{name} is not set: {file} takes a part of the instance from this environment variable"
    )


@pytest.mark.parametrize("port", ["five", ""])
def test_a_port_that_is_no_number_is_named(port: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = production_home(tmp_path, monkeypatch, PORT=port)
    assert str(refused(tmp_path)) == f"TURBO_FORECAST_PG_PORT must be a whole number, as {file} wants it"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            exc.ArgumentError("Could not parse SQLAlchemy URL from 'me:s3cret'"),
            "the address of Dagster's PostgreSQL storage is none",
        ),
        (exc.NoSuchModuleError("Can't load plugin: sqlalchemy.dialects:s3cret"), "it begins with postgresql"),
        (
            exc.ProgrammingError(
                "", {}, psycopg2.ProgrammingError('invalid dsn: invalid URI query parameter: "s3cret"')
            ),
            "has an option that PostgreSQL does not know",
        ),
        (ModuleNotFoundError("No module", name="dagster_postgres"), "the extra `production`"),
    ],
)
def test_an_address_that_is_none_is_not_repeated(
    error: Exception, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with pytest.raises(StorageError) as caught, storage_errors_named():
        raise error
    assert said in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert (caught.value.__cause__ is None) == isinstance(error, exc.ArgumentError | exc.ProgrammingError)


def test_what_a_statement_did_wrong_is_no_fault_of_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    wrong = exc.ProgrammingError("SELECT", {}, psycopg2.ProgrammingError("syntax error"))
    with pytest.raises(exc.ProgrammingError), storage_errors_named():
        raise wrong
