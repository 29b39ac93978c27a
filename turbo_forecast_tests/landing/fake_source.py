"""A source in memory for tests: it can forget, fail in the middle, answer wrongly, and hold a secret.

`fake` is its kind; a stock of rows is named by the option `stock`, or by the address `fake://<stock>`.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Self

import pyarrow as pa
import pytest
from pydantic import Field

from turbo_forecast.errors import SettingsError, SourceError
from turbo_forecast.settings.options import Options
from turbo_forecast.sources import registry
from turbo_forecast.sources.protocol import ROWS, Description, Window

Moment = tuple[str, str, datetime]
"""Host, resource, time."""


@dataclass
class Stock:
    """What a source has. values: of each moment; asked: the windows it was asked for.

    fails_at: it fails after the first batch of a window that begins then; batches: what it answers with instead of its rows.
    """

    values: dict[Moment, float] = field(default_factory=dict)
    asked: list[Window] = field(default_factory=list)
    fails_at: datetime | None = None
    batches: list[Any] | None = None
    batch_rows: int = 7
    dropped: int = 0
    before: Callable[[Window], None] = lambda window: None

    def forget(self, before: datetime) -> None:
        """Lose all that is older."""
        self.values = {moment: value for moment, value in self.values.items() if moment[2] >= before}


STOCKS: dict[str, Stock] = {}


class FakeOptions(Options):
    """The options of a fake source."""

    stock: str = Field("", description="which stock of rows it has")
    query: str = Field("all", description="what it is asked")
    token_env: str = Field("", description="the environment variable of its token")


class FakeSource:
    """The source."""

    kind: ClassVar[str] = "fake"
    options: ClassVar[type[Options]] = FakeOptions

    def __init__(self, name: str, options: FakeOptions) -> None:
        self._name, self._options = name, options

    @classmethod
    def recognises(cls, address: str) -> Mapping[str, Any] | None:
        scheme, _, rest = address.partition("://")
        return {"stock": rest.rpartition("@")[2].partition("?")[0]} if scheme == "fake" else None

    @classmethod
    def configured(cls, name: str, options: Options) -> Self:
        assert isinstance(options, FakeOptions)
        if not options.stock:
            raise SettingsError(f"sources.{name}.stock is empty: name a stock")
        return cls(name, options)

    @property
    def query(self) -> Mapping[str, Any]:
        return {"query": self._options.query, "of": ("stock", self._options.stock)}  # a tuple is a list in JSON

    @property
    def dropped(self) -> int:
        """What it says that it has left out."""
        return self._stock.dropped

    @property
    def _stock(self) -> Stock:
        if self._options.token_env and not os.environ.get(self._options.token_env):
            raise SourceError(f"source {self._name}: the environment variable {self._options.token_env} is not set")
        found = STOCKS.get(self._options.stock)
        if found is None:
            raise SourceError(f"source {self._name}: {self._options.stock} cannot be reached: Connection refused")
        return found

    def describe(self) -> Description:
        values = self._stock.values
        times = sorted(moment[2] for moment in values)
        series = {moment[:2] for moment in values}
        counts: dict[str, int] = {}
        for _, resource in sorted(series):
            counts[resource] = counts.get(resource, 0) + 1
        sample = table([(*moment, value) for moment, value in sorted(values.items())[:3]])
        bounds = (times[0], times[-1]) if times else (None, None)
        return Description("Fake 1.0", *bounds, counts, sample, ["it is made up"])

    def fetch(self, window: Window) -> Iterator[pa.RecordBatch]:
        stock = self._stock
        stock.asked.append(window)
        stock.before(window)
        if stock.batches is not None:
            yield from stock.batches
            return
        rows = [(*moment, value) for moment, value in stock.values.items() if window.start <= moment[2] < window.end]
        rows = rows[::-1]  # in any order
        for at in range(0, len(rows), stock.batch_rows):
            if stock.fails_at == window.start and at:
                raise SourceError(f"source {self._name}: the connection was lost")
            yield from table(rows[at : at + stock.batch_rows]).to_batches()
        if stock.fails_at == window.start:
            raise SourceError(f"source {self._name}: the connection was lost")


def table(rows: list[tuple[str, str, datetime, float]]) -> pa.Table:
    """Rows as a source gives them."""
    columns = list(zip(*rows, strict=True)) if rows else [(), (), (), ()]
    labels = [json.dumps({"instance": host}) for host in columns[0]]
    return pa.table([*map(list, columns), labels], schema=ROWS)


@pytest.fixture
def stock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stock]:
    """A stock called `shop`, and the kind `fake` registered as another package would register it, beside no built-in kind."""
    register(monkeypatch)
    STOCKS["shop"] = Stock()
    yield STOCKS["shop"]
    STOCKS.clear()


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `fake` be the only kind there is."""
    monkeypatch.setattr(registry, "BUILT_IN", {})
    monkeypatch.setattr(registry, "_external_kinds", lambda: {"fake": f"{__name__}:FakeSource"})
