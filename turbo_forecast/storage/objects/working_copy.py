"""A machine's working copy of a store: a local folder with the layout of any data folder, in which everything works as there.

Belongs here: when a copy is downloaded and uploaded, and that one process at a time works in it. Does not belong here: what is
downloaded and uploaded (`downloading.py`, `uploading.py`).

DuckDB writes its file in place and needs locks, datasets are published by renames and read through memory maps: none of
that is there on object storage, all of it is on a local disk. So results travel, and work does not.
"""

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from turbo_forecast.addresses import Address
from turbo_forecast.errors import StorageError, writing
from turbo_forecast.paths import require_storable
from turbo_forecast.processes import unlock
from turbo_forecast.storage.objects.downloading import download
from turbo_forecast.storage.objects.lease import Lease, leased
from turbo_forecast.storage.objects.local_state import HIDDEN
from turbo_forecast.storage.objects.store import ObjectStore
from turbo_forecast.storage.objects.uploading import Upload, upload, upload_ahead

Log = Callable[[str], None]
OPENED_BY = "TURBO_FORECAST_WORKING_COPY"
"""Environment of the processes that a run starts: the copy that it has open, which they need not open again."""
POLL_SECONDS = 0.5
AT_WORK, DOWNLOADING = "lock", "bringing.lock"
"""Files in the copy's hidden folder: who works in it has the first one locked; who downloads, the second, and who asks waits for that."""


def _discard(line: str) -> None:
    """For who does not want to know."""


@dataclass(slots=True)
class WorkingCopy:
    """A working copy that this process has open. lease: of its store; None in a process that a run has started."""

    store: ObjectStore
    folder: Path
    lease: Lease | None
    _at_work: threading.RLock = field(default_factory=threading.RLock)

    def upload_ahead(self) -> Upload:
        """Put what is new without a commit (`uploading.upload_ahead`). Raises StorageError."""
        with self._at_work:
            return upload_ahead(self.store, self.folder)

    def upload(self) -> Upload:
        """Put what is new, and commit; nothing in a process that a run has started: the run does it. Raises StorageError."""
        if self.lease is None:
            return Upload(0)
        with self._at_work:
            self.lease.require_held()
            return upload(self.store, self.folder)


_OPEN: dict[Path, WorkingCopy] = {}


def opened_copy(folder: Path) -> WorkingCopy | None:
    """The working copy that this process has open in a folder, if it has."""
    return _OPEN.get(folder)


@contextmanager
def working_copy(address: Address, log: Log = _discard) -> Iterator[WorkingCopy]:
    """The store's copy on this machine, with all that the store holds, until the block ends; the same one within another such block.

    log: called with a line where something takes time, or is replaced. The block puts back what it has made. Raises
    StorageError where another machine's run is at work on the store; a run of this machine is waited for.
    """
    folder = address.working_folder
    if folder in _OPEN:
        yield _OPEN[folder]
        return
    store = ObjectStore(address)
    if os.environ.get(OPENED_BY) == str(folder):
        yield WorkingCopy(store, folder, None)
        return
    require_storable(folder)
    with _alone(folder, log) as downloading:
        store.require_there()
        with leased(store) as lease:
            _downloaded(store, folder, log)
            downloading.close()
            _OPEN[folder] = WorkingCopy(store, folder, lease)
            os.environ[OPENED_BY] = str(folder)
            try:
                yield _OPEN[folder]
            finally:
                del _OPEN[folder]
                os.environ.pop(OPENED_BY, None)


def copy_for_reading(address: Address, log: Log = _discard) -> Path:
    """The folder of what is published in the store, for who asks. log: called with what is replaced. Raises StorageError.

    Where a run of this machine is at work in it, the folder is taken as it is: nothing newer is elsewhere. A process that is
    downloading the copy is waited for.
    """
    folder = address.working_folder
    if folder in _OPEN or os.environ.get(OPENED_BY) == str(folder):
        return folder
    with _locked(folder, DOWNLOADING, wait=True), _locked(folder, AT_WORK) as free:
        if free:
            store = ObjectStore(address)
            store.require_there()
            download(store, folder, log, published_alone=True)
    return folder


def _downloaded(store: ObjectStore, folder: Path, log: Log) -> None:
    began = time.monotonic()
    count = download(store, folder, log)
    if count:
        log(f"downloaded {count:,} files of {store.address} into {folder} in {time.monotonic() - began:.1f} s")


@contextmanager
def _alone(folder: Path, log: Log) -> Iterator[ExitStack]:
    """Within the block, no other process of this machine works in the copy; one that does is waited for.

    Until what is yielded is closed, who asks waits.
    """
    waited = False
    while True:
        with ExitStack() as downloading:
            if downloading.enter_context(_locked(folder, DOWNLOADING)):
                with _locked(folder, AT_WORK) as free:
                    if free:
                        yield downloading
                        return
        if not waited:
            waited = True
            log(f"waiting for the run of this machine that is at work in {folder}")
        time.sleep(POLL_SECONDS)


@contextmanager
def _locked(folder: Path, name: str, *, wait: bool = False) -> Iterator[bool]:
    """Whether a lock of the copy was free; held until the block ends, and freed with the process at the latest. Raises StorageError."""
    path = folder / HIDDEN / name
    with writing(folder):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield _flocked(handle, folder, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        unlock(handle)


def _flocked(handle: int, folder: Path, how: int) -> bool:
    try:
        fcntl.flock(handle, how)
    except BlockingIOError:
        return False
    except OSError as error:
        raise StorageError(f"{folder} cannot be locked: {error.strerror}; a working copy needs a local disk") from None
    return True
