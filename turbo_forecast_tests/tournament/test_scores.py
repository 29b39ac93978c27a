"""Scores against plain NumPy and utilsforecast, by hand where that is possible; never NaN."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
import utilsforecast.losses as losses

from turbo_forecast.schemas import TOURNAMENT_RESULTS, TOURNAMENT_SCORES
from turbo_forecast.tournament.scores import mase_scales, scales_by_window, score, score_by_month

CUTOFF = date(2025, 12, 31)
START = date(2025, 9, 1)
HOSTS = [f"h{i}" for i in range(48)]
SCORES = ("mae", "rmse", "smape", "wape", "mase", "bias", "coverage", "pinball", "interval_score")
UNDEFINED = ("mase", "wape")


def backtest(
    y: list[float | None],
    yhat: list[float],
    half: list[float] | float,
    *,
    host: str = "a",
    model: str = "m",
    fold: int = 0,
) -> pl.DataFrame:
    """Rows of a window from values a day, bounds `half` below and above."""
    low = np.array(yhat) - np.array(half)
    high = np.array(yhat) + np.array(half)
    return pl.DataFrame(
        {
            "host_id": host,
            "resource": "cpu",
            "model": model,
            "phase": "backtest",
            "cutoff": CUTOFF,
            "ds": [START + timedelta(days=i) for i in range(len(y))],
            "y": y,
            "yhat": yhat,
            "yhat_lower": low,
            "yhat_upper": high,
        },
        schema=TOURNAMENT_RESULTS.polars_schema,
    ).with_columns(fold=pl.lit(fold, dtype=pl.Int32))


def history(values: dict[int, float], host: str = "a") -> pl.DataFrame:
    """Training rows by day since 2025-01-01."""
    days = [date(2025, 1, 1) + timedelta(days=day) for day in values]
    return pl.DataFrame(
        {"host_id": host, "resource": "cpu", "ds": days, "y": list(values.values())},
        schema={"host_id": pl.String, "resource": pl.String, "ds": pl.Date, "y": pl.Float64},
    )


def scales(**by_host: float) -> pl.DataFrame:
    parts = [{"host_id": host, "resource": "cpu", "fold": 0, "scale": scale} for host, scale in by_host.items()]
    schema = {"host_id": pl.String, "resource": pl.String, "fold": pl.Int32, "scale": pl.Float64}
    return pl.DataFrame(parts, schema=schema)


def backtest_scales(known: pl.DataFrame) -> pl.DataFrame:
    return mase_scales(known).with_columns(fold=pl.lit(0, dtype=pl.Int32))


def test_scores_by_hand() -> None:
    # errors yhat - y: +1, -3, 0, +4; bounds ±2: days 1 and 3 inside
    rows = backtest([10.0, 20.0, 30.0, 40.0], [11.0, 17.0, 30.0, 44.0], 2.0)
    found = score(rows, scales(a=4.0), 0.8).row(0, named=True)
    assert (found["cutoff"], found["host_id"], found["resource"], found["model"]) == (CUTOFF, "a", "cpu", "m")
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
    parts, expected = [], {}
    for host in "abc":
        y, yhat = rng.uniform(0, 100, 60), rng.uniform(0, 100, 60)
        low, high = yhat - rng.uniform(0, 30, 60), yhat + rng.uniform(0, 30, 60)
        missing = rng.random(60) < 0.2
        rows = backtest([None if gone else v for v, gone in zip(y, missing, strict=True)], list(yhat), 0.0, host=host)
        parts.append(rows.with_columns(yhat_lower=low, yhat_upper=high))
        seen = ~missing
        y, yhat, low, high = y[seen], yhat[seen], low[seen], high[seen]
        error = yhat - y
        expected[host] = {
            "n": seen.sum(),
            "mae": np.abs(error).mean(),
            "rmse": np.sqrt((error**2).mean()),
            "smape": (np.abs(error) / (np.abs(y) + np.abs(yhat))).mean(),
            "mase": np.abs(error).mean() / 3.0,
            "bias": error.mean(),
            "coverage": ((low <= y) & (y <= high)).mean(),
            "wape": np.abs(error).sum() / y.sum(),
            "pinball": (pinball(y, low, (1 - width) / 2) + pinball(y, high, (1 + width) / 2)) / 2,
            "interval_score": winkler(y, low, high, 1 - width),
        }
    found = score(pl.concat(parts), scales(a=3.0, b=3.0, c=3.0), width)
    assert found["host_id"].to_list() == ["a", "b", "c"]
    for row in found.iter_rows(named=True):
        assert {name: row[name] for name in expected["a"]} == pytest.approx(expected[row["host_id"]], rel=1e-10)


@pytest.mark.parametrize("width", [0.5, 0.8, 0.95])
def test_scores_of_random_series_are_utilsforecasts(width: float) -> None:
    rng = np.random.default_rng(5)
    parts = [backtest(list(rng.uniform(0, 100, 90)), list(rng.uniform(0, 100, 90)), 9.0, host=host) for host in "abcd"]
    rows = pl.concat(parts).with_columns(yhat_upper=pl.col("yhat_upper") + 3)
    found = score(rows, scales(), width)
    theirs = rows.select(
        "ds", "y", "yhat", unique_id="host_id", **{"yhat-lo-0": pl.col("yhat_lower"), "yhat-hi-0": pl.col("yhat_upper")}
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
        np.testing.assert_allclose(found[name], values, rtol=1e-10, err_msg=name)


def test_the_seasonal_scale_pairs_days_a_week_apart_whatever_is_missing_between() -> None:
    values = {0: 1.0, 7: 3.0, 8: 50.0, 14: 6.0, 21: 6.0, 30: 90.0}  # pairs: 0-7, 7-14, 14-21
    assert mase_scales(history(values)).rows() == [("a", "cpu", pytest.approx((2 + 3 + 0) / 3))]


def test_the_seasonal_scale_of_a_whole_series_is_numpys() -> None:
    y = np.random.default_rng(0).uniform(0, 100, 400)
    found = mase_scales(history(dict(enumerate(y)))).row(0)[2]
    assert found == pytest.approx(np.abs(y[7:] - y[:-7]).mean(), rel=1e-12)


def test_the_order_of_the_history_does_not_matter() -> None:
    rows = history(dict(enumerate(np.random.default_rng(0).uniform(0, 100, 50))))
    assert mase_scales(rows.reverse())["scale"].item() == pytest.approx(mase_scales(rows)["scale"].item(), rel=1e-12)


@pytest.mark.parametrize("values", [{0: 5.0}, {0: 5.0, 6: 7.0, 8: 9.0}, dict.fromkeys(range(50), 5.0), {}])
def test_without_a_scale_there_is_no_mase_but_every_other_score(values: dict[int, float]) -> None:
    assert mase_scales(history(values)).is_empty()
    found = score(backtest([1.0, 2.0], [1.0, 1.0], 1.0), backtest_scales(history(values)), 0.8).row(0, named=True)
    assert found["mase"] is None
    assert found["mae"] == 0.5


@pytest.mark.parametrize(
    ("y", "yhat"),
    [
        ([0.0] * 5, [0.0] * 5),
        ([0.0] * 5, [3.0] * 5),
        ([5.0] * 5, [5.0] * 5),
        ([100.0] * 5, [0.0] * 5),
        ([7.0, None, None, None, None], [7.0] * 5),
    ],
)
def test_no_score_is_ever_nan(y: list[float | None], yhat: list[float]) -> None:
    found = score(backtest(y, yhat, 0.0), scales(), 0.8)
    for name in SCORES:
        assert found[name].drop_nulls().is_finite().all(), name
        assert name in UNDEFINED or found[name].null_count() == 0, name


def test_smape_of_zero_and_zero_is_zero_and_of_zero_and_something_one() -> None:
    found = score(backtest([0.0, 0.0], [0.0, 3.0], 1.0), scales(), 0.8)
    assert found["smape"].item() == pytest.approx(0.5)


def test_bounds_count_as_inside() -> None:
    found = score(backtest([1.0, 3.0, 3.1], [2.0, 2.0, 2.0], 1.0), scales(), 0.8)
    assert found["coverage"].item() == pytest.approx(2 / 3)


def test_a_series_without_an_observed_day_has_no_score() -> None:
    rows = pl.concat([backtest([None, None], [1.0, 1.0], 1.0, host="a"), backtest([1.0], [1.0], 1.0, host="b")])
    assert score(rows, scales(), 0.8)["host_id"].to_list() == ["b"]


def test_no_rows_give_no_scores() -> None:
    found = score(backtest([], [], []), scales(), 0.8)
    assert found.is_empty()
    assert found.schema == TOURNAMENT_SCORES.polars_schema


def test_entrants_of_one_series_are_scored_apart() -> None:
    rows = pl.concat([backtest([1.0], [2.0], 0.0, model="x"), backtest([1.0], [5.0], 0.0, model="w")])
    assert score(rows, scales(), 0.8).select("model", "mae").rows() == [("w", 4.0), ("x", 1.0)]


def test_scores_do_not_change_from_one_time_to_the_next() -> None:
    rng = np.random.default_rng(0)
    known = pl.concat([history(dict(enumerate(rng.uniform(0, 100, 900))), host=h) for h in HOSTS])
    parts = [backtest(list(rng.uniform(0, 100, 122)), list(rng.uniform(0, 100, 122)), 9.0, host=h) for h in HOSTS]
    seen = pl.concat(parts)
    first = score(seen, backtest_scales(known), 0.8)
    assert all(score(seen, backtest_scales(known), 0.8).equals(first) for _ in range(60))


def test_folds_are_scored_apart_each_over_its_own_scale() -> None:
    rows = pl.concat([backtest([1.0], [2.0], 0.0, fold=2), backtest([1.0], [5.0], 0.0)])
    both = pl.concat([scales(a=2.0), scales(a=10.0).with_columns(fold=pl.lit(2, dtype=pl.Int32))])
    assert score(rows, both, 0.8).select("fold", "mae", "mase").rows() == [(0, 4.0, 2.0), (2, 1.0, 0.1)]


def test_a_windows_scale_has_seen_nothing_after_its_last_training_day() -> None:
    rng = np.random.default_rng(1)
    y, end = rng.uniform(0, 100, 100), date(2025, 2, 19)  # day 49
    ends = {0: date(2025, 4, 10), 2: end}
    found = scales_by_window(history(dict(enumerate(y))), ends)
    assert found["fold"].to_list() == [0, 2]
    expected = [np.abs(part[7:] - part[:-7]).mean() for part in (y, y[:50])]
    np.testing.assert_allclose(found["scale"], expected, rtol=1e-12)
    y[50:] = 0.0
    assert scales_by_window(history(dict(enumerate(y))), ends).row(1) == found.row(1)


def test_a_window_before_a_series_began_has_no_scale_for_it() -> None:
    known = pl.concat([history({0: 1.0, 7: 3.0}), history({40: 1.0, 47: 9.0}, host="b")])
    found = scales_by_window(known, {1: date(2025, 1, 31), 0: date(2025, 3, 1)})
    assert found.rows() == [("a", "cpu", 0, 2.0), ("b", "cpu", 0, 8.0), ("a", "cpu", 1, 2.0)]
    assert scales_by_window(known, {}).is_empty()


def test_single_precision_rows_are_scored_in_double() -> None:
    rows = backtest([0.1] * 100, [0.4] * 100, 0.5)
    single = rows.with_columns(pl.col("yhat", "yhat_lower", "yhat_upper").cast(pl.Float32))
    found = score(single, scales(), 0.8)
    assert found["mae"].dtype == pl.Float64
    assert found["mae"].item() == pytest.approx(float(np.float32(0.4)) - 0.1, rel=1e-14)


def test_a_value_that_is_nan_counts_as_not_observed() -> None:
    found = score(backtest([float("nan"), 1.0], [5.0, 2.0], 1.0), scales(), 0.8)
    assert found.select("n", "mae").row(0) == (1, 1.0)


def test_scores_by_month_are_those_of_the_months_rows_and_of_all_of_them() -> None:
    rows = backtest([1.0, 1.0, 1.0, None], [2.0, 4.0, 1.0, 9.0], 1.0)
    rows = rows.with_columns(horizon_month=pl.Series([1, 1, 2, 2], dtype=pl.Int32))
    found = score_by_month(rows, scales(a=0.5).drop("fold"), 0.8)
    assert found.select("horizon_month", "n", "mae", "mase", "coverage").rows() == [
        (0, 3, pytest.approx(4 / 3), pytest.approx(8 / 3), pytest.approx(2 / 3)),
        (1, 2, 2.0, 4.0, 0.5),
        (2, 1, 0.0, 0.0, 1.0),
    ]
    whole = score(rows, scales(a=0.5), 0.8)
    assert whole.select(SCORES).row(0) == found.select(SCORES).row(0)
