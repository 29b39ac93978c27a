"""One host as published: each frame against the rule by which the fleet was made up."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from turbo_forecast.answers.host import TEXT, _remarks, host_answer
from turbo_forecast.storage.published.reading import Published
from turbo_forecast_tests.published_months import (
    FLEET_OF,
    FORMULA,
    QUOTED,
    RACK,
    SCENARIO,
    SPARE,
    members,
    observed,
    publish_fleet,
)

CUTOFF = date(2025, 12, 31)


@pytest.fixture(scope="module")
def published(published_fleet: Path) -> Published:
    return Published(published_fleet)


def test_all_resources_of_a_host_are_told_or_the_one_that_is_asked_for(published: Published) -> None:
    month = published.month()
    both = host_answer(published, month, "web-1")
    assert [each.resource for each in both.series] == ["cpu", "memory"]
    assert (both.kind, both.month, both.cutoff, both.interval_width) == ("series", "2025-12", CUTOFF, 0.8)
    one = host_answer(published, month, "web-1", "memory")
    assert [each.resource for each in one.series] == ["memory"]
    assert one.series[0].history.equals(both.series[1].history)


def test_history_is_what_was_observed_in_the_36_months_up_to_the_cutoff(published: Published) -> None:
    web = next(each for each in FLEET_OF if (each.host, each.resource) == ("web-1", "cpu"))
    for key, last in (("2025-12", CUTOFF), ("2025-10", date(2025, 10, 31))):
        history = host_answer(published, published.month(key), "web-1", "cpu").series[0].history
        days = history["ds"].to_list()
        assert days == [last - timedelta(days=n) for n in reversed(range(len(days)))]
        assert days[0] == date(2023, 1, 1)  # the telemetry's first, within 36 months of either
        assert history["y"].to_list() == pytest.approx([observed(web, day) for day in days])


def test_backtest_and_forecast_are_the_masters_rows_with_further_intervals_beside(published: Published) -> None:
    series = host_answer(published, published.month(), QUOTED).series[0]
    phases = dict(series.rows.group_by("phase").len().iter_rows())
    assert phases == {"backtest": 122, "forecast": 181}
    day = series.rows.filter(pl.col("ds") == date(2025, 10, 1)).row(0, named=True)
    level = 91.5 - 0.1 * 91
    assert day["y"] == pytest.approx(level)
    assert day["yhat"] == pytest.approx(level + 0.5, abs=1e-4)
    assert (day["yhat_lower"], day["yhat_upper"]) == pytest.approx((level - 3.5, level + 4.5), abs=1e-4)
    wide = series.intervals.filter(pl.col("ds") == date(2025, 10, 1)).sort("interval_width")
    assert wide["interval_width"].to_list() == [0.5, 0.95]
    assert wide["lower"].to_list() == pytest.approx([level + 0.5 - 2, level + 0.5 - 8], abs=1e-4)
    assert series.backtest is not None
    assert (series.backtest.days, series.backtest.inside) == (122, 1.0)
    assert series.backtest.mae == pytest.approx(0.5, abs=1e-4)


def test_thresholds_are_the_baselines_and_the_nearest_to_90_stands_for_them(published: Published) -> None:
    series = host_answer(published, published.month(), "web-1", "cpu").series[0]
    assert series.outlook["threshold"].to_list() == [70.0, 80.0, 90.0, 95.0]
    assert set(series.outlook["scenario"]) == {"baseline"}
    assert series.standing is not None
    assert (series.standing["threshold"], series.standing["state"]) == (90.0, "expected")
    assert (series.usable, series.outcome, series.model) == (1.0, "forecast", "prophet")


def test_planned_changes_of_every_scenario_are_told_in_words_and_only_the_baselines_are_in_force(
    published: Published,
) -> None:
    series = host_answer(published, published.month(), "web-1", "cpu").series[0]
    assert series.changes.select("scenario", "from_ds", TEXT).rows() == [
        (SCENARIO, date(2026, 1, 1), "the load becomes 50 % of what it is")
    ]
    assert series.in_force.is_empty()
    assert host_answer(published, published.month(), "web-1", "memory").series[0].changes.is_empty()


def test_why_names_the_champion_of_the_asked_month(published: Published) -> None:
    said = {
        key: host_answer(published, published.month(key), "web-1", "cpu").series[0].why
        for key in ("2025-11", "2025-12")
    }
    assert said["2025-11"][0] == "The forecast is that of weighted (the weighted median of all single entrants)."
    assert "It weighs prophet 75 %, seasonal_naive 25 %." in said["2025-11"]
    assert said["2025-12"][0].startswith("The forecast is that of prophet")
    assert not any(each.startswith("It weighs") for each in said["2025-12"])
    assert "Of 3 entrants it was number 2; in hindsight weighted was nearest, off by 0.5 points." in said["2025-12"]


def test_a_retired_series_has_its_history_and_the_reason_and_nothing_else(published: Published) -> None:
    series = host_answer(published, published.month(), "retired").series[0]
    assert (series.outcome, series.model, series.backtest, series.why) == ("retired", None, None, ())
    assert series.remarks[0] == "It has no forecast: no value in the last 90 days."
    assert series.rows.is_empty()
    assert series.outlook.is_empty()
    assert len(series.history) > 900


def test_a_failed_series_and_one_with_the_fallbacks_forecast_say_which_they_are(published: Published) -> None:
    broken = host_answer(published, published.month(), "broken").series[0]
    assert broken.remarks[0] == (
        "Its forecast has failed, and where one is shown it is the fallback's: its worker died three times."
    )
    new = host_answer(published, published.month(), "new").series[0]
    assert new.remarks == ("It has the fallback's forecast: 52 observed days of 60.",)
    assert (new.model, len(new.history)) == ("seasonal_naive", 52)


def test_a_series_that_never_changes_is_said_to(published: Published) -> None:
    series = host_answer(published, published.month(), FORMULA).series[0]
    assert series.remarks == ("Every observed day had the same value, 60 %.",)


def test_a_group_is_told_like_a_host_with_its_own_history(published: Published) -> None:
    answer = host_answer(published, published.month(), RACK)
    series = answer.series[0]
    assert (answer.kind, series.model, series.outcome) == ("group", "weighted", "forecast")
    assert series.history.filter(pl.col("ds") == CUTOFF)["y"].item() == pytest.approx((80.0 + 91.5) / 2)
    assert len(series.rows) == 122 + 181
    assert set(series.outlook["kind"]) == {"group"}
    assert series.scores.is_empty()
    assert series.why[0].startswith("The forecast is that of weighted")
    assert "off by 0.5 points" in series.why[1]


def test_a_host_is_asked_for_as_such_where_a_group_has_its_name(published: Published) -> None:
    month = published.month()
    assert host_answer(published, month, SPARE, kind="group").kind == "group"


def test_every_series_of_every_month_has_an_answer(published: Published) -> None:
    for key in ("2025-10", "2025-11", "2025-12"):
        month = published.month(key)
        for each in members(key):
            answer = host_answer(published, month, each.host, each.resource)
            assert answer.series[0].outcome == each.outcome
            assert bool(answer.series[0].why) is each.is_published


def test_a_month_of_which_an_older_version_published_less_is_told_without_it(tmp_path: Path) -> None:
    published = publish_fleet(tmp_path, ["2025-12"])
    month = published.month()
    lacking = ("forecast_intervals", "tournament_scores", "combination_weights", "planned_changes", "champions")
    files = {name: file for name, file in month.manifest.files.items() if name not in lacking}
    path = month.folder / "manifest.json"
    path.write_text(month.manifest.model_copy(update={"files": files}).model_dump_json())
    series = host_answer(published, published.month(), "web-1", "cpu").series[0]
    assert series.intervals.is_empty()
    assert series.changes.is_empty()
    assert series.why[0].startswith("The forecast is that of prophet")


def test_days_that_were_never_observed_have_their_remark() -> None:
    outcome = {
        "outcome": "forecast", "reason": "never observed on Sunday", "unobserved_weekdays": "Sunday",
        "unobserved_months": None, "unobserved_stretches": "07-10 to 08-20",
    }  # fmt: skip
    assert _remarks(outcome, pl.DataFrame({"y": [1.0, 2.0]}), "") == (
        "Never observed on Sunday.",
        "Nothing is known of such days (Sunday, 07-10 to 08-20), so their interval is 0 to 100 %.",
    )
