"""The first step of a month: telemetry is read once for several months, and a month it does not reach stops there."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from turbo_forecast.storage.telemetry import fingerprint
from turbo_forecast_tests.defs.conftest import MONTH, Place, six_series
from turbo_forecast_tests.one_duckdb import opened
from turbo_forecast_tests.storage.landing import land

pytestmark = pytest.mark.xdist_group("definitions")


def metadata(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, object]]:
    """What each asset that the run materialised tells, as plain values."""
    events = result.get_asset_materialization_events()
    return {
        event.asset_key.to_user_string(): {name: value.value for name, value in event.materialization.metadata.items()}
        for event in events
        if event.asset_key
    }


def test_a_second_run_tells_of_unchanged_telemetry_all_that_the_first_told(
    fresh_place: Callable[[], Place], telemetry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprint, "SETTLED_SECONDS", 0.0)
    monkeypatch.setattr(fingerprint, "_program", lambda root: "whatever a developer edits meanwhile")
    place = fresh_place()
    first = place.materialise_base(telemetry)
    monkeypatch.setattr("turbo_forecast.storage.base_making.read_telemetry", None)
    second = place.materialise_base(telemetry)
    told, again = metadata(first), metadata(second)
    assert told["base_table"].pop("telemetry") == "read"
    assert again["base_table"].pop("telemetry") == "unchanged"
    assert told == again
    assert told["base_table"]["read by run"] == first.run_id
    assert told["base_table"]["series"] == 6
    assert told["base_table"]["seconds of reading"]
    assert data_version(first) == data_version(second)
    assert all(evaluation.passed for evaluation in second.get_asset_check_evaluations() if evaluation.blocking)


def test_landed_months_are_the_telemetry_where_no_files_are_set(
    fresh_place: Callable[[], Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprint, "_program", lambda root: "whatever a developer edits meanwhile")
    place = fresh_place()
    land(place.data, "2025-11", [("a", "cpu", datetime(2025, 11, day, tzinfo=UTC), 5.0) for day in range(1, 31)])
    first = place.materialise_base()
    land(place.data, "2025-12", [("a", "cpu", datetime(2025, 12, day, tzinfo=UTC), -5.0 + day) for day in range(1, 32)])
    second = place.materialise_base()
    told = metadata(second)
    shares = [told["base_table"][name] for name in ("landed months read", "landed months as they were")]
    assert (shares, told["base_table"]["dagster/row_count"]) == ([1, 1], 30 + 27)
    assert told["base_table_rejects"] == {"dagster/row_count": 4, "by reason": {"negative": 4}}
    assert data_version(first) != data_version(second)
    assert all(evaluation.passed for evaluation in second.get_asset_check_evaluations() if evaluation.blocking)
    assert not any(event.event_type_value == "ASSET_OBSERVATION" for event in second.all_events), (
        "no file, no observation"
    )


def data_version(result: dg.ExecuteInProcessResult) -> str:
    """The base table's, by which Dagster knows that nothing made of it is out of date."""
    return next(
        event.materialization.tags["dagster/data_version"]
        for event in result.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey("base_table")
    )


def rows(place: Place, query: str) -> list[tuple[object, ...]]:
    with opened(place.data / "warehouse.duckdb") as con:
        return con.execute(query).fetchall()


@pytest.mark.parametrize(
    ("key", "options", "said"),
    [
        ("2024-11", {}, "month 2024-11 is before the data: nothing was observed up to 2024-11-30"),
        (
            "2025-12",
            {"max_staleness_days": 10},
            "month 2025-12 is not complete: the telemetry ends on 2025-12-20, 11 days before 2025-12-31 "
            "(max_staleness_days is 10)",
        ),
    ],
)
def test_a_month_the_telemetry_does_not_reach_is_refused_before_the_base_table_is_replaced(
    key: str, options: dict[str, object], said: str, place: Place, tmp_path: Path
) -> None:
    short = tmp_path / "short.parquet"
    ends = six_series().filter(pl.col("ds").is_between(date(2025, 1, 1), date(2025, 12, 20)))
    ends.rename({"ds": "timestamp", "y": "value"}).write_parquet(short)
    query = "SELECT max(ds), max(number) FROM base_table, base_table_runs"
    before = rows(place, query)
    result = (
        place.definitions(short, **options)
        .resolve_job_def("monthly_forecast")
        .execute_in_process(instance=place.instance, partition_key=key, raise_on_error=False)
    )
    (failure,) = result.get_step_failure_events()
    assert failure.step_key == "base_table"
    assert failure.step_failure_data.user_failure_data.description == said  # type: ignore[union-attr]
    assert rows(place, query) == before
    assert not result.get_asset_materialization_events()


def test_a_month_whose_telemetry_ends_a_little_early_is_forecast(
    fresh_place: Callable[[], Place], tmp_path: Path
) -> None:
    short = tmp_path / "short.parquet"
    ends = six_series().filter(pl.col("ds") <= date(2025, 12, 24))
    ends.rename({"ds": "timestamp", "y": "value"}).write_parquet(short)
    place = fresh_place()
    assert place.materialise_unchecked(short, MONTH, entrants=["seasonal_naive"]).success
    assert place.failing_checks(entrants=["seasonal_naive"]) <= {("base_table", "telemetry_is_fresh")}
    assert place.materialise_base(short).success  # of no month: it may end anywhere
