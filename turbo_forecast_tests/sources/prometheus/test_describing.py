"""What a description notes of a history that is short, or old."""

from datetime import UTC, datetime, timedelta

from turbo_forecast.sources.prometheus.describing import history_notes

NOW = datetime.now(UTC)


def test_a_short_retention_is_told_before_it_costs_history() -> None:
    (note,) = history_notes(NOW - timedelta(days=15, hours=1), NOW)
    assert "15 days ago: land them before it forgets them" in note


def test_a_source_that_has_nothing_new_is_told() -> None:
    (note,) = history_notes(NOW - timedelta(days=1000), NOW - timedelta(days=40, hours=1))
    assert "40 days ago: nothing newer is there" in note


def test_nothing_is_noted_of_a_long_history_or_of_none() -> None:
    assert history_notes(NOW - timedelta(days=1000), NOW - timedelta(hours=1)) == []
    assert history_notes(None, None) == []
