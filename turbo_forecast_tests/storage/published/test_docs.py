"""What docs/published.md says is so: its code runs, and its lists are those of the program."""

import re
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pytest

from turbo_forecast.storage.published.layout import GROUP_RUN, HISTORY, MANIFEST, RUN, SQL, STATES
from turbo_forecast.storage.published.manifest import MonthManifest, PublishedFile
from turbo_forecast.storage.published.reading import Published
from turbo_forecast.storage.warehouse import LOCK_PATIENCE_SECONDS
from turbo_forecast_tests.documents.pages import ROOT, blocks
from turbo_forecast_tests.storage.published import made

PAGE = ROOT / "docs" / "published.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = [(block.language, block.text) for block in blocks(PAGE, "python", "sql")]


@pytest.mark.parametrize("at", range(len(BLOCKS)))
def test_every_example_runs_on_a_month_and_finds_its_rows(at: int, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data.parent)
    language, code = BLOCKS[at]
    if language == "sql":
        made.sql(data, "UPDATE capacity_outlook SET state = 'expected'")
        made.publish(data)
        with duckdb.connect() as con:
            assert con.execute(code).fetchall() == [(made.CUTOFF, len(made.HOSTS))]
        return
    names: dict[str, object] = {}
    exec(code, names)
    if "publish_views" not in names:
        outlook = names["outlook"]
        assert isinstance(outlook, pl.DataFrame | pd.DataFrame)
        assert sorted(outlook["host_id"]) == sorted(made.HOSTS)
    if "history" in names:
        assert len(names["rows"]) == 1  # type: ignore[arg-type]
        assert len(names["history"]) == 40  # type: ignore[arg-type]


def test_there_are_examples_for_polars_duckdb_pandas_and_of_three_lines() -> None:
    of = dict(re.findall(r"^## In (\w+)\n```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL))
    assert {name: len(of[name].splitlines()) for name in ("Polars", "DuckDB", "pandas")} == dict.fromkeys(
        ("Polars", "DuckDB", "pandas"), 3
    )


def test_after_a_folder_was_moved_the_views_follow_when_they_are_made_again(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = data.parent / "elsewhere" / "data"
    moved.parent.mkdir()
    data.rename(moved)
    monkeypatch.chdir(moved.parent)
    count = "SELECT count(*) FROM champions"
    with duckdb.connect(str(moved / "published" / SQL), read_only=True) as con, pytest.raises(duckdb.IOException):
        con.execute(count)
    assert len(Published(moved).months()) == 2
    exec(BLOCKS[-1][1], {})
    with duckdb.connect(str(moved / "published" / SQL), read_only=True) as con:
        assert con.execute(count).fetchall() == [(2 * len(made.HOSTS),)]


def test_the_names_of_files_and_of_the_manifests_fields_are_the_programs() -> None:
    for name in (MANIFEST, STATES, SQL, f"{HISTORY}/", f"{RUN}/", f"{GROUP_RUN}/"):
        assert name in TEXT
    told = set(
        re.findall(r"`(\w+)`", TEXT[TEXT.index("| field | is |") : TEXT.index("A version that has been replaced")])
    )
    assert told - set(PublishedFile.model_fields) - {"months"} == set(MonthManifest.model_fields)
    assert LOCK_PATIENCE_SECONDS == 10, "a step waits ten seconds"
