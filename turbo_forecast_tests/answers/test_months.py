"""Each month in a line, whatever became of it."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

from turbo_forecast.answers.months import month_lines, not_shown
from turbo_forecast.schemas import TOURNAMENT_STANDINGS
from turbo_forecast.storage.published.reading import Published
from turbo_forecast_tests.published_months import begin_month, publish_fleet


def test_where_nothing_was_ever_run_there_is_no_line(tmp_path: Path) -> None:
    assert month_lines(Published(tmp_path)) == []
    assert not (tmp_path / "published").exists()


def test_a_published_month_says_how_good_it_is(published_fleet: Path) -> None:
    """The champion's MAE is 0.5 and its MASE half of that; 81 % of days are inside (`published_months.py`)."""
    (line, *_) = month_lines(Published(published_fleet))
    assert (line.month, line.state, line.series) == ("2025-12", "complete", 12)
    assert (line.mae, line.mase, line.inside) == (0.5, 0.25, 0.81)
    assert line.warnings == ("base_table.telemetry_is_fresh: it ends on 2025-12-31.",)
    assert line.published_by == "run-of-2025-12"
    assert line.published_at is not None
    assert abs(line.published_at - datetime.now(UTC).replace(tzinfo=None)).total_seconds() < 3600
    assert line.is_well


def test_a_month_that_failed_one_at_work_and_one_that_is_not_published_say_what_to_do(tmp_path: Path) -> None:
    published = publish_fleet(tmp_path, ["2025-10", "2025-12"], groups=False)
    begin_month(tmp_path, "2026-01", "failed", failed="champions.every_series_has_a_champion")
    begin_month(tmp_path, "2026-02")
    shutil.rmtree(tmp_path / "published" / "2025-10")
    to_do = {line.month: line.to_do for line in month_lines(published)}
    assert list(to_do) == ["2026-02", "2026-01", "2025-12", "2025-10"]
    assert to_do["2025-12"] is None
    assert to_do["2026-01"] is not None
    assert to_do["2026-01"].startswith("champions.every_series_has_a_champion failed: run run-of-2026-01 says")
    assert to_do["2026-01"].endswith("turbo-forecast run --month 2026-01")
    assert to_do["2026-02"] is not None
    assert "goes on from there" in to_do["2026-02"]
    assert to_do["2025-10"] == "complete, but not published: turbo-forecast run --month 2025-10"


def test_what_is_shown_is_told_from_what_is_being_made(tmp_path: Path) -> None:
    published = publish_fleet(tmp_path, ["2025-11", "2025-12"], groups=False)
    assert not_shown(published, published.month()) == []
    begin_month(tmp_path, "2026-01", "failed", failed="champions.every_series_has_a_champion")
    later = "month 2026-01 has failed (champions.every_series_has_a_champion): it is not shown"
    assert not_shown(published, published.month()) == [later]
    states = tmp_path / "published" / "months.json"
    document = json.loads(states.read_text())
    for month in document["months"]:
        month["state"] = "incomplete" if month["month"] == "2025-12" else month["state"]
    states.write_text(json.dumps(document))
    assert not_shown(published, published.month()) == [
        later,
        "month 2025-12 is at work, or ended half-way: what is shown is of run run-of-2025-12",
    ]
    assert len(not_shown(published, published.month("2025-11"))) == 2


def test_a_month_that_is_published_where_no_states_are_is_a_line(tmp_path: Path) -> None:
    """Of a folder that somebody has copied a month into."""
    published = publish_fleet(tmp_path, ["2025-12"], groups=False)
    (tmp_path / "published" / "months.json").unlink()
    (line,) = month_lines(published)
    assert (line.state, line.run_id, line.to_do) == ("complete", "run-of-2025-12", None)


def test_a_damaged_file_is_named_in_the_line_of_its_month_alone(tmp_path: Path) -> None:
    published = publish_fleet(tmp_path, ["2025-11", "2025-12"], groups=False)
    damaged = published.month("2025-11").path(TOURNAMENT_STANDINGS)
    damaged.write_bytes(damaged.read_bytes()[:100])
    newest, older = month_lines(published)
    assert (newest.to_do, newest.mase) == (None, 0.25)
    assert older.mase is None
    assert older.to_do is not None
    assert str(damaged) in older.to_do
    assert older.series == 12
