"""Every page: its links lead somewhere, its commands are taken, its snippets are of this code.

What a page's longer examples do is tried where their servers and data are (`landing/test_docs.py`, `storage/*/test_docs.py`,
`presets/test_presets_documents.py`, `sources/sql/test_zabbix.py`) and in `test_examples.py`; here nothing is run.
"""

import ast
import re
import tomllib
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest
import yaml

from turbo_forecast import schemas
from turbo_forecast.addresses import WORK
from turbo_forecast.settings import Settings
from turbo_forecast.sources.registry import source_of
from turbo_forecast.storage.objects.store import PATIENCE
from turbo_forecast.storage.plans import plans_of_text
from turbo_forecast.tables import Table
from turbo_forecast_tests.deploy.test_deploy_files import KNOWN, NAMED
from turbo_forecast_tests.documents.command_lines import STARTS, complaint
from turbo_forecast_tests.documents.pages import ROOT, Block, anchors, blocks, commands, inline_code, links, pages

PAGES = pages()
LINKED = [*PAGES, ROOT / "CHANGELOG.md", *sorted((ROOT / "benchmarks").glob("*.md"))]
EXAMPLE_FILES = {"models/last_value.py", "turbo_forecast/models/last_value.py", "inventory_source.py"}
"""Files that a page tells its reader to write."""
OF_TESTS = {"TURBO_FORECAST_SCREENSHOTS", "TURBO_FORECAST_SWEEP"}
OF_OTHERS = {
    "CREATE ROLE": "PostgreSQL's; test_zabbix.py runs it",
    "CREATE SECRET": "needs a store and httpfs",
    "-- name: ": "a check's file; test_examples.py runs it",
}
"""How a block of SQL begins that DuckDB alone cannot prepare, and why that is."""


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


every_page = pytest.mark.parametrize("page", PAGES, ids=named)


@pytest.mark.parametrize("page", LINKED, ids=named)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    wrong = []
    for target in links(page):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            wrong.append(target)
    assert wrong == []


@every_page
def test_every_command_is_one_that_its_program_takes(page: Path) -> None:
    lines = [line for block in blocks(page, "sh", "bash", "console") for line in commands(block.text)]
    lines += [code for code in inline_code(page) if STARTS.match(code)]
    wrong = {line: found for line in lines if (found := complaint(line))}
    assert wrong == {}


@every_page
def test_every_variable_is_one_that_something_reads(page: Path) -> None:
    found = {name.rstrip("_") for name in NAMED.findall(page.read_text(encoding="utf-8"))}
    assert found - {"TURBO_FORECAST_PG"} <= KNOWN | {WORK, PATIENCE} | OF_TESTS


@every_page
def test_every_file_that_is_named_exists(page: Path) -> None:
    files = {f"/{path.relative_to(ROOT)}" for path in ROOT.glob("*/**/*.py")}
    wanted = {word for code in inline_code(page) for word in re.findall(r"^[\w/-]+\.py$", code)}
    assert {each for each in wanted - EXAMPLE_FILES if not any(file.endswith(f"/{each}") for file in files)} == set()


def test_every_file_of_the_code_map_is_named_by_its_whole_path() -> None:
    page = ROOT / "docs" / "code-map.md"
    wanted = [code for code in inline_code(page) if re.fullmatch(r"[\w/-]+(\.py|/)", code)]
    assert len(wanted) > 90
    there = (ROOT / "turbo_forecast", ROOT)
    assert [each for each in wanted if not any((folder / each).exists() for folder in there)] == []


def test_every_extra_that_is_for_users_is_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    table = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").partition("| extra | for |")[2]
    explained = re.findall(r"^\| `(\w+)` \|", table.partition("\n\n")[0], re.MULTILINE)
    assert set(explained) == set(project["optional-dependencies"]) - {"dev", "bench"}


@every_page
def test_every_block_says_its_language_and_is_of_it(page: Path) -> None:
    for block in blocks(page):
        assert block.language in CHECKED, f"{block}: a block says what it is: {', '.join(CHECKED)}"
        CHECKED[block.language](block)


def nothing_to_check(block: Block) -> None:
    """What programs print, which a test of that program knows; commands, which have a test above."""


def compiles_and_imports(block: Block) -> None:
    """Python: it compiles, and what it takes from this package is there."""
    tree = ast.parse(block.text, str(block))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "turbo_forecast":
            module = import_module(node.module)
            missing = [each.name for each in node.names if not hasattr(module, each.name)]
            assert not missing or find_spec(f"{node.module}.{missing[0]}"), (
                f"{block}: {node.module} has no {missing[0]}"
            )


def is_settings(block: Block) -> None:
    """YAML: options that the settings file takes; an indented block goes on with the source of the block before it."""
    content = yaml.safe_load(block.text)
    if "ops" in content:
        return is_a_jobs_configuration(content, block)
    if block.indented:
        before = [each for each in blocks(block.page, "yaml") if each.line < block.line and not each.indented][-1]
        sources = yaml.safe_load(before.text)["sources"]
        content = {"sources": {name: {**options, **content} for name, options in sources.items()}}
    for name, options in Settings.model_validate(content).sources.items():
        source_of(name, options)
    return None


def is_a_jobs_configuration(content: dict[str, dict[str, dict[str, object]]], block: Block) -> None:
    """Launchpad: a configuration that the job takes."""
    import dagster as dg

    from turbo_forecast.defs.old_runs import remove_old_runs

    assert set(content["ops"]) == {node.name for node in remove_old_runs.nodes}, block
    assert dg.validate_run_config(remove_old_runs, content)


def is_prepared(block: Block) -> None:
    """SQL: each statement can be prepared against the product's tables, as a warehouse and as published views."""
    if any(block.text.startswith(start) for start in OF_OTHERS):
        return
    with duckdb.connect() as con:
        con.execute("ATTACH ':memory:' AS published")
        for catalog in ("memory", "published"):
            con.execute(f"USE {catalog}")
            for table in vars(schemas).values():
                if isinstance(table, Table):
                    con.execute(table.ddl())
        con.execute("USE memory")
        for statement in con.extract_statements(block.text):
            if statement.type != duckdb.StatementType.ATTACH:
                con.execute(f"EXPLAIN {statement.query}")


def is_plans(block: Block) -> None:
    """CSV: rows of planned changes, as they are read."""
    assert len(plans_of_text(block.text)) == len(block.text.splitlines()) - 1


def is_toml(block: Block) -> None:
    """TOML: it can be read."""
    tomllib.loads(block.text)


CHECKED: dict[str, Callable[[Block], None]] = {
    **dict.fromkeys(("sh", "bash", "console", "text", "nginx"), nothing_to_check),
    "python": compiles_and_imports,
    "yaml": is_settings,
    "sql": is_prepared,
    "csv": is_plans,
    "toml": is_toml,
}
"""By language of a block: what must be true of it."""
