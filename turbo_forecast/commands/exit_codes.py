"""How a subcommand ends: its exit code, and one sentence on standard error where it could not do what was asked.

Belongs here: exit codes, errors, interruptions, readers that have ended. Does not belong here: what a subcommand does.

    0   done; or the answer is yes
    1   a run failed, or the output's reader has ended; or the answer is no, where a subcommand says so
    2   it could not be done or asked
"""

import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import typer

from turbo_forecast.commands.stored_data import with_store
from turbo_forecast.errors import TurboForecastError
from turbo_forecast.text import printable, shown_message

DONE, NO, FAILED = 0, 1, 2


def with_exit_code(work: Callable[..., int]) -> Callable[..., None]:
    """A subcommand that ends with the exit code which `work` returns, or with the one for what it raised."""

    @wraps(work)
    def subcommand(*arguments: Any, **options: Any) -> None:
        try:
            code = work(*arguments, **options)
            sys.stdout.flush()  # here, where it can still be said that nobody reads it
        except TurboForecastError as error:
            code = fail(str(error))
        except BrokenPipeError:
            code = closed_output()
        except KeyboardInterrupt:  # before or after a run; during it, Dagster records the interruption
            code = fail("interrupted")
        raise typer.Exit(code)

    return subcommand


def fail(sentence: str) -> int:
    """Write the error to standard error; returns the exit code FAILED."""
    print(f"error: {printable(shown_message(with_store(sentence)))}", file=sys.stderr)
    return FAILED


def closed_output() -> int:
    """The reader of the output has ended (`| head`): say so where that can be said, and leave Python nothing to flush."""
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
        try:
            print("error: the output cannot be written: its reader has ended", file=sys.stderr, flush=True)
        except BrokenPipeError:
            os.dup2(nowhere.fileno(), sys.stderr.fileno())
    return NO
