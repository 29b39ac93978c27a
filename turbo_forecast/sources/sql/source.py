"""The source of kind `sql`: one query of one's own.

Belongs here: the protocol's methods. Does not belong here: how a database is queried, and what its columns mean.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

import pyarrow as pa

from turbo_forecast.settings.options import Options
from turbo_forecast.sources.protocol import Description, Window
from turbo_forecast.sources.sql.address import SCHEMES, scheme_of
from turbo_forecast.sources.sql.buffering import Request
from turbo_forecast.sources.sql.database import Access
from turbo_forecast.sources.sql.describing import described
from turbo_forecast.sources.sql.options import SQLOptions
from turbo_forecast.sources.sql.rows import Rows
from turbo_forecast.sources.sql.source_database import SourceDatabase


class SQLSource:
    """A protocol.Source."""

    kind: ClassVar[str] = "sql"
    options: ClassVar[type[Options]] = SQLOptions

    def __init__(self, name: str, options: SQLOptions) -> None:
        self.name = name
        self._options = options
        self._query = options.parsed_query
        zone = options.time_zone or "UTC"
        self._database = SourceDatabase(name, options, Access(options, lambda: None, zone, options.columns.value))

    @classmethod
    def recognises(cls, address: str) -> Mapping[str, Any] | None:
        """A database's address; its options still lack a query, which the sentence that refuses them says."""
        return {"address": address} if scheme_of(address) in SCHEMES else None

    @classmethod
    def configured(cls, name: str, options: Options) -> Self:
        assert isinstance(options, SQLOptions)
        return cls(name, options)

    @property
    def query(self) -> Mapping[str, Any]:
        return self._options.decisive

    @property
    def dropped(self) -> int:
        """Rows of the last window that was fetched whose value was null or no finite number."""
        return self._database.dropped

    def describe(self) -> Description:
        return described(self._database, self._request, self._options.columns.time)

    def fetch(self, window: Window) -> Iterator[pa.RecordBatch]:
        return self._database.rows(self._request(window))

    def _request(self, window: Window) -> Request:
        options = self._options
        sql = self._query.bound(window, options.place.system, options.time_zone)
        return Request(sql, lambda: Rows(options.columns, window, zone=options.time_zone, epoch=options.epoch))
