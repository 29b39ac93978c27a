"""What is published is compared with what is stored: every difference is named, and what may change after is none."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from turbo_forecast.schemas import FORECAST_PARQUET, MONTH_STEPS, MONTHS, RUN_AUDIT
from turbo_forecast.storage.published.comparison import Comparison, compare
from turbo_forecast.storage.published.layout import FILES, PUBLISHED, TABLES
from turbo_forecast.storage.published.reading import Published
from turbo_forecast_tests.one_duckdb import opened
from turbo_forecast_tests.storage.published import made

NAMES = [table.name for table in TABLES]


def found(data: Path) -> Comparison:
    with opened(data / "warehouse.duckdb") as con:
        return compare(con, data, made.CUTOFF, made.ASSET)


def named(data: Path) -> set[str]:
    return {name for name, _ in found(data).faults}


def rewrite(path: Path, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """Another file in the place of a published one: the stored file, which may be the same, stays."""
    rows = change(pl.read_parquet(path, glob=False))
    path.unlink()
    rows.write_parquet(path)


def test_a_month_that_was_just_published_has_no_fault_and_everything_was_compared(data: Path) -> None:
    healthy = found(data)
    assert healthy.faults == []
    assert healthy.published
    assert healthy.compared == len(PUBLISHED) + len(["manifest", "history", "views"])


@pytest.mark.sweep(keep=5)
@pytest.mark.parametrize("name", NAMES)
def test_a_row_that_is_published_twice_or_not_at_all_or_altered_is_found_whatever_the_table(
    name: str, data: Path
) -> None:
    path = Published(data).month("2025-12").version / f"{name}.parquet"
    content = path.read_bytes()
    last = pl.int_range(pl.len()) == pl.len() - 1
    altered = next(c.name for c in {t.name: t for t in TABLES}[name].columns if c.name not in {"cutoff", "state"})
    for change in (
        lambda rows: pl.concat([rows, rows.head(1)]),
        lambda rows: rows.slice(1),
        lambda rows: rows.with_columns(pl.when(last).then(None).otherwise(pl.col(altered)).alias(altered)),
    ):
        rewrite(path, change)
        assert named(data) == {name}
        path.write_bytes(content)
    assert named(data) == set()


@pytest.mark.sweep(keep=5)
@pytest.mark.parametrize(
    "table", [table for table in TABLES if table not in made.OWN_STATE], ids=lambda table: table.name
)
def test_a_row_that_is_stored_since_is_found(table, data: Path) -> None:
    made.sql(data, f"INSERT INTO {table.name} FROM {table.name} WHERE cutoff = '2025-12-31' LIMIT 1")
    ((name, fault),) = found(data).faults
    assert (name, fault) == (table.name, "6 rows are published, where 7 are stored")
    made.publish(data)
    assert named(data) == set()


def test_what_a_check_or_a_scenario_changes_after_the_publication_is_no_fault(data: Path) -> None:
    made.sql(
        data, "UPDATE months SET state = 'failed', reached = 'champions.x', run_id = 'checker' WHERE month = '2025-12'"
    )
    made.sql(data, "UPDATE month_steps SET result = 'failed', recorded_at = now() WHERE check_name != ''")
    made.sql(data, "INSERT INTO run_audit BY NAME SELECT * REPLACE ('scenario_outlook' AS asset) FROM run_audit")
    assert named(data) == set()


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("UPDATE months SET finished_at = NULL WHERE month = '2025-12'", MONTHS),
        ("DELETE FROM month_steps WHERE asset = 'champions'", MONTH_STEPS),
        ("UPDATE run_audit SET seconds = 77 WHERE asset = 'champions'", RUN_AUDIT),
    ],
    ids=["months", "month_steps", "run_audit"],
)
def test_a_part_that_is_stored_again_makes_the_publication_old(statement: str, table, data: Path) -> None:
    made.sql(data, statement)
    assert table.name in named(data)


@pytest.mark.parametrize("table", FILES, ids=lambda table: table.name)
def test_a_file_with_other_bytes_than_the_stored_one_is_found_and_a_copy_is_none(table, data: Path) -> None:
    stored, path = data / table.name / "2025-12.parquet", Published(data).month("2025-12").path(table)
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    assert not path.samefile(stored)
    assert named(data) == set()
    rewrite(path, lambda rows: rows.reverse())
    ((name, fault),) = found(data).faults
    assert name == table.name
    assert "has other bytes than" in fault
    path.write_bytes(content[:-9])
    assert "cannot be read" in found(data).faults[0][1]
    path.unlink()
    assert "cannot be read" in found(data).faults[0][1]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("run_id", "other", "it names the run other, where 12345678-run is recorded to have published"),
        ("base_table_digest", "d", "it has base_table_digest d, where the warehouse has "),
        ("config_hash", "c", "it has config_hash c, where the warehouse has hash"),
        ("finished_at", None, "it has finished_at None, where the warehouse has 2026-01-02 03:04:05"),
    ],
)
def test_a_manifest_of_another_run_or_month_is_found(field: str, value: object, said: str, data: Path) -> None:
    path = data / "published" / "2025-12" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    faults = dict(found(data).faults)
    assert faults["manifest.json"].startswith(said)


def test_a_manifest_that_says_other_sizes_than_the_files_have_is_found(data: Path) -> None:
    path = data / "published" / "2025-12" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"]["champions"]["rows"] = 5
    manifest["files"][FORECAST_PARQUET.name]["bytes"] += 1
    path.write_text(json.dumps(manifest))
    assert named(data) == {"champions", FORECAST_PARQUET.name}


def test_a_manifest_that_is_damaged_or_lost_is_a_fault_and_a_month_that_was_never_published_is_none(data: Path) -> None:
    path = data / "published" / "2025-12" / "manifest.json"
    path.write_text("{")
    ((name, fault),) = found(data).faults
    assert name == "manifest.json"
    assert "is damaged" in fault
    path.unlink()
    ((name, fault),) = found(data).faults
    assert "has no published month 2025-12" in fault
    made.sql(data, f"DELETE FROM run_audit WHERE asset = '{made.ASSET}'")
    never = found(data)
    assert (never.published, never.compared, never.faults) == (False, 0, [])


def test_a_history_of_other_days_is_found_and_later_days_are_no_fault(data: Path) -> None:
    path = Published(data).history_file()
    content = path.read_bytes()
    rewrite(path, lambda rows: pl.concat([rows, rows.tail(1).with_columns(ds=pl.date(2026, 3, 1))]))
    assert named(data) == set()
    path.write_bytes(content)
    rewrite(path, lambda rows: rows.with_columns(y=pl.when(pl.int_range(pl.len()) == 7).then(50.5).otherwise("y")))
    assert named(data) == {"base_table"}
    path.unlink()
    assert named(data) == {"base_table"}


def test_views_of_an_older_version_or_of_another_folder_are_found(data: Path, made_months: Path) -> None:
    views = data / "published" / "turbo_forecast.duckdb"
    old = views.read_bytes()
    made.publish(data, run_id="another-run")
    assert named(data) == set()
    views.write_bytes(old)
    ((_, fault),) = found(data).faults
    assert re.search(r"does not show what is published of \w+, \w+, \w+$", fault), fault
    views.write_bytes((made_months / "published" / "turbo_forecast.duckdb").read_bytes())
    assert named(data) == {"turbo_forecast.duckdb"}
    views.write_text("no database")
    assert "cannot be read" in found(data).faults[0][1]
    views.unlink()
    assert found(data).faults[0][1] == f"{views} is not there"
