"""The Dagster instance of DAGSTER_HOME, and the making of its storage where there is none.

Belongs here: opening the instance. Does not belong here: what runs on it.
"""

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from turbo_forecast.errors import StorageError, refusal

LOCK_NAME = ".opening.lock"
ALMOST_FULL = 2**20
"""Bytes: with less, what SQLite refuses is refused for want of room, in whatever words."""


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
    """What SQLite or the system refuses Dagster in the block is a StorageError that names the folder of DAGSTER_HOME."""
    home = Path(os.environ["DAGSTER_HOME"])
    try:
        yield
    except Exception as error:
        refused = storage_refusal(error, home)
        if refused is None:
            raise
        raise StorageError(refused) from error


def storage_refusal(error: BaseException, home: Path) -> str | None:
    """The sentence for an error that came of writing in DAGSTER_HOME; None for any other error."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, sqlite3.OperationalError):
            full = (
                "no space left on its disk: " if shutil.disk_usage(home).free < ALMOST_FULL else ""
            )  # SQLite is vague
            return f"Dagster's storage {home / 'history'} (DAGSTER_HOME) cannot be written: {full}{cause}"
        if isinstance(cause, OSError) and cause.filename and str(cause.filename).startswith(str(home)):
            return f"{cause.filename} (in DAGSTER_HOME) cannot be written: {refusal(cause)}"
        cause = cause.__cause__ or cause.__context__
    return None
