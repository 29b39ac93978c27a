"""Blocks of rows: which days they hold, what is taken of them, and that pieces give each series once, however cut."""

from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turbo_forecast.errors import StorageError
from turbo_forecast.fleet.blocks import (
    TILING,
    Block,
    Pieces,
    WindowDays,
    merged,
    read_tiling,
    tiling,
    write_tiling,
)
from turbo_forecast.fleet.chunks import Span
from turbo_forecast.fleet.pieces import rows_table, write_piece
from turbo_forecast.settings import forecast_settings
from turbo_forecast.windows import BACKTEST, FORECAST, run_windows
from turbo_forecast_tests.conftest import CUTOFF
from turbo_forecast_tests.fleet.by_hand import SHORT

DAYS = WindowDays(run_windows(CUTOFF, forecast_settings(**SHORT)))
"""Fold 3: May and June 2025; fold 2: July and August; fold 1: September and October; then the backtest; to March 2026."""
LENGTHS = {3: [31, 30], 2: [31, 31], 1: [30, 31], BACKTEST: [30, 31], FORECAST: [31, 28, 31]}


def block_of(series: int, models: list[int], windows: tuple[int, ...] = (1, BACKTEST, FORECAST)) -> Block:
    """Values that tell entrant and day: 100 · entrant + day, bounds one below and two above."""
    size = sum(sum(LENGTHS[number]) for number in windows)
    yhat = (100 * np.array(models)[:, None] + np.arange(size)).astype(np.float32)
    return Block(series, np.array(models), windows, yhat, yhat - 1, yhat + 2)


