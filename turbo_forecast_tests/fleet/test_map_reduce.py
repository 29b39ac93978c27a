"""What the maps and reductions of a run come to: what whole frames give, whatever the series, the options and the cuts."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reference import month_frames
from turbo_forecast.schemas import CALIBRATION, CHAMPIONS, FORECAST_PARQUET, TOURNAMENT_SCORES, TOURNAMENT_STANDINGS
from turbo_forecast.tables import Table
from turbo_forecast_tests.fleet.by_hand import CHEAP, ByHand, by_hand
from turbo_forecast_tests.fleet.kinds import FLEETS, KINDS, fleet_of
from turbo_forecast_tests.sweeps import tries

pytestmark = pytest.mark.usefixtures("small_parts")
CURSED, HOPELESS = (f"turbo_forecast_tests.fleet.entrants:{name}" for name in ("naive", "hopeless"))
FIELDS = {
    "all": [*CHEAP, CURSED],
    "combinations in other places": ["recent_level", "median", CURSED, "seasonal_naive", "weighted"],
    "the median alone": ["median", "recent_level"],
    "no combination": ["recent_level", "recent_quarter"],
    "one entrant": [CURSED],
    "the fallback alone": ["seasonal_naive"],
    "one that always raises": ["weighted", HOPELESS, "recent_level"],
    "nobody but one that always raises": ["weighted", "median", HOPELESS],
}
OPTIONS = st.fixed_dictionaries(
    {
        "entrants": st.sampled_from(list(FIELDS.values())),
        "folds": st.sampled_from([0, 1, 3]),
        "refit": st.booleans(),
        "interval_width": st.sampled_from([0.5, 0.8]),
        "fallback": st.sampled_from(["seasonal_naive", "recent_level"]),
    }
)
RANKS = ["wins", "mean_rank", "beats_seasonal_naive", "beats_low", "beats_high"]


def require_same(
    found: pl.DataFrame, expected: pl.DataFrame, table: Table, but: Sequence[str] = (), **tolerances: float
) -> None:
    """Both hold the same rows of the table in the same order, numbers to within 1e-9 of their size unless said otherwise.

    but: columns that are not compared.
    """
    assert found.schema == expected.schema == table.polars_schema
    found, expected = found.drop(but), expected.drop(but)
    numbers = [name for name, dtype in found.schema.items() if dtype.is_float()]
    assert found.drop(numbers).equals(expected.drop(numbers)), table.name
    for name in numbers:
        assert found[name].is_null().equals(expected[name].is_null()), (table.name, name)
        pair = (frame[name].drop_nulls().to_numpy() for frame in (found, expected))
        np.testing.assert_allclose(*pair, rtol=tolerances.get(name, 1e-9), atol=1e-12, err_msg=f"{table.name}.{name}")


def require_what_frames_give(run: ByHand) -> bool:
    """Every table of the run is what comes of its stored rows, and of the table before, on whole frames.

    Returns whether ranks were compared too: there were no ties.
    """
    tables, month = run.tables, (run.windows, run.settings)
    scores = month_frames.score_month(run.rows, run.history, *month)
    require_same(tables["scores"], scores, TOURNAMENT_SCORES)
    champions = month_frames.choose_champions(run.rows, tables["scores"], run.settings)
    require_same(tables["champions"], champions, CHAMPIONS)
    calibration = month_frames.calibrate_month(run.rows, champions, run.history, *month)
    require_same(tables["calibration"], calibration, CALIBRATION)
    published = month_frames.publish(run.rows, champions, tables["calibration"], tables["outcomes"], run.windows)
    assert run.published.equals(published)
    assert published.schema == FORECAST_PARQUET.polars_schema
    by_month = month_frames.scores_by_month(run.rows, published, run.history, *month)
    standings = month_frames.standings_month(by_month, *month)
    doubtful = RANKS if has_ties(by_month) else []
    require_same(tables["standings"], standings, TOURNAMENT_STANDINGS, doubtful)
    return not doubtful


def has_ties(scores: pl.DataFrame) -> bool:
    """Whether entrants' errors of a month differ by rounding at most: who is better depends on the order of a sum then."""
    entrants = scores.filter(pl.col("model") != "champion")
    step = pl.col("mae").sort().diff().over("host_id", "resource", "horizon_month")
    return bool(entrants.select((step < 1e-9).any()).item())


