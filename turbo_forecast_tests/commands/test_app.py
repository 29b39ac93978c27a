"""The program as a whole: help, examples, versions, what is mistyped, and how it ends; where it matters, as a process."""

import os
import shlex
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import duckdb
import pytest
from typer.main import get_command

from turbo_forecast.commands import app as program
from turbo_forecast.commands import exit_codes
from turbo_forecast.commands.app import INTRODUCTION, app, main
from turbo_forecast.commands.shared_options import EXAMPLES
from turbo_forecast.errors import StorageError

COMMANDS = ["check-telemetry", "compare", "dashboard", "demo", "land", "months", "outlook", "run", "show", "ui"]
RUN = [sys.executable, "-m", "turbo_forecast"]
ALL_EXAMPLES = [(name, line) for name, lines in EXAMPLES.items() for line in lines]


def environment(**more: str) -> dict[str, str]:
    """The environment without what this program reads of it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TURBO_FORECAST_")}
    return {**kept, "COLUMNS": "110", **more}


def test_there_is_a_subcommand_for_each_thing_one_does_or_asks() -> None:
    assert sorted(get_command(app).commands) == COMMANDS  # type: ignore[attr-defined]
    assert sorted(EXAMPLES) == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_in_a_sentence_what_it_does_and_shows_its_examples(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main([name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Examples:" in shown
    assert EXAMPLES[name]
    for line in EXAMPLES[name]:
        assert line in shown
    assert main([]) == 0
    assert name in capsys.readouterr().out


@pytest.mark.parametrize(("name", "line"), ALL_EXAMPLES, ids=[line for _, line in ALL_EXAMPLES])
def test_every_example_is_a_command_line_that_can_be_typed(name: str, line: str) -> None:
    words = shlex.split(line)
    assert words[:2] == ["turbo-forecast", name]
    context = get_command(app).commands[name].make_context(name, words[2:])  # type: ignore[attr-defined]
    assert context.params


def test_examples_of_the_introduction_can_be_typed_too(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line.strip() for line in INTRODUCTION.splitlines() if line.startswith("  turbo-forecast ")]
    assert len(lines) == 3
    for line in lines:
        name, *words = shlex.split(line)[1:]
        if "--help" not in words:
            assert get_command(app).commands[name].make_context(name, words).params  # type: ignore[attr-defined]


def test_help_waits_for_neither_dagster_nor_frames() -> None:
    script = (
        "import sys; from turbo_forecast.commands.app import main; main(['outlook', '--help']); "
        "print(sorted({'dagster', 'polars', 'duckdb', 'numpy', 'altair', 'pydantic', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1]
    assert not {"dagster", "polars", "duckdb", "numpy", "altair"} & set(loaded.strip("[]").replace("'", "").split(", "))


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"turbo-forecast {version('turbo-forecast')}\n"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["outlok"], "No such command 'outlok'"),
        (["outlook", "--befor", "2026-06-01"], "No such option: --befor"),
        (["outlook", "--at-least", "much"], "Invalid value for '--at-least'"),
        (["outlook", "--at-least", "1.5"], "Invalid value for '--at-least'"),
        (["outlook", "--limit", "0"], "Invalid value for '--limit'"),
        (
            ["outlook", "--before", "June"],
            "--before must be a day as in 2026-06-01, or a month as in 2026-06, not 'June'",
        ),
        (["outlook", "--before", "2026-02-30"], "--before must be a day"),
        (["outlook", "--kind", "host"], "--kind must be series or group, not 'host'"),
        (["outlook", "--csv", "-", "--json"], "--csv and --json exclude each other"),
        (["outlook", "--limit", "3", "--all"], "--limit and --all exclude each other"),
        (["outlook", "--threshold", "80", "--every-threshold"], "exclude each other"),
        (["compare", "2025-11", "2025-11"], "month 2025-11 is not compared with itself"),
        (["compare", "2025-10", "2025-11", "2025-12"], "two months are compared, not 3"),
        (["compare", "--csv", "-", "--json"], "exclude each other"),
        (["run"], "Missing option '--month'"),
        (["run", "--month"], "'--month' requires an argument"),
        (["show"], "Missing argument 'HOST'"),
        (["demo", "--hosts", "0"], "--hosts must be from 1 to 100,000, not 0"),
        (["dashboard", "--port", "70000"], "Invalid value for '--port'"),
    ],
)
def test_what_is_mistyped_is_one_sentence_and_exit_code_2(
    typed: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    published_fleet: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TURBO_FORECAST_DATA", str(published_fleet))
    assert main(typed) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert said in printed.err
    assert printed.err.count("\n") == 1


def test_where_the_program_was_called_wrongly_it_says_whose_help_to_read(capsys: pytest.CaptureFixture[str]) -> None:
    main(["months", "--nothing"])
    assert capsys.readouterr().err.endswith("See turbo-forecast months --help\n")
    main(["nothing"])
    assert capsys.readouterr().err.endswith("See turbo-forecast --help\n")


@pytest.mark.parametrize("subcommand", [["outlook"], ["months"], ["compare"]])
def test_a_folder_without_months_is_named_and_stays_as_it_is(
    subcommand: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data\u202e"
    assert main([*subcommand, "--data", str(data)]) == 2
    said = capsys.readouterr().err
    assert r"data\u202e has no" in said
    assert not data.exists()


def test_an_address_in_a_sentence_loses_its_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_codes.fail("https://user:pass@host/x.csv?signature=1 is not there") == 2
    assert capsys.readouterr().err == "error: https://host/x.csv is not there\n"


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (StorageError("the disk\nis full"), 2, "error: the disk\\nis full\n"),
        (KeyboardInterrupt(), 2, "error: interrupted\n"),
    ],
)
def test_a_subcommand_ends_with_a_sentence_and_its_code(
    raised: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> int:
        raise raised

    monkeypatch.setattr("turbo_forecast.commands.months.months", fail)
    assert main(["months"]) == code
    assert capsys.readouterr().err == said


def test_a_defect_of_the_program_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr("turbo_forecast.commands.months.months", fail)
    with pytest.raises(ZeroDivisionError):
        main(["months"])


@pytest.mark.parametrize(
    "typed", [["--month", "2025-13"], ["--month=2025-13"], ["--demo-hosts", "2", "--month", "2025-13"]]
)
def test_the_former_way_to_call_the_program_means_run(typed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr("turbo_forecast.commands.run.run", lambda options: seen.append(options.month) or 0)
    assert main(typed) == 0
    assert seen == ["2025-13"]


def test_as_a_process_it_answers_and_tells_scripts_how_it_ended(published_fleet: Path, tmp_path: Path) -> None:
    def code(*typed: str) -> int:
        return subprocess.run(
            [*RUN, *typed], env=environment(TURBO_FORECAST_DATA=str(published_fleet)), capture_output=True
        ).returncode

    assert code("outlook") == 0
    assert code("outlook", "--group", "none") == 2
    assert code("months", "--data", str(tmp_path)) == 2
    assert code("--version") == 0


QUESTIONS = [["outlook", "--all"], ["months"], ["compare"], ["show", "web-1"]]


@pytest.mark.parametrize("typed", QUESTIONS, ids=lambda typed: typed[0])
def test_a_question_neither_waits_for_a_run_nor_starts_dagster(typed: list[str], published_fleet: Path) -> None:
    """The warehouse is held for writing all the time, as a run holds it: whoever opened it would be refused."""
    script = (
        "import sys; from turbo_forecast.commands.app import main; code = main(sys.argv[1:]); "
        "print(sorted({'dagster', 'prophet', 'pandas'} & set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    with duckdb.connect(str(published_fleet / "warehouse.duckdb")) as writer:
        writer.execute("CREATE OR REPLACE TEMP TABLE held (x INT)")
        done = subprocess.run(
            [sys.executable, "-c", script, *typed],
            env=environment(TURBO_FORECAST_DATA=str(published_fleet)),
            capture_output=True,
            text=True,
        )
    assert (done.returncode, done.stderr) == (0, "[]\n")
    assert done.stdout


def test_a_reader_that_ends_early_is_a_sentence_and_no_traceback(published_fleet: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stdout:
        done = subprocess.run(
            [*RUN, "outlook", "--state", "all", "--json"],
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(TURBO_FORECAST_DATA=str(published_fleet)),
        )
    assert (done.returncode, done.stderr) == (1, "error: the output cannot be written: its reader has ended\n")


def test_an_interruption_is_a_sentence_and_no_traceback(published_fleet: Path) -> None:
    script = (
        "import sys, time, turbo_forecast.commands.months as m\n"
        "def months(*a, **k): print('begun', flush=True); time.sleep(60)\n"
        "m.months = months\n"
        "from turbo_forecast.commands.app import main; sys.exit(main(['months']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (2, "error: interrupted\n")


def test_the_program_is_named_as_it_is_installed() -> None:
    assert program.PROGRAM == "turbo-forecast"
