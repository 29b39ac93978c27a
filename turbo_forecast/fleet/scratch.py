"""What a run keeps until it is published: locked, taken over by the next attempt, removed at the end.

Belongs here: the folder's life, and what must be equal for its chunks to be taken over.
Does not belong here: the chunks' format (`chunks.py`).
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import turbo_forecast
from turbo_forecast.errors import StorageError
from turbo_forecast.fleet.audit import versions
from turbo_forecast.fleet.chunks import discard_doubtful
from turbo_forecast.fleet.store import SeriesStore
from turbo_forecast.fleet.windows import Windows
from turbo_forecast.models.outside import fingerprint
from turbo_forecast.models.registry import module_of
from turbo_forecast.settings import ForecastSettings


@contextmanager
def unfinished(folder: Path) -> Iterator[Path]:
    """A folder for the work of one run, its own until the block ends; removed when the block succeeds.

    After an error (or a crash) it stays, for the next attempt: so the block must hold the commit of the results.
    Raises StorageError when another process is at work in it.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = folder.with_name(f"{folder.name}.lock").open("a+")
    except OSError as error:
        raise StorageError(f"{folder.parent} cannot be written: {error.strerror or error}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise StorageError(f"{folder} is in use by another run, process {lock.read().strip()}") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        folder.mkdir(exist_ok=True)
        yield folder
        shutil.rmtree(folder, ignore_errors=True)  # not the lock: another run may just have opened it


def chunk_folder(scratch: Path, store: SeriesStore, windows: Windows, settings: ForecastSettings) -> Path:
    """The folder of the chunks of just this run; those of any other, and doubtful ones, are removed."""
    folder = scratch / f"chunks-{_fingerprint(store, windows, settings)}"
    for other in scratch.glob("chunks-*"):
        if other != folder:
            shutil.rmtree(other)
    folder.mkdir(parents=True, exist_ok=True)
    discard_doubtful(folder)
    return folder


def fresh(folder: Path) -> Path:
    """The folder, empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _fingerprint(store: SeriesStore, windows: Windows, settings: ForecastSettings) -> str:
    """Series, settings, packages and code: what must be equal for finished chunks to be taken over."""
    decisive = [store.digest(), settings.config_hash(), json.dumps(versions()), str(asdict(windows)), _own_code()]
    decisive += [_digest(_source(module_of(name))) for name in settings.singles]
    decisive += [fingerprint(settings)] if settings.outside else []
    return hashlib.sha256("\n".join(decisive).encode()).hexdigest()[:16]


@cache
def _own_code() -> str:
    """A digest of this package's sources: versions do not change while it is developed."""
    digest = hashlib.sha256()
    for source in sorted(Path(turbo_forecast.__path__[0]).rglob("*.py")):
        digest.update(_digest(source).encode())
    return digest.hexdigest()


def _source(module: str) -> Path | None:
    spec = find_spec(module)
    return Path(spec.origin) if spec and spec.origin else None


def _digest(source: Path | None) -> str:
    return hashlib.sha256(source.read_bytes()).hexdigest() if source and source.is_file() else ""
