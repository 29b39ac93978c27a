"""The Dagster instance of DAGSTER_HOME: `python -m turbo_forecast.defs.instance` makes its storage, if there is none.

Belongs here: opening the instance. Does not belong here: what runs on it.
"""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from turbo_forecast.errors import StorageError

LOCK_NAME = ".opening.lock"


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
    with lock:
        instance = dg.DagsterInstance.get()
    with instance:
        yield instance


def main() -> int:
    """0: the storage is there; 2: it cannot be made."""
    try:
        with opened_instance():
            return 0
    except StorageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
