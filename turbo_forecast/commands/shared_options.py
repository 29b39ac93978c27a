"""What the definitions of subcommands share: options that several have, and help that ends with examples.

Belongs here: that, and days as options. Does not belong here: any one subcommand (`query_commands.py`, `run_commands.py`).
"""

import re
from collections.abc import Callable, Sequence
from datetime import date
from inspect import getdoc
from typing import Annotated

import typer

from turbo_forecast.commands.exit_codes import with_exit_code
from turbo_forecast.errors import SettingsError
from turbo_forecast.option_rules import shown
from turbo_forecast.settings.environment import DATA, DEFAULT_DATA

EXAMPLES: dict[str, tuple[str, ...]] = {}
"""By subcommand: the command lines that its help shows."""

Data = Annotated[
    str,
    typer.Option(
        "--data",
        envvar=DATA,
        show_envvar=True,
        metavar="PLACE",
        help="The folder of results, or an address such as s3://bucket/prefix.",
    ),
]
Month = Annotated[
    str,
    typer.Option("--month", metavar="YYYY-MM", help="The month to ask; the latest one that is published without it."),
]
AsJson = Annotated[bool, typer.Option("--json", help="The answer as JSON: the same keys in every version.")]
DATA_FOLDER = DEFAULT_DATA
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")


def subcommand(app: typer.Typer, name: str, *examples: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Make a function, which returns an exit code, a subcommand; its docstring and the examples are its help."""
    EXAMPLES[name] = examples

    def add(work: Callable[..., int]) -> Callable[..., int]:
        shown_examples = "\n".join(f"  {each}" for each in examples)
        documented = getdoc(work) or ""
        app.command(
            name,
            help=f"{documented}\n\n\b\nExamples:\n{shown_examples}",
            short_help=documented.splitlines()[0].partition(":")[0].rstrip("."),
        )(with_exit_code(work))
        return work

    return add


def day_of_option(option: str, text: str) -> date | None:
    """The day of an option, None where it is not given; a month is its first day. Raises SettingsError for what is neither."""
    if not text:
        return None
    try:
        return date.fromisoformat(f"{text}-01" if _MONTH.fullmatch(text) else text)
    except ValueError:
        said = f"{option} must be a day as in 2026-06-01, or a month as in 2026-06, not {shown(text)}"
        raise SettingsError(said) from None


def one_of(options: Sequence[tuple[str, object]]) -> None:
    """Raises SettingsError where more than one of these options is given: `(name, value)`."""
    given = [name for name, value in options if value]
    if len(given) > 1:
        raise SettingsError(f"{' and '.join(given)} exclude each other: give one of them")
