"""The source of kind `prometheus`: its window is asked in pieces, side by side, and comes as rows.

Belongs here: what the protocol of sources asks for. Does not belong here: any of its parts (the modules beside it).
"""

import logging
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from threading import Event
from typing import Any, ClassVar, Self

import httpx
import pyarrow as pa

from turbo_forecast.option_rules import shown_name
from turbo_forecast.settings.options import Options
from turbo_forecast.sources.prometheus import describing
from turbo_forecast.sources.prometheus.client import Client
from turbo_forecast.sources.prometheus.cutting import runs
from turbo_forecast.sources.prometheus.joining import Joiner
from turbo_forecast.sources.prometheus.querying import Querier, Sizes, in_order
from turbo_forecast.sources.prometheus.settings import PrometheusOptions
from turbo_forecast.sources.protocol import Description, Window

logger = logging.getLogger(__name__)
_ADDRESS = re.compile(r"prometheus\+(https?://.+)", re.IGNORECASE | re.DOTALL)
DESCRIBING_PATIENCE_SECONDS = 15.0
"""A person waits."""


class PrometheusSource:
    """A Prometheus, Thanos, Mimir or VictoriaMetrics that is asked by PromQL (`protocol.Source`).

    dropped: values of the last window that was fetched that were NaN or infinite.
    """

    kind: ClassVar[str] = "prometheus"
    options: ClassVar[type[Options]] = PrometheusOptions

    def __init__(self, name: str, options: PrometheusOptions, transport: httpx.BaseTransport | None = None) -> None:
        self._where, self._options, self._transport = f"sources.{shown_name(name)}", options, transport
        self._sizes = Sizes()
        self.dropped = 0

    @classmethod
    def recognises(cls, address: str) -> Mapping[str, Any] | None:
        """prometheus+http://host:9090, with or without a path, and prometheus+https://…: a Prometheus with node_exporter's metrics."""
        found = _ADDRESS.fullmatch(address.strip())
        return {"address": found[1], "preset": "node_exporter"} if found else None

    @classmethod
    def configured(cls, name: str, options: Options) -> Self:
        """The source. Nothing is connected to, and no secret is read."""
        assert isinstance(options, PrometheusOptions)
        return cls(name, options)

    @property
    def query(self) -> Mapping[str, Any]:
        """What decides which rows a window has."""
        return self._options.decisive

    @property
    def zone(self) -> str:
        """Whose days a value of step 1d is of, where an option says so."""
        return self._options.zone if self._options.step == "1d" else ""

    def describe(self) -> Description:
        """What is there now. Raises SourceError or SettingsError."""
        patience = min(DESCRIBING_PATIENCE_SECONDS, self._options.patience_seconds)
        with self._client(Event(), patience) as client:
            querier = Querier(self._where, self._options, client, self._sizes)
            return describing.description(client, querier, Joiner(self._where, self._options), self._options)

    def fetch(self, window: Window) -> Iterator[pa.RecordBatch]:
        """The window's rows (`protocol.ROWS`); of spans that have not ended yet, none. Raises SourceError or SettingsError."""
        options, ended = self._options, Event()
        spans = runs(window, options.step_seconds, options.zone or window.zone or "UTC", datetime.now(UTC), self._where)
        joiner = Joiner(self._where, options)
        with self._client(ended, options.patience_seconds) as client:
            querier = Querier(self._where, options, client, self._sizes)
            for answers in in_order(querier.answers, querier.pieces(spans), options.side_by_side, ended):
                for answer in answers:
                    yield from joiner.rows(answer)
        self.dropped = sum(joiner.no_numbers.values())
        for resource, number in joiner.no_numbers.items():
            if number:
                logger.warning(
                    "%s: %s: %s values are NaN or infinite, and are no rows",
                    self._where,
                    shown_name(resource),
                    f"{number:,}",
                )

    def _client(self, ended: Event, patience: float) -> Client:
        return Client(self._where, self._options, ended, patience, self._transport)
