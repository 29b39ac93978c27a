"""A landed file that is not what its manifest says is found, whatever was done to it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from turbo_forecast.landing.verification import faults, missing_between
from turbo_forecast.sources.protocol import ROWS
from turbo_forecast.storage.landed import METADATA_KEY, landed_files, landed_months
from turbo_forecast_tests.landing.conftest import Shop


@pytest.fixture
def file(shop: Shop) -> Path:
    shop.fill("2025-12", range(1, 32))
    shop.land("2025-12")
    [path] = landed_files(shop.data)
    assert list(faults(path)) == []
    return path


def rewritten(path: Path, change: Callable[[pl.DataFrame], pl.DataFrame]) -> list[str]:
    """What is found after somebody has changed the rows, and kept the manifest."""
    manifest = {METADATA_KEY: pq.read_metadata(path).metadata[METADATA_KEY]}
    changed = change(pl.read_parquet(path)).to_arrow()
    rows = changed.cast(ROWS) if changed.schema.names == ROWS.names else changed
    pq.write_table(rows.replace_schema_metadata(manifest), path)
    return list(faults(path))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows.head(61), "it has 61 rows, and its manifest says 62"),
        (lambda rows: rows.with_columns(value=pl.col("value") + 1e-12), "their digest is another"),
        (lambda rows: rows.with_columns(labels=pl.lit("{}")), "their digest is another"),
        (lambda rows: rows.with_columns(host_id=pl.col("host_id").replace("a", "c")), "their digest is another"),
        (lambda rows: rows.reverse(), "their digest is another"),
        (lambda rows: rows.sort("timestamp"), "it has 62 series in a row, and its manifest says 2"),
        (lambda rows: pl.concat([rows.head(1), rows.head(61)]), "1 of its rows are of the same series and moment as another"),
        (
            lambda rows: rows.with_columns(pl.col("timestamp") + timedelta(days=5)),
            "it has rows outside of its window, from 2025-12-06 12:00:00+00:00 to 2026-01-05 12:00:00+00:00",
        ),
        (lambda rows: rows.drop("labels"), "it has other columns than host_id, resource, timestamp, value, labels"),
    ],
)  # fmt: skip
def test_changed_rows_are_found(file: Path, change: Callable[[pl.DataFrame], pl.DataFrame], said: str) -> None:
    assert any(said in fault for fault in rewritten(file, change))


def test_the_same_rows_written_by_another_program_are_the_same(file: Path) -> None:
    assert rewritten(file, lambda rows: rows) == []
    table = pq.read_table(file)
    table = table.replace_schema_metadata({METADATA_KEY: pq.read_metadata(file).metadata[METADATA_KEY]})
    pq.write_table(table, file, row_group_size=7, compression="snappy", use_dictionary=False)
    assert list(faults(file)) == []


@pytest.mark.parametrize("cut", [1, 100, 2000])
def test_a_file_that_is_cut_off_is_found(file: Path, cut: int) -> None:
    file.write_bytes(file.read_bytes()[:-cut])
    [fault] = faults(file)
    assert f"{file} is no landed month, or is damaged" in fault


def test_bytes_that_changed_in_the_middle_are_found(file: Path) -> None:
    content = bytearray(file.read_bytes())
    for at in range(4, 400):
        content[at] ^= 0xFF
    file.write_bytes(bytes(content))
    assert list(faults(file))


def test_a_file_under_another_name_is_found(file: Path) -> None:
    moved = file.rename(file.with_name("2025-11.parquet"))
    assert list(faults(moved)) == ["it is of month 2025-12 of source shop"]


def test_a_file_that_is_parquet_and_was_not_landed_is_found(file: Path) -> None:
    pq.write_table(pa.table({"host_id": ["a"]}), file)
    [fault] = faults(file)
    assert "is no landed month" in fault


def test_months_without_a_file_between_others_are_missing(shop: Shop) -> None:
    shop.now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for month in ("2025-10", "2026-01", "2026-02"):
        shop.fill(month, [1, 2])
    shop.land("2025-09", "2025-10", "2025-11", "2025-12", "2026-01", "2026-02")
    assert missing_between(landed_months(shop.data)) == [("shop", "2025-11"), ("shop", "2025-12")]
    assert missing_between([]) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rows": "62"}, "rows of its manifest is not of type int"),
        ({"complete": 1}, "complete of its manifest is not of type bool"),
        ({"query": []}, "query of its manifest is not of type dict"),
        ({"start": "2025-12-01T00:00:00"}, "start of its manifest is of no zone"),
        ({"end": None}, "is no landed month"),
        ({"more": 1}, "is no landed month"),
        ({"zone": "Mars/Olympus"}, "there is no month 2025-12 of Mars/Olympus, as its manifest says"),
        ({"zone": "Europe/Berlin"}, "its window is not month 2025-12 of Europe/Berlin"),
    ],
)
def test_a_manifest_that_is_none_is_found(file: Path, change: dict[str, object], said: str) -> None:
    told = json.loads(pq.read_metadata(file).metadata[METADATA_KEY])
    table = pq.read_table(file).replace_schema_metadata({METADATA_KEY: json.dumps({**told, **change}).encode()})
    pq.write_table(table, file)
    [fault] = faults(file)
    assert said in fault
