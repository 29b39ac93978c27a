"""docs/solver.md names functions; a reader who looks for one finds it."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "solver.md").read_text()


def _defined(path: Path) -> set[str]:
    """Names of a module's functions, classes and constants."""
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


DEFINED = {path.stem: _defined(path) for path in (ROOT / "turbo_forecast" / "turbo_prophet").glob("*.py")}


def test_every_function_that_the_page_names_with_its_module_is_there() -> None:
    named = set(re.findall(r"\b([a-z_]+)\.([A-Za-z_]+)\b", PAGE))
    known = {(module, name) for module, name in named if module in DEFINED and name != "py"}
    assert len(known) > 25
    assert {(module, name) for module, name in known if name not in DEFINED[module]} == set()
    assert {module for module, _ in re.findall(r"`([a-z_]+)\.([A-Za-z_]+)`", PAGE)} <= DEFINED.keys()


def test_every_module_that_the_page_names_is_there() -> None:
    assert set(re.findall(r"`([a-z_]+)\.py`", PAGE)) <= DEFINED.keys()


def test_every_public_function_of_a_search_is_named_on_the_page() -> None:
    for module in ("descent", "proximal_step", "linear_algebra"):
        public = {name for name in DEFINED[module] if name.islower() and not name.startswith(("_", "make_"))}
        assert {name for name in public if not re.search(rf"\b{name}\b", PAGE)} == set()
