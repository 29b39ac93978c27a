"""The month that is due by the calendar is published, or the check warns; an old month made again changes nothing."""

from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from turbo_forecast.defs.checks import latest_month
from turbo_forecast.defs.checks.latest_month import due_month, due_since, published
from turbo_forecast_tests.defs.conftest import EARLIER, MONTH, Place

OCTOBER, NOVEMBER, DECEMBER, JANUARY = (date(2025, 10, 31), date(2025, 11, 30), date(2025, 12, 31), date(2026, 1, 31))


@pytest.mark.parametrize(
    ("today", "due"),
    [
        (date(2025, 12, 31), NOVEMBER),  # December is not over
        (date(2026, 1, 1), NOVEMBER),
        (date(2026, 1, 5), NOVEMBER),
        (date(2026, 1, 6), DECEMBER),
        (date(2026, 1, 31), DECEMBER),
        (date(2026, 2, 5), DECEMBER),
        (date(2026, 2, 6), JANUARY),
        (date(2024, 3, 5), date(2024, 1, 31)),
        (date(2024, 3, 6), date(2024, 2, 29)),
        (date(2025, 3, 31), date(2025, 2, 28)),
    ],
)
def test_the_month_just_ended_is_due_once_the_fifth_is_over(today: date, due: date) -> None:
    assert due_month(today) == due


def test_each_day_since_a_month_is_due_it_is_the_due_month_until_the_next_is() -> None:
    day = date(2023, 1, 1)
    while day < date(2025, 1, 1):  # a leap year among them
        due = due_month(day)
        assert due_since(due) <= day
        assert (due_month(day - timedelta(days=1)) != due) == (day == due_since(due))
        day += timedelta(days=1)


COMPLETE = {OCTOBER: "complete", NOVEMBER: "complete", DECEMBER: "complete"}


@pytest.mark.parametrize(
    ("today", "states", "files", "said"),
    [
        (
            *(date(2026, 1, 6), COMPLETE, COMPLETE),
            "the month due is 2025-12, and the latest published is 2025-12; 2026-01 is due from 2026-02-06 on",
        ),
        (
            *(date(2026, 1, 5), {OCTOBER: "complete", NOVEMBER: "complete"}, COMPLETE),
            "the month due is 2025-11, and the latest published is 2025-11; 2025-12 is due from 2026-01-06 on",
        ),
        (
            *(date(2026, 1, 2), {DECEMBER: "complete"}, COMPLETE),
            "the month due is 2025-11, and the latest published is 2025-12; 2025-12 is due from 2026-01-06 on",
        ),
    ],
)
def test_it_is_up_to_date_with_the_due_month_or_a_later_one(today, states, files, said) -> None:
    found = published(today, states, set(files))
    assert found.is_up_to_date
    assert found.describe() == said


DO = " 2025-12 has been due since 2026-01-06: give telemetry up to 2025-12-31, and run the job monthly_forecast for 2025-12."


@pytest.mark.parametrize(
    ("states", "files", "said"),
    [
        ({}, (), "the month due is 2025-12, and the latest published is none."),
        (
            *({OCTOBER: "complete", NOVEMBER: "complete"}, COMPLETE),
            "the month due is 2025-12, and the latest published is 2025-11.",
        ),
        (
            *({NOVEMBER: "complete", DECEMBER: "incomplete"}, COMPLETE),
            "the month due is 2025-12, and the latest published is 2025-11 (the state of 2025-12 is incomplete).",
        ),
        (
            *({DECEMBER: "failed"}, COMPLETE),
            "the month due is 2025-12, and the latest published is none (the state of 2025-12 is failed).",
        ),
        (
            *(COMPLETE, (OCTOBER, NOVEMBER)),
            "the month due is 2025-12, and the latest published is 2025-11 (the master file of 2025-12 is not there).",
        ),
        (
            *({**COMPLETE, DECEMBER: "failed", JANUARY: "incomplete"}, (*COMPLETE, JANUARY)),
            "the month due is 2025-12, and the latest published is 2025-11 (the state of 2025-12 is failed).",
        ),
    ],
)
def test_a_due_month_that_is_not_there_or_not_whole_is_named_beside_the_latest_and_then_what_to_do(
    states, files, said
) -> None:
    found = published(date(2026, 1, 6), states, set(files))
    assert not found.is_up_to_date
    assert found.describe() == said + DO


def judged(place: Place) -> dg.AssetCheckEvaluation:
    """The check's evaluation by the job that the UI, the sensor and a person start."""
    result = place.definitions().resolve_job_def("latest_month_check").execute_in_process(instance=place.instance)
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation


@pytest.mark.xdist_group("definitions")
def test_the_due_month_makes_it_pass_and_an_old_month_made_again_does_not(
    place: Place, telemetry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latest_month, "utc_today", lambda: date(2026, 2, 5))
    evaluation = judged(place)
    assert evaluation.passed
    assert evaluation.metadata["due month"].value == "2025-12"

    monkeypatch.setattr(latest_month, "utc_today", lambda: date(2026, 2, 6))
    assert place.materialise_unchecked(telemetry, EARLIER).success
    evaluation = judged(place)
    assert not evaluation.passed
    assert evaluation.severity == dg.AssetCheckSeverity.WARN
    assert (evaluation.asset_key, evaluation.check_name) == (dg.AssetKey("forecast_parquet"), latest_month.NAME)
    assert (evaluation.description or "").startswith(
        "the month due is 2026-01, and the latest published is 2025-12. 2026-01 has been due since 2026-02-06: "
    )


@pytest.mark.xdist_group("definitions")
def test_a_month_that_was_complete_once_and_is_not_any_more_is_not_published(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latest_month, "utc_today", lambda: date(2026, 1, 20))
    assert judged(place).passed
    place.sql("UPDATE months SET state = 'failed', finished_at = NULL WHERE month = '2025-12'")
    evaluation = judged(place)
    assert not evaluation.passed
    assert "(the state of 2025-12 is failed)" in (evaluation.description or "")


@pytest.mark.xdist_group("definitions")
def test_an_empty_data_folder_is_said_to_hold_no_month(fresh_place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latest_month, "utc_today", lambda: date(2026, 1, 20))
    evaluation = judged(fresh_place())
    assert not evaluation.passed
    assert "the latest published is none" in (evaluation.description or "")


@pytest.mark.xdist_group("definitions")
def test_in_a_run_that_somebody_starts_over_assets_it_is_judged_once_the_month_is_complete(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What "Materialize" in the UI runs: assets with all their checks, whatever the monthly job leaves out."""
    monkeypatch.setattr(latest_month, "utc_today", lambda: date(2026, 1, 20))
    last_steps = dg.AssetSelection.assets("forecast_parquet").downstream()
    base = place.definitions()
    job = dg.define_asset_job("by_hand", selection=last_steps, executor_def=dg.in_process_executor)
    by_hand = dg.Definitions(
        assets=base.assets, asset_checks=base.asset_checks, jobs=[job], resources=base.resources
    ).resolve_job_def("by_hand")
    result = by_hand.execute_in_process(instance=place.instance, partition_key=MONTH)
    (evaluation,) = (e for e in result.get_asset_check_evaluations() if e.check_name == latest_month.NAME)
    assert evaluation.passed, evaluation.description
