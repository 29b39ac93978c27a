"""PostgreSQL, and what speaks its protocol: binary COPY by ADBC's driver, in one read-only transaction.

Belongs here: the connection, its settings, its errors. Does not belong here: anything of another system.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, urlencode

import adbc_driver_manager
import pyarrow as pa
from adbc_driver_postgresql import StatementOptions, dbapi  # type: ignore[import-untyped]  # it has no types

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

_ROW_BYTES = 64
"""Of a row of telemetry as COPY sends it, about: the driver's batches are cut by bytes."""
_WORDS = re.compile(r"[^\W\d_]+:  (.+)")
"""A server's message after its severity, in any language; libpq puts two spaces between them."""
_UNREACHABLE = re.compile(
    r"closed the connection|no connection to|connection (has been|was) closed|could not (receive|send) data|"
    r"terminating connection|PQgetCopyData|starting up|shutting down|recovery mode|conflict with recovery|SSL SYSCALL|"
    r"Connection refused|timeout expired|timed out|reset by peer|not yet accepting|too many (clients|connections)",
    re.IGNORECASE,
)
_UNREACHABLE_STATES = ("08", "57P", "53300", "40001")
"""Beginnings of SQLSTATEs (PostgreSQL, appendix A): connection lost, server ending or starting, too many connections, conflict."""


class PostgreSQL:
    """A database.Database."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._place = access.options.place

    def version(self) -> str:
        extension = "SELECT 'TimescaleDB ' || extversion FROM pg_extension WHERE extname = 'timescaledb'"
        sql = f"SELECT 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1) AS system UNION ALL {extension}"
        with self.answer(sql, self._access.options.connect_timeout_seconds) as found:
            return " with ".join(name for batch in found.batches for name in batch.column(0).to_pylist())

    @contextmanager
    def answer(self, sql: str, seconds: float) -> Iterator[Answer]:
        connection = self._connected()
        try:
            with connection.cursor() as cursor:
                reader = self._executed(cursor, sql, seconds)
                yield Answer(reader.schema, streamed(reader, lambda error: self._query_failure(error, seconds)))
        finally:
            connection.close()

    def _connected(self) -> dbapi.Connection:
        password = self._access.password()
        try:
            return dbapi.connect(self._uri(password))
        except adbc_driver_manager.Error as error:
            raise self._connection_failure(str(error)) from None

    def _uri(self, password: str | None) -> str:
        options, place = self._access.options, self._place
        tls = {
            "sslmode": options.sslmode,
            "sslrootcert": options.ca_file,
            "sslcert": options.cert_file,
            "sslkey": options.key_file,
        }
        parameters = {
            **{name: value for name, value in tls.items() if value},
            "connect_timeout": str(options.connect_timeout_seconds),
            "application_name": "turbo-forecast",
            "keepalives_idle": "30",
            "keepalives_interval": "10",
            "keepalives_count": "3",
        }
        host = f"[{place.host}]" if ":" in place.host else quote(place.host, safe="")
        secret = f":{quote(password, safe='')}" if password else ""
        who = f"{quote(place.user, safe='')}{secret}@" if place.user else ""
        database = quote(place.database, safe="")
        return f"postgresql://{who}{host}:{place.port}/{database}?{urlencode(parameters, quote_via=quote)}"

    def _executed(self, cursor: dbapi.Cursor, sql: str, seconds: float) -> pa.RecordBatchReader:
        settings = (
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
            f"SET LOCAL statement_timeout = {max(1, round(seconds * 1000))}",
            "SET LOCAL standard_conforming_strings = on",
            f"SET LOCAL TIME ZONE {text_literal(self._access.zone, 'postgresql')}",
        )
        try:
            for setting in settings:
                cursor.execute(setting)
            size = self._access.options.batch_rows * _ROW_BYTES
            cursor.adbc_statement.set_options(**{StatementOptions.BATCH_SIZE_HINT_BYTES.value: str(size)})
            cursor.execute(f"{sql}\n")  # becomes COPY (…) TO STDOUT, and may end with a comment
            return cursor.fetch_record_batch()
        except (adbc_driver_manager.Error, OSError) as error:
            raise self._query_failure(error, seconds) from None

    def _connection_failure(self, message: str) -> Exception:
        words = _words(message)
        if re.search(r"could not translate host name", message):
            return QueryError(f"the host {self._place.host} is not known")
        if re.search(r"password|authentication|no pg_hba.conf entry|role .* does not exist", message):
            return QueryError(f"{self._place} does not accept this user and password: {words}")
        if _UNREACHABLE.search(message):
            return UnreachableError(f"{self._place} does not answer: {words}")
        return QueryError(f"{self._place} cannot be connected to: {words}")

    def _query_failure(self, error: BaseException, seconds: float) -> Exception:
        """A stream's errors have no SQLSTATE, only words; those of a refused query have both, and may quote any words of it."""
        state, words = str(getattr(error, "sqlstate", "") or ""), _words(str(error))
        if state == "57014" or "statement timeout" in words:
            return timed_out(seconds)
        if state.startswith(_UNREACHABLE_STATES) or (not state and _UNREACHABLE.search(words)):
            return UnreachableError(f"{self._place} went away during the query: {words}")
        if state == "42501":
            return QueryError(f"the user may not read what the query asks for: {words}")
        if state == "25006" or "read-only transaction" in words:
            return QueryError(f"the query would change data, which is not allowed here: {words}")
        return QueryError(f"{self._place} refuses the query: {words}")


def _words(message: str) -> str:
    """The server's own words, the first line of them; without the query, which the driver adds."""
    found = _WORDS.search(message)
    first = found[1] if found else message.strip().partition("\n")[0]
    return one_line(re.sub(r"^(\w+: )?\[libpq\] (Failed to connect: )?", "", first), LONGEST_MESSAGE)
