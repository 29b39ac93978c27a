"""Scores against plain NumPy, by hand where that is possible; never NaN."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from turbo_forecast.schemas import TOURNAMENT_RESULTS, TOURNAMENT_SCORES
from turbo_forecast.tournament.scores import mase_scales, score

CUTOFF = date(2025, 12, 31)
START = date(2025, 9, 1)
HOSTS = [f"h{i}" for i in range(48)]
SCORES = ("mae", "rmse", "smape", "mase", "bias", "coverage", "interval_score")


def backtest(y: list[float | None], yhat: list[float], half: list[float] | float, *, host: str = "a", model: str = "m"):
    """Backtest rows from values a day, bounds `half` below and above."""
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
    )


def history(values: dict[int, float], host: str = "a") -> pl.DataFrame:
    """Training rows by day since 2025-01-01."""
    days = [date(2025, 1, 1) + timedelta(days=day) for day in values]
    return pl.DataFrame(
        {"host_id": host, "resource": "cpu", "ds": days, "y": list(values.values())},
        schema={"host_id": pl.String, "resource": pl.String, "ds": pl.Date, "y": pl.Float64},
    )


def scales(**by_host: float) -> pl.DataFrame:
    parts = [{"host_id": host, "resource": "cpu", "scale": scale} for host, scale in by_host.items()]
    return pl.DataFrame(parts, schema={"host_id": pl.String, "resource": pl.String, "scale": pl.Float64})


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


def winkler(y: np.ndarray, low: np.ndarray, high: np.ndarray, alpha: float) -> float:
    below, above = np.maximum(low - y, 0), np.maximum(y - high, 0)
    return float(np.mean(high - low + 2 / alpha * (below + above)))


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
            "interval_score": winkler(y, low, high, 1 - width),
        }
    found = score(pl.concat(parts), scales(a=3.0, b=3.0, c=3.0), width)
    assert found["host_id"].to_list() == ["a", "b", "c"]
    for row in found.iter_rows(named=True):
        assert {name: row[name] for name in expected["a"]} == pytest.approx(expected[row["host_id"]], rel=1e-10)


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
    found = score(backtest([1.0, 2.0], [1.0, 1.0], 1.0), mase_scales(history(values)), 0.8).row(0, named=True)
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
        assert name == "mase" or found[name].null_count() == 0, name


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
    first = score(seen, mase_scales(known), 0.8)
    assert all(score(seen, mase_scales(known), 0.8).equals(first) for _ in range(60))
