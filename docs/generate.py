"""Makes the pages of docs/reference/ from the code: `.venv/bin/python docs/generate.py` writes them.

Belongs here: how options, columns and subcommands are shown as tables. Does not belong here: what any of them means, which
their own declarations say (`turbo_forecast/settings`, `sources`, `schemas`, `commands`); a page's text is changed there, then
made again. A test holds each page to what is made.
"""

from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from typer.main import get_command

from turbo_forecast import schemas
from turbo_forecast.commands.app import PROGRAM, app
from turbo_forecast.commands.shared_options import EXAMPLES
from turbo_forecast.settings import SECTIONS
from turbo_forecast.settings.options import Options
from turbo_forecast.settings.reading import NESTED
from turbo_forecast.sources.registry import BUILT_IN
from turbo_forecast.tables import DUCKDB_TYPES, Table

FOLDER = Path(__file__).with_name("reference")
KINDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "mapping",
    "null": "not set",
}
"""What a type of JSON Schema is called on the page."""
MADE = "<!-- Made from the code by docs/generate.py: change the declaration, then run that. -->"


def cell(text: object) -> str:
    """Text that stays within its cell of a Markdown table."""
    return str(text).replace("|", "\\|").replace("\n", " ").strip()


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The lines of a Markdown table."""
    yield f"| {' | '.join(header)} |"
    yield "|" + "---|" * len(header)
    for row in rows:
        yield f"| {' | '.join(map(cell, row))} |"


def code(value: object) -> str:
    """A value as the settings file has it; nothing for what is empty."""
    if value in ("", None) or value == [] or value == {}:
        return ""
    return f"`[{', '.join(map(plain, value))}]`" if isinstance(value, list) else f"`{plain(value)}`"


def plain(value: object) -> str:
    """One value without quotes: 105.0 as 105, True as true."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def may_be(schema: dict[str, Any]) -> str:
    """What an option's value may be, in words, from its JSON Schema."""
    if "anyOf" in schema:
        return ", or ".join(may_be(each) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(code(each) or "empty" for each in schema["enum"])
    if "const" in schema:
        return code(schema["const"])
    if "$ref" in schema or "allOf" in schema:
        return "mapping of the options below"
    kind = schema.get("type", "")
    if kind == "array":
        return f"list of {may_be(schema.get('items', {}))}" if schema.get("items") else "list"
    return KINDS.get(kind, "any value") + bounds(schema)


def bounds(schema: dict[str, Any]) -> str:
    """The bounds of a number, with a space before them; nothing where there are none."""
    low = ("minimum", "from {:,}"), ("exclusiveMinimum", "above {:,}")
    high = ("maximum", "to {:,}"), ("exclusiveMaximum", "below {:,}")
    found = [text.format(schema[key]) for key, text in (*low, *high) if key in schema]
    return f" {' '.join(found)}" if found else ""


def options(section: type[Options]) -> Iterator[str]:
    """The options of a section, a row each."""
    properties = section.model_json_schema()["properties"]
    rows = []
    for name, field in section.model_fields.items():
        default = "needed" if field.is_required() else code(field.get_default(call_default_factory=True))
        if isinstance(field.default, Options):
            default = ""
        rows.append((f"`{name}`", default, may_be(properties[name]), field.description or ""))
    yield from table(("option", "default", "may be", "meaning"), rows)


def first_sentence(documented: object) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((documented.__doc__ or "").split("\n\n")[0].split())


def settings_page() -> str:
    """Every option of the settings file, section by section."""
    lines = [
        *("# Every option of the settings file", "", MADE, ""),
        "How the file is found and what most people set: [settings.md](../settings.md). An empty default means that nothing is set.",
    ]
    for name, section in SECTIONS.items():
        lines += ["", f"## `{name}`", first_sentence(section), "", *options(section)]
        for option, nested in NESTED.items():
            if option in section.model_fields and section.model_fields[option].annotation is nested:
                lines += ["", f"### `{name}: {option}`", first_sentence(nested), "", *options(nested)]
    lines += [
        "",
        "## `sources`",
        "A mapping: a name of your own, and the options of its `kind`. See [sources.md](../sources.md).",
    ]
    for kind, address in BUILT_IN.items():
        module, _, source = address.partition(":")
        section = getattr(import_module(module), source).options
        lines += ["", f"### `kind: {kind}`", first_sentence(section), "", *options(section)]
    return "\n".join(lines) + "\n"


def stored_tables() -> list[Table]:
    """Every table of `schemas`, in the order in which its modules are read and declare them."""
    return [each for each in map(schemas.__dict__.get, schemas.__all__) if isinstance(each, Table)]


def tables_page() -> str:
    """Every table and file with its columns."""
    lines = [
        *("# Every table and its columns", "", MADE, ""),
        "Where each of them lies, and which to read first: [outputs.md](../outputs.md).",
    ]
    for each in sorted(stored_tables(), key=lambda one: one.name):
        lines += ["", f"## `{each.name}`", each.description, "", f"Key: {', '.join(f'`{name}`' for name in each.key)}."]
        rows = (
            (
                f"`{column.name}`",
                DUCKDB_TYPES[column.dtype].lower(),
                "yes" if column.nullable else "",
                column.description,
            )
            for column in each.columns
        )
        lines += ["", *table(("column", "type", "may be null", "meaning"), rows)]
    return "\n".join(lines) + "\n"


def typed_as(parameter: Any) -> str:
    """How an option or argument is typed."""
    names = ", ".join(f"`{name}`" for name in parameter.opts)
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar or parameter.name}`"
    takes = "" if parameter.is_flag or not parameter.metavar else f" {parameter.metavar}"
    return names + takes


def command_of(name: str, command: Any) -> Iterator[str]:
    """One subcommand: what it does, its options, its examples."""
    text = command.help.partition("\b\nExamples:")[0]
    yield from ("", f"## `{PROGRAM} {name}`", *text.strip().splitlines(), "")
    rows = []
    for parameter in command.params:
        told = "needed" if parameter.required else code(default_of(parameter))
        variable = f" (variable `{parameter.envvar}`)" if parameter.envvar else ""
        rows.append((typed_as(parameter), told, f"{parameter.help}{variable}"))
    yield from table(("option", "default", "meaning"), rows)
    yield from ("", "```sh", *EXAMPLES[name], "```")


def default_of(parameter: Any) -> object:
    """An option's default, where a number or text is one; what is off or empty shows nothing."""
    return (
        parameter.default if isinstance(parameter.default, str | int | float) and parameter.default is not False else ""
    )


def commands_page() -> str:
    """Every subcommand with its options."""
    lines = [
        *("# Every command and its options", "", MADE, ""),
        f"`{PROGRAM} COMMAND --help` says the same. Exit codes: 0 is done; 1 is a run that failed, or the answer no where a command",
        "says so; 2 is what could not be done or asked, and one sentence says why.",
    ]
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        lines += command_of(name, command)
    return "\n".join(lines) + "\n"


PAGES = {"settings.md": settings_page, "tables.md": tables_page, "commands.md": commands_page}
"""Each page of the folder, and what makes it."""


def main() -> None:
    """Write all pages."""
    FOLDER.mkdir(exist_ok=True)
    for name, made in PAGES.items():
        (FOLDER / name).write_text(made(), encoding="utf-8")


if __name__ == "__main__":
    main()
