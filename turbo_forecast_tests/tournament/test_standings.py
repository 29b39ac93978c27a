"""Standings by hand, ranks and intervals against scipy."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from scipy.stats import bootstrap, rankdata

from turbo_forecast.schemas import TOURNAMENT_STANDINGS
from turbo_forecast.tournament.standings import standings

CUTOFF = date(2025, 12, 31)
SCHEMA = {
    "host_id": pl.String,
    "resource": pl.String,
    "model": pl.String,
    "horizon_month": pl.Int32,
    "n": pl.Int64,
    **dict.fromkeys(("mae", "mase", "bias", "coverage", "interval_score"), pl.Float64),
}


def scores(maes: dict[str, list[float | None]], *, resource: str = "cpu", month: int = 0, **other: object):
    """A row per model and host (h000, h001, …) with that MAE; None where the model has no score."""
    parts = [
        {"host_id": f"h{i:03d}", "model": model, "mae": mae, "mase": mae / 2}
        for model, values in maes.items()
        for i, mae in enumerate(values)
        if mae is not None
    ]
    constants = {
        "resource": resource, "horizon_month": month, "n": 30, "bias": 1.0, "coverage": 0.5, "interval_score": 9.0
    } | other  # fmt: skip
    frame = pl.DataFrame(parts).with_columns(pl.lit(value).alias(name) for name, value in constants.items())
    return frame.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())


def found_for(rows: pl.DataFrame, seasonal_naive: str = "naive") -> pl.DataFrame:
    found = standings(rows, cutoff=CUTOFF, fallback="naive", seasonal_naive=seasonal_naive, interval_width=0.8)
    assert found.schema == TOURNAMENT_STANDINGS.polars_schema
    assert found.equals(found.sort(TOURNAMENT_STANDINGS.key))
    for column in found.select(pl.selectors.float()):
        assert column.drop_nulls().is_finite().all(), column.name
    return found


def by_model(found: pl.DataFrame, resource: str = "all", month: int = 0) -> dict[str, dict[str, object]]:
    rows = found.filter(resource=resource, horizon_month=month).iter_rows(named=True)
    return {row["model"]: row for row in rows}


FIELD = {
    "ets": [1.0, 5.0, 3.0, 2.0],
    "naive": [2.0, 4.0, 3.0, 9.0],
    "prophet": [3.0, 6.0, 8.0, 2.0],
    "champion": [1.0, 4.5, 2.0, 2.0],
}


def test_standings_by_hand() -> None:
    found = by_model(found_for(scores(FIELD)))
    assert list(found) == ["champion", "ets", "naive", "prophet"]
    for model, row in found.items():
        assert (row["cutoff"], row["series"], row["own"]) == (CUTOFF, 4, 4)
        assert row["mae"] == np.mean(FIELD[model])
        assert row["mase"] == np.mean(FIELD[model]) / 2
        assert (row["bias"], row["coverage"], row["interval_score"]) == (1.0, 0.5, 9.0)
    assert {model: row["mean_rank"] for model, row in found.items()} == {
        "ets": (1 + 2 + 1.5 + 1.5) / 4,
        "naive": (2 + 1 + 1.5 + 3) / 4,
        "prophet": (3 + 3 + 3 + 1.5) / 4,
        "champion": (1.5 + 2 + 1 + 2) / 4,  # beside three entrants, ties with one, none, none and two of them
    }
    assert {model: row["wins"] for model, row in found.items()} == {"ets": 3, "naive": 2, "prophet": 1, "champion": 3}
    beats = {model: row["beats_seasonal_naive"] for model, row in found.items()}
    assert beats == {"ets": 0.5, "naive": None, "prophet": 0.25, "champion": 0.75}
    assert found["naive"]["beats_low"] is found["naive"]["beats_high"] is None


def test_ranks_are_scipys() -> None:
    mae = np.random.default_rng(0).integers(0, 6, (50, 5)).astype(float)
    names = ["a", "b", "c", "d", "naive"]
    found = by_model(found_for(scores({name: list(mae[:, i]) for i, name in enumerate(names)})))
    expected = rankdata(mae, axis=1).mean(axis=0)
    np.testing.assert_allclose([found[name]["mean_rank"] for name in names], expected, rtol=1e-12)


def test_who_has_no_score_is_charged_the_fallbacks() -> None:
    fallback = scores({"naive": [2.0, 4.0, 10.0]}, coverage=0.2, interval_score=7.0, bias=3.0)
    own = scores({"ets": [1.0, None, None]}, coverage=1.0, interval_score=1.0, bias=0.0)
    row = by_model(found_for(pl.concat([fallback, own])))["ets"]
    assert (row["series"], row["own"]) == (3, 1)
    assert row["mae"] == pytest.approx((1 + 4 + 10) / 3)
    assert row["mase"] == pytest.approx((1 + 4 + 10) / 6)
    assert row["bias"] == pytest.approx((0 + 3 + 3) / 3)
    assert row["coverage"] == pytest.approx((1 + 0.2 + 0.2) / 3)
    assert row["mean_coverage"] == pytest.approx((1 + 0.2 + 0.2) / 3)
    assert row["interval_score"] == pytest.approx((1 + 7 + 7) / 3)
    assert row["mean_rank"] == pytest.approx((1 + 1.5 + 1.5) / 3)
    assert (row["wins"], row["beats_seasonal_naive"]) == (3, pytest.approx(1 / 3))


def test_coverage_counts_days_not_series() -> None:
    rows = scores({"naive": [1.0, 1.0]}).with_columns(n=pl.Series([10, 90]), coverage=pl.Series([1.0, 0.5]))
    found = by_model(found_for(rows))["naive"]
    assert found["coverage"] == pytest.approx((10 + 45) / 100)
    assert found["n"] == 100


@pytest.mark.parametrize(
    ("days", "inside", "by_day", "by_series"),
    [
        ([10, 90], [10, 45], 55 / 100, (1 + 0.5) / 2),
        ([122, 1], [61, 1], 62 / 123, (0.5 + 1) / 2),
        ([30, 30], [0, 30], 0.5, 0.5),  # of equal length the two are one
        ([4, 8, 12], [4, 0, 6], 10 / 24, (1 + 0 + 0.5) / 3),
    ],
)
def test_mean_coverage_counts_series_not_days(
    days: list[int], inside: list[int], by_day: float, by_series: float
) -> None:
    shares = [held / n for held, n in zip(inside, days, strict=True)]
    rows = scores({"naive": [1.0] * len(days)}).with_columns(n=pl.Series(days), coverage=pl.Series(shares))
    found = by_model(found_for(rows))["naive"]
    assert found["coverage"] == pytest.approx(by_day)
    assert found["mean_coverage"] == pytest.approx(by_series)
    assert (found["n"], found["series"]) == (sum(days), len(days))


def test_a_series_is_poorly_covered_below_three_quarters_of_the_nominal_width() -> None:
    rows = scores({"naive": [1.0] * 5}).with_columns(coverage=pl.Series([0.0, 0.599, 0.6, 0.8, 1.0]))
    assert by_model(found_for(rows))["naive"]["poorly_covered"] == 2 / 5


def test_mase_is_the_mean_over_the_same_series_for_everybody() -> None:
    rows = scores({"ets": [1.0, 2.0, 4.0], "naive": [3.0, 3.0, 3.0]})
    gone = (pl.col("host_id") == "h001") & (pl.col("model") == "naive")
    found = by_model(found_for(rows.with_columns(mase=pl.when(~gone).then("mase"))))
    assert found["ets"]["mase"] == (0.5 + 2.0) / 2
    assert found["ets"]["mae"] == pytest.approx(7 / 3)
    assert (found["ets"]["series"], found["ets"]["mase_series"], found["naive"]["mase_series"]) == (3, 2, 2)
    nothing = by_model(found_for(rows.with_columns(mase=pl.lit(None, dtype=pl.Float64))))["ets"]
    assert nothing["mase"] is nothing["mase_low"] is nothing["mase_high"] is None
    assert nothing["mase_series"] == 0
    assert nothing["beats_low"] is not None


def test_resources_and_months_stand_apart_and_together() -> None:
    parts = [
        scores({"naive": [4.0, 2.0], "ets": [1.0, 1.0]}),
        scores({"naive": [6.0], "ets": [2.0]}, resource="disk"),
        scores({"naive": [5.0, 5.0], "ets": [3.0, 3.0]}, month=1),
        scores({"naive": [7.0, 7.0], "ets": [9.0, 9.0]}, month=2),
    ]
    found = found_for(pl.concat(parts))
    maes = found.filter(model="naive").select("resource", "horizon_month", "series", "mae").rows()
    assert maes == [
        ("all", 0, 3, 4.0),
        ("all", 1, 2, 5.0),
        ("all", 2, 2, 7.0),
        ("cpu", 0, 2, 3.0),
        ("cpu", 1, 2, 5.0),
        ("cpu", 2, 2, 7.0),
        ("disk", 0, 1, 6.0),
    ]
    assert by_model(found, "cpu", 2)["ets"]["beats_seasonal_naive"] == 0.0


def test_where_the_seasonal_naive_does_not_take_part_nobody_beats_it() -> None:
    found = found_for(scores(FIELD), seasonal_naive="absent")
    for name in ("beats_seasonal_naive", "beats_low", "beats_high"):
        assert found[name].null_count() == found.height
    assert found["mase_low"].null_count() == 0


def test_the_mase_interval_is_scipys_within_monte_carlo_error() -> None:
    rng = np.random.default_rng(4)
    mae = rng.exponential(3, (300, 2))
    row = by_model(found_for(scores({"ets": list(mae[:, 0]), "naive": list(mae[:, 1])})))["ets"]
    theirs = bootstrap((mae[:, 0] / 2,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(0))
    # a 2.5 % quantile of 1,000 resamples has a standard error of about 0.085 standard errors of the mean
    tolerance = 4 * 0.085 * theirs.standard_error
    assert row["mase_low"] == pytest.approx(theirs.confidence_interval.low, abs=tolerance)
    assert row["mase_high"] == pytest.approx(theirs.confidence_interval.high, abs=tolerance)
    share = (mae[:, 0] < mae[:, 1]).astype(float)
    theirs = bootstrap((share,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(0))
    assert row["beats_low"] == pytest.approx(theirs.confidence_interval.low, abs=4 * 0.085 * theirs.standard_error)
    assert row["beats_high"] == pytest.approx(theirs.confidence_interval.high, abs=4 * 0.085 * theirs.standard_error)


def test_one_series_has_no_spread() -> None:
    row = by_model(found_for(scores({"naive": [3.0], "ets": [1.0]})))["ets"]
    assert row["mase_low"] == row["mase"] == row["mase_high"] == 0.5
    assert row["beats_low"] == row["beats_high"] == 1.0


def test_errors_of_nothing_at_all_are_errors_too() -> None:
    row = by_model(found_for(scores({"naive": [0.0, 0.0], "ets": [0.0, 0.0]})))["ets"]
    assert row["mae"] == row["mase"] == row["mase_low"] == row["mase_high"] == row["beats_seasonal_naive"] == 0.0
    assert (row["wins"], row["mean_rank"]) == (2, 1.5)


def test_the_order_of_rows_does_not_matter() -> None:
    mae = np.random.default_rng(1).exponential(3, (200, 4))
    rows = scores({name: list(mae[:, i]) for i, name in enumerate(["a", "b", "champion", "naive"])})
    assert found_for(rows.sample(fraction=1, shuffle=True, seed=3)).equals(found_for(rows))


def test_no_scores_give_no_standings_and_none_of_the_fallback_are_an_error() -> None:
    assert found_for(scores(FIELD).clear()).is_empty()
    with pytest.raises(ValueError, match="naive"):
        found_for(scores({"ets": [1.0]}))
