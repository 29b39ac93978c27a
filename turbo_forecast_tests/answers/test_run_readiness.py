"""What telemetry is good for before there is a run: months by hand, and outcomes beside those of runs."""

from collections import Counter
from datetime import date, timedelta

import polars as pl
import pytest

from turbo_forecast import forecast_fleet
from turbo_forecast.answers.run_readiness import run_readiness
from turbo_forecast.settings import forecast_settings
from turbo_forecast.types import Outcome
from turbo_forecast.windows import cutoff_of

TODAY = date(2026, 1, 15)


def days(first: str, last: str, *, every: int = 1) -> list[date]:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [start + timedelta(days=number) for number in range(0, (end - start).days + 1, every)]


def histories(**of: list[date]) -> pl.DataFrame:
    schema = {"host_id": pl.String, "resource": pl.String, "days": pl.List(pl.Date)}
    return pl.DataFrame([(host, "cpu", each) for host, each in of.items()], schema=schema, orient="row")


FLEET = histories(
    steady=days("2023-01-01", "2025-12-31"),
    gone=days("2023-01-01", "2025-08-31"),
    stopped_in_backtest=days("2023-01-01", "2025-09-01"),
    new=days("2025-12-20", "2025-12-31"),
    sixty_days_before=days("2025-07-03", "2025-12-31"),  # to 2025-08-31, the last training day: 60 days
    fifty_nine=days("2025-07-04", "2025-12-31"),
    rare=days("2023-01-01", "2025-12-31", every=28),
)


def test_the_months_of_a_fleet_by_hand() -> None:
    found = run_readiness(FLEET, forecast_settings(), TODAY)
    assert (found.months[0], found.last, len(found.months)) == ("2023-01", "2025-12", 36)
    # the backtest of 2023-07 begins on 2023-04-01, after 90 days; that of 2023-06 on 2023-03-01, after 59: 60 are needed
    assert found.first_with_backtest == "2023-07"
    assert found.whole == "2025-12"  # 32 months of training and 4 of backtest begin on 2023-01-01
    assert found.outcomes == {
        Outcome.FORECAST: 3,  # steady, stopped_in_backtest, sixty_days_before
        Outcome.RETIRED: 1,  # gone
        Outcome.FALLBACK: 3,  # new, fifty_nine, and rare with 35 days
    }


@pytest.mark.parametrize("month", ["2025-12", "2025-10", "2025-06"])
def test_outcomes_are_those_of_a_run(month: str) -> None:
    known = FLEET.with_columns(pl.col("days").list.filter(pl.element() <= cutoff_of(month))).filter(
        pl.col("days").list.len() > 0
    )
    base = known.select("host_id", "resource", ds="days").explode("ds", empty_as_null=True)
    result = forecast_fleet(
        base.with_columns(y=pl.lit(40.0)), month, entrants=["seasonal_naive"], workers=1, log=lambda line: None
    )
    found = run_readiness(known, forecast_settings(), cutoff_of(month) + timedelta(days=1))
    assert found.last == month
    assert found.outcomes == Counter(result.outcomes["outcome"].to_list())


def test_settings_decide_what_is_enough() -> None:
    short = histories(a=days("2025-01-01", "2025-12-31"))
    asked = forecast_settings(train_months=8, backtest_months=2, min_train_days=30, folds=0)
    found = run_readiness(short, asked, TODAY)
    assert found.first_with_backtest == "2025-03"  # its backtest begins on 2025-02-01, after 31 days
    assert found.whole == "2025-10"  # ten months


def test_a_month_that_is_not_over_or_not_complete_cannot_be_run() -> None:
    fresh = histories(a=days("2025-10-01", "2026-01-14"))
    assert run_readiness(fresh, forecast_settings(), TODAY).months == ["2025-10", "2025-11", "2025-12"]
    nearly = histories(
        a=days("2025-10-01", "2025-12-24")
    )  # seven days before the month's end, as max_staleness_days has it
    assert run_readiness(nearly, forecast_settings(), TODAY).last == "2025-12"
    early = histories(a=days("2025-10-01", "2025-12-23"))
    assert run_readiness(early, forecast_settings(), TODAY).last == "2025-11"


def test_a_month_in_a_gap_of_all_series_cannot_be_run() -> None:
    silent = histories(a=[*days("2025-08-01", "2025-08-31"), *days("2025-11-01", "2025-11-30")])
    assert run_readiness(silent, forecast_settings(), TODAY).months == ["2025-08", "2025-11"]


@pytest.mark.parametrize(
    ("observed", "said"),
    [
        (days("2026-01-02", "2026-01-10"), "month 2026-01, in which the telemetry begins, is not over"),
        (days("2025-12-02", "2025-12-10"), "month 2025-12 is not complete: the telemetry ends on 2025-12-10"),
    ],
)
def test_where_no_month_can_be_run_it_is_said_why(observed: list[date], said: str) -> None:
    found = run_readiness(histories(a=observed), forecast_settings(), TODAY)
    assert (found.months, found.last, found.first_with_backtest, found.outcomes) == ([], None, None, {})
    assert said in found.why_none
