"""Every public name, read from the code: what docs/public-api.md lists. `python -m turbo_forecast_tests.public_names` writes it there.

Belongs here: finding the names. Does not belong here: what is promised of them (the page itself).
"""

import ast
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import BaseModel
from typer.main import get_command

import turbo_forecast
from turbo_forecast import FleetResult, TurboProphet, schemas
from turbo_forecast.commands.app import app
from turbo_forecast.definitions import build_definitions
from turbo_forecast.settings import SECTIONS, Environment, ExecutorSettings
from turbo_forecast.sources import registry
from turbo_forecast.storage.published.layout import PUBLISHED
from turbo_forecast.tables import Table

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "public-api.md"
PACKAGE = ROOT / "turbo_forecast"
FOR_EXTENSIONS = ("errors", "models.protocol", "sources.protocol", "settings.options")
"""Modules that an entrant or a source of another package imports."""
NO_SETTING = {"TURBO_FORECAST_WORKER", "TURBO_FORECAST_WORKING_COPY"}
"""Variables by which our own processes know each other."""


def blocks() -> dict[str, str]:
    """By name, the lines of each generated block of the page."""
    return {
        "python": _python(),
        "commands": _commands(),
        "settings": _settings(),
        "environment": _code(_variables()),
        "tables": _tables(),
        "dagster": _dagster(),
        "entry-points": _code([registry.GROUP]),
    }


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _defined(module: str) -> list[str]:
    """The public names that a module defines, in its order; nothing that it imports."""
    spec = find_spec(f"turbo_forecast.{module}")
    assert spec is not None
    assert spec.origin is not None
    found: list[str] = []
    for node in ast.parse(Path(spec.origin).read_text()).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.append(node.name)
        elif isinstance(node, ast.Assign):
            found += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return [name for name in found if not name.startswith("_")]


def _python() -> str:
    """The library's names; what a result and a Turbo Prophet have; modules for extensions."""
    methods = [name for name, value in vars(FleetResult).items() if callable(value) and not name.startswith("_")]
    own = [name for name in vars(TurboProphet) if not name.startswith("_") and not hasattr(_stock(), name)]
    return "\n".join(
        [
            f"- `turbo_forecast`: {_code(turbo_forecast.__all__)}",
            f"- `FleetResult`: the frames {_code(FleetResult.frames())}; {_code(methods)}",
            f"- `TurboProphet`: all that `prophet.Prophet` has; {_code(own)}",
            *(f"- `turbo_forecast.{module}`: {_code(_defined(module))}" for module in FOR_EXTENSIONS),
        ]
    )


def _stock() -> type:
    from prophet import Prophet

    found: type = Prophet
    return found


def _commands() -> str:
    commands: Mapping[str, Any] = vars(get_command(app))["commands"]
    return "\n".join(f"- `{name}`: {_code(_parameters(command))}" for name, command in commands.items())


def _parameters(command: Any) -> list[str]:
    found = []
    for parameter in command.params:
        argument = parameter.param_type_name == "argument"
        found += [str(parameter.name).upper()] if argument else [name for name in parameter.opts if name != "--help"]
    return found


def _settings() -> str:
    options: dict[str, type[BaseModel]] = {**SECTIONS, "forecast.executor": ExecutorSettings}
    kinds: dict[str, type[BaseModel]] = {
        f"sources.NAME, kind {kind}": registry._loaded(kind).options for kind in registry.BUILT_IN
    }
    return "\n".join(f"- `{name}`: {_code(section.model_fields)}" for name, section in (options | kinds).items())


def _variables() -> list[str]:
    """Environment variables, as the code names them: a text that is nothing else."""
    name = re.compile(r"TURBO_FORECAST_[A-Z_]*[A-Z]")
    trees = (ast.walk(ast.parse(path.read_text())) for path in PACKAGE.rglob("*.py"))
    texts = (node.value for tree in trees for node in tree if isinstance(node, ast.Constant))
    yaml = re.findall(r"env: (TURBO_FORECAST_\w+)", (ROOT / "dagster_home" / "dagster.production.yaml").read_text())
    return sorted({text for text in texts if isinstance(text, str) and name.fullmatch(text)} - NO_SETTING | set(yaml))


def _assets() -> list[str]:
    return sorted(key.to_user_string() for key in _definitions().resolve_asset_graph().get_all_asset_keys())


@cache
def _definitions() -> dg.Definitions:
    return build_definitions({}, environment=Environment())


def _tables() -> str:
    """Public tables: those that are an asset of their own, or published; the others are the warehouse's own business."""
    names = {table.name for table in vars(schemas).values() if isinstance(table, Table)}
    return _code(sorted(names & ({table.name for table in PUBLISHED} | set(_assets()))))


def _dagster() -> str:
    definitions = _definitions()
    named = {
        "Assets": _assets(),
        "Jobs": sorted(job.name for job in definitions.jobs or ()),
        "Schedules": sorted(schedule.name for schedule in definitions.schedules or ()),
        "Sensors": sorted(sensor.name for sensor in definitions.sensors or ()),
    }
    return "\n".join(f"- {kind}: {_code(names)}" for kind, names in named.items())


def written(page: str) -> str:
    """The page with every block as the code has it. Raises KeyError for a block that is none of ours."""
    made = blocks()
    pattern = re.compile(r"<!-- (?P<name>[a-z-]+) -->\n.*?<!-- end -->", re.DOTALL)
    found = pattern.sub(lambda block: f"<!-- {block['name']} -->\n{made.pop(block['name'])}\n<!-- end -->", page)
    assert not made, f"the page has no place for {', '.join(made)}"
    return found


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
