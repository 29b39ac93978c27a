"""What is learnt from windows that ended: comes to the truth of made-up fleets, and survives its frame."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from turbo_forecast.outlook.learning import (
    FLEET,
    PRIOR,
    TERMS,
    Evidence,
    OutlookModel,
    fit_outlook_model,
    own_errors,
    season_weights,
)
from turbo_forecast.outlook.regression import KNOTS
from turbo_forecast.outlook.signals import GRID, Signals

NAN = np.nan
KNOWN = 7
"""Grid days that a window of four months has."""


def fleet(seed: int, n: int = 600, spread: float = 6.0, bias: float = 0.0, group: int = 0) -> Evidence:
    """Windows whose highest level strays from what the forecast said by logistic noise, whatever the other predictors say."""
    rng = np.random.default_rng(seed)
    said = rng.uniform(20, 95, n)
    peaks = np.full((n, 3, GRID.size), NAN)
    peaks[:, :, :KNOWN] = np.stack([said, rng.uniform(20, 95, n), rng.uniform(20, 95, n)], axis=1)[:, :, None]
    reached = np.full((n, GRID.size), NAN)
    reached[:, :KNOWN] = (said + bias + rng.logistic(0, spread, n))[:, None]
    low = np.zeros(n)
    signals = Signals(low, low, np.full(n, 8.0), peaks, np.full(n, NAN))
    return Evidence(signals, reached, np.full(n, group), np.ones(n), np.arange(n))


def joined(*parts: Evidence) -> Evidence:
    numbers = np.cumsum([0, *(part.series.size for part in parts)])
    return Evidence(
        Signals(
            *(
                np.concatenate([getattr(part.signals, name) for part in parts])
                for name in ("level", "start", "swing", "peaks", "error")
            )
        ),
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("reached", "group", "weight")),
        np.concatenate([part.series + first for part, first in zip(parts, numbers, strict=False)]),
    )


def test_a_resource_that_is_called_as_the_fleet_is_judged_as_the_fleet_is():
    evidence = joined(fleet(1, n=60), fleet(2, n=60, bias=9.0, group=1))
    found = fit_outlook_model(evidence, ("all", "cpu"))
    assert found.resources == ("all", "cpu")
    np.testing.assert_array_equal(found.rows_of(pl.Series(["all", "cpu", "mem"])), [0, 1, 0])
    np.testing.assert_array_equal(found.coefficients[0], fit_outlook_model(evidence, ("mem", "cpu")).coefficients[0])
    assert not found.to_frame().select("resource", "days", "term").is_duplicated().any()


def test_a_forecast_with_logistic_errors_is_given_their_scale_and_the_other_predictors_nothing():
    evidence = fleet(1)
    found = fit_outlook_model(evidence, ("cpu",))
    scale = np.sqrt(
        8.0 * np.median(np.abs(evidence.error))
    )  # a window alone of its series has its resource's median error
    intercept, *slopes = found.coefficients[1, 0]
    assert slopes[0] == pytest.approx(scale / 6.0, rel=0.15)
    assert max(slopes[1:]) < 0.1
    assert abs(intercept) < 0.2
    np.testing.assert_allclose(found.curves[1, 0, 12:21], expit(KNOTS[12:21]), atol=0.06)


def test_a_forecast_that_is_always_too_low_moves_the_intercept():
    assert fit_outlook_model(fleet(2, bias=10.0), ("cpu",)).coefficients[1, 0, 0] > 1.0


def test_a_resource_with_few_windows_keeps_to_the_fleet():
    many, few = fleet(3), fleet(4, n=3, bias=30.0, group=1)
    found = fit_outlook_model(joined(many, few), ("cpu", "disk"))
    assert found.windows.tolist() == [603, 600, 3]
    np.testing.assert_allclose(found.coefficients[2], found.coefficients[0], atol=0.35)
    own = fit_outlook_model(joined(many, fleet(4, bias=30.0, group=1)), ("cpu", "disk"))
    assert own.coefficients[2, 0, 0] > found.coefficients[2, 0, 0] + 0.5, "with many windows it has its own"


def test_without_windows_the_belief_is_the_prior_and_the_curve_logistic():
    none = fleet(5, n=0)
    found = fit_outlook_model(none, ("cpu",))
    np.testing.assert_allclose(found.coefficients[0, np.searchsorted(GRID, 30)], PRIOR)
    np.testing.assert_allclose(found.curves[0], np.tile(expit(KNOTS), (2, 1)))
    assert np.isnan(own_errors(none, np.array([0, 1]), np.array([0, 0]))).all()


def test_beyond_the_last_day_that_was_seen_slopes_fade_and_the_intercept_stays():
    found = fit_outlook_model(fleet(6), ("cpu",)).coefficients[1]
    np.testing.assert_allclose(found[KNOWN:, 0], found[KNOWN - 1, 0])
    np.testing.assert_allclose(found[KNOWN + 1, 1], found[KNOWN - 1, 1] * (122 / 182) ** 0.3)


def test_a_window_that_could_not_be_judged_teaches_nothing():
    seen = fleet(7, n=200)
    unseen = replace(fleet(8, n=50, bias=60.0), reached=np.full((50, GRID.size), NAN))
    both, alone = fit_outlook_model(joined(seen, unseen), ("cpu",)), fit_outlook_model(seen, ("cpu",))
    np.testing.assert_allclose(both.coefficients, alone.coefficients)
    np.testing.assert_allclose(both.curves, alone.curves)


def test_a_window_of_no_weight_teaches_the_curves_nothing():
    seen, odd = fleet(7, n=200), fleet(8, n=200, bias=60.0)
    odd = replace(odd, weight=np.zeros(200))
    known = replace(odd, reached=odd.signals.peaks[:, 0] + seen.error[:, None])  # errors of the same median
    np.testing.assert_allclose(
        fit_outlook_model(joined(seen, known), ("cpu",)).curves, fit_outlook_model(seen, ("cpu",)).curves, atol=1e-6
    )


def test_the_over_curve_is_nowhere_below_the_other():
    evidence = fleet(9)
    evidence = replace(evidence, signals=replace(evidence.signals, level=evidence.signals.peaks[:, 0, 0]))
    below, over = fit_outlook_model(evidence, ("cpu",)).curves[0]
    assert (over >= below).all()


def test_an_error_is_the_root_mean_square_held_towards_the_resources_median():
    evidence = fleet(10, n=4)
    reached = evidence.signals.peaks[:, 0] + np.array([3.0, -4.0, 12.0, NAN])[:, None]
    evidence = replace(evidence, reached=reached, series=np.array([0, 0, 1, 2]))
    found = own_errors(evidence, np.array([0, 1, 2, 3]), np.array([0, 0, 0, 0]))
    median = 16.0  # of 9, 16, 144
    expected = [(9 + 16 + 2 * median) / 4, (144 + 2 * median) / 3, median, median]
    np.testing.assert_allclose(found, np.sqrt(expected))


def test_a_resource_without_windows_takes_the_fleets_median_error():
    evidence = replace(fleet(11, n=3), series=np.array([0, 0, 0]))
    expected = np.sqrt(np.median(evidence.error**2))
    assert own_errors(evidence, np.array([5]), np.array([1]))[0] == pytest.approx(expected)


def test_windows_of_the_same_season_count_most_and_those_of_the_opposite_least():
    year, origin = 365.25, 20_000
    found = season_weights(np.array([origin - 365, origin - 183, origin - 91]), origin)
    np.testing.assert_allclose(found, 1 + 0.95 * np.cos(2 * np.pi * np.array([365, 183, 91]) / year))
    assert found[0] > found[2] > found[1] > 0


def test_what_was_learnt_is_read_back_from_its_frame_in_any_order():
    model = fit_outlook_model(joined(fleet(12, n=100), fleet(13, n=100, group=1, bias=8.0)), ("cpu", "disk"))
    back = OutlookModel.from_frame(model.to_frame().sample(fraction=1.0, shuffle=True, seed=1))
    assert back.resources == (FLEET, "cpu", "disk")
    np.testing.assert_array_equal(back.coefficients, model.coefficients)
    np.testing.assert_array_equal(back.curves, model.curves)
    np.testing.assert_array_equal(back.windows, model.windows)
    assert back.coefficients.shape == (3, GRID.size, len(TERMS))
    np.testing.assert_array_equal(back.rows_of(pl.Series(["disk", "gpu", "cpu"])), [2, 0, 1])


def test_learning_twice_gives_the_same_numbers():
    one, two = (fit_outlook_model(fleet(14, n=200), ("cpu",)) for _ in range(2))
    np.testing.assert_array_equal(one.curves, two.curves)
    np.testing.assert_array_equal(one.coefficients, two.coefficients)
