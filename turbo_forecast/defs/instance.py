"""The Dagster instance of DAGSTER_HOME, and the making of its storage where there is none.

Belongs here: opening the instance, and saying in a sentence why it cannot be opened or written. Does not belong here: what
runs on it.
"""

import fcntl
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from sqlalchemy import exc

from turbo_forecast.errors import StorageError, refusal

LOCK_NAME = ".opening.lock"
ALMOST_FULL = 2**20
"""Bytes: with less, what SQLite refuses is refused for want of room, in whatever words."""
FILE = "dagster.yaml"
POSTGRESQL = ("psycopg2", "psycopg")
"""What Dagster's storage speaks to PostgreSQL through, as its address says."""
NO_NUMBER = re.compile(r'env variable "(\w+)" cannot be coerced into an int')
UNSET = re.compile(r'environment variable "(\w+)" which is not set')


@contextmanager
def opened_instance() -> Iterator[dg.DagsterInstance]:
    """The instance of DAGSTER_HOME until the block ends. Raises StorageError where the folder cannot be written.

    Opening makes the tables of Dagster's SQLite storage where there are none, and two processes that do so at once
    fail, or leave a storage that no process can open again. So they open it one after the other.
    """
    home = Path(os.environ["DAGSTER_HOME"])
    try:
        lock = (home / LOCK_NAME).open("a")
        fcntl.flock(lock, fcntl.LOCK_EX)  # closing frees it, and so does the end of the process
    except OSError as error:
        raise StorageError(f"DAGSTER_HOME {home} cannot be written: {error.strerror or error}") from None
    with lock, storage_errors_named():
        instance = dg.DagsterInstance.get()
    with instance:
        yield instance


@contextmanager
def storage_errors_named() -> Iterator[None]:
    """What SQLite, PostgreSQL or the system refuses Dagster in the block is a StorageError that says where."""
    home = Path(os.environ["DAGSTER_HOME"])
    try:
        yield
    except Exception as error:
        refused = storage_refusal(error, home)
        if refused is None:
            raise
        raise StorageError(refused) from (None if _may_hold_a_password(error) else error)


def storage_refusal(error: BaseException, home: Path) -> str | None:
    """The sentence for an error that came of Dagster's storage; None for any other error."""
    cause: BaseException | None = error
    while cause is not None:
        refused = _refusal_of(cause, home)
        if refused is not None:
            return refused
        cause = cause.__cause__ or cause.__context__
    return None


def _refusal_of(cause: BaseException, home: Path) -> str | None:
    if isinstance(cause, sqlite3.OperationalError):
        full = "no space left on its disk: " if shutil.disk_usage(home).free < ALMOST_FULL else ""  # SQLite is vague
        return f"Dagster's storage {home / 'history'} (DAGSTER_HOME) cannot be written: {full}{cause}"
    if isinstance(cause, OSError) and cause.filename and str(cause.filename).startswith(str(home)):
        return f"{cause.filename} (in DAGSTER_HOME) cannot be written: {refusal(cause)}"
    return _refusal_of_postgresql(cause, home)


def _refusal_of_postgresql(cause: BaseException, home: Path) -> str | None:
    """The sentence where the storage is PostgreSQL, as {home}/dagster.yaml says. Never with its URL, which may hold a password."""
    file = home / FILE
    if isinstance(cause, dg.DagsterInvalidConfigError) and (unset := UNSET.search(str(cause))):
        return f"{unset[1]} is not set: {file} takes a part of the instance from this environment variable"
    if isinstance(cause, dg.DagsterInvalidConfigError) and (wrong := NO_NUMBER.search(str(cause))):
        return f"{wrong[1]} must be a whole number, as {file} wants it"
    if isinstance(cause, ModuleNotFoundError) and cause.name == "dagster_postgres":
        return f"{file} names PostgreSQL, for which dagster-postgres must be installed: the extra `production`"
    if isinstance(cause, exc.ArgumentError | exc.NoSuchModuleError):
        return f"the address of Dagster's PostgreSQL storage is none: {file} says where it comes from; it begins with postgresql://"
    if not isinstance(cause, exc.DBAPIError) or type(cause.orig).__module__.partition(".")[0] not in POSTGRESQL:
        return None
    if isinstance(cause, exc.OperationalError | exc.InterfaceError):
        return f"Dagster's PostgreSQL storage ({file}) cannot be used: {_first_line(cause.orig)}"
    if "invalid dsn" in str(cause.orig):
        return f"the address of Dagster's PostgreSQL storage has an option that PostgreSQL does not know: {file} says where it comes from"
    return None


def _first_line(error: BaseException | None) -> str:
    """What PostgreSQL says, without its hints; it names host, port and user, and no password."""
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else "the connection was closed"


def _may_hold_a_password(error: BaseException) -> bool:
    """Whether the error's own words, which a log would show as the cause, may hold the database's address."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, exc.ArgumentError | exc.ProgrammingError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
