"""Which hosts run full by when, asked of a published month: filters, the threshold that stands for a series, a day's probability."""

import itertools
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from turbo_forecast.answers.outlook import NAMES, OutlookQuestion, outlook_answer
from turbo_forecast.errors import SettingsError
from turbo_forecast.schemas import CAPACITY_OUTLOOK
from turbo_forecast.storage.published.reading import Published, PublishedMonth


@pytest.fixture
def month(published_fleet: Path) -> PublishedMonth:
    return Published(published_fleet).month()


def baseline(month: PublishedMonth) -> pl.DataFrame:
    return month.frame(CAPACITY_OUTLOOK).filter(pl.col("scenario") == "baseline")


def test_each_series_is_answered_once_by_its_threshold_nearest_to_90(month: PublishedMonth) -> None:
    found = outlook_answer(month, OutlookQuestion())
    nearest = {}
    for row in baseline(month).sort("threshold").iter_rows(named=True):
        key = tuple(row[name] for name in NAMES)
        if key not in nearest or abs(row["threshold"] - 90) < abs(nearest[key] - 90):
            nearest[key] = row["threshold"]
    assert {tuple(row[name] for name in NAMES): row["threshold"] for row in found.iter_rows(named=True)} == nearest


def test_the_most_urgent_are_first_and_those_of_unknown_level_after_the_others_that_are_ahead(
    month: PublishedMonth,
) -> None:
    rows = outlook_answer(month, OutlookQuestion(every_threshold=True)).to_dicts()
    ahead = ("expected", "possible")
    part = [0 if r["state"] == "over" else 3 if r["state"] not in ahead else 1 + (r["level"] is None) for r in rows]
    assert {1, 2, 3} <= set(part)
    assert [(p, r["urgency"]) for p, r in zip(part, rows, strict=True)] == sorted(
        (p, r["urgency"]) for p, r in zip(part, rows, strict=True)
    )


def test_every_threshold_is_a_row_where_all_are_asked_for(month: PublishedMonth) -> None:
    assert len(outlook_answer(month, OutlookQuestion(every_threshold=True))) == len(baseline(month))


def test_a_days_probability_lies_on_straight_lines_between_what_the_outlook_states(month: PublishedMonth) -> None:
    before, end = date(2026, 4, 10), month.windows.horizon_end
    found = outlook_answer(month, OutlookQuestion(before=before, every_threshold=True))
    day = (before - month.cutoff).days - 1
    for row in found.iter_rows(named=True):
        points = {0: 0.0, 30: row["probability_30"], (end - month.cutoff).days: row["probability_182"]}
        points |= {91: row["probability_91"]} if row["probability_91"] is not None else {}
        for name, probability in (("early", 0.1), ("likely", 0.5), ("late", 0.9)):
            if row[name] is not None:
                own = (row[name] - month.cutoff).days
                points[own] = max(points.get(own, 0.0), probability)
        days = sorted(points)
        below = max(probability for known, probability in points.items() if known <= day)
        above = min(probability for known, probability in points.items() if known >= day)
        assert below - 1e-9 <= row["probability"] <= above + 1e-9
        if list(np.diff([points[known] for known in days]) >= 0) == [True] * (len(days) - 1):
            assert row["probability"] == pytest.approx(
                np.interp(day, days, [points[known] for known in days]), abs=1e-9
            )


def test_a_later_day_is_never_less_probable(month: PublishedMonth) -> None:
    asked = [date(2026, 1, 5), date(2026, 2, 1), date(2026, 3, 15), date(2026, 5, 1), date(2026, 6, 30)]
    answers = [outlook_answer(month, OutlookQuestion(before=day, every_threshold=True))["probability"] for day in asked]
    for earlier, later in itertools.pairwise(answers):
        assert (later >= earlier - 1e-12).all()


@pytest.mark.parametrize(
    ("question", "named"),
    [
        (OutlookQuestion(resources=("cpus",)), "cpu"),
        (OutlookQuestion(threshold=12.5), "12.5 %"),
        (OutlookQuestion(group="no-such-group"), "no-such-group"),
        (OutlookQuestion(states=("full",)), "full"),
        (OutlookQuestion(scenario="no such"), "no such"),
        (OutlookQuestion(before=date(2025, 12, 31)), "outside of the forecast"),
        (OutlookQuestion(before=date(2027, 1, 1)), "outside of the forecast"),
    ],
)
def test_what_the_month_does_not_have_is_one_sentence_that_names_it(
    month: PublishedMonth, question: OutlookQuestion, named: str
) -> None:
    with pytest.raises(SettingsError) as raised:
        outlook_answer(month, question)
    assert named in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_state_is_that_of_the_threshold_that_stands_for_the_series(month: PublishedMonth) -> None:
    every = outlook_answer(month, OutlookQuestion())
    some = outlook_answer(month, OutlookQuestion(states=("expected",)))
    assert some.equals(every.filter(pl.col("state") == "expected"))
