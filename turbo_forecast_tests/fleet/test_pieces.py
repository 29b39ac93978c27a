"""The files workers leave: what is written is read again, each file whole or not at all."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turbo_forecast.errors import StorageError
from turbo_forecast.fleet import pieces
from turbo_forecast.fleet.pieces import (
    FORECAST_PIECES,
    OUTCOMES,
    ROWS,
    RUNS,
    piece,
    read_piece,
    rows_table,
    write_forecast,
    write_piece,
)
from turbo_forecast.windows import BACKTEST, FORECAST
from turbo_forecast_tests.fleet.by_hand import CHEAP, ByHand, by_hand
from turbo_forecast_tests.fleet.kinds import KINDS, fleet_of

STEM = "00000000-00000012"
CURSED = "turbo_forecast_tests.fleet.entrants:naive"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ByHand:
    """A run that has forecast a series of each kind, and left it as one chunk in `path`."""
    made = by_hand(fleet_of(list(KINDS)), tmp_path_factory.mktemp("pieces"), entrants=[*CHEAP, CURSED])
    write_forecast(made.path, STEM, made.results, made.settings.field_of_entrants)
    return made


def frame(run: ByHand, kind: str) -> pl.DataFrame:
    found = pl.from_arrow(read_piece(run.path, STEM, kind))
    assert isinstance(found, pl.DataFrame)
    return found


def test_every_kind_has_its_schema(run: ByHand) -> None:
    for kind, schema in FORECAST_PIECES.items():
        assert read_piece(run.path, STEM, kind).schema.equals(schema)
    assert list(FORECAST_PIECES)[-1] == "outcomes", "which says that all are there"


def test_rows_are_sorted_and_hold_what_was_forecast(run: ByHand) -> None:
    field = run.settings.field_of_entrants
    found = frame(run, "rows")
    assert found.equals(found.sort("series", "model", "window", descending=[False, False, True]))
    made = {
        (result.series.index, field.index(rows.model), rows.window): rows
        for result in run.results
        for rows in result.rows
    }
    assert found.height == len(made) > 100
    for series, model, window, *values in found.iter_rows():
        rows = made[series, model, window]
        for read, forecast in zip(values, (rows.yhat, rows.lower, rows.upper), strict=True):
            np.testing.assert_array_equal(np.array(read, np.float32), forecast)


def test_errors_are_mean_absolute_errors_of_every_observed_window(run: ByHand) -> None:
    field = run.settings.field_of_entrants
    found = {tuple(row[:3]): row[3] for row in frame(run, "errors").iter_rows()}
    expected = {
        (result.series.index, field.index(rows.model), rows.window): np.nanmean(np.abs(rows.yhat - rows.y))
        for result in run.results
        for rows in result.rows
        if rows.window != FORECAST
    }
    assert found == pytest.approx(expected, rel=1e-12)
    assert {window for _, _, window in found} == {BACKTEST, 1, 2, 3}


def test_runs_say_of_each_fit_what_became_of_it_in_the_order_they_were_made(run: ByHand) -> None:
    found = frame(run, "runs")
    attempts = [(result.series.index, attempt) for result in run.results for attempt in result.runs]
    assert found["series"].to_list() == [series for series, _ in attempts]
    for name in RUNS.names[1:]:
        assert found[name].to_list() == [getattr(attempt, name) for _, attempt in attempts], name
    raised = found.filter(status="raised")
    assert raised.select("model", "error_class", "error_message").unique().rows() == [
        (CURSED, "ArithmeticError", "this series is cursed")
    ]


def test_outcomes_say_when_a_series_was_observed(run: ByHand) -> None:
    found = frame(run, "outcomes")
    observed = run.history.group_by("host_id").agg(pl.len(), pl.col("ds").min(), last=pl.col("ds").max())
    by_host = {host: tuple(rest) for host, *rest in observed.iter_rows()}
    for index, n, first, last in found.select("series", "observations", "first_ds", "last_ds").iter_rows():
        expected = by_host[run.store[index].host_id]
        assert (n, date(1970, 1, 1).toordinal() + first, date(1970, 1, 1).toordinal() + last) == (
            *expected[:1],
            *(day.toordinal() for day in expected[1:]),
        )
    assert found["outcome"].unique().sort().to_list() == ["fallback", "forecast", "retired"]
    assert found["unobserved_weekdays"].drop_nulls().to_list() == ["Saturday, Sunday"]


def test_a_series_without_an_observation_has_an_outcome(tmp_path: Path) -> None:
    old = fleet_of(["restless"]).with_columns(pl.col("ds").dt.offset_by("-3y"))
    run = by_hand(old, tmp_path, entrants=["seasonal_naive"])
    write_forecast(tmp_path, "00000000-00000001", run.results, run.settings.field_of_entrants)
    outcome = read_piece(tmp_path, "00000000-00000001", "outcomes").to_pylist()[0]
    assert (outcome["outcome"], outcome["observations"], outcome["first_ds"]) == ("retired", 0, None)
    assert len(read_piece(tmp_path, "00000000-00000001", "rows")) == 0


FLOATS = st.floats(0, 100, width=32)
ENTRIES = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 20), st.integers(-1, 24), st.lists(st.tuples(FLOATS, FLOATS, FLOATS)))
)


@given(entries=ENTRIES)
def test_entries_of_any_length_are_rows(entries: list[tuple[int, int, int, list[tuple[float, float, float]]]]) -> None:
    values = [[[day[side] for day in days] for side in range(3)] for *_, days in entries]
    keys = [tuple(key) for *key, _ in entries]
    arrays = ([np.array(side, np.float32) for side in sides] for sides in values)
    found = rows_table((*key, *sides) for key, sides in zip(keys, arrays, strict=True))
    assert found.schema.equals(ROWS)
    rows = found.to_pylist()
    assert [(row["series"], row["model"], row["window"]) for row in rows] == keys
    assert [[row[name] for name in ("yhat", "yhat_lower", "yhat_upper")] for row in rows] == values


def test_a_chunk_that_cannot_be_finished_is_not_called_finished(
    run: ByHand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(results: object) -> None:
        raise RuntimeError("while its runs are listed")

    monkeypatch.setattr(pieces, "_runs", refuse)
    with pytest.raises(RuntimeError, match="its runs"):
        write_forecast(tmp_path, STEM, run.results[:1], run.settings.field_of_entrants)
    assert not piece(tmp_path, STEM, "outcomes").exists()


@pytest.mark.parametrize("content", [None, b"", b"ARROW1", b"junk" * 100])
def test_a_piece_that_cannot_be_read_is_one_sentence_that_names_it(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        piece(tmp_path, STEM, "rows").write_bytes(content)
    with pytest.raises(StorageError, match=f"{STEM}.rows.arrow cannot be read: .*; run the month again") as caught:
        read_piece(tmp_path, STEM, "rows")
    assert len(str(caught.value).splitlines()) == 1


def test_a_piece_takes_the_place_of_the_one_before_in_one_step(tmp_path: Path) -> None:
    write_piece(tmp_path, STEM, "outcomes", OUTCOMES.empty_table())
    held = read_piece(tmp_path, STEM, "outcomes")
    write_piece(tmp_path, STEM, "outcomes", ROWS.empty_table())
    assert held.schema.equals(OUTCOMES), "whoever reads the former one goes on"
    assert read_piece(tmp_path, STEM, "outcomes").schema.equals(ROWS)
    assert [path.name for path in tmp_path.iterdir()] == [f"{STEM}.outcomes.arrow"]
