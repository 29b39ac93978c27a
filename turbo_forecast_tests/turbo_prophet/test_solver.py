"""Which of several searches are gone on with."""

import numpy as np
import pytest

from turbo_forecast.turbo_prophet.solver import Searches, _came_to_a_known_optimum
from turbo_forecast_tests.kernels import called

call_came_to_a_known_optimum = called(_came_to_a_known_optimum)

COLUMNS = 2
KNOWN = [0.5, 0.2, 0.3, 0.1, 50.0, 0.0]  # b, k, two coefficients, two rate changes


def _searches(point: list[float], apart: float = 0.5, finished: bool = True) -> Searches:
    """Two searches: one at KNOWN, and one at a point, whose objective is so many nats apart."""
    counts = np.zeros(2, np.int64)
    value = np.array([-100.0, -100.0 + apart])
    ended = np.array([finished, False])
    return Searches(np.array([KNOWN, point]), counts, value, value, value, counts, counts, ended)


@pytest.mark.parametrize(
    ("place", "by", "same"),
    [
        (0, 0.001, True),
        (0, 0.1, False),
        (2, 0.001, True),
        (3, 0.1, False),  # a coefficient twice as large: not the same because a rate change of 50 is larger still
        (4, 0.5, True),
        (4, 2.0, False),
        (5, 0.5, True),
    ],
)
def test_two_optima_are_one_if_line_coefficients_and_rate_changes_each_agree(place: int, by: float, same: bool) -> None:
    point = KNOWN.copy()
    point[place] += by
    assert call_came_to_a_known_optimum(_searches(point), 1, COLUMNS) == same


def test_blocks_of_zeros_agree_where_both_are_about_zero() -> None:
    searches = _searches([0.5, 0.2, 0.0, 0.0, 0.0, 0.0])
    searches.theta[1] = searches.theta[0] = [0.5, 0.2, 0.0, 0.0, 0.0, 0.0]
    searches.theta[1, 4] = 0.005  # one percent of the line
    assert call_came_to_a_known_optimum(searches, 1, COLUMNS)


def test_a_search_that_is_not_at_its_end_or_nats_away_is_no_known_optimum() -> None:
    assert not call_came_to_a_known_optimum(_searches(KNOWN, finished=False), 1, COLUMNS)
    assert not call_came_to_a_known_optimum(_searches(KNOWN, apart=3.0), 1, COLUMNS)
