"""The month in short: figures by hand, and words that fit one as well as many."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from turbo_forecast.report.content import ReportContent, report_content
from turbo_forecast.report.short import in_short
from turbo_forecast.storage.published.reading import Published
from turbo_forecast.types import State


@pytest.fixture(scope="module")
def content(published_fleet: Path) -> ReportContent:
    return report_content(Published(published_fleet))


def test_the_sentences_of_a_month_with_a_month_before(content: ReportContent) -> None:
    full, changes, record, run = in_short(content)
    # over: QUOTED; expected: web-1 cpu, FOREIGN, new, dark and the group; possible: MARKUP
    assert full == (
        "Of 10 series and 2 groups (by resource), 1 is over the threshold already, 5 are expected to reach it by 2026-06-30, and 1 "
        "may. The first that is expected reaches it around 2026-02-15."
    )
    # QUOTED is over now, and one host is new; MARKUP is expected no longer; web-1's cpu comes 44 days earlier, of another champion
    assert changes == (
        "Since 2025-11: 2 newly expected or over; 1 less urgent; 1 likely day moved by 14 days or more, 1 of them earlier; 1 other "
        "champion."
    )
    assert record.startswith(
        "Of 6 statements of 50 % or more about series below their threshold, made before the backtest, 100 % came true within 122 days"
    )
    assert (
        run
        == "12 series have an outcome: 9 forecast, 1 fallback, 1 retired, 1 failed; none of 100 fits failed. 1 check warned."
    )


def test_nothing_to_say_is_said(content: ReportContent) -> None:
    nobody = replace(content.runs_full, count=dict.fromkeys(State, 0), series=0, groups=0, first_likely=None)
    empty = replace(content, runs_full=nobody, changes=None, record=replace(content.record, statements=None))
    full, changes, record, _ = in_short(empty)
    assert full == "Nothing is said of thresholds: no series has a forecast."
    assert changes == "No earlier month is published to compare with."
    assert record == "How often such statements are true is not known yet: no series is long enough for a backtest."


def test_the_first_month_of_a_fleet_has_none_to_compare_with(published_fleet: Path) -> None:
    found = report_content(Published(published_fleet), "2025-10")
    assert found.changes is None


def test_those_whose_level_is_not_known_come_last(content: ReportContent) -> None:
    ahead = content.runs_full.ahead
    assert ahead["host_id"].to_list()[-1] == "dark"
    assert ahead["level"].is_null().to_list() == [False] * (len(ahead) - 1) + [True]
    urgency = ahead.filter(pl.col("level").is_not_null())["urgency"]
    assert urgency.is_sorted()
