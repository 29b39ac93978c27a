"""A month's tournament: who is the champion where, who wins, and what is asked that is not there."""

from collections import Counter
from pathlib import Path

import pytest

from turbo_forecast.answers.tournament import tournament
from turbo_forecast.errors import SettingsError
from turbo_forecast.schemas import COMBINATION_WEIGHTS
from turbo_forecast.storage.published.reading import Published, PublishedMonth
from turbo_forecast_tests.answers.test_track_record import Frames
from turbo_forecast_tests.published_months import champion_of, members


@pytest.fixture
def month(published_fleet: Path) -> PublishedMonth:
    return Published(published_fleet).month("2025-12")


def test_the_published_forecast_stands_first_and_entrants_by_their_mase(month: PublishedMonth) -> None:
    found = tournament(month)
    assert found.standings["model"].to_list() == ["champion", "weighted", "prophet", "seasonal_naive"]
    assert found.resources == ("cpu", "memory")
    assert found.horizon_months == (0, 1, 2, 3, 4)
    assert tournament(month, "cpu", 3).standings.select("resource", "horizon_month").unique().rows() == [("cpu", 3)]


@pytest.mark.parametrize("key", ["2025-10", "2025-11", "2025-12"])
def test_champions_are_counted_by_resource_and_in_all(published_fleet: Path, key: str) -> None:
    found = tournament(Published(published_fleet).month(key)).champions
    own = members(key, published=True)
    for resource in ("cpu", "memory", "all"):
        here = [each for each in own if resource in ("all", each.resource)]
        expected = Counter(champion_of(each, key) for each in here)
        rows = {row["model"]: row for row in found.filter(resource=resource).iter_rows(named=True)}
        assert {name: row["champion_of"] for name, row in rows.items() if row["champion_of"]} == dict(expected)
        assert {row["series"] for row in rows.values()} == {len(here)}
        for name, row in rows.items():
            assert row["share"] == pytest.approx(expected[name] / len(here))
            assert row["wins"] == (len(here) if name == "weighted" else 0), (
                "the lowest error is the weighted's everywhere"
            )
            assert row["win_share"] == pytest.approx(float(name == "weighted"))


def test_weights_are_means_over_the_series_that_have_a_combination(month: PublishedMonth) -> None:
    series = len(members("2025-12", published=True))
    assert tournament(month).weights.rows() == [("prophet", 0.75, series), ("seasonal_naive", 0.25, series)]
    cpu = sum(each.resource == "cpu" for each in members("2025-12", published=True))
    assert set(tournament(month, "cpu").weights["series"]) == {cpu}


def test_a_member_that_a_series_does_not_have_weighs_nothing_there(month: PublishedMonth) -> None:
    rows = month.frame(COMBINATION_WEIGHTS)
    first = rows.select("host_id", "resource").row(0)
    kept = rows.filter(
        ~((rows["host_id"] == first[0]) & (rows["resource"] == first[1]) & (rows["member"] == "prophet"))
    )
    found = tournament(Frames({COMBINATION_WEIGHTS.name: kept})).weights  # type: ignore[arg-type]
    series = len(members("2025-12", published=True))
    weights = dict(found.select("member", "weight").iter_rows())
    assert weights == {"prophet": pytest.approx(0.75 * (series - 1) / series), "seasonal_naive": pytest.approx(0.25)}


def test_reasons_are_counted_the_most_frequent_first(month: PublishedMonth) -> None:
    own = [champion_of(each, "2025-12") for each in members("2025-12", published=True)]
    expected = Counter(own).most_common()
    assert [count for _, count in tournament(month).reasons.iter_rows()] == [count for _, count in expected]


def test_a_month_without_a_backtest_has_empty_tables(month: PublishedMonth) -> None:
    found = tournament(Frames({}))  # type: ignore[arg-type]
    assert found.standings.is_empty()
    assert found.champions.is_empty()
    assert found.weights.is_empty()


def test_what_is_not_there_is_refused_by_what_is(month: PublishedMonth) -> None:
    with pytest.raises(SettingsError, match="resource 'gpu' is not in the standings of 2025-12: there is cpu, memory"):
        tournament(month, "gpu")
    with pytest.raises(SettingsError, match="month 9 is not in the backtest of 2025-12: it has 1, 2, 3, 4"):
        tournament(month, horizon_month=9)
    with pytest.raises(SettingsError, match="there is none, since no series has a backtest"):
        tournament(Frames({}), "cpu")  # type: ignore[arg-type]
