"""The program `turbo-forecast`: which subcommands there are, and the way to call it that was there before them.

Does not belong here: the options of a subcommand (`query_commands.py`, `run_commands.py`), what it does (a module
each), and how it ends (`exit_codes.py`).
"""

import sys
from importlib.metadata import version
from typing import Annotated

import typer
from typer.exceptions import TyperException
from typer.main import get_command

from turbo_forecast.commands import query_commands, run_commands
from turbo_forecast.commands.exit_codes import fail

PROGRAM = "turbo-forecast"
FORMER = ("--month", "--telemetry", "--data", "--config", "--demo-hosts", "--verbose")
"""Options with which `python -m turbo_forecast` began when all it did was what `run` does."""
INTRODUCTION = """\
Monthly forecasts of a fleet's utilisation: which hosts run full, by when, and how sure is that.

A run reads telemetry and writes into the data folder. Every other subcommand reads what runs have published there: it waits for no
run, and no run waits for it.

\b
Examples:
  turbo-forecast run --month 2025-12 --telemetry 'exports/*.parquet'
  turbo-forecast outlook --before 2026-06-01
  turbo-forecast outlook --help

Exit codes: 0 done; 1 a run failed, or the answer is no where a subcommand says so; 2 it could not be done or asked.
"""

app = typer.Typer(
    help=INTRODUCTION,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
run_commands.register(app)
query_commands.register(app)


@app.callback()
def _program(
    show_version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    pass


def main(arguments: list[str] | None = None) -> int:
    """Carry out a command line; returns its exit code (`exit_codes.py`)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given == ["--version"]:
        print(f"{PROGRAM} {version('turbo-forecast')}")
        return 0
    if given and given[0].partition("=")[0] in FORMER:
        given = ["run", *given]
    try:
        code = get_command(app).main(args=given or ["--help"], prog_name=PROGRAM, standalone_mode=False)
    except TyperException as error:
        return fail(f"{error.format_message().rstrip('.')}. See {PROGRAM} {_asked(given)}--help")
    return code if isinstance(code, int) else 0


def _asked(given: list[str]) -> str:
    """The subcommand that was typed, with a space; nothing where there is none of that name."""
    return f"{given[0]} " if given and given[0] in get_command(app).commands else ""  # type: ignore[attr-defined]
