"""MySQL and MariaDB: rows are streamed by connectorx; PyMySQL connects first, and says what the columns are.

Belongs here: the connections, their settings, their errors. Does not belong here: anything of another system.

connectorx reports neither wrong credentials in less than half a minute, nor a TIMESTAMP, which MySQL keeps in UTC, from a DATETIME,
which is of no zone: its Arrow type is the same for both.
"""

import os
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pymysql  # type: ignore[import-untyped]  # it has no types
from pymysql.constants import FIELD_TYPE  # type: ignore[import-untyped]  # it has no types

from turbo_forecast.sources.sql.database import (
    LONGEST_MESSAGE,
    Access,
    Answer,
    QueryError,
    UnreachableError,
    streamed,
    timed_out,
)
from turbo_forecast.text import one_line

UTC = pa.timestamp("us", "UTC")
# connectorx's pool would write its failures to the terminal, beside ours; it looks at this when it is imported
os.environ.setdefault("RUST_LOG", "off")
import connectorx  # noqa: E402

_NUMBER = re.compile(r"ERROR (\d{4,5}) \(\w+\): (.*?)(?: \})?\)*$", re.DOTALL)
_UNREACHABLE = {1040, 1053, 1077, 1079, 1080, 1927, 2002, 2003, 2006, 2013, 4031}
"""Error numbers: too many connections, server ending, connection killed, not reached, gone, lost, closed for idleness."""
_TIMED_OUT = {1969, 3024, 1028}
_NO_ACCESS = {1044, 1045, 1698, 1820, 1862, 2059, 1130, 3118}
_NO_RIGHT = {1142, 1143, 1227, 1370}


class MySQL:
    """A database.Database."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._place = access.options.place

    def version(self) -> str:
        with self._connected() as connection:
            info = str(connection.get_server_info())
        number = next(iter(re.findall(r"\d+\.\d+\.\d+", info.removeprefix("5.5.5-"))), info)
        return f"{'MariaDB' if 'mariadb' in info.lower() else 'MySQL'} {number}"

    @contextmanager
    def answer(self, sql: str, seconds: float) -> Iterator[Answer]:
        with self._connected() as connection:
            settings = _settings("mariadb" in str(connection.get_server_info()).lower(), seconds)
            instants = self._instants(connection, sql, settings, seconds)
        try:
            reader = connectorx.read_sql(
                self._uri(),
                f"{sql}\n",  # the driver adds LIMIT 0 to look at types, and it may end with a comment
                return_type="arrow_stream",
                batch_size=self._access.options.batch_rows,
                pre_execution_query=settings,
            )
        except RuntimeError as error:
            raise self._stream_failure(str(error), seconds) from None
        schema = pa.schema(
            [each.with_type(UTC) if each.name in instants else each for each in reader.schema]  # never has metadata
        )
        batches = streamed(reader, lambda error: self._stream_failure(str(error), seconds))
        yield Answer(schema, (_in_utc(batch, schema) for batch in batches))

    def _uri(self) -> str:
        place, password = self._place, self._access.password()
        secret = f":{quote(password, safe='')}" if password else ""
        host = f"[{place.host}]" if ":" in place.host else place.host
        timeout = self._access.options.connect_timeout_seconds * 1000
        # the driver would ask a server on 127.0.0.1 for its socket and go there: behind a tunnel, that is another server's
        parameters = f"prefer_socket=false&tcp_connect_timeout_ms={timeout}"
        who = f"{quote(place.user, safe='')}{secret}"
        return f"mysql://{who}@{host}:{place.port}/{quote(place.database, safe='')}?{parameters}"

    @contextmanager
    def _connected(self) -> "Iterator[pymysql.Connection[Any]]":
        options, place = self._access.options, self._place
        try:
            connection = pymysql.connect(
                host=place.host,
                port=place.port,
                user=place.user or None,
                password=self._access.password() or "",
                database=place.database,
                connect_timeout=options.connect_timeout_seconds,
                read_timeout=options.statement_timeout_seconds + options.connect_timeout_seconds,
                charset="utf8mb4",
            )
        except (pymysql.Error, RuntimeError) as error:  # RuntimeError: an authentication that needs a further package
            raise self._connection_failure(error) from None
        with closing(connection):
            yield connection

    def _instants(
        self, connection: "pymysql.Connection[Any]", sql: str, settings: list[str], seconds: float
    ) -> set[str]:
        """The columns that are of type TIMESTAMP."""
        try:
            with connection.cursor() as cursor:
                for setting in settings:
                    cursor.execute(setting)
                cursor.execute(f"SELECT * FROM ({sql}\n) AS rows_of_query LIMIT 0")
                return {column[0] for column in cursor.description or () if column[1] == FIELD_TYPE.TIMESTAMP}
        except pymysql.Error as error:
            raise self._query_failure(*_number_and_words(error), seconds) from None

    def _stream_failure(self, message: str, seconds: float) -> Exception:
        """connectorx has words only, with MySQL's number in them; without one the connection broke."""
        found = _NUMBER.search(message)
        if found:
            return self._query_failure(int(found[1]), found[2], seconds)
        if re.search(r"IO error|DriverError|CodecError|timed out waiting|Connection|broken pipe", message):
            return UnreachableError(f"{self._place} went away during the query: {one_line(message, LONGEST_MESSAGE)}")
        return QueryError(f"the query cannot be used: {one_line(message, LONGEST_MESSAGE)}")

    def _connection_failure(self, error: Exception) -> Exception:
        number, words = _number_and_words(error)
        if "Name or service not known" in words or "getaddrinfo" in words or "name resolution" in words:
            return QueryError(f"the host {self._place.host} is not known")
        if number in _NO_ACCESS or isinstance(error, RuntimeError):
            return QueryError(
                f"{self._place} does not accept this user and password: {one_line(words, LONGEST_MESSAGE)}"
            )
        if number in _UNREACHABLE:
            return UnreachableError(f"{self._place} does not answer: {one_line(words, LONGEST_MESSAGE)}")
        return QueryError(f"{self._place} cannot be connected to: {one_line(words, LONGEST_MESSAGE)}")

    def _query_failure(self, number: int, words: str, seconds: float) -> Exception:
        words = one_line(words, LONGEST_MESSAGE)
        if number in _TIMED_OUT:
            return timed_out(seconds)
        if number in _UNREACHABLE:
            return UnreachableError(f"{self._place} went away during the query: {words}")
        if number in _NO_RIGHT:
            return QueryError(f"the user may not read what the query asks for: {words}")
        if number == 1792:
            return QueryError(f"the query would change data, which is not allowed here: {words}")
        return QueryError(f"{self._place} refuses the query: {words}")


def _in_utc(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch with its TIMESTAMPs as instants: the session is in UTC."""
    columns = [
        column.cast(pa.timestamp("us")).view(UTC) if field.type == UTC else column
        for column, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _settings(mariadb: bool, seconds: float) -> list[str]:
    """MariaDB counts seconds, MySQL milliseconds. Sessions are in UTC: a server need not know zones by name."""
    limit = (
        f"max_statement_time = {seconds:.3f}" if mariadb else f"max_execution_time = {max(1, round(seconds * 1000))}"
    )
    return ["SET SESSION time_zone = '+00:00'", f"SET SESSION {limit}", "SET SESSION TRANSACTION READ ONLY"]


def _number_and_words(error: Exception) -> tuple[int, str]:
    if len(error.args) == 2 and isinstance(error.args[0], int):
        return error.args[0], str(error.args[1])
    return 0, str(error)
