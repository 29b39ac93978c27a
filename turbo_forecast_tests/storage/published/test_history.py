"""The history of all series is published once for each base table, sorted, whatever order the warehouse keeps it in."""

from datetime import date
from itertools import pairwise
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turbo_forecast.errors import StorageError
from turbo_forecast.schemas import BASE_TABLE
from turbo_forecast.storage.published import history
from turbo_forecast.storage.published.history import publish_history
from turbo_forecast.storage.published.reading import Published
from turbo_forecast.storage.warehouse import transaction
from turbo_forecast_tests.storage.published import made

Row = tuple[str, str, date, float]


def publish(data: Path, rows: list[Row] | None = None) -> Path:
    """Publish these rows as what was read last, or what is there; returns the file."""
    with duckdb.connect(str(data / "warehouse.duckdb")) as con, transaction(con):
        con.execute(BASE_TABLE.ddl())
        if rows is not None:
            made.observe(con, rows)
        publish_history(con, data)
        assert con.execute("SELECT 1").fetchall() == [(1,)], "the connection can go on"
    return Published(data).history_file()


def stored(path: Path) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in pq.read_table(path).to_pylist()]


ROWS: list[Row] = [
    ("b", "cpu", date(2025, 1, 2), 2.0),
    ("a", "cpu", date(2025, 1, 2), 3.0),
    ("b", "cpu", date(2025, 1, 1), 1.0),
    ("a", "Memory", date(2025, 1, 9), 4.0),
    ("Ä", "cpu", date(2025, 1, 1), 5.0),
]


def test_rows_that_lie_in_another_order_are_published_sorted(tmp_path: Path) -> None:
    assert stored(publish(tmp_path, ROWS)) == sorted(ROWS)
    manifest = Published(tmp_path).history()
    assert manifest is not None
    assert (manifest.rows, manifest.series) == (5, 4)
    assert (manifest.first_day, manifest.last_day) == (date(2025, 1, 1), date(2025, 1, 9))


@settings(max_examples=30, deadline=None)
@given(
    rows=st.dictionaries(
        st.tuples(
            st.text(max_size=3), st.sampled_from(["cpu", "memory"]), st.dates(date(2020, 1, 1), date(2026, 1, 1))
        ),
        st.floats(0, 100),
        max_size=30,
    ),
    batch=st.integers(1, 5),
)
def test_whatever_was_observed_and_however_it_is_read_it_is_published_sorted(
    rows: dict[tuple[str, str, date], float], batch: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = tmp_path_factory.mktemp("history")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(history, "BATCH", batch)
        path = publish(data, [(*key, y) for key, y in rows.items()])
    expected = sorted(((*key, y) for key, y in rows.items()), key=lambda row: (row[0].encode(), row[1], row[2]))
    assert stored(path) == expected


def test_the_same_telemetry_read_again_is_not_published_again_and_other_telemetry_is(tmp_path: Path) -> None:
    first = publish(tmp_path, ROWS)
    assert publish(tmp_path) == first
    assert publish(tmp_path, list(reversed(ROWS))) == first, "the same rows in another order say the same"
    other = publish(tmp_path, [*ROWS[:-1], (*ROWS[-1][:3], 6.0)])
    assert other != first
    assert stored(other)[-1][-1] == 6.0
    assert first.exists(), "somebody may be reading it"
    third = publish(tmp_path, ROWS)
    assert sorted(path.name for path in third.parent.iterdir()) == sorted([other.name, third.name, "manifest.json"])


def test_a_history_whose_file_is_gone_or_whose_manifest_is_damaged_is_published_again(tmp_path: Path) -> None:
    first = publish(tmp_path, ROWS)
    first.unlink()
    second = publish(tmp_path)
    assert stored(second) == sorted(ROWS)
    (second.parent / "manifest.json").write_text("{")
    assert stored(publish(tmp_path)) == sorted(ROWS)


def test_where_no_telemetry_was_ever_read_that_is_said(tmp_path: Path) -> None:
    with (
        duckdb.connect() as con,
        pytest.raises(StorageError, match="there is no base_table in the warehouse to be published"),
    ):
        publish_history(con, tmp_path)


def test_one_series_is_in_one_row_group_or_two(tmp_path: Path) -> None:
    """Row groups that overlapped would all be read for one series."""
    rows = [(f"h{host:03d}", "cpu", date.fromordinal(735000 + day), 1.0) for host in range(200) for day in range(1000)]
    groups = pq.ParquetFile(publish(tmp_path, rows)).metadata
    spans = [groups.row_group(i).column(0).statistics for i in range(groups.num_row_groups)]
    assert groups.num_row_groups >= 3
    assert all(before.max <= after.min for before, after in pairwise(spans))
