"""The pages of docs/reference/ are those that docs/generate.py makes of the code as it is."""

import importlib.util
from types import ModuleType

import pytest

from turbo_forecast_tests.documents.pages import ROOT


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    specification = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_each_page_is_what_is_made_of_the_code(generator: ModuleType) -> None:
    folder = ROOT / "docs" / "reference"
    assert {path.name for path in folder.glob("*")} == set(generator.PAGES)
    for name, made in generator.PAGES.items():
        stored = (folder / name).read_text(encoding="utf-8")
        assert stored == made(), f"docs/reference/{name} is of an older version: run .venv/bin/python docs/generate.py"


def test_a_cell_holds_its_text_whatever_is_in_it(generator: ModuleType) -> None:
    assert generator.cell("a | b\nc ") == "a \\| b c"
    assert list(generator.table(("x", "y"), [(1, "|")])) == ["| x | y |", "|---|---|", "| 1 | \\| |"]


def test_values_are_shown_as_the_settings_file_has_them(generator: ModuleType) -> None:
    shown = [generator.code(value) for value in (105.0, 0.05, True, 3, "mean", ["a", 70.0], [], {}, "", None)]
    assert shown == ["`105`", "`0.05`", "`true`", "`3`", "`mean`", "`[a, 70]`", "", "", "", ""]


def test_bounds_are_words(generator: ModuleType) -> None:
    assert generator.may_be({"type": "integer", "minimum": 1, "maximum": 1200}) == "whole number from 1 to 1,200"
    assert generator.may_be({"type": "number", "exclusiveMinimum": 0}) == "number above 0"
    assert generator.may_be({"type": "array", "items": {"type": "string"}}) == "list of text"
    assert generator.may_be({"enum": ["", "a", "b"], "type": "string"}) == "empty, `a`, `b`"
    assert generator.may_be({"anyOf": [{"type": "boolean"}, {"type": "null"}]}) == "true or false, or not set"
