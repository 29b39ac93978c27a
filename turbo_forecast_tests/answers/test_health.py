"""How a month's run went, by hand: outcomes, folded reasons, failed fits, checks, seconds, and a month that is made again."""

import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from turbo_forecast.answers.health import run_health
from turbo_forecast.schemas import MODEL_RUNS
from turbo_forecast.storage.frames import write_frame
from turbo_forecast.storage.published.layout import STATES
from turbo_forecast.storage.published.manifest import MonthStanding, Standings, write_document
from turbo_forecast.storage.published.reading import Published
from turbo_forecast.types import Outcome
from turbo_forecast_tests.published_months import publish_fleet


def test_outcomes_reasons_checks_and_seconds_of_a_published_month(published_fleet: Path) -> None:
    published = Published(published_fleet)
    found = run_health(published, published.month("2025-12"))
    assert found.outcomes == {Outcome.FORECAST: 9, Outcome.FALLBACK: 1, Outcome.RETIRED: 1, Outcome.FAILED: 1}
    assert found.series == 12
    assert {text: n for n, text in found.reasons} == {
        "52 observed days of 60": 1, "its worker died three times": 1, "no value in the last 90 days": 1,
    }  # fmt: skip
    assert (found.passed, found.warned) == (1, 1)
    assert found.stages["seconds"].sum() == pytest.approx(found.seconds)
    assert found.standing is None
    assert found.history is not None
    assert found.history.series == 13


def test_failed_fits_are_told_by_entrant_and_kind_the_most_frequent_first(tmp_path: Path) -> None:
    published = publish_fleet(tmp_path / "data", ["2025-12"])
    month = published.month()
    fits = month.frame(MODEL_RUNS)
    failing = (pl.col("model") == "prophet") & (pl.col("host_id") == "web-1")
    changed = fits.with_columns(
        status=pl.when(failing).then(pl.lit("raised")).otherwise("status"),
        error_class=pl.when(failing).then(pl.lit("ForecastError")).otherwise("error_class"),
        error_message=pl.when(failing).then(pl.lit("<b>no answer</b>")).otherwise("error_message"),
    )
    count = changed.filter(failing).height
    assert count > 0
    write_frame(MODEL_RUNS.conform(changed), month.path(MODEL_RUNS))
    found = run_health(published, replace(month))
    assert (found.failed, found.fits, found.failure_count) == (count, len(fits), 1)
    assert found.failures.row(0, named=True) == {
        "model": "prophet", "status": "raised", "error_class": "ForecastError", "fits": count, "series": 2,
        "message": "<b>no answer</b>",
    }  # fmt: skip
    assert f"{count:,} of {len(fits):,} fits failed" in str(found)


@pytest.mark.parametrize(("month", "told"), [("2025-12", True), ("2026-01", False)])
@pytest.mark.parametrize("failed", [(), ("champions.no_duplicate_keys",)])
def test_a_month_that_is_made_again_says_so_and_another_one_does_not(
    month: str, told: bool, failed: tuple[str, ...], published_fleet: Path, tmp_path: Path
) -> None:
    shutil.copytree(published_fleet, tmp_path / "data")
    published = Published(tmp_path / "data")
    standing = replace_standing(published, month, failed)
    assert run_health(published, published.month("2025-12")).standing == (standing if told else None)


def replace_standing(published: Published, month: str, failed: tuple[str, ...]) -> MonthStanding:
    """Let a month be at work, or have failed."""
    row = {"month": month, "run_id": "other", "reached": "champions", "started_at": datetime(2026, 2, 1)}
    found = MonthStanding(**row, state="failed" if failed else "incomplete", finished_at=None, failed=failed)
    write_document(Standings(months=(found,)), published.folder / STATES)
    return found
