"""The store gives every worker the same series by position, whatever pieces they were written in."""

import json
import tracemalloc
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turbo_forecast.errors import StorageError
from turbo_forecast.fleet import store as stores
from turbo_forecast.fleet.store import ABOUT, SCHEMA, SeriesStore, batch_name, separate_batches, write_store


def series(total: int) -> pa.Table:
    """Series n has n % 5 days, from day n on, whose values are n, n + 0.5, …"""
    days = [[n + at for at in range(n % 5)] for n in range(total)]
    columns = {
        "host_id": [f"host-{n:05d}" for n in range(total)],
        "resource": ["cpu" if n % 2 else "mem" for n in range(total)],
        "days": days,
        "y": [[n + 0.5 * at for at in range(len(own))] for n, own in enumerate(days)],
    }
    return pa.table(columns, schema=SCHEMA)


@pytest.mark.parametrize("total", [0, 1, 1023, 1024, 1025, 3000])
def test_every_series_is_found_by_its_position(total: int, tmp_path: Path) -> None:
    store = SeriesStore(write_store(series(total), tmp_path / "series.arrow"))
    assert len(store) == total
    for n in {*range(0, total, 97), *range(max(0, total - 3), total)}:
        found = store[n]
        assert (found.index, found.host_id, found.resource) == (n, f"host-{n:05d}", "cpu" if n % 2 else "mem")
        assert found.days.dtype == np.int64
        assert found.days.tolist() == [n + at for at in range(n % 5)]
        assert found.y.tolist() == [n + 0.5 * at for at in range(n % 5)]
        with pytest.raises(ValueError, match="read-only"):
            found.days[:] = 0
        with pytest.raises(ValueError, match="read-only"):
            found.y[:] = 0
    assert store.names().column("host_id").to_pylist() == [f"host-{n:05d}" for n in range(total)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=12), st.booleans())
def test_the_file_is_the_same_in_whatever_pieces_the_series_come(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], wide: bool
) -> None:
    folder = tmp_path_factory.mktemp("stores")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stores, "BATCH_SERIES", 16)
        whole = series(100)
        at, pieces = 0, []
        for cut in [*cuts, 100]:
            piece = whole.slice(at, cut)
            pieces.append(piece if not wide else pl.DataFrame(pl.from_arrow(piece)).to_arrow())
            at += cut
        one = write_store(whole, folder / "one.arrow").read_bytes()
        assert write_store(iter(pieces), folder / "many.arrow").read_bytes() == one
        assert SeriesStore(folder / "many.arrow").digest() == SeriesStore(folder / "one.arrow").digest()


def test_reading_a_series_copies_neither_the_file_nor_its_batch(tmp_path: Path) -> None:
    days = pa.LargeListArray.from_arrays(np.array([0, 1_000_000, 2_000_000]), np.arange(2_000_000, dtype=np.int32))
    y = pa.LargeListArray.from_arrays(np.array([0, 1_000_000, 2_000_000]), np.arange(2_000_000, dtype=float))
    table = pa.table([pa.array(["a", "b"]), pa.array(["cpu", "cpu"]), days, y], schema=SCHEMA)
    write_store(table, tmp_path / "series.arrow")
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    store = SeriesStore(tmp_path / "series.arrow")
    values = store[1].y
    assert tracemalloc.get_traced_memory()[0] < 9_000_000, "the days, as 64-bit numbers, and nothing else of that size"
    tracemalloc.stop()
    assert pa.total_allocated_bytes() - before < 100_000
    assert not values.flags.owndata
    assert values[-1] == 1_999_999


def test_a_store_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="file/series.arrow cannot be written"):
        write_store(series(3), tmp_path / "file" / "series.arrow")


def test_what_lies_before_the_history_months_is_kept_apart(tmp_path: Path) -> None:
    """Series 4 has days 4 to 7 (since 1970), values 4 to 5.5; history months that begin on day 6 split them."""
    path = write_store(series(5), tmp_path / "series.arrow", history_start=date(1970, 1, 7))
    found = SeriesStore(path)[4]
    assert (found.days.tolist(), found.y.tolist()) == ([6, 7], [5.0, 5.5])
    assert (found.earlier_days.tolist(), found.earlier_y.tolist()) == ([4, 5], [4.0, 4.5])
    older = SeriesStore(path)[3]  # days 3 to 5: nothing in the history months
    assert (older.days.size, older.earlier_days.tolist()) == (0, [3, 4, 5])
    whole = SeriesStore(write_store(series(5), tmp_path / "whole.arrow"))[4]
    assert (whole.days.tolist(), whole.earlier_days.size) == ([4, 5, 6, 7], 0)


@pytest.fixture
def batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[SeriesStore, Path]:
    """A store of 40 series in batches of 16, and the folder of its batches."""
    monkeypatch.setattr(stores, "BATCH_SERIES", 16)
    path = write_store(series(40), tmp_path / "series.arrow", history_start=date(1970, 1, 7))
    about, files = separate_batches(path)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / ABOUT).write_text(json.dumps(about))
    for name, content in files:
        (folder / name).write_bytes(content)
    return SeriesStore(path), folder


def test_a_folder_of_batches_is_the_same_store(batches: tuple[SeriesStore, Path]) -> None:
    store, folder = batches
    found = SeriesStore(folder)
    assert (len(found), found.digest()) == (40, store.digest())
    assert found.names().equals(store.names())
    for n in range(40):
        one, other = store[n], found[n]
        assert (one.index, one.host_id, one.resource) == (other.index, other.host_id, other.resource)
        for name in ("days", "y", "earlier_days", "earlier_y"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_only_the_batches_that_are_asked_for_need_be_there(batches: tuple[SeriesStore, Path]) -> None:
    _, folder = batches
    for number in (0, 2):
        (folder / batch_name(number)).unlink()
    found = SeriesStore(folder)
    assert [*found.batches(16, 32)] == [1]
    assert [*found.batches(15, 33)] == [0, 1, 2]
    assert found[20].host_id == "host-00020"
    assert found.names(17, 20)["host_id"].to_pylist() == ["host-00017", "host-00018", "host-00019"]
    with pytest.raises(StorageError, match="000002.arrow cannot be read"):
        found[32]
    with pytest.raises(IndexError):
        found[40]


@pytest.mark.parametrize(("lo", "hi"), [(0, 40), (0, 0), (3, 16), (15, 17), (39, 40), (40, 40)])
def test_names_of_a_span_are_a_slice_of_all(lo: int, hi: int, batches: tuple[SeriesStore, Path]) -> None:
    store, _ = batches
    assert store.names(lo, hi).equals(store.names().slice(lo, hi - lo))


def test_a_folder_that_does_not_say_what_it_holds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"about\.json cannot be read"):
        SeriesStore(tmp_path)
