"""DuckDB: a database file, opened to be read only.

Belongs here: opening, its time limit, its errors. Does not belong here: the product's own warehouse, and other systems.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Timer

import duckdb

from turbo_forecast.sources.sql.database import (
    LONGEST_MESSAGE,
    Access,
    Answer,
    QueryError,
    UnreachableError,
    streamed,
    timed_out,
)
from turbo_forecast.sources.sql.query import text_literal
from turbo_forecast.text import one_line


class DuckDB:
    """A database.Database."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._path = Path(access.options.place.path)

    def version(self) -> str:
        return f"DuckDB {duckdb.__version__}"

    @contextmanager
    def answer(self, sql: str, seconds: float) -> Iterator[Answer]:
        with closing(self._opened()) as connection:
            limit = Timer(seconds, connection.interrupt)
            limit.start()
            try:
                connection.execute(f"SET TimeZone = {text_literal(self._access.zone, 'duckdb')}")
                # a stream that is left open keeps the file open, too: whoever opens it for writing then waits for ever
                with connection.sql(sql).to_arrow_reader(self._access.options.batch_rows) as reader:
                    yield Answer(reader.schema, streamed(reader, lambda error: _query_failure(error, seconds)))
            except duckdb.Error as error:
                raise _query_failure(error, seconds) from None
            finally:
                limit.cancel()

    def _opened(self) -> duckdb.DuckDBPyConnection:
        if not self._path.is_file():
            raise QueryError(
                f"there is no file {self._path}: an absolute path has four slashes, as in duckdb:////var/lib/x.duckdb"
            )
        try:
            return duckdb.connect(str(self._path), read_only=True)
        except duckdb.IOException as error:
            words = one_line(str(error), LONGEST_MESSAGE)
            if "lock" in str(error):
                raise UnreachableError(f"{self._path} is being written to by another process: {words}") from None
            raise QueryError(f"{self._path} cannot be opened: {words}") from None
        except duckdb.Error as error:
            raise QueryError(f"{self._path} cannot be opened: {one_line(str(error), LONGEST_MESSAGE)}") from None


def _query_failure(error: BaseException, seconds: float) -> Exception:
    message = str(error)
    words = one_line(message.partition("\n")[0], LONGEST_MESSAGE)
    if isinstance(error, duckdb.InterruptException) or "INTERRUPT" in message:
        return timed_out(seconds)
    if "read-only" in message:
        return QueryError(f"the query would change data, which is not allowed here: {words}")
    return QueryError(f"DuckDB refuses the query: {words}")
