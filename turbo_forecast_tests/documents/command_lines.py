"""Whether a command line, as a page shows it, is one that its program takes: options and arguments, without running it.

Belongs here: a rule for each program that pages name. Does not belong here: which pages there are (`pages.py`).
"""

import re
import shlex
import tomllib
from functools import cache
from pathlib import Path

from typer.exceptions import TyperException
from typer.main import get_command

from turbo_forecast.commands.app import FORMER, app
from turbo_forecast_tests.documents.pages import ROOT

OF_OTHERS = {
    *("alias", "cd", "cp", "export", "git", "install", "ln", "python3", "rsync", "source", "useradd"),
    *("docker", "helm", "kubectl", "pg_dump", "pg_restore", "systemctl"),
}
"""Programs that are not ours, nor come with our packages: their lines are for the reader to judge."""
OMITTED = "…"
"""Stands for what the reader fills in."""
ASSIGNMENT = re.compile(r"[A-Z_][A-Z0-9_]*=")


def complaint(line: str) -> str:
    """Why the program would refuse the line; nothing where it would take it."""
    words = shlex.split(line, comments=True)
    while words and ASSIGNMENT.match(words[0]):
        words.pop(0)
    if words and words[0] == "as-service":
        words.pop(0)
    if not words:
        return ""
    program = Path(words[0]).name
    rule = RULES.get(program)
    if rule is None:
        return "" if program in OF_OTHERS else f"{program} is no program that pages may name"
    return rule(words[1:])


def _of_ours(words: list[str]) -> str:
    """`turbo-forecast`: as its own parser has it. A subcommand's name alone is a mention of it."""
    program = get_command(app)
    if words and words[0].partition("=")[0] in FORMER:
        words = ["run", *words]
    if not words or words[0] == "COMMAND" or OMITTED in words:
        return ""
    command = program.commands.get(words[0])  # type: ignore[attr-defined]
    if command is None:
        return f"turbo-forecast has no subcommand {words[0]}"
    if words[1:] in ([], ["--help"]):
        return ""
    try:
        command.make_context(f"turbo-forecast {words[0]}", words[1:])
    except TyperException as error:
        return error.format_message()
    return ""


@cache
def _makefile() -> tuple[frozenset[str], frozenset[str]]:
    """Targets and variables of the Makefile."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z][\w-]*):", text, re.MULTILINE)
    return frozenset(targets), frozenset(re.findall(r"^(?:export )?([A-Z_]+) \?=", text, re.MULTILINE))


def _of_make(words: list[str]) -> str:
    targets, variables = _makefile()
    for word in words:
        name, is_variable, _ = word.partition("=")
        if name not in (variables if is_variable else targets):
            return f"the Makefile has no {'variable' if is_variable else 'target'} {name}"
    return ""


def _of_python(words: list[str]) -> str:
    """`python -m MODULE …`: the module is there, and its source names each option; `python FILE`: the file is there."""
    if words[:1] != ["-m"]:
        return "" if (ROOT / words[0]).is_file() else f"there is no file {words[0]}"
    module, arguments = words[1], words[2:]
    if module == "pip":
        return _of_pip(arguments)
    if module == "venv":
        return ""
    if module == "turbo_forecast":
        return _of_ours(arguments)
    place = ROOT / module.replace(".", "/")
    file = place / "__main__.py" if place.is_dir() else place.with_suffix(".py")
    if not file.is_file():
        return f"there is no module {module}"
    source = file.read_text(encoding="utf-8")
    missing = [each for each in arguments if each.startswith("--") and f'"{each.partition("=")[0]}"' not in source]
    return f"{module} has no option {missing[0]}" if missing else ""


def _of_pip(words: list[str]) -> str:
    """`pip install 'turbo-forecast[extra]'`: there is such an extra; files that are installed from exist."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for word in words:
        for extra in re.findall(r"^turbo-forecast\[(.+)\]$", word):
            missing = set(extra.split(",")) - {*extras, OMITTED}
            if missing:
                return f"there is no extra {', '.join(sorted(missing))}"
    return ""


def _of_dask(words: list[str]) -> str:
    """`dask scheduler`, `dask worker`: options that Dask's own program has."""
    from distributed.cli import dask_scheduler, dask_worker

    command = {"scheduler": dask_scheduler.main, "worker": dask_worker.main}[words[0]]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    missing = [each for each in words[1:] if each.startswith("--") and each.partition("=")[0] not in known]
    return f"dask {words[0]} has no option {missing[0]}" if missing else ""


def _of_dagster(words: list[str]) -> str:
    """Dagster's own programs are not started: a page's files that they are given exist."""
    missing = [word for word in words if word.endswith(".yaml") and not (ROOT / word).is_file()]
    return f"there is no file {missing[0]}" if missing else ""


RULES = {
    "turbo-forecast": _of_ours,
    "make": _of_make,
    "python": _of_python,
    "pip": _of_pip,
    "dask": _of_dask,
    **dict.fromkeys(("dagster", "dagster-daemon", "dagster-webserver"), _of_dagster),
}
"""By program: what says whether it would take these words."""
STARTS = re.compile(rf"(?:{'|'.join(map(re.escape, RULES))}) \S")
"""How a command line begins that stands in a sentence."""
