"""The pages of docs/reference/ are those that docs/generate.py makes of the code as it is."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from turbo_forecast.settings import SECTIONS
from turbo_forecast.settings.reading import NESTED
from turbo_forecast.sources.protocol import Source
from turbo_forecast.sources.registry import BUILT_IN
from turbo_forecast_tests.documents.pages import ROOT, inline_code, pages


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


def test_the_page_of_outputs_names_every_table(generator: ModuleType) -> None:
    named = set(re.findall(r"\w+", " ".join(inline_code(ROOT / "docs" / "outputs.md"))))
    assert {table.name for table in generator.stored_tables()} - named == set()


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


def defaults() -> dict[str, set[str]]:
    """By option of any section or kind of source: its defaults, as text."""
    kinds = [*SECTIONS.values(), *NESTED.values(), *(loaded(address).options for address in BUILT_IN.values())]
    found: dict[str, set[str]] = {}
    for kind in kinds:
        for name, field in kind.model_fields.items():
            value = field.get_default(call_default_factory=True)
            found.setdefault(name, set()).add(f"{value:g}" if isinstance(value, float) else str(value))
    return found


def loaded(address: str) -> type[Source]:
    module, _, name = address.partition(":")
    return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]


@pytest.mark.parametrize("page", [page for page in pages() if page.parent.name == "docs"], ids=lambda page: page.name)
def test_a_table_of_options_written_by_hand_has_the_codes_names_and_defaults(page: Path) -> None:
    known = defaults()
    for table in page.read_text(encoding="utf-8").split("| option | default | meaning |\n")[1:]:
        for row in table.partition("\n\n")[0].splitlines()[1:]:
            names, default = (cell.strip() for cell in row.split("|")[1:3])
            for name in re.findall(r"`(\w+)`", names):
                assert name in known, f"{page.name}: there is no option {name}"
                shown = re.fullmatch(r"`?([\w.,]+)`?", default)
                assert shown is None or shown[1].replace(",", "") in known[name], (
                    f"{page.name}: {name} is {known[name]}"
                )
