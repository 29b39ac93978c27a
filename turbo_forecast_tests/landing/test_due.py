"""The rules of landing: which months are fetched, when one is complete, which days would be lost."""

from datetime import UTC, date, datetime, timedelta

import pytest

from turbo_forecast.landing.due import (
    LandingRequest,
    MonthQuery,
    days_lost,
    history_months,
    is_complete,
    month_window,
    months_due,
    newly_absent,
)
from turbo_forecast.settings import forecast_settings
from turbo_forecast.storage.absent_months import Absent
from turbo_forecast.storage.landed import Manifest

QUERY = MonthQuery({"query": "up"}, "UTC")
OTHER = {"query": "down"}


def manifest(month: str, *, complete: bool, query: dict[str, str] | None = None) -> Manifest:
    window = month_window(month, "UTC")
    return Manifest(
        "metrics",
        "fake",
        month,
        "UTC",
        window.start,
        window.end,
        query or {"query": "up"},
        1,
        1,
        "",
        window.end,
        complete,
    )


LANDED = {
    "2025-09": manifest("2025-09", complete=True),
    "2025-10": manifest("2025-10", complete=True, query=OTHER),
    "2025-11": manifest("2025-11", complete=False),
}
ABSENT = {"2025-07": Absent(OTHER, "UTC", ""), "2025-08": Absent({"query": "up"}, "UTC", "")}
MONTHS = ["2025-12", "2025-11", "2025-10", "2025-09", "2025-08", "2025-07"]


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        (LandingRequest(MONTHS), ["2025-07", "2025-11", "2025-12"]),
        (LandingRequest(MONTHS, named=True), ["2025-07", "2025-08", "2025-11", "2025-12"]),
        (LandingRequest(MONTHS, again=True), sorted(MONTHS)),
        (LandingRequest([]), []),
    ],
)
def test_months_are_fetched_that_are_not_complete_or_not_known_to_be_gone_oldest_first(
    asked: LandingRequest, due: list[str]
) -> None:
    assert months_due(asked, LANDED, ABSENT, QUERY) == due


def test_a_zone_is_part_of_the_question() -> None:
    assert not MonthQuery({"query": "up"}, "Europe/Berlin").matches(ABSENT["2025-08"])
    assert QUERY.matches(ABSENT["2025-08"])


def test_a_month_is_complete_when_late_data_have_had_their_time() -> None:
    window, late = month_window("2025-12", "UTC"), timedelta(hours=3)
    assert not is_complete(window, datetime(2026, 1, 1, 2, 59, tzinfo=UTC), late)
    assert is_complete(window, datetime(2026, 1, 1, 3, tzinfo=UTC), late)


def test_only_months_older_than_all_that_landed_count_as_forgotten() -> None:
    empty = ["2025-01", "2025-02", "2025-04", "2025-06"]
    assert newly_absent(empty, ["2025-03", "2025-05"]) == {"2025-01", "2025-02"}
    assert newly_absent(empty, []) == set()


def test_days_that_would_be_lost_are_those_that_were_there_and_are_not() -> None:
    assert days_lost({date(2025, 12, 1), date(2025, 12, 2)}, {date(2025, 12, 2), date(2025, 12, 3)}) == [
        date(2025, 12, 1)
    ]


def test_a_run_looks_back_on_its_months_of_training_and_backtest() -> None:
    months = history_months("2025-12", forecast_settings())
    assert (len(months), months[0], months[-1]) == (36, "2023-01", "2025-12")
    short = forecast_settings(train_months=5, backtest_months=1, folds=0)
    assert history_months("2025-02", short) == ["2024-09", "2024-10", "2024-11", "2024-12", "2025-01", "2025-02"]
