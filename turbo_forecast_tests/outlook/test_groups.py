"""A group's level is the mean of its hosts, and hosts that come, go or fall silent do not move it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turbo_forecast.outlook.groups import OVERLAP_DAYS, PATIENCE_DAYS, group_days, usable_share

NAN = np.nan


def test_where_all_is_observed_it_is_the_capacity_weighted_mean() -> None:
    values = np.array([[10.0, 40.0], [20.0, 60.0]])
    found = group_days(values, np.array([3.0, 1.0]))
    assert found.level.tolist() == [(30 + 40) / 4, (60 + 60) / 4]
    assert found.hosts.tolist() == found.observed.tolist() == [2, 2]
    assert found.observed_capacity.tolist() == [1.0, 1.0]


def test_a_new_host_moves_the_days_before_it_to_its_level_and_not_the_days_after() -> None:
    values = np.full((100, 2), 20.0)
    values[:, 1] = 80.0
    values[:60, 1] = NAN
    found = group_days(values, np.array([2.0, 1.0]))
    assert found.level == pytest.approx(np.full(100, (2 * 20 + 80) / 3))
    assert found.hosts.tolist() == [1] * 60 + [2] * 40


def test_a_host_that_has_left_takes_its_difference_with_it() -> None:
    values = np.full((100, 2), 20.0)
    values[:, 1] = 80.0
    values[40:, 1] = NAN
    found = group_days(values, np.ones(2))
    assert found.hosts.tolist() == [2] * (40 + PATIENCE_DAYS) + [1] * (60 - PATIENCE_DAYS)
    assert found.level == pytest.approx(np.full(100, 20.0))


def test_growth_of_the_hosts_that_stay_is_growth() -> None:
    values = np.repeat(np.linspace(10, 60, 101)[:, None], 2, axis=1)
    values[:50, 1] = NAN
    values[:, 1] += 10  # the newcomer lies 10 points above the other
    found = group_days(values, np.ones(2))
    assert found.level == pytest.approx(np.linspace(10, 60, 101) + 5)


def test_a_silent_host_is_as_on_its_weekdays_moved_as_the_others_move() -> None:
    day = np.arange(70)
    weekly = np.where(day % 7 < 5, 50.0, 10.0)
    values = np.stack([weekly, weekly + 20], axis=1)
    values[63:] += 6  # both do more from here on
    values[65, 1] = NAN
    found = group_days(values, np.ones(2))
    assert found.level[65] == pytest.approx(weekly[65] + 10 + 6)
    assert (found.hosts[65], found.observed[65], found.observed_capacity[65]) == (2, 1, 0.5)


def test_a_day_on_which_less_than_half_of_the_capacity_is_observed_has_no_value() -> None:
    values = np.full((40, 3), 30.0)
    values[20, 0] = values[21, 1] = NAN
    found = group_days(values, np.array([3.0, 1.0, 1.0]))
    assert np.flatnonzero(np.isnan(found.level)).tolist() == [20]
    assert found.observed_capacity[[20, 21]].tolist() == [0.4, 0.8]


def test_what_a_host_has_grown_while_it_was_away_is_growth() -> None:
    values = np.full((200, 2), 20.0)
    values[60:120, 1] = NAN
    values[120:, 1] = 50.0
    found = group_days(values, np.ones(2))
    assert found.level[[0, 59, 100, 120, 199]] == pytest.approx([20, 20, 20, 35, 35])


def test_hosts_that_replace_all_others_are_taken_to_go_on_where_those_ended() -> None:
    values = np.full((120, 2), NAN)
    values[:40, 0], values[40 + PATIENCE_DAYS :, 1] = 30.0, 55.0
    found = group_days(values, np.ones(2))
    seen = ~np.isnan(found.level)
    assert found.level[seen] == pytest.approx(np.full(seen.sum(), 55.0))
    assert seen.tolist() == [True] * 40 + [False] * PATIENCE_DAYS + [True] * (80 - PATIENCE_DAYS)


def test_an_outage_of_the_whole_monitoring_hides_no_growth() -> None:
    values = np.full((200, 3), 20.0)
    values[80:140] = NAN
    values[140:] = 45.0
    found = group_days(values, np.ones(3))
    assert found.level[[0, 79, 140, 199]] == pytest.approx([20, 20, 45, 45])
    assert np.isnan(found.level[80:140]).all()


def test_levels_stay_within_nothing_and_all() -> None:
    values = np.full((100, 2), 5.0)
    values[:50, 1] = NAN
    values[50:, 1] = 0.0
    values[:50, 0] = 1.0  # expressed for today's hosts, the days before would be below 0
    found = group_days(values, np.ones(2))
    assert found.level.min() == 0.0
    assert found.level[:50] == pytest.approx(np.zeros(50))


def test_nothing_later_is_looked_at_to_fill_in_a_silent_day() -> None:
    rng = np.random.default_rng(3)
    values = rng.uniform(20, 60, (120, 4))
    values[rng.random(values.shape) < 0.1] = NAN
    later = values.copy()
    later[90:] = np.where(np.isnan(later[90:]), NAN, 99.0)
    before, after = (group_days(each, np.ones(4)).level[:90] for each in (values, later))
    np.testing.assert_array_equal(before, after)


@st.composite
def steady_groups(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hosts at levels of their own that share one course, with the days each was there; the first is always."""
    hosts, days = draw(st.integers(2, 6)), 200
    levels = np.array(draw(st.lists(st.floats(25, 60), min_size=hosts, max_size=hosts)))
    capacity = np.array(draw(st.lists(st.sampled_from([1.0, 2.0, 8.0]), min_size=hosts, max_size=hosts)))
    slope = draw(st.floats(-0.05, 0.1))
    whole = levels + slope * np.arange(days)[:, None] + np.where(np.arange(days) % 7 < 5, 5.0, -5.0)[:, None]
    seen = whole.copy()
    for host in range(1, hosts):
        seen[: draw(st.integers(0, days - OVERLAP_DAYS)), host] = NAN
        seen[draw(st.one_of(st.just(days), st.integers(0, days))) :, host] = NAN
    return whole, seen, capacity


