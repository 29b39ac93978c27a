"""The floors: each imports only from below, and files and functions stay small. Read from the source."""

import ast
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "turbo_forecast"
FILES = sorted(PACKAGE.rglob("*.py"))

GROUND = {
    "errors",
    "addresses",
    "settings",
    "schemas",
    "seasonal_gaps",
    "paths",
    "text",
    "processes",
    "leftovers",
    "status_log",
    "option_rules",
    "tables",
    "month_keys",
    "types",
    "windows",
    "day_edges",
    "deep_links",
    "number_words",
    "html_templates",
}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "addresses": {"errors", "text"},
    "processes": set(),
    "status_log": set(),
    "leftovers": {"processes"},
    "option_rules": {"text"},
    "yaml_file": {"errors", "option_rules", "text"},
    "settings": {"addresses", "errors", "option_rules", "yaml_file", "deep_links", "number_words"},
    "deep_links": set(),
    "tables": set(),
    "types": set(),
    "day_edges": set(),
    "windows": {"errors", "settings", "types", "number_words"},
    "month_keys": {"errors", "option_rules", "schemas", "settings"},
    "schemas": {"tables"},
    "seasonal_gaps": {"number_words"},
    "paths": {"errors"},
    "text": set(),
    "number_words": set(),
    "html_templates": set(),
    "turbo_prophet": {"seasonal_gaps"},
    "storage": GROUND,
    "sources": GROUND,
    "landing": GROUND | {"storage", "sources"},
    "demo": GROUND,
    "models": GROUND | {"turbo_prophet"},
    "tournament": GROUND,
    "outlook": GROUND,
    "fleet": GROUND | {"models", "tournament", "outlook", "storage"},
    "answers": GROUND | {"storage", "fleet", "outlook", "tournament", "models"},
    "charts": GROUND | {"answers"},
    "report": GROUND | {"storage", "answers", "charts"},
    "dashboard": GROUND | {"storage", "answers", "charts"},
    "library": GROUND | {"models", "tournament", "outlook", "storage", "fleet", "answers", "charts", "summary"},
    "defs": GROUND
    | {"sources", "landing", "models", "tournament", "outlook", "storage", "fleet", "answers", "report", "definitions"},
    "definitions": GROUND | {"defs", "landing", "storage"},
    "summary": GROUND | {"storage", "defs", "fleet", "outlook", "answers"},
    "commands": GROUND
    | {
        "defs",
        "definitions",
        "landing",
        "sources",
        "fleet",
        "models",
        "summary",
        "demo",
        "storage",
        "outlook",
        "answers",
        "charts",
        "dashboard",
    },
    "__main__": GROUND | {"commands"},
    "__init__": {"errors", "library", "turbo_prophet"},
}
"""Part of the package to the other parts it may import. `defs` reaches up to `definitions` in one function only."""
DROP_IN = {"drop_in.py", "backend.py", "frame_checks.py"}
"""The class that is a prophet.Prophet speaks pandas and Prophet; no worker imports it."""
MOST_ARGUMENTS = 8
"""More belong together in a few named tuples, which numba's kernels take, too."""


@cache
def parsed(path: Path) -> ast.Module:
    """A file's syntax, read once for all that is asked of it."""
    return ast.parse(path.read_text())


def part_of(path: Path) -> str:
    """`storage` for everything in the folder storage, `errors` for errors.py."""
    top = path.relative_to(PACKAGE).parts[0]
    return top.removesuffix(".py")


def imported(tree: ast.AST, path: Path) -> set[str]:
    """Modules that a piece of source imports, absolute."""
    here = ["turbo_forecast", *path.relative_to(PACKAGE).parent.parts]
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found


