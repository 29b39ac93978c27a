"""What each database system must do: answer a query as a stream of Arrow batches, and say in a sentence why it does not.

Belongs here: the protocol, the two ways to fail, which system's module is taken. Does not belong here: any system.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

import pyarrow as pa

from turbo_forecast.number_words import counted
from turbo_forecast.sources.sql.options import DatabaseOptions

LONGEST_MESSAGE = 200
"""Characters of a server's own message that are shown."""


class QueryError(Exception):
    """What a source cannot do, in one sentence without the source's name; asking again would not help."""


class UnreachableError(Exception):
    """The server is away, or went away; it may be back soon."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Batches of one schema, as the database names and types its columns; each is read from the server when it is asked for."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


@dataclass(frozen=True, slots=True)
class Access:
    """How a database is reached. password: reads it; zone: of the session, IANA name; number: the column whose values are numbers."""

    options: DatabaseOptions
    password: Callable[[], str | None]
    zone: str = "UTC"
    number: str = "value"


class Database(Protocol):
    """A database system. Each method raises QueryError, or UnreachableError where it may succeed later; neither holds a secret
    unless the server's own words do."""

    def version(self) -> str:
        """Which system answers, with its version."""

    def answer(self, sql: str, seconds: float) -> AbstractContextManager[Answer]:
        """The answer to a query, which changes nothing, and ends after so many seconds."""


_CLASSES = {"postgresql": "PostgreSQL", "mysql": "MySQL", "sqlite": "SQLite", "duckdb": "DuckDB"}


def database(access: Access) -> Database:
    """The database that the options name. Raises QueryError where its driver is not installed."""
    system = access.options.place.system
    try:
        module = import_module(f"turbo_forecast.sources.sql.systems.{system}")
    except ImportError as error:
        raise QueryError(f"its driver is not installed ({error.name}): pip install 'turbo-forecast[sources]'") from None
    made: Database = getattr(module, _CLASSES[system])(access)
    return made


def streamed(reader: pa.RecordBatchReader, failed: Callable[[BaseException], Exception]) -> Iterator[pa.RecordBatch]:
    """The batches of a driver's stream. failed: the exception that tells what a driver's one means."""
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        except Exception as error:  # each driver has its own, and some have OSError and RuntimeError
            raise failed(error) from None
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # of a driver in Rust; no module offers it
                raise
            raise failed(error) from None
        yield batch


def timed_out(seconds: float) -> QueryError:
    """The sentence for a query that takes too long."""
    return QueryError(
        f"the query took longer than {counted(round(seconds), 'second')}: make it faster (an index on its time?), or raise statement_timeout_seconds"
    )
