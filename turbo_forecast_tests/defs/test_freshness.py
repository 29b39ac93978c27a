"""When the latest month is looked at: once a day, and again when a month that counts is completed."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
import pytest

from turbo_forecast.defs import freshness
from turbo_forecast.defs.freshness import latest_month_sensor
from turbo_forecast.defs.partitions import MONTHS
from turbo_forecast.windows import cutoff_of


def moment(text: str) -> type[datetime]:
    """A clock that stands still at this moment, in UTC."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.fromisoformat(text).replace(tzinfo=UTC)

    return Clock


class Sensor:
    """The sensor as the daemon has it, with its cursor."""

    def __init__(self, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
        self.instance, self.monkeypatch, self.cursor = instance, monkeypatch, None

    def asks_at(self, when: str) -> bool:
        self.monkeypatch.setattr(freshness, "datetime", moment(when))
        context = dg.build_sensor_context(self.instance, self.cursor)
        tick = latest_month_sensor.evaluate_tick(context)
        self.cursor = tick.cursor
        assert len(tick.run_requests or []) + bool(tick.skip_message) == 1
        return bool(tick.run_requests)

    def complete(self, month: str) -> None:
        (key,) = (key for key in MONTHS.get_partition_keys() if f"{cutoff_of(key):%Y-%m}" == month)
        self.instance.report_runless_asset_event(dg.AssetMaterialization("months", partition=key))


@pytest.fixture
def sensor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sensor]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Sensor(instance, monkeypatch)


def test_it_is_looked_once_a_day(sensor: Sensor) -> None:
    times = ("2026-01-06T00:01", "2026-01-06T12:00", "2026-01-06T23:59", "2026-01-07T00:00", "2026-01-07T00:01")
    assert [sensor.asks_at(time) for time in times] == [True, False, False, True, False]


@pytest.mark.parametrize(
    ("today", "month", "looked"),
    [
        ("2026-01-06", "2025-12", True),
        ("2026-01-06", "2025-11", False),  # an old month, made again
        ("2026-01-05", "2025-11", True),
        ("2026-01-05", "2025-12", True),  # before its deadline
        ("2026-01-05", "2025-10", False),
    ],
)
def test_it_is_looked_again_when_a_month_that_counts_is_completed(
    sensor: Sensor, today: str, month: str, looked: bool
) -> None:
    assert sensor.asks_at(f"{today}T01:00")
    sensor.complete(month)
    assert sensor.asks_at(f"{today}T02:00") is looked
    assert not sensor.asks_at(f"{today}T03:00")
    sensor.complete(month)
    assert sensor.asks_at(f"{today}T04:00") is looked
