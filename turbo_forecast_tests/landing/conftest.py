"""What the tests of landing share: a source in memory, a data folder, a clock."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from turbo_forecast.landing.due import LandingRequest
from turbo_forecast.landing.landing import LandingOptions, SourceLanding, land
from turbo_forecast.sources.registry import source_of
from turbo_forecast.storage.landed import LandedMonth, landed_months
from turbo_forecast_tests.landing.fake_source import Moment, Stock, stock

__all__ = ["stock"]  # a fixture


@dataclass
class Shop:
    """A stock, and the folder that it is landed into."""

    data: Path
    stock: Stock
    now: datetime = datetime(2026, 1, 1, 6, tzinfo=UTC)
    said: list[str] = field(default_factory=list)
    query: str = "all"
    zone: str = "UTC"

    def fill(self, month: str, days: Sequence[int], value: float = 50.0, hosts: Sequence[str] = ("a", "b")) -> None:
        """A value at noon of these days, a little higher each day."""
        year, number = map(int, month.split("-"))
        for host in hosts:
            for day in days:
                self.stock.values[host, "cpu", datetime(year, number, day, 12, tzinfo=UTC)] = value + day / 100

    def land(self, *months: str, named: bool = False, again: bool = False) -> SourceLanding:
        sources = {"shop": source_of("shop", {"kind": "fake", "stock": "shop", "query": self.query})}
        options = LandingOptions(zone=self.zone, now=lambda: self.now, log=self.said.append)
        [landing] = land(self.data, sources, LandingRequest(months, named, again), options)
        return landing

    @property
    def there(self) -> dict[str, LandedMonth]:
        return {each.manifest.month: each for each in landed_months(self.data)}

    def rows(self, month: str) -> dict[Moment, float]:
        """What the month's file holds, read by Polars."""
        frame = pl.read_parquet(self.there[month].path)
        return {(host, resource, at): value for host, resource, at, value, _ in frame.iter_rows()}

    def in_stock(self, month: str) -> dict[Moment, float]:
        return {moment: value for moment, value in self.stock.values.items() if f"{moment[2]:%Y-%m}" == month}

    def bytes(self) -> dict[str, bytes]:
        """All visible files."""
        found = sorted(path for path in self.data.rglob("[!.]*") if path.is_file())
        return {str(path.relative_to(self.data)): path.read_bytes() for path in found}


@pytest.fixture
def shop(stock: Stock, tmp_path: Path) -> Shop:
    return Shop(tmp_path / "data", stock)