@pytest.mark.sweep(keep=1)
@settings(max_examples=tries(12, 200), deadline=None)
@given(base=FLEETS, options=OPTIONS, size=st.integers(1, 9))
@example(base=fleet_of(["retired"]), options={}, size=1)
@example(base=fleet_of(["newborn", "one day"]), options={}, size=5)
@example(base=fleet_of(["constant"]), options={}, size=1)
def test_the_tournament_of_a_run_is_that_of_whole_frames(
    base: pl.DataFrame, options: dict[str, object], size: int
) -> None:
    with TemporaryDirectory() as folder:
        require_what_frames_give(by_hand(base, Path(folder), size=size, **options).held())


@pytest.mark.sweep(keep=6)
@pytest.mark.parametrize("field", list(FIELDS))
@pytest.mark.parametrize("options", [{}, {"folds": 0}, {"refit": False}], ids=str)
def test_for_a_fleet_of_all_kinds_too(field: str, options: dict[str, object], tmp_path: Path) -> None:
    run = by_hand(fleet_of([*KINDS, *KINDS]), tmp_path, entrants=FIELDS[field], **options).held()
    require_what_frames_give(run)
    assert run.tables["outcomes"].height == 2 * len(KINDS)
    assert set(run.tables["champions"]["host_id"]) == set(run.rows.forecast["host_id"])


@pytest.mark.parametrize(
    "entrants",
    [FIELDS["no combination"], ["median", "recent_level", "recent_quarter", CURSED], [CURSED, "recent_level"]],
)
def test_ranks_of_series_without_ties_are_those_of_whole_frames(entrants: list[str], tmp_path: Path) -> None:
    base = fleet_of(["restless", "young", "gaps", "ends in the backtest", "newborn"] * 2, seed=5)
    assert require_what_frames_give(by_hand(base, tmp_path, entrants=entrants).held())


def test_a_fleet_of_all_kinds_has_every_outcome_and_every_difficulty(tmp_path: Path) -> None:
    run = by_hand(fleet_of(list(KINDS)), tmp_path, entrants=FIELDS["one entrant"]).held()
    assert set(run.tables["outcomes"]["outcome"]) == {"forecast", "fallback", "retired", "failed"}
    scores = run.tables["scores"]
    assert scores["mase"].null_count() > 0, "a series whose MASE is not defined"
    assert scores["wape"].null_count() > 0, "a series of zeros"
    held = scores.group_by("host_id").agg(pl.col("window_name").n_unique())["window_name"]
    assert held.n_unique() > 1, "series that are too young for some folds"
    assert run.tables["outcomes"]["unobserved_weekdays"].drop_nulls().to_list() == ["Saturday, Sunday"]


@pytest.mark.parametrize("kinds", [["restless"] * 9, list(KINDS)])
def test_the_stored_rows_are_sorted_and_complete(kinds: list[str], tmp_path: Path) -> None:
    run = by_hand(fleet_of(kinds), tmp_path, entrants=FIELDS["all"]).held()
    places = {name: place for place, name in enumerate(run.settings.field_of_entrants)}
    for rows, window, descending in ((run.rows.forecast, "phase", False), (run.rows.folds, "fold", True)):
        placed = rows.with_columns(pl.col("model").replace_strict(places, return_dtype=pl.Int64))
        key = ["host_id", "resource", "model", window, "ds"]
        assert placed.equals(placed.sort(key, descending=[False, False, False, descending, False]))
        assert placed.select(key).is_unique().all()
        by_window = rows.group_by("host_id", "resource", window, "model").len().group_by("host_id", "resource", window)
        assert by_window.agg(pl.col("len").n_unique())["len"].unique().to_list() == [1], "the same days for everybody"
