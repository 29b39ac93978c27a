"""Scores against plain NumPy, utilsforecast and scores of whole frames, by hand where that is possible."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
import utilsforecast.losses as losses
from hypothesis import given
from hypothesis import strategies as st

from reference import frame_scores
from turbo_forecast.schemas import TOURNAMENT_SCORES
from turbo_forecast.tournament.scores import METRICS, ErrorSums, error_sums, mase_scales, scores

START = date(2025, 9, 1)
FIRST = np.zeros(1, dtype=np.int64)
"""The start of a single stretch."""
UNDEFINED = ("mase", "wape")
NAN = np.nan


def found_for(
    y: object, yhat: object, half: object = 0.0, *, scale: float = NAN, width: float = 0.8
) -> dict[str, float]:
    """Scores of one entrant over one stretch of days, bounds `half` below and above."""
    middle = np.atleast_2d(np.array(yhat, dtype=float))
    sums = error_sums(np.array(y, dtype=float), middle, middle - half, middle + half, FIRST, width)
    found = scores(sums, np.array([scale]), width)
    assert list(found) == list(METRICS)
    return {name: value.item() for name, value in found.items()}


def scale_of(values: dict[int, float], end: int | None = None) -> float:
    """What MASE divides by, of values by day number."""
    days = np.array(sorted(values), dtype=np.int64)
    y = np.array([values[day] for day in days.tolist()])
    return mase_scales(days, y, [10_000 if end is None else end]).item()


def test_scores_by_hand() -> None:
    # errors yhat - y: +1, -3, 0, +4; bounds ±2: days 1 and 3 inside
    found = found_for([10, 20, 30, 40], [11, 17, 30, 44], 2.0, scale=4.0)
    assert found["n"] == 4
    assert found["mae"] == pytest.approx((1 + 3 + 0 + 4) / 4)
    assert found["rmse"] == pytest.approx(((1 + 9 + 0 + 16) / 4) ** 0.5)
    assert found["smape"] == pytest.approx((1 / 21 + 3 / 37 + 0 + 4 / 84) / 4)
    assert found["bias"] == pytest.approx((1 - 3 + 0 + 4) / 4)
    assert found["mase"] == pytest.approx(2.0 / 4.0)
    assert found["coverage"] == pytest.approx(2 / 4)
    # width 4 each day; 2 / alpha = 10 times the distance outside: 20 is 1 above 19, 40 is 2 below 42
    assert found["interval_score"] == pytest.approx((4 + (4 + 10) + 4 + (4 + 20)) / 4)
    assert found["wape"] == pytest.approx(8 / 100)
    # losses at 0.1 of the lower bounds 9, 15, 28, 42, at 0.9 of the upper ones 13, 19, 32, 46
    lower, upper = [0.1, 0.5, 0.2, 0.9 * 2], [0.1 * 3, 0.9, 0.2, 0.6]
    assert found["pinball"] == pytest.approx((np.mean(lower) + np.mean(upper)) / 2)


def winkler(y: np.ndarray, low: np.ndarray, high: np.ndarray, alpha: float) -> float:
    below, above = np.maximum(low - y, 0), np.maximum(y - high, 0)
    return float(np.mean(high - low + 2 / alpha * (below + above)))


def pinball(y: np.ndarray, bound: np.ndarray, level: float) -> float:
    return float(np.mean(np.where(y >= bound, level * (y - bound), (1 - level) * (bound - y))))


@pytest.mark.parametrize("width", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("seed", range(3))
def test_scores_of_random_series_are_numpys(seed: int, width: float) -> None:
    rng = np.random.default_rng(seed)
    y, yhat = rng.uniform(0, 100, 60), rng.uniform(0, 100, (3, 60))
    low, high = yhat - rng.uniform(0, 30, yhat.shape), yhat + rng.uniform(0, 30, yhat.shape)
    seen = rng.random(60) >= 0.2
    sums = error_sums(np.where(seen, y, NAN), yhat, low, high, FIRST, width)
    found = scores(sums, np.array([3.0]), width)
    y = y[seen]
    for row, (middle, lower, upper) in enumerate(zip(yhat[:, seen], low[:, seen], high[:, seen], strict=True)):
        error = middle - y
        expected = {
            "n": seen.sum(),
            "mae": np.abs(error).mean(),
            "rmse": np.sqrt((error**2).mean()),
            "smape": (np.abs(error) / (np.abs(y) + np.abs(middle))).mean(),
            "wape": np.abs(error).sum() / y.sum(),
            "mase": np.abs(error).mean() / 3.0,
            "bias": error.mean(),
            "coverage": ((lower <= y) & (y <= upper)).mean(),
            "pinball": (pinball(y, lower, (1 - width) / 2) + pinball(y, upper, (1 + width) / 2)) / 2,
            "interval_score": winkler(y, lower, upper, 1 - width),
        }
        assert {name: value[row, 0] for name, value in found.items()} == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("width", [0.5, 0.8, 0.95])
def test_scores_of_random_series_are_utilsforecasts(width: float) -> None:
    rng = np.random.default_rng(5)
    y, yhat = rng.uniform(0, 100, (4, 90)), rng.uniform(0, 100, (4, 90))
    found = [
        {name: value.item() for name, value in scores(sums, np.array([NAN]), width).items()}
        for sums in (error_sums(y[i], yhat[[i]], yhat[[i]] - 9, yhat[[i]] + 12, FIRST, width) for i in range(4))
    ]
    theirs = pl.DataFrame(
        {
            "unique_id": np.repeat(list("abcd"), 90).tolist(),
            "ds": [START + timedelta(days=i) for i in range(90)] * 4,
            "y": y.ravel(),
            "yhat": yhat.ravel(),
            "yhat-lo-0": yhat.ravel() - 9,
            "yhat-hi-0": yhat.ravel() + 12,
        }
    )
    lower = losses.quantile_loss(theirs, {"q": "yhat-lo-0"}, q=(1 - width) / 2)["q"]
    upper = losses.quantile_loss(theirs, {"q": "yhat-hi-0"}, q=(1 + width) / 2)["q"]
    expected = {
        **{name: getattr(losses, name)(theirs, ["yhat"])["yhat"] for name in ("mae", "rmse", "smape", "bias")},
        "coverage": losses.coverage(theirs, ["yhat"], level=0)["yhat"],
        "wape": losses.nd(theirs, ["yhat"])["yhat"],
        "pinball": (lower + upper) / 2,
        "interval_score": (lower + upper) * 2 / (1 - width),
    }
    for name, values in expected.items():
        np.testing.assert_allclose([one[name] for one in found], values, rtol=1e-10, err_msg=name)


def test_the_seasonal_scale_pairs_days_a_week_apart_whatever_is_missing_between() -> None:
    values = {0: 1.0, 7: 3.0, 8: 50.0, 14: 6.0, 21: 6.0, 30: 90.0}  # pairs: 0-7, 7-14, 14-21
    assert scale_of(values) == pytest.approx((2 + 3 + 0) / 3)


def test_the_seasonal_scale_of_a_whole_series_is_numpys() -> None:
    y = np.random.default_rng(0).uniform(0, 100, 400)
    found = scale_of(dict(enumerate(y.tolist())))
    assert found == pytest.approx(np.abs(y[7:] - y[:-7]).mean(), rel=1e-12)


@pytest.mark.parametrize("values", [{0: 5.0}, {0: 5.0, 6: 7.0, 8: 9.0}, dict.fromkeys(range(50), 5.0), {}])
def test_without_a_scale_there_is_no_mase_but_every_other_score(values: dict[int, float]) -> None:
    assert np.isnan(scale_of(values))
    found = found_for([1, 2], [1, 1], 1.0, scale=scale_of(values))
    assert np.isnan(found["mase"])
    assert found["mae"] == 0.5


@pytest.mark.parametrize("offset", [0, 20_000])
def test_a_scale_knows_nothing_after_its_last_training_day(offset: int) -> None:
    y = np.random.default_rng(1).uniform(0, 100, 100)
    days = np.arange(100) + offset
    ends = [offset - 1, offset + 6, offset + 7, offset + 49, offset + 99, offset + 500]
    found = mase_scales(days, y, ends)
    assert np.isnan(found[:2]).all(), "no pair of days yet"
    expected = [np.abs(part[7:] - part[:-7]).mean() for part in (y[:8], y[:50], y, y)]
    np.testing.assert_allclose(found[2:], expected, rtol=1e-12)
    y[50:] = 0.0
    np.testing.assert_array_equal(mase_scales(days, y, ends)[:4], found[:4])


def test_a_window_before_a_series_began_has_no_scale() -> None:
    found = mase_scales(np.array([40, 47]), np.array([1.0, 9.0]), [30, 47])
    assert np.isnan(found[0])
    assert found[1] == 8.0


@pytest.mark.parametrize(
    ("y", "yhat"),
    [
        ([0.0] * 5, [0.0] * 5),
        ([0.0] * 5, [3.0] * 5),
        ([5e-324] * 5, [3.0] * 5),
        ([5.0] * 5, [5.0] * 5),
        ([100.0] * 5, [0.0] * 5),
        ([7.0, NAN, NAN, NAN, NAN], [7.0] * 5),
    ],
)
def test_only_what_is_not_defined_is_nan(y: list[float], yhat: list[float]) -> None:
    found = found_for(y, yhat)
    assert {name for name, value in found.items() if not np.isfinite(value)} <= set(UNDEFINED)
    assert np.isnan(found["wape"]) == (np.nansum(y) < 1e-300)


def test_smape_of_zero_and_zero_is_zero_and_of_zero_and_something_one() -> None:
    assert found_for([0, 0], [0, 3], 1.0)["smape"] == pytest.approx(0.5)


def test_bounds_count_as_inside() -> None:
    assert found_for([1.0, 3.0, 3.1], [2, 2, 2], 1.0)["coverage"] == pytest.approx(2 / 3)


def test_a_stretch_without_an_observed_day_has_no_score() -> None:
    found = found_for([NAN, NAN], [1, 1], 1.0, scale=2.0)
    assert found.pop("n") == 0
    assert np.isnan(list(found.values())).all()


def test_entrants_of_one_series_are_scored_apart() -> None:
    yhat = np.array([[2.0], [5.0]])
    sums = error_sums(np.array([1.0]), yhat, yhat, yhat, FIRST, 0.8)
    assert scores(sums, np.array([NAN]), 0.8)["mae"].tolist() == [[1.0], [4.0]]


def test_stretches_are_scored_apart_each_over_its_own_scale() -> None:
    y, yhat = np.array([1.0, 1.0, 1.0]), np.array([[2.0, 5.0, 5.0]])
    sums = error_sums(y, yhat, yhat, yhat, np.array([0, 1]), 0.8)
    found = scores(sums, np.array([10.0, 2.0]), 0.8)
    assert found["n"].tolist() == [[1, 2]]
    assert found["mae"].tolist() == [[1.0, 4.0]]
    assert found["mase"].tolist() == [[0.1, 2.0]]


def test_single_precision_rows_are_scored_in_double() -> None:
    yhat = np.full((1, 100), 0.4, dtype=np.float32)
    sums = error_sums(np.full(100, 0.1), yhat, yhat - np.float32(0.5), yhat + np.float32(0.5), FIRST, 0.8)
    found = scores(sums, np.array([NAN]), 0.8)
    assert {value.dtype for value in found.values()} == {np.dtype(np.float64)}
    assert found["mae"].item() == pytest.approx(float(np.float32(0.4)) - 0.1, rel=1e-14)


def test_what_was_projected_for_a_day_that_does_not_count_does_not_count() -> None:
    found = found_for([NAN, 1.0], [5.0, 2.0], 1.0)
    assert (found["n"], found["mae"]) == (1, 1.0)
    assert found == pytest.approx(found_for([NAN, 1.0], [99.0, 2.0], 1.0), nan_ok=True)


def months_of(*, seen: list[bool]) -> tuple[ErrorSums, dict[str, np.ndarray]]:
    """Sums of two months, of two days each, and scores of both."""
    y = np.where(seen, 1.0, NAN)
    yhat = np.array([[2.0, 4.0, 1.0, 9.0]])
    sums = error_sums(y, yhat, yhat - 1, yhat + 1, np.array([0, 2]), 0.8)
    return sums, scores(sums, np.array([0.5]), 0.8)


def test_scores_by_month_are_those_of_the_months_days_and_of_all_of_them() -> None:
    sums, found = months_of(seen=[True, True, True, False])
    whole = scores(sums.over(FIRST), np.array([0.5]), 0.8)
    expected = {
        "n": [3, 2, 1],
        "mae": [4 / 3, 2.0, 0.0],
        "mase": [8 / 3, 4.0, 0.0],
        "coverage": [2 / 3, 0.5, 1.0],
    }
    for name, values in expected.items():
        np.testing.assert_allclose([whole[name].item(), *found[name][0]], values, rtol=1e-12, err_msg=name)


def test_the_sums_of_some_stretches_are_those_of_these_alone() -> None:
    sums, _ = months_of(seen=[False, False, True, True])
    kept = sums.of(sums.n[0] > 0)
    assert kept.n.tolist() == [[2.0]]
    assert kept.absolute.tolist() == [[8.0]]


WINDOWS = st.lists(st.integers(1, 9), min_size=1, max_size=5)


@given(sizes=WINDOWS, entrants=st.integers(1, 4), width=st.sampled_from([0.5, 0.8, 0.95]), seed=st.integers(0, 2**32))
def test_scores_are_those_of_whole_frames(sizes: list[int], entrants: int, width: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    total = sum(sizes)
    y = np.where(rng.random(total) < 0.7, rng.choice([0.0, 1.0, 37.5, 100.0, 1e-7], total), NAN)
    yhat = rng.uniform(0, 100, (entrants, total)) * rng.integers(0, 2, (entrants, 1))
    low, high = np.clip(yhat - 7, 0, 100), np.clip(yhat + 3, 0, 100)
    starts = np.cumsum([0, *sizes[:-1]])
    scale = rng.uniform(0.1, 5, len(sizes))
    found = scores(error_sums(y, yhat, low, high, starts, width), scale, width)
    windows = np.repeat([f"fold {number}" for number in range(1, len(sizes) + 1)], sizes)
    rows = pl.DataFrame(
        {
            "model": np.repeat([f"m{i}" for i in range(entrants)], total).tolist(),
            "window_name": np.tile(windows, entrants).tolist(),
            "y": np.tile(y, entrants),
            "yhat": yhat.ravel(),
            "yhat_lower": low.ravel(),
            "yhat_upper": high.ravel(),
        }
    ).with_columns(cutoff=START, host_id=pl.lit("a"), resource=pl.lit("cpu"))
    scales = pl.DataFrame({"window_name": list(dict.fromkeys(windows.tolist())), "scale": scale})
    expected = frame_scores.score(
        rows, scales.with_columns(host_id=pl.lit("a"), resource=pl.lit("cpu")).select("host_id", "resource", "window_name", "scale"), width
    )  # fmt: skip
    assert expected.schema == TOURNAMENT_SCORES.polars_schema
    counted = found["n"] > 0
    assert expected.height == counted.sum()
    for name in METRICS:
        theirs = expected[name].cast(pl.Float64).fill_null(NAN).to_numpy()
        np.testing.assert_allclose(found[name][counted], theirs, rtol=1e-9, atol=1e-12, err_msg=name)
