"""The rules' measurement: the textbook's parts by hand, and one small month from run to table."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.optimize import linprog

from benchmarks import rules
from benchmarks.held import Held, held
from benchmarks.rules import (
    BEST_BY_FOLDS,
    BY_SCALE,
    BY_WIDTH,
    CHAMPION,
    CQR,
    HINDSIGHT,
    NO_JUMP,
    NO_SPREAD,
    OWN,
    PRODUCT,
    STOCK,
    STOCK_CQR,
    UNSCALED,
    WEIGHTED,
    WINNER,
    Interval,
    Judged,
    Point,
    difference,
    interval_methods,
    main,
    mean_interval,
    point_rules,
    tables,
)
from benchmarks.textbook import (
    conformal_offset,
    conformalized,
    inverse_error_weights,
    least_absolute_weights,
    least_squares_weights,
)
from turbo_forecast.errors import PartitionError
from turbo_forecast.settings import Settings, forecast_settings
from turbo_forecast.tournament.shrunken_errors import clearly_worse
from turbo_forecast_tests.conftest import CUTOFF, HISTORY_START, series_rows, wave
from turbo_forecast_tests.fleet.in_this_process import in_this_process

SETTINGS = forecast_settings(workers=1, uncertainty_samples=20)


def fleet() -> pl.DataFrame:
    """Six series: three levels, two amounts of growth, gaps that differ."""
    parts = [
        series_rows(
            f"host-{i}", wave(seed=i, level=25.0 + 8 * i, growth=(i % 2) * 15.0), keep=np.arange(1096) != 500 + i
        )
        for i in range(6)
    ]
    return pl.concat(parts)


@pytest.fixture(scope="module")
def month() -> Iterator[Held]:
    with in_this_process(), held(fleet(), CUTOFF, SETTINGS, lambda line: None) as found:
        yield found


@pytest.fixture(scope="module")
def points(month: Held) -> dict[str, Point]:
    return point_rules(month)


@pytest.fixture(scope="module")
def intervals(month: Held) -> dict[str, Interval]:
    return interval_methods(month)


def test_stacking_minimises_absolute_errors_where_squares_would_choose_otherwise() -> None:
    # 3 |2w - 1| + |4w - 3| is least at the kink 1/2; 3 (2w - 1)^2 + (4w - 3)^2 at 36/56
    errors = np.array([[1.0, -1.0]] * 3 + [[1.0, -3.0]])
    np.testing.assert_allclose(least_absolute_weights(errors), [0.5, 0.5], atol=1e-5)
    np.testing.assert_allclose(least_squares_weights(errors), [36 / 56, 20 / 56], rtol=1e-12)


def test_stacking_gives_no_member_a_negative_weight() -> None:
    errors = np.array([[1.0, 3.0], [1.0, 3.0]])  # 3/2 and -1/2 would cancel them
    np.testing.assert_allclose(least_absolute_weights(errors), [1.0, 0.0], atol=1e-12)


def test_stacking_is_as_good_as_the_linear_programme_of_the_same_question() -> None:
    generator = np.random.default_rng(4)
    errors = generator.normal(0, 5, (300, 1)) + generator.laplace(0, [1.0, 2.0, 3.0, 4.0], (300, 4)) + [0.5, 1, -2, 3]
    days, members = errors.shape
    signs = [np.hstack([sign * errors, -np.eye(days)]) for sign in (1, -1)]
    best = linprog(
        np.r_[np.zeros(members), np.ones(days)],
        A_ub=np.vstack(signs),
        b_ub=np.zeros(2 * days),
        A_eq=[np.r_[np.ones(members), np.zeros(days)]],
        b_eq=[1.0],
    )
    found = least_absolute_weights(errors)
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1, abs=1e-12)
    assert np.abs(errors @ found).sum() == pytest.approx(best.fun, rel=1e-5)


def test_stacking_takes_a_member_that_is_never_wrong_and_shares_equally_among_several() -> None:
    np.testing.assert_allclose(least_absolute_weights(np.array([[0.0, 1.0], [0.0, -2.0]])), [1, 0], atol=1e-12)
    np.testing.assert_array_equal(least_absolute_weights(np.zeros((3, 2))), [0.5, 0.5])


def test_stacking_without_a_day_is_an_error() -> None:
    with pytest.raises(ValueError, match="no day"):
        least_absolute_weights(np.empty((0, 2)))


def test_inverse_error_weights_fall_with_the_square_and_leave_out_who_missed_a_fold() -> None:
    means = np.array([[0.9, 1.9, 3.9], [0.9, np.nan, 1.9], [np.nan, np.nan, np.nan]])  # 0.1 is added
    present = np.array([[True, True, True], [True, True, True], [True, False, True]])
    expected = np.array([[16, 4, 1], [4, 0, 1], [1, 0, 1]]) / np.array([[21], [5], [2]])
    np.testing.assert_allclose(inverse_error_weights(means, present, 2.0), expected, rtol=1e-12)


def test_the_conformal_offset_is_the_score_of_the_finite_sample_rank() -> None:
    scores = np.array([3.0, -1.0, 2.0, 0.0, 5.0, 1.0, 4.0, -2.0, 6.0])  # ceil(10 * 0.8) = 8th of 9
    assert conformal_offset(scores, 0.8) == 5.0
    assert conformal_offset(scores[:4], 0.8) == 3.0  # ceil(5 * 0.8) = 4th of 4
    assert conformal_offset(scores[:3], 0.8) == math.inf  # ceil(4 * 0.8) = 4th of 3


def days_of(month: int, y: list[float], lower: float, upper: float) -> pl.DataFrame:
    frame = {"resource": "cpu", "horizon_month": month, "y": y, "yhat": 50.0, "yhat_lower": lower, "yhat_upper": upper}
    return pl.DataFrame(frame)


def test_cqr_moves_both_bounds_by_the_offset_of_their_month() -> None:
    # misses of month 1: 60 - 55, 55 - 55, 40 - 45 below as above, 50 inside by 5: sorted -5, 0, 5, 5; the 4th is 5
    seen = pl.concat(
        [days_of(1, [60.0, 55.0, 40.0, 50.0], 45.0, 55.0), days_of(2, [50.0, 51.0, 52.0, 49.0], 45.0, 55.0)]
    )
    asked = pl.concat([days_of(2, [0.0], 40.0, 60.0), days_of(1, [0.0], 40.0, 60.0), days_of(3, [0.0], 40.0, 60.0)])
    found = conformalized(seen, asked, 0.8)
    # month 2: the widest of -5, -4, -3, -4 is -3: inwards; month 3 was never seen: the whole envelope
    assert found["yhat_lower"].to_list() == [43.0, 35.0, 0.0]
    assert found["yhat_upper"].to_list() == [57.0, 65.0, 100.0]


def test_cqr_of_the_point_forecast_is_split_conformal_and_stays_in_the_envelope() -> None:
    seen = days_of(1, [53.0, 48.0, 49.0, 50.0], 50.0, 50.0)
    asked = days_of(1, [0.0, 0.0], 50.0, 50.0).with_columns(
        yhat=pl.Series([50.0, 99.0]), yhat_lower=pl.Series([50.0, 99.0]), yhat_upper=pl.Series([50.0, 99.0])
    )
    found = conformalized(seen, asked, 0.8)
    assert found["yhat_lower"].to_list() == [47.0, 96.0]
    assert found["yhat_upper"].to_list() == [53.0, 100.0]


def test_every_rule_and_method_has_finite_figures(points: dict[str, Point], intervals: dict[str, Interval]) -> None:
    assert {HINDSIGHT, BEST_BY_FOLDS, WINNER, CHAMPION, "equal weights"} <= set(points)
    assert len(points) == 18
    assert all(0 < point.mase < 5 for point in points.values())
    assert list(intervals) == [OWN, STOCK, CQR, STOCK_CQR, UNSCALED, BY_SCALE, BY_WIDTH, NO_JUMP, NO_SPREAD, PRODUCT]
    for one in intervals.values():
        assert 0 < one.smallest <= one.coverage <= one.largest <= 1
        assert 0 < one.score < 100


def test_only_rules_of_one_entrant_for_the_fleet_name_it(points: dict[str, Point]) -> None:
    named = {rule: point.who for rule, point in points.items() if point.who}
    assert set(named) == {HINDSIGHT, BEST_BY_FOLDS}
    assert set(named.values()) <= set(SETTINGS.base_models)


def test_no_single_entrant_for_the_fleet_is_better_than_the_best_in_hindsight(
    month: Held, points: dict[str, Point]
) -> None:
    by_entrant = month.scores.filter(window_name="backtest").group_by("model").agg(pl.col("mase").mean())
    single = by_entrant.filter(pl.col("model").is_in(SETTINGS.base_models)).sort("mase")
    assert (points[HINDSIGHT].who, points[HINDSIGHT].mase) == (single["model"][0], pytest.approx(single["mase"][0]))
    assert points[BEST_BY_FOLDS].mase >= points[HINDSIGHT].mase


def test_the_products_own_combinations_come_out_as_the_run_made_them(month: Held, points: dict[str, Point]) -> None:
    run = month.scores.filter(window_name="backtest").group_by("model").agg(pl.col("mase").mean())
    mase = dict(run.iter_rows())
    assert points[WEIGHTED[8.0]].mase == pytest.approx(mase["weighted"], abs=1e-6)
    assert points["median of all single entrants"].mase == pytest.approx(mase["median"], rel=1e-12)


def test_days_are_those_the_scores_rest_on(month: Held) -> None:
    y, yhat = month.days
    again = np.nanmean(np.abs(yhat - y[:, None]), axis=-1)
    np.testing.assert_allclose(again, month.errors[:, month.singles], rtol=1e-6)


def test_a_rule_that_was_varied_is_the_products_again_afterwards(month: Held, points: dict[str, Point]) -> None:
    assert rules.weights.SHARPNESS == 8.0
    assert (rules.champions.MARGIN, rules.champions.INFLATION) == (0.04, 4.0)
    assert rules.champions.clearly_worse is clearly_worse
    assert (rules.calibration.OWN_SHARE, rules.calibration.SPREAD_SHARE, rules.calibration.JUMP_SHARE) == (
        0.6,
        0.2,
        0.8,
    )
    assert point_rules(month) == points


def test_a_month_the_telemetry_does_not_reach_is_refused() -> None:
    with (
        pytest.raises(PartitionError, match="not complete"),
        held(fleet().filter(pl.col("ds") < HISTORY_START.replace(year=2025)), CUTOFF, SETTINGS, lambda line: None),
    ):
        pass


def test_several_months_are_averaged_figure_by_figure() -> None:
    first = Judged(CUTOFF, 2, {CHAMPION: Point(1.0, "m")}, {PRODUCT: Interval(0.7, 0.6, 0.8, 10.0)})
    second = Judged(CUTOFF, 2, {CHAMPION: Point(2.0)}, {PRODUCT: Interval(0.9, 0.7, 1.0, 20.0)})
    mean = mean_interval([first, second], PRODUCT)
    assert (mean.coverage, mean.smallest, mean.largest, mean.score) == pytest.approx((0.8, 0.65, 0.9, 15.0))
    point, interval = tables([first, second])
    assert point.splitlines()[-1] == f"| {CHAMPION} | 1.000 m | 2.000 | 1.500 |"
    assert interval.splitlines()[-1] == (
        f"| {PRODUCT} | 10.00, 70.0% (60–80) | 20.00, 90.0% (70–100) | 15.00, 80.0% (65–90) |"
    )


def test_a_difference_has_its_standard_error_over_months() -> None:
    assert difference([1.0, 2.0, 3.0], 2) == "+2.00 ± 0.58"  # a standard deviation of 1 over the root of 3
    assert difference([-0.5], 2) == "-0.50"


@pytest.mark.slow
def test_the_command_holds_months_and_demo_and_writes_what_it_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    telemetry, out = tmp_path / "telemetry.parquet", tmp_path / "TOURNAMENT.md"
    fleet().rename({"ds": "time", "y": "value"}).write_parquet(telemetry)
    monkeypatch.setattr(rules, "TOURNAMENT", out)
    monkeypatch.setattr(rules, "Settings", lambda: Settings(forecast=SETTINGS))
    with in_this_process():
        assert main(["--telemetry", str(telemetry), "--months", "2025-12", "--demo-hosts", "2", "--write"]) == 0
    text = capsys.readouterr().out
    assert "## telemetry.parquet\n\nSeries: 6." in text
    assert "## The demo fleet, 2 hosts" in text
    assert out.read_text() == text


def test_nothing_is_written_unless_asked(
    points: dict[str, Point], intervals: dict[str, Interval], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "TOURNAMENT", tmp_path / "TOURNAMENT.md")
    monkeypatch.setattr(rules, "read_base", lambda settings, path: fleet())
    monkeypatch.setattr(rules, "demo_rows", lambda hosts: fleet())
    monkeypatch.setattr(rules, "judge", lambda base, cutoff, settings, say: Judged(cutoff, 6, points, intervals))
    assert main(["--months", "2025-08,2025-12"]) == 0
    assert not rules.TOURNAMENT.exists()


@pytest.mark.parametrize("arguments", [["--months", "2025-13"], ["--demo-hosts", "0"]])
def test_a_bad_argument_is_refused_before_any_work(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    assert refused.value.code == 2


def test_telemetry_that_is_not_there_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--telemetry", str(tmp_path / "none.parquet")]) == 2
    assert capsys.readouterr().err.startswith("error: ")