def require_same(found: Block, expected: Block) -> None:
    assert (found.series, found.windows, found.models.tolist()) == (
        *(expected.series, expected.windows),
        expected.models.tolist(),
    )
    for name in ("yhat", "lower", "upper"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@pytest.mark.parametrize("windows", [(3, 2, 1, BACKTEST, FORECAST), (BACKTEST, FORECAST), (FORECAST,), (2, BACKTEST)])
def test_stretches_are_the_calendar_months_of_each_window(windows: tuple[int, ...]) -> None:
    found = DAYS.stretches(windows)
    lengths = [length for number in windows for length in LENGTHS[number]]
    assert found.sizes.tolist() == lengths
    assert found.starts.tolist() == np.cumsum([0, *lengths[:-1]]).tolist()
    assert found.windows.tolist() == [number for number in windows for _ in LENGTHS[number]]
    assert found.months.tolist() == [month for number in windows for month in range(1, len(LENGTHS[number]) + 1)]
    assert found.window.tolist() == np.repeat(found.windows, lengths).tolist()
    assert found.window[found.starts[found.window_starts]].tolist() == list(windows)
    first, last = (found.days[at].astype("datetime64[D]").astype(str) for at in (0, -1))
    starts = {3: "2025-05-01", 2: "2025-07-01", BACKTEST: "2025-11-01", FORECAST: "2026-01-01"}
    assert first == starts[windows[0]]
    assert last == ("2026-03-31" if windows[-1] == FORECAST else "2025-12-31")


def test_a_window_over_new_year_counts_its_months_on() -> None:
    days = WindowDays(run_windows(CUTOFF.replace(month=1), forecast_settings(**SHORT)))
    assert days.stretches((BACKTEST,)).months.tolist() == [1, 2]
    assert days.stretches((BACKTEST,)).sizes.tolist() == [31, 31]


def test_rows_of_further_entrants_stand_at_their_places_in_the_field() -> None:
    block, more = block_of(7, [1, 4, 5]), block_of(7, [0, 3])
    require_same(block.with_rows(more.models, more.yhat, more.lower, more.upper), block_of(7, [0, 1, 3, 4, 5]))


def test_rows_of_some_windows_are_those_of_their_days() -> None:
    found = block_of(0, [0, 2]).within(DAYS, (BACKTEST, FORECAST))
    assert found.windows == (BACKTEST, FORECAST)
    assert found.yhat[:, 0].tolist() == [61, 261]  # after the 61 days of fold 1
    assert found.yhat.shape == found.lower.shape == found.upper.shape == (2, 61 + 90)
    assert block_of(0, [1], (FORECAST,)).within(DAYS, (BACKTEST, FORECAST)).windows == (FORECAST,)


def test_the_rows_of_one_entrant_are_its_own_and_of_a_stranger_none() -> None:
    require_same(block_of(3, [1, 4]).of(4), block_of(3, [4]))
    assert block_of(3, [1, 4]).of(2).yhat.shape == (0, 212)


FIELD = 6
SERIES = st.lists(
    st.tuples(
        st.lists(st.integers(0, FIELD - 1), min_size=1, unique=True).map(sorted),
        st.sampled_from([(3, 2, 1, BACKTEST, FORECAST), (1, BACKTEST, FORECAST), (FORECAST,)]),
    )
    | st.none(),
    min_size=1,
    max_size=12,
)
"""Entrants and windows of each series; None for one that has no rows."""


@settings(deadline=None)  # it writes files, and the disk may be busy
@given(series=SERIES, data=st.data())
def test_pieces_give_every_series_once_however_they_were_cut(series: list, data: st.DataObject) -> None:
    blocks = [block_of(index, *made) for index, made in enumerate(series) if made is not None]
    ends = st.lists(st.integers(1, len(series)), max_size=4)
    with TemporaryDirectory() as name:
        folder = Path(name)
        for _ in range(data.draw(st.integers(1, 2))):  # a second attempt may have cut them otherwise: spans overlap
            for span in spans_of(sorted({0, len(series), *data.draw(ends)})):
                write_rows(folder, span, blocks)
        pieces = Pieces(folder, len(series), "rows")
        lo = data.draw(st.integers(0, len(series) - 1))
        within = Span(lo, data.draw(st.integers(lo + 1, len(series))))
        found = list(pieces.blocks(within))
        expected = [block for block in blocks if within.lo <= block.series < within.hi]
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            require_same(one, other)
        entries = sum(len(table) for table in pieces.tables("rows"))
        assert entries == sum(len(block.models) * len(block.windows) for block in blocks)


def spans_of(ends: list[int]) -> list[Span]:
    return [Span(lo, hi) for lo, hi in pairwise(ends)]


def write_rows(folder: Path, span: Span, blocks: list[Block]) -> None:
    own = [block for block in blocks if span.lo <= block.series < span.hi]
    write_piece(folder, span.stem, "rows", rows_table(entry for block in own for entry in block.entries(DAYS)))


@pytest.mark.parametrize(
    ("spans", "total", "lost"),
    [([], 3, 1), ([Span(0, 2)], 3, 3), ([Span(1, 3)], 3, 1), ([Span(0, 2), Span(3, 5)], 5, 3)],
)
def test_finished_spans_that_leave_a_gap_are_an_error_that_names_it(
    spans: list[Span], total: int, lost: int, tmp_path: Path
) -> None:
    for span in spans:
        write_rows(tmp_path, span, [])
    with pytest.raises(StorageError, match=f"has lost the results of series {lost} of {total}"):
        Pieces(tmp_path, total, "rows")


def test_of_overlapping_spans_each_series_is_taken_from_the_first_that_has_it(tmp_path: Path) -> None:
    for span in (Span(0, 4), Span(0, 6), Span(2, 8), Span(7, 9)):
        write_rows(tmp_path, span, [])
    assert tiling(tmp_path, 9, "rows") == [(Span(0, 6), 0), (Span(2, 8), 6), (Span(7, 9), 8)]


def test_an_empty_store_has_no_pieces(tmp_path: Path) -> None:
    assert list(Pieces(tmp_path, 0, "rows").blocks(Span(0, 0))) == []


@pytest.mark.parametrize("more", [[], [1], [0, 2, 3], [3]])
def test_blocks_are_merged_with_the_rows_that_others_have_of_the_same_series(more: list[int]) -> None:
    blocks = [block_of(series, [1, 2]) for series in (0, 1, 2, 3)]
    others = [block_of(series, [0]) for series in more]
    found = list(merged(blocks, others))
    assert [block.series for block in found] == [0, 1, 2, 3]
    for block in found:
        require_same(block, block_of(block.series, [0, 1, 2] if block.series in more else [1, 2]))


def test_a_worker_elsewhere_is_told_the_tiling_and_needs_only_the_pieces_it_reads(tmp_path: Path) -> None:
    assert read_tiling(tmp_path) is None
    with pytest.raises(StorageError, match="has lost the results of series 1 of 20"):
        tiling(tmp_path, 20, "outcomes")
    tiles = [(Span(0, 8), 0), (Span(4, 20), 8)]
    write_tiling(tmp_path, tiles)
    assert tiling(tmp_path, 20, "outcomes") == tiles
    (tmp_path / TILING).write_text("half a li")
    with pytest.raises(StorageError, match=rf"{TILING} cannot be read"):
        tiling(tmp_path, 20, "outcomes")
