"""The examples of README, CONTRIBUTING and docs/library.md do what they say, run as they stand."""

import re
from datetime import date
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import dagster as dg
import duckdb
import numpy as np
import polars as pl
import pytest

import turbo_forecast
from turbo_forecast import FleetResult, schemas
from turbo_forecast.defs.checks import month_checks
from turbo_forecast.defs.checks import statements as check_files
from turbo_forecast.defs.checks.expectations import validate
from turbo_forecast.models.protocol import Window
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.storage.months import steps_of
from turbo_forecast_tests.documents.pages import ROOT, Block, blocks

LIBRARY, CONTRIBUTING = ROOT / "docs" / "library.md", ROOT / "CONTRIBUTING.md"
QUICK = {"entrants": ["recent_level", "seasonal_naive"], "train_months": 14, "folds": 1, "workers": 1}
"""What the example's call is given beside its own arguments, so that it takes a second."""


def run(block: Block, **names: object) -> dict[str, Any]:
    """What the example has defined, with these names there before."""
    exec(compile(block.text, str(block), "exec"), names)
    return names


def example(language: str, start: str) -> Block:
    """The block of CONTRIBUTING that begins so."""
    [found] = [block for block in blocks(CONTRIBUTING, language) if block.text.startswith(start)]
    return found


@pytest.fixture(scope="module")
def library_names() -> dict[str, Any]:
    """What the example of docs/library.md has defined."""
    [block] = blocks(LIBRARY, "python")
    quick = partial(turbo_forecast.forecast_fleet, **QUICK, log=lambda line: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(turbo_forecast, "forecast_fleet", quick)
        return run(block)


def test_the_library_example_runs_as_it_stands(library_names: dict[str, Any]) -> None:
    published = library_names["result"].published
    assert published.filter(pl.col("phase") == "forecast").height == 181, "the days of January to June"
    future = library_names["model"].make_future_dataframe(181)
    assert len(future) == library_names["base"].height + 181


def test_the_readmes_library_example_is_a_part_of_that_one() -> None:
    [short], [whole] = (blocks(page, "python") for page in (ROOT / "README.md", LIBRARY))
    assert set(short.text.splitlines()) <= set(whole.text.splitlines())


def test_the_readmes_library_example_runs_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    [block] = blocks(ROOT / "README.md", "python")
    asked: list[tuple[pl.DataFrame, date]] = []

    def noted(base: pl.DataFrame, cutoff: date) -> SimpleNamespace:
        asked.append((base, cutoff))
        return SimpleNamespace(published=None)

    monkeypatch.setattr(turbo_forecast, "forecast_fleet", noted)
    run(block)
    [(base, cutoff)] = asked
    assert cutoff == date(2025, 12, 31)
    assert base.height == 366 + 365
    assert set(base.columns) == {"host_id", "resource", "ds", "y"}


def test_every_field_of_a_result_has_its_table_on_the_page(library_names: dict[str, Any]) -> None:
    table = LIBRARY.read_text(encoding="utf-8").partition("| field | table | a row is |\n")[2].partition("\n\n")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| `(\w+)` \|", table, re.MULTILINE))
    assert set(rows) == set(FleetResult.frames())
    result = library_names["result"]
    for field, name in rows.items():
        assert getattr(result, field).columns == getattr(schemas, name.upper()).names, field


def test_the_entrant_of_ten_lines_forecasts_the_last_value() -> None:
    module = ModuleType("last_value")
    exec(compile(example("python", "# turbo_forecast/models").text, "last_value", "exec"), vars(module))
    window = Window(np.array([0, 1, 3]), np.array([10.0, 20.0, 35.0]), np.array([5, 6]), seed=0)
    answer = module.build(ForecastSettings()).forecast(window)
    assert answer.yhat.tolist() == [35.0, 35.0]
    assert (answer.lower.tolist(), answer.upper.tolist()) == ([25.0, 25.0], [45.0, 45.0])


def test_the_check_of_the_page_finds_the_champion_whose_error_is_impossible(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for registry, empty in (("EXPECTATIONS", {}), ("BLOCKING", set())):
        monkeypatch.setattr(month_checks, registry, empty)
    expectation = run(example("python", "# in turbo_forecast/defs/checks"))["POSSIBLE"]
    assert {("champions", expectation.name)} == month_checks.BLOCKING, "by default it blocks"
    (tmp_path / f"{expectation.name}.sql").write_text(example("sql", "-- name: total").text)
    monkeypatch.setattr(check_files, "_SQL", tmp_path)
    rows = {"host_id": ["a", "b", "c", "d"], "resource": ["cpu"] * 4, "model": ["m"] * 4}
    with duckdb.connect() as con:
        con.register("stored", pl.DataFrame({**rows, "fold_mae": [0.0, 101.0, None, 100.0]}).to_arrow())
        found = validate(con, expectation, {"stored": "stored", "series": "host_id, resource"})
    assert found.total == 3, "one has no fold"
    assert found.failing_rows.rows() == [("b", "cpu", "m", 101.0)]


def test_the_table_of_the_page_is_a_step_of_the_month_that_counts_champions(monkeypatch: pytest.MonkeyPatch) -> None:
    from turbo_forecast.defs import catalog

    monkeypatch.setattr(catalog, "long_text", lambda name: f"**A row** is one of {name}.")
    with pytest.MonkeyPatch.context() as patch:
        made_by: list[Any] = []
        patch.setattr("turbo_forecast.defs.month_table.month_table", lambda *asked: lambda make: made_by.append(make))
        run(example("python", "# 1. in turbo_forecast/schemas"))
    names = run(example("python", "# 1. in turbo_forecast/schemas"))
    table, asset = names["BUSIEST_HOSTS"], names["busiest_hosts"]
    assert isinstance(asset, dg.AssetsDefinition)
    (spec,) = asset.specs
    assert [dep.asset_key.to_user_string() for dep in spec.deps] == ["champions"]
    order = list(steps_of([*(getattr(schemas, name) for name in schemas.__all__), table]))
    assert order.index("champions") < order.index("busiest_hosts")
    champions = pl.DataFrame({"cutoff": [date(2025, 12, 31)] * 3, "host_id": ["a", "a", "b"]})
    [make] = made_by
    rows = make(SimpleNamespace(made=lambda asked: champions.lazy())).collect()
    assert sorted(table.conform(rows).rows()) == [(date(2025, 12, 31), "a", 2), (date(2025, 12, 31), "b", 1)]
