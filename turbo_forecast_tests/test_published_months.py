"""The fleet that is published by hand is what its module says: whole, and consistent with itself."""

from pathlib import Path

import polars as pl
import pytest

from turbo_forecast import schemas
from turbo_forecast.answers.outlook import OutlookQuestion, outlook_answer
from turbo_forecast.storage.published.layout import PUBLISHED
from turbo_forecast.storage.published.reading import Published
from turbo_forecast_tests.published_months import (
    MARKUP,
    MONTHS,
    QUOTED,
    begin_month,
    members,
    observed,
    publish_fleet,
    with_thresholds,
)


@pytest.mark.parametrize("key", MONTHS)
def test_every_table_of_every_month_is_published_and_has_rows(published_fleet: Path, key: str) -> None:
    month = Published(published_fleet).month(key)
    empty = {table.name for table in PUBLISHED if not month.row_count(table)}
    assert empty == (set() if key != MONTHS[0] else {"forecast_accuracy", "outlook_over_time"})
    for table in PUBLISHED:
        assert month.frame(table).select(table.key).is_duplicated().sum() == 0, table.name


@pytest.mark.parametrize("key", MONTHS)
def test_each_series_has_one_outcome_and_a_forecast_where_it_says_so(published_fleet: Path, key: str) -> None:
    month = Published(published_fleet).month(key)
    outcomes = month.frame(schemas.SERIES_OUTCOMES)
    assert len(outcomes) == len(members(key))
    there = outcomes.filter(pl.col("outcome").is_in(["forecast", "fallback"])).select("host_id", "resource")
    for table in (schemas.CHAMPIONS, schemas.FORECAST_PARQUET, schemas.CALIBRATION):
        assert month.frame(table).select("host_id", "resource").unique().sort(pl.all()).equals(there.sort(pl.all()))


def test_the_history_is_what_the_statements_levels_are_of(published_fleet: Path) -> None:
    published = Published(published_fleet)
    (web, *_) = members("2025-12")
    month = published.month("2025-12")
    history = published.observed(web.host, web.resource).filter(pl.col("ds") <= month.cutoff)
    assert history["y"][-1] == pytest.approx(observed(web, month.cutoff)) == 80.0
    rows = month.of_host(schemas.CAPACITY_OUTLOOK, web.host, web.resource)
    assert rows["level"].unique().to_list() == [pytest.approx(history["y"][-7:].mean())]


def test_states_change_from_month_to_month_as_the_module_says(published_fleet: Path) -> None:
    published = Published(published_fleet)
    states = {
        key: dict(
            outlook_answer(published.month(key), OutlookQuestion(kind="series", resources=("cpu",)))
            .select("host_id", "state")
            .iter_rows()
        )
        for key in MONTHS
    }
    assert [states[key][QUOTED] for key in MONTHS] == ["expected", "expected", "over"]
    assert [states[key][MARKUP] for key in MONTHS] == ["possible", "expected", "possible"]
    assert ["gone" in states[key] for key in MONTHS] == [True, True, False]


def test_months_can_be_published_one_by_one_and_again_and_others_can_have_failed(tmp_path: Path) -> None:
    publish_fleet(tmp_path, ["2025-11"], groups=False)
    published = publish_fleet(tmp_path, ["2025-12"], groups=False)
    assert published.keys() == ["2025-12", "2025-11"]
    assert published.month().row_count(schemas.GROUP_MEMBERS) == 0
    with_thresholds(tmp_path, "2025-11", [70, 90])
    assert published.month("2025-11").outlook_settings.thresholds == [70, 90]
    begin_month(tmp_path, "2026-01", "failed", failed="champions.every_series_has_a_champion")
    begin_month(tmp_path, "2026-02")
    assert [(each.month, each.state, each.failed) for each in published.standings()[:2]] == [
        ("2026-02", "incomplete", ()),
        ("2026-01", "failed", ("champions.every_series_has_a_champion",)),
    ]
