"""A source's database, queried in the source's name: what fails is a SourceError that names it and holds no secret.

Belongs here: the password, names and secrets in sentences. Does not belong here: queries.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import pyarrow as pa

from turbo_forecast.errors import SourceError
from turbo_forecast.sources.secrets import redacted, secret
from turbo_forecast.sources.sql.address import System
from turbo_forecast.sources.sql.buffering import BufferedRows, Request, buffered
from turbo_forecast.sources.sql.database import Access, Database, QueryError, UnreachableError, database
from turbo_forecast.sources.sql.options import DatabaseOptions
from turbo_forecast.text import one_line

MAX_SENTENCE = 600
"""Characters of a sentence."""


class SourceDatabase:
    """The database of a source. name: the source's."""

    def __init__(self, name: str, options: DatabaseOptions, access: Access) -> None:
        self.name, self.options = name, options
        self._access = replace(access, password=self._password)
        self.dropped = 0

    @property
    def system(self) -> System:
        """Of the database."""
        return self.options.place.system

    def buffered(self, request: Request) -> BufferedRows:
        """All rows of a query's answer, kept aside (`buffering.py`). Raises SourceError."""
        with self._named() as connection:
            return buffered(connection, request, self.options.statement_timeout_seconds, self.options.attempts)

    def moment(self, request: Request, time: pa.Array) -> datetime:
        """The first of some times, read as those of a request's rows. Raises SourceError."""
        with self._named():
            return request.rows().moment(time)

    def table(self, sql: str, seconds: float) -> pa.Table:
        """A small answer. Raises SourceError."""
        with self._named() as connection, connection.answer(sql, seconds) as answer:
            return pa.Table.from_batches(answer.batches, schema=answer.schema)

    def version(self) -> str:
        """Which system answers. Raises SourceError."""
        with self._named() as connection:
            return connection.version()

    def rows(self, request: Request) -> Iterator[pa.RecordBatch]:
        """All rows of a query's answer; `dropped` says then how many had no finite number for a value. Raises SourceError."""
        kept = self.buffered(request)
        self.dropped = kept.without_value
        yield from kept.batches()

    def error(self, sentence: str) -> SourceError:
        """A SourceError in the source's name."""
        shown = redacted(sentence, filter(None, [self._password_or_none()]))
        return SourceError(f"source {self.name}: {one_line(shown, MAX_SENTENCE)}")

    @contextmanager
    def _named(self) -> Iterator[Database]:
        try:
            yield database(self._access)
        except (QueryError, UnreachableError) as error:
            raise self.error(str(error)) from None

    def _password(self) -> str | None:
        where = f"sources.{self.name}: password"
        return secret(where, variable=self.options.password_env, file=self.options.password_file)

    def _password_or_none(self) -> str | None:
        try:
            return self._password()
        except Exception:  # a sentence is on its way that matters more
            return None
