"""A lock for each source: one landing at a time; others wait, and then find what it has landed.

Belongs here: that. Does not belong here: processes of other machines; where results lie on object storage, its lease keeps them out.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from turbo_forecast.errors import StorageError, writing
from turbo_forecast.processes import unlock

POLL_SECONDS = 0.2


@contextmanager
def source_lock(
    folder: Path, source: str, log: Callable[[str], None], raise_if_stopped: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Within the block, no other process and no other thread lands the source; one that does is waited for.

    folder: where landed months of all sources lie. log: called with a line where there is something to wait for. raise_if_stopped: called while
    it waits; what it raises ends that. The system frees the lock with its process, however that ends. Raises StorageError.
    """
    path = folder / f".{source}.lock"
    with writing(path):
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _try_lock(handle, path):
            log(f"source {source}: waiting for another process that lands it")
            while not _try_lock(handle, path):
                raise_if_stopped()
                time.sleep(POLL_SECONDS)
        yield
    finally:
        unlock(handle)


def _try_lock(handle: int, path: Path) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise StorageError(f"{path} cannot be locked: {error.strerror}; the data folder needs a local disk") from None
    return True