def functions(tree: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the last one, without the docstring."""
    docstring = node.body[0] if ast.get_docstring(node, clean=False) is not None else None
    spoken = (docstring.end_lineno or 0) - docstring.lineno + 1 if docstring else 0
    return (node.end_lineno or node.lineno) - node.lineno + 1 - spoken


# Each rule is one test that names every file against it: a test for each file and rule would be a quarter of the whole suite.
def test_a_floor_imports_only_from_below() -> None:
    against = {}
    for path in FILES:
        part = part_of(path)
        names = imported(parsed(path), path)
        parts = {name.split(".")[1] for name in names if name.startswith("turbo_forecast.")}
        parts = {name for name in parts if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()}
        against[path] = parts - MAY_IMPORT[part] - {part}
    assert {str(path): parts for path, parts in against.items() if parts} == {}


def test_only_definitions_import_dagster() -> None:
    against = {}
    for path in FILES:
        if part_of(path) not in ("defs", "definitions"):
            tops = {name.split(".")[0] for name in imported(parsed(path), path)}
            against[path] = {name for name in tops if name.startswith("dagster")}
    assert {str(path): names for path, names in against.items() if names} == {}


@pytest.mark.parametrize(
    "part", ["fleet", "tournament", "outlook", "turbo_prophet", "storage", "schemas", "settings", "errors"]
)
def test_pandas_prophet_and_plots_are_imported_nowhere_but_at_their_doors(part: str) -> None:
    for path in FILES:
        if part_of(path) == part:
            tops = {name.split(".")[0] for name in imported(parsed(path), path)}
            assert path.name in DROP_IN or not tops & {
                "pandas",
                "prophet",
                "cmdstanpy",
                "matplotlib",
                "altair",
                "plotly",
            }, path


def test_definitions_are_imported_upwards_in_one_place_only() -> None:
    upwards = [
        path.name
        for path in FILES
        if part_of(path) == "defs" and "turbo_forecast.definitions" in imported(parsed(path), path)
    ]
    assert upwards == ["launch.py"]


def test_what_dagster_does_not_export_is_imported_with_a_reason() -> None:
    for path in FILES:
        source = path.read_text()
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Import | ast.ImportFrom) and any(
                n.startswith("dagster._") for n in imported(node, path)
            ):
                lines = source.splitlines()[node.lineno - 1 : node.end_lineno]
                assert any("# " in line for line in lines), (path, ast.unparse(node))


def test_modules_and_functions_stay_small() -> None:
    long_modules = {str(path): found for path in FILES if (found := path.read_text().count("\n")) > 400}
    assert long_modules == {}
    long_functions = {}
    for path in FILES:
        found = [node for node in functions(parsed(path)) if lines(node) > 60]
        long_functions |= {(str(path), node.name): lines(node) for node in found}
    assert long_functions == {}


@pytest.mark.parametrize("part", ["turbo_prophet", "models"])
def test_functions_have_few_arguments(part: str) -> None:
    found = {}
    for path in FILES:
        for node in functions(parsed(path)) if part_of(path) == part else []:
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            found |= {f"{path.name}: {node.name}": len(given)} if len(given) > MOST_ARGUMENTS else {}
    assert found == {}


def test_an_assets_function_fits_in_twenty_five_lines() -> None:
    assets = [
        (path.name, node)
        for path in sorted((PACKAGE / "defs" / "assets").glob("*.py"))
        for node in functions(parsed(path))
        if any("asset" in ast.unparse(decorator) for decorator in node.decorator_list)
    ]
    assert assets
    assert {(name, node.name): lines(node) for name, node in assets if lines(node) >= 25} == {}


def test_every_module_says_what_it_is_for() -> None:
    assert [str(path) for path in FILES if not ast.get_docstring(parsed(path))] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "heavy"),
    [
        ("turbo", {"dagster", "pandas", "prophet", "matplotlib", "cmdstanpy", "duckdb", "altair"}),
        ("stan", {"dagster", "duckdb", "altair"}),
    ],
)
def test_a_worker_imports_nothing_heavy(engine: str, heavy: set[str]) -> None:
    script = f"""
import sys
import numpy as np
import turbo_forecast.fleet.executors.worker
from turbo_forecast.models.protocol import Window
from turbo_forecast.models.registry import build_entrant
from turbo_forecast.settings import forecast_settings

settings = forecast_settings(engine={engine!r}, uncertainty_samples=5)
for name in settings.base_models:
    y = 40 + np.sin(np.arange(200)) + np.arange(200) / 50
    build_entrant(name, settings).forecast(Window(np.arange(20000, 20200), y, np.arange(20200, 20210), 1))
print(sorted(set(sys.modules) & {heavy!r}))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
def test_neither_a_run_nor_its_workers_import_pandas(tmp_path: Path) -> None:
    """0.2 s and 33 MB in each process, and of a time in which a series may have half a second.

    In the place of pandas lies a tell-tale, which Arrow and Polars take for pandas that is not installed.
    """
    (tmp_path / "pandas.py").write_text(
        "import pathlib, traceback\n"
        "with pathlib.Path(__file__).with_name('imported').open('a') as file:\n"
        "    traceback.print_stack(file=file)\n"
        "raise ImportError('not here')\n"
    )
    (tmp_path / "script.py").write_text(
        "import pathlib\n"
        "from turbo_forecast import forecast_fleet\n"
        "from turbo_forecast_tests.fleet.working import fleet\n"
        "if __name__ == '__main__':\n"
        "    found = forecast_fleet(fleet(3), cutoff='2025-12-31', workers=1, interval_widths=[0.5, 0.8])\n"
        "    assert found.outcomes.height == 3\n"
        "    imported = pathlib.Path(__file__).with_name('imported')\n"
        "    assert not imported.exists(), imported.read_text()\n"
        "    try:\n"
        "        import pandas\n"
        "    except ImportError:\n"
        "        assert imported.exists(), 'the tell-tale does not work'\n"
    )
    paths = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py")], cwd=ROOT, env=paths, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("folder", "may_import"),
    [
        ("turbo_forecast", set()),
        ("reference", set()),
        ("benchmarks", {"reference"}),
        ("turbo_forecast_tests", {"reference"}),
    ],
)
def test_benchmarks_and_tests_share_the_reference_and_import_nothing_of_each_other(
    folder: str, may_import: set[str]
) -> None:
    """But for the tests of a benchmark itself, which say so by their name."""
    around = {"reference", "benchmarks", "turbo_forecast_tests"} - {folder}
    for path in sorted((ROOT / folder).rglob("*.py")):
        if not path.name.startswith("test_benchmarks_"):
            nodes = [node for node in ast.walk(parsed(path)) if isinstance(node, ast.Import | ast.ImportFrom)]
            names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
            names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
            assert {name.split(".")[0] for name in names} & around <= may_import, path


def test_importing_the_package_costs_nothing() -> None:
    script = "import sys, turbo_forecast; print(sorted(m for m in sys.modules if m.startswith('turbo_forecast.')))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
