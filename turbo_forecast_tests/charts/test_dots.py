"""Where dots with intervals lie on their scale."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turbo_forecast.charts.dots import WIDTH, dots


def test_dots_lie_on_a_scale_of_round_numbers() -> None:
    plot = dots([("a", 1.2, 1.1, 1.4), ("b", 2.0, None, None)], reference=1.0)
    assert [value for _, value in plot.ticks] == pytest.approx([1.0, 1.2, 1.4, 1.6, 1.8, 2.0])
    assert [place for place, _ in plot.ticks] == pytest.approx([0, 80, 160, 240, 320, 400])
    first, second = plot.dots
    assert (first.x, first.low, first.high) == pytest.approx((80, 40, 160))
    assert (second.x, second.low, second.high) == pytest.approx((WIDTH, WIDTH, WIDTH)), "without an interval"
    assert plot.reference == 0.0


def test_what_has_no_value_is_left_out() -> None:
    assert dots([("a", None, None, None)]) == dots([])
    assert [dot.name for dot in dots([("a", None, None, None), ("b", 3.0, 2.0, 4.0)]).dots] == ["b"]


@given(st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=8))
def test_every_dot_and_every_mark_of_the_scale_lies_within_it(values: list[float]) -> None:
    plot = dots([(str(place), value, value - 0.1, value + 0.1) for place, value in enumerate(values)])
    places = [each for dot in plot.dots for each in (dot.x, dot.low, dot.high)] + [place for place, _ in plot.ticks]
    assert all(-0.1 <= place <= WIDTH + 0.1 for place in places)
    assert 2 <= len(plot.ticks) <= 9
