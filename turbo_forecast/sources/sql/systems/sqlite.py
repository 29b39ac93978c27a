"""SQLite, by ADBC's driver; the file is opened to be read only.

Belongs here: opening, what its values' types need, its errors. Does not belong here: anything of another system.
"""

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import adbc_driver_manager
import pyarrow as pa
from adbc_driver_sqlite import StatementOptions, dbapi

from turbo_forecast.sources.sql.database import (
    LONGEST_MESSAGE,
    Access,
    Answer,
    QueryError,
    UnreachableError,
    streamed,
    timed_out,
)
from turbo_forecast.sources.sql.query import identifier
from turbo_forecast.text import one_line

_INFINITE = "9e999"


class SQLite:
    """A database.Database. A query's time is looked at between batches only: the driver cannot be interrupted."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._path = Path(access.options.place.path)

    def version(self) -> str:
        with self.answer("SELECT sqlite_version() AS version", self._access.options.connect_timeout_seconds) as found:
            return f"SQLite {next(found.batches).column(0)[0].as_py()}"

    @contextmanager
    def answer(self, sql: str, seconds: float) -> Iterator[Answer]:
        if not self._path.is_file():
            raise QueryError(
                f"there is no file {self._path}: an absolute path has four slashes, as in sqlite:////var/lib/x.db"
            )
        uri = f"file:{quote(str(self._path))}?mode=ro"
        try:
            with closing(dbapi.connect(uri)) as connection, connection.cursor() as cursor:
                rows = str(self._access.options.batch_rows)
                cursor.adbc_statement.set_options(**{StatementOptions.BATCH_ROWS.value: rows})
                cursor.execute(self._with_real_numbers(sql, uri))
                reader = cursor.fetch_record_batch()
                yield Answer(reader.schema, self._in_time(streamed(reader, _query_failure), seconds))
        except (adbc_driver_manager.Error, sqlite3.Error) as error:
            raise _query_failure(error) from None

    def _with_real_numbers(self, sql: str, uri: str) -> str:
        """The query with its values' integers as reals. A column of SQLite holds values of any type, and the driver takes the
        first batch's for all: whole numbers first, or nothing at all, would make it refuse 0.5 later. What is null is infinite
        therefore, which is no value either.
        """
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            names = [column[0] for column in connection.execute(f"SELECT * FROM ({sql}\n) LIMIT 0").description]
        again = next((name for name in names if re.sub(r":\d+$", "", name) in set(names) - {name}), None)
        if again is not None:  # SQLite calls the second `x` of a subquery `x:1`
            raise QueryError(
                f"the query's answer has two columns {again.rpartition(':')[0]}: give each a name of its own with AS"
            )
        number, columns = self._access.number, []
        for name in names:
            quoted = identifier(name, "sqlite")
            real = f"CASE typeof({quoted}) WHEN 'integer' THEN CAST({quoted} AS REAL) WHEN 'null' THEN {_INFINITE} ELSE {quoted} END"
            columns.append(f"{real} AS {quoted}" if name == number else quoted)
        return f"SELECT {', '.join(columns)} FROM ({sql}\n)" if names.count(number) == 1 else sql

    def _in_time(self, batches: Iterator[pa.RecordBatch], seconds: float) -> Iterator[pa.RecordBatch]:
        ends = time.monotonic() + seconds
        for batch in batches:
            if time.monotonic() > ends:
                raise timed_out(seconds)
            yield batch


def _query_failure(error: BaseException) -> Exception:
    message = str(error).partition("\nquery: ")[0]  # the query may hold any words
    words = re.sub(
        r"^(\w+: )?(\[SQLite\] )?(Failed to prepare query: |Failed to step query: )?", "", message
    ).partition("\n")[0]
    words = one_line(words, LONGEST_MESSAGE)
    if re.search(r"database (table )?is locked|busy", message):
        return UnreachableError(f"the database is locked: {words}")
    if "readonly" in message:
        return QueryError(f"the query would change data, which is not allowed here: {words}")
    if "Type mismatch" in message:
        return QueryError(f"a column holds values of several types ({words}): CAST it in the query")
    return QueryError(f"SQLite refuses the query: {words}")
