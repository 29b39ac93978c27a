"""The second map: combinations against NumPy, scores and half-widths of a part by hand."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from turbo_forecast.fleet.blocks import Block, Pieces, WindowDays
from turbo_forecast.fleet.chunks import Span
from turbo_forecast.fleet.combining import COMBINE_LAST, COMBINED, actual_values, combinations, month_scores
from turbo_forecast.fleet.pieces import read_piece
from turbo_forecast.settings import ForecastSettings, forecast_settings
from turbo_forecast.tournament.scores import error_sums
from turbo_forecast.windows import BACKTEST, FORECAST, day_number, run_windows
from turbo_forecast_tests.conftest import CUTOFF
from turbo_forecast_tests.fleet.by_hand import SHORT, ByHand, by_hand
from turbo_forecast_tests.fleet.kinds import KINDS, fleet_of
from turbo_forecast_tests.tournament.test_combination import at_half_the_weight

pytestmark = pytest.mark.usefixtures("small_parts")
DAYS = WindowDays(run_windows(CUTOFF, forecast_settings(**SHORT)))
WINDOWS = (1, BACKTEST, FORECAST)
SIZE = DAYS.stretches(WINDOWS).days.size


def settings_of(*entrants: str) -> ForecastSettings:
    return forecast_settings(**SHORT, entrants=list(entrants))


def block_of(models: list[int], seed: int = 0) -> Block:
    """Random rows of three windows, inside the envelope."""
    low, middle, high = np.sort(np.random.default_rng(seed).uniform(0, 100, (3, len(models), SIZE)), axis=0)
    return Block(0, np.array(models), WINDOWS, *(each.astype(np.float32) for each in (middle, low, high)))


def weights_of(shares: np.ndarray, *, contested: bool = True) -> dict[str, np.ndarray]:
    """Shares (m, 1 + windows) of one series, by window from the forecast on."""
    return {"shares": shares[None], "contested": np.array([contested])}


def shares_of(members: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(members), 5).T


def test_the_median_is_numpys_bound_by_bound() -> None:
    settings = settings_of("median", "a", "b", "c")  # and the fallback
    block = block_of([1, 2, 3, 4])
    found = combinations(block, DAYS, weights_of(np.zeros((4, 5))), settings)
    assert found is not None
    assert (found.series, found.windows, found.models.tolist()) == (0, WINDOWS, [0])
    for name in ("yhat", "lower", "upper"):
        values = getattr(found, name)
        assert values.dtype == np.float32
        expected = np.median(getattr(block, name).astype(np.float64), axis=0)
        np.testing.assert_array_equal(values[0], expected.astype(np.float32))


def test_the_weighted_combination_takes_each_windows_own_shares_of_those_who_have_rows() -> None:
    settings = settings_of("a", "weighted", "b", "c")
    block, shares = block_of([0, 2, 4]), shares_of(4)  # c, the third base model, has no rows of the series
    shares[2] = 0.0
    shares /= shares.sum(axis=0)
    found = combinations(block, DAYS, weights_of(shares), settings)
    assert found is not None
    assert found.models.tolist() == [1]
    window = DAYS.stretches(WINDOWS).window
    own = shares[[0, 1, 3]]
    for day in range(0, SIZE, 7):
        expected = at_half_the_weight(block.yhat[:, day].astype(float), own[:, window[day] + 1])
        assert found.yhat[0, day] == pytest.approx(expected, rel=1e-6)


def test_both_stand_at_their_places_in_the_field() -> None:
    settings = settings_of("weighted", "a", "median", "b")
    found = combinations(block_of([1, 3, 4]), DAYS, weights_of(shares_of(3)), settings)
    assert found is not None
    assert found.models.tolist() == [0, 2]
    other = combinations(
        block_of([0, 2, 4]), DAYS, weights_of(shares_of(3)), settings_of("a", "median", "b", "weighted")
    )
    assert other is not None
    assert other.models.tolist() == [1, 3]
    np.testing.assert_array_equal(found.yhat[1], other.yhat[0], err_msg="the median")
    np.testing.assert_array_equal(found.yhat[0], other.yhat[1], err_msg="the weighted one")


def test_bounds_of_a_combination_hold_its_forecast() -> None:
    found = combinations(
        block_of([2, 3, 4], seed=5), DAYS, weights_of(shares_of(3)), settings_of("weighted", "median", "a", "b")
    )
    assert found is not None
    assert (found.lower <= found.yhat).all()
    assert (found.yhat <= found.upper).all()
    assert found.lower.min() >= 0
    assert found.upper.max() <= 100


@pytest.mark.parametrize(
    ("entrants", "contested", "weighted"),
    [(("a", "b"), True, True), (("median", "weighted", "a"), False, True), (("weighted", "a"), True, False)],
)
def test_nothing_is_combined_where_nobody_wants_it_or_only_the_fallback_has_forecast(
    entrants: tuple[str, ...], contested: bool, weighted: bool
) -> None:
    settings = settings_of(*entrants)
    members = len(settings.base_models)
    shares = shares_of(members) if weighted else np.zeros((members, 5))
    block = block_of([settings.field_of_entrants.index(name) for name in settings.base_models])
    assert combinations(block, DAYS, weights_of(shares, contested=contested), settings) is None


def test_months_of_the_backtest_are_scored_apart_and_together_those_without_an_observed_day_not() -> None:
    block = block_of([0, 1])
    stretches = DAYS.stretches(WINDOWS)
    y = np.full(SIZE, np.nan)
    y[:61] = 1.0  # the fold, which has no scores by month
    december = (stretches.window == BACKTEST) & (np.arange(SIZE) >= 61 + 30)
    y[december] = np.where(np.arange(31) < 20, 50.0, np.nan)
    sums = error_sums(y, block.yhat, block.lower, block.upper, stretches.starts, 0.8)
    found = pl.DataFrame(dict(month_scores(block, sums, stretches, 2.0, 0.8)))
    assert found.select("series", "model", "month", "n").rows() == [
        (0, model, month, 20.0) for model in (0, 1) for month in (0, 2)
    ]
    errors = np.abs(block.yhat[:, december][:, :20].astype(np.float64) - 50.0).mean(axis=1)
    np.testing.assert_allclose(found["mae"], np.repeat(errors, 2), rtol=1e-12)
    np.testing.assert_allclose(found["mase"], np.repeat(errors, 2) / 2.0, rtol=1e-12)
    nothing = error_sums(np.full(SIZE, np.nan), block.yhat, block.lower, block.upper, stretches.starts, 0.8)
    assert all(len(column) == 0 for column in month_scores(block, nothing, stretches, 2.0, 0.8).values())


@pytest.fixture(scope="module")
def run(small_parts: None, tmp_path_factory: pytest.TempPathFactory) -> ByHand:
    """A run over series of all kinds that has been combined."""
    made = by_hand(fleet_of(list(KINDS)), tmp_path_factory.mktemp("combining"))
    for step in made.working():
        if step == "decide":
            break
    return made


def frame(run: ByHand, kind: str) -> pl.DataFrame:
    tables = list(Pieces(run.folder.combine, len(run.store), COMBINE_LAST).tables(kind))
    found = pl.concat([pl.DataFrame(pl.from_arrow(table)) for table in tables])
    names = pl.DataFrame({"series": range(len(run.store)), "host_id": run.names})
    return found.join(names.cast({"series": pl.Int32}), on="series", maintain_order="left")


def test_every_part_leaves_every_kind_of_piece_and_both_files(run: ByHand) -> None:
    for part in run.parts:
        for kind, schema in COMBINED.items():
            assert read_piece(run.folder.combine, part.stem, kind).schema.equals(schema)
    for folder in (run.folder.rows, run.folder.folds):
        assert [path.name for path in sorted(folder.iterdir())] == [f"{part.stem}.parquet" for part in run.parts]


def test_widths_are_means_over_all_days_of_each_month_and_count_the_observed_ones(run: ByHand) -> None:
    found = frame(run, "widths")
    months = pl.concat(
        [
            run.rows.forecast.with_columns(window=pl.when(phase="backtest").then(BACKTEST).otherwise(FORECAST)),
            run.rows.folds.rename({"fold": "window"}),
        ],
        how="diagonal",
    ).with_columns(pl.col("yhat", "yhat_lower", "yhat_upper").cast(pl.Float64), start=pl.col("ds").dt.truncate("1mo"))
    expected = (
        months.group_by("host_id", "model", "window", "start")
        .agg(
            days=pl.col("y").count().cast(pl.Int32),
            below=(pl.col("yhat") - pl.col("yhat_lower")).mean(),
            above=(pl.col("yhat_upper") - pl.col("yhat")).mean(),
        )
        .with_columns(month=pl.col("start").rank("dense").over("host_id", "model", "window").cast(pl.Int8))
    )
    field = run.settings.field_of_entrants
    named = found.with_columns(model=pl.Series([field[place] for place in found["model"]]))
    joined = named.cast({"window": pl.Int32}).join(
        expected, on=["host_id", "model", "window", "month"], suffix="_expected"
    )
    assert joined.height == found.height == expected.height > 300
    assert joined["days"].equals(joined["days_expected"].alias("days"))
    for side in ("below", "above"):
        np.testing.assert_allclose(joined[side], joined[f"{side}_expected"], rtol=1e-6, atol=1e-6)


def test_scales_are_those_of_what_each_window_may_know(run: ByHand) -> None:
    found = {
        (host, window): scale
        for host, window, scale in frame(run, "scales").select("host_id", "window", "scale").iter_rows()
    }
    ends = {BACKTEST: run.windows.train_end, FORECAST: CUTOFF} | {
        fold.number: fold.train_end for fold in run.windows.folds
    }
    for (host, window), scale in found.items():
        rows = run.history.filter(pl.col("host_id") == host, pl.col("ds") <= ends[window])
        y = np.full(2000, np.nan)
        days = rows["ds"].cast(pl.Int32).to_numpy() - day_number(run.windows.history_start)
        y[days] = rows["y"].to_numpy()
        pairs = np.abs(y[7:] - y[:-7])
        expected = pairs[np.isfinite(pairs)].mean() if np.isfinite(pairs).any() else np.nan
        assert scale == pytest.approx(expected if expected > 1e-6 else np.nan, rel=1e-9, nan_ok=True)
    assert len(found) == 5 * len(set(run.rows.forecast["host_id"]))


def test_actual_values_are_what_was_observed_up_to_the_cutoff(run: ByHand) -> None:
    series = run.store[list(KINDS).index("gaps")]
    block = Block(series.index, np.zeros(0, np.int64), WINDOWS, *[np.zeros((0, SIZE), np.float32)] * 3)
    known = dict(zip(series.days.tolist(), series.y.tolist(), strict=True))
    days = DAYS.stretches(WINDOWS).days.tolist()
    expected = [known.get(day, np.nan) if day <= day_number(CUTOFF) else np.nan for day in days]
    np.testing.assert_array_equal(actual_values(series, block, DAYS), expected)
    assert 0 < np.isfinite(expected).sum() < 122


def test_a_part_without_rows_leaves_empty_pieces_and_files(tmp_path: Path) -> None:
    run = by_hand(fleet_of(["retired"] * 5), tmp_path).held()
    assert run.rows.forecast.is_empty()
    assert run.rows.folds.is_empty()
    assert all(len(read_piece(run.folder.combine, Span(0, 4).stem, kind)) == 0 for kind in COMBINED)
