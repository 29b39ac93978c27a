"""Bounds of single days: the calibrated ones in the envelope, and all of it where nothing was ever observed."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference import frame_calibration
from turbo_forecast.seasonal_gaps import MONTHS, WEEKDAYS
from turbo_forecast.tournament.published_bounds import bounds, unknown_days
from turbo_forecast.windows import day_number

OWN = (np.array([49.0, 49.0, 49.0]), np.array([51.0, 51.0, 51.0]))
"""An entrant's own bounds of three days."""


def bounds_of(yhat: float, *reach: tuple[float, float]) -> list[list[float]]:
    lower, upper = np.array(reach).T
    return [found.tolist() for found in bounds(np.full(len(reach), yhat), OWN, (lower, upper))]


def test_published_bounds_are_the_calibrated_ones_or_the_entrants_own_where_nothing_is_calibrated() -> None:
    found = bounds_of(50.0, (-2.0, 3.0), (-4.0, 5.0), (np.nan, np.nan))
    assert found == [[48.0, 46.0, 49.0], [53.0, 55.0, 51.0]]


@pytest.mark.parametrize(("yhat", "expected"), [(1.0, (0.0, 31.0)), (95.0, (75.0, 100.0)), (0.0, (0.0, 30.0))])
def test_published_bounds_stay_inside_the_envelope(yhat: float, expected: tuple[float, float]) -> None:
    lower, upper = bounds_of(yhat, *[(-20.0, 30.0)] * 3)
    assert (lower, upper) == ([expected[0]] * 3, [expected[1]] * 3)


YEAR = np.arange(day_number(date(2024, 1, 1)), day_number(date(2025, 1, 1)))
"""The days of a leap year."""


@pytest.mark.parametrize(
    ("weekdays", "months", "stretches", "expected"),
    [
        (None, None, None, lambda day: False),
        ("Sunday", None, None, lambda day: day.isoweekday() == 7),
        (None, "January, May", None, lambda day: day.month in (1, 5)),
        (None, None, "07-10 to 08-20", lambda day: (7, 10) <= (day.month, day.day) <= (8, 20)),
        ("Saturday, Sunday", "May", "03-01 to 04-05, 12-20 to 01-06", lambda day: (
            day.isoweekday() > 5 or day.month == 5 or (3, 1) <= (day.month, day.day) <= (4, 5)
            or (day.month, day.day) >= (12, 20) or (day.month, day.day) <= (1, 6))),
    ],
)  # fmt: skip
def test_only_days_on_the_named_weekdays_months_and_stretches_are_unknown(
    weekdays: str | None, months: str | None, stretches: str | None, expected
) -> None:
    found = unknown_days(YEAR, weekdays, months, stretches)
    assert found.tolist() == [expected(date.fromordinal(719163 + int(day))) for day in YEAR]


@given(
    weekdays=st.lists(st.sampled_from(WEEKDAYS), unique=True),
    months=st.lists(st.sampled_from(MONTHS), unique=True),
    stretches=st.lists(st.sampled_from(["07-10 to 08-20", "12-20 to 01-06", "02-10 to 03-20"]), unique=True),
    first=st.integers(0, 40_000),
)
def test_unknown_days_are_those_of_whole_frames(
    weekdays: list[str], months: list[str], stretches: list[str], first: int
) -> None:
    days = np.arange(first, first + 400)
    names = [", ".join(each) or None for each in (weekdays, months, stretches)]
    rows = pl.DataFrame({"ds": pl.Series(days.astype(np.int32)).cast(pl.Date)}).with_columns(
        host_id=pl.lit("a"), resource=pl.lit("cpu"), yhat_lower=pl.lit(40.0), yhat_upper=pl.lit(60.0)
    )
    columns = ("unobserved_weekdays", "unobserved_months", "unobserved_stretches")
    outcomes = pl.DataFrame(
        {
            "host_id": ["a"],
            "resource": ["cpu"],
            **{column: [name] for column, name in zip(columns, names, strict=True)},
        },
        schema_overrides=dict.fromkeys(columns, pl.String),
    )
    wide = frame_calibration.unknown_where_unobserved(rows, outcomes)
    assert unknown_days(days, *names).tolist() == (wide["yhat_upper"] == 100.0).to_list()
    assert (wide["yhat_lower"] == 0.0).to_list() == (wide["yhat_upper"] == 100.0).to_list()