@settings(max_examples=60, deadline=None)
@given(steady_groups())
def test_hosts_that_come_and_go_at_any_level_and_weight_are_no_growth(
    group: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    whole, seen, capacity = group
    found = group_days(seen, capacity)
    course = whole[:, 0] - whole[0, 0]
    there = ~np.isnan(found.level)
    own = found.level[there] - course[there]
    assert own == pytest.approx(np.full(there.sum(), own[0]), abs=1e-6)
    today = ~np.isnan(seen[-PATIENCE_DAYS - 1 :]).all(axis=0)
    if there[-1]:
        assert found.level[-1] == pytest.approx(np.average(whole[-1, today], weights=capacity[today]))


@pytest.mark.parametrize("kind", ["new", "gone", "gaps", "outage"])
def test_it_is_nearer_to_what_all_hosts_would_have_shown_than_a_plain_mean_and_a_daily_chain(kind: str) -> None:
    rng = np.random.default_rng(5)
    errors = np.array([_errors(kind, rng) for _ in range(12)]).mean(axis=0)
    assert errors[0] < min(errors[1:])


def _errors(kind: str, rng: np.random.Generator) -> list[float]:
    """Root mean squared errors of this rule, of chain-linking day by day, and of the plain mean."""
    days, hosts = 500, 6
    walks = np.cumsum(rng.normal(0, 0.15, (days, hosts + 1)), axis=0)
    weekly = rng.normal(0, 6, (7, hosts))[np.arange(days) % 7]
    whole = np.clip(
        rng.uniform(20, 60, hosts) + walks[:, :1] + walks[:, 1:] + weekly + rng.normal(0, 2, (days, hosts)), 0, 100
    )
    seen, today = whole.copy(), np.ones(hosts, np.bool_)
    if kind == "new":
        seen[: rng.integers(200, 450), :2] = NAN
    elif kind == "gone":
        seen[rng.integers(200, 450) :, 0], today[0] = NAN, False
    elif kind == "gaps":
        seen[rng.random(seen.shape) < 0.05] = NAN
    else:
        seen[300:314, :3] = NAN
    truth = whole[:, today].mean(axis=1)
    both = ~np.isnan(seen[1:]) & ~np.isnan(seen[:-1])
    steps = np.where(both, seen[1:] - seen[:-1], 0.0).sum(axis=1) / np.maximum(both.sum(axis=1), 1)
    chain = np.concatenate([[0.0], np.cumsum(steps)])
    chain += np.nanmean(seen[-1]) - chain[-1]
    guesses = (group_days(seen, np.ones(hosts)).level, chain, np.nanmean(seen, axis=1))
    return [float(np.sqrt(np.nanmean((guess - truth) ** 2))) for guess in guesses]


@pytest.mark.parametrize(
    ("reserve", "share"),
    [
        ({}, 1.0),
        ({"hosts": 0}, 1.0),
        ({"hosts": 1}, 4 / 12),
        ({"hosts": 2}, 1 / 12),
        ({"hosts": 3}, 0.0),
        ({"hosts": 9}, 0.0),
        ({"percent": 20}, 0.8),
    ],
)
def test_the_largest_hosts_are_those_that_may_be_lost(reserve: dict[str, float], share: float) -> None:
    assert usable_share(np.array([3.0, 8.0, 1.0]), reserve) == pytest.approx(share)


def test_a_group_of_one_host_with_a_reserve_of_one_has_no_usable_capacity() -> None:
    assert usable_share(np.array([5.0]), {"hosts": 1}) == 0.0
    assert usable_share(np.array([]), {}) == 0.0
