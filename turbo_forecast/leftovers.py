"""Temporary files and folders that carry their owner's identity, and the removal of those whose owner is dead.

Belongs here: naming, locking and removing what lives no longer than one process.
Does not belong here: who is alive (`processes.py`), and what a file holds.
"""

import atexit
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from turbo_forecast.processes import PATTERN, Liveness, locked_liveness, own_process, parsed

TEMPORARY, ASIDE = ".tmp", ".old"
_TEMPORARY = re.compile(rf"\.(?P<name>.+)\.(?P<stem>{PATTERN})(?P<kind>\{TEMPORARY}|\{ASIDE})", re.DOTALL)


@contextmanager
def temporary_file(path: Path) -> Iterator[Path]:
    """An empty hidden file beside `path`, locked for this process until the block ends, then removed if still there.

    What dead processes left in the folder is removed first. Raises OSError.
    """
    remove_leftovers(path.parent)
    with locked_file(lambda stem: path.with_name(f".{path.name}.{stem}{TEMPORARY}")) as beside:
        yield beside


@contextmanager
def temporary_folder_beside(path: Path) -> Iterator[Path]:
    """An empty hidden folder beside `path`; whatever has its name when the block ends is removed.

    What dead processes left there is removed first. Raises OSError.
    """
    remove_leftovers(path.parent)

    def make() -> tuple[Path, int]:
        folder = path.with_name(f".{path.name}.{own_process().stem()}{TEMPORARY}")
        folder.mkdir()
        return folder, os.open(folder, os.O_RDONLY)

    folder, handle = _locked(make)
    try:
        yield folder
    finally:
        with suppress(OSError):
            remove(folder)
        os.close(handle)


@contextmanager
def locked_file(name: Callable[[str], Path], *, keep_after_error: bool = False) -> Iterator[Path]:
    """A new empty file, locked until the block ends, then removed if still there; `name` makes its path of a stem."""

    def make() -> tuple[Path, int]:
        path = name(own_process().stem())
        return path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)

    path, handle = _locked(make)
    keep = keep_after_error
    try:
        yield path
        keep = False
    finally:
        with suppress(OSError):  # where the folder itself is refused by now, nothing can be removed
            if not keep:
                path.unlink(missing_ok=True)
        os.close(handle)


@contextmanager
def temporary_folder(prefix: str, parent: Path | None = None) -> Iterator[Path]:
    """A folder of this process, removed at the block's end, or at the latest at the process's.

    parent: where; the system's temporary folder when None. Those of the same prefix whose process is gone are removed
    first. Raises OSError.
    """
    place = parent or Path(tempfile.gettempdir())
    remove_leftover_folders(place, prefix)

    def make() -> tuple[Path, int]:
        folder = place / f"{prefix}{own_process().stem()}"
        folder.mkdir(mode=0o700)
        return folder, os.open(folder, os.O_RDONLY)

    folder, handle = _locked(make)
    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # not in a fork of this process
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)  # a thread that the end of the process stops comes to no `finally`
    try:
        yield folder
    finally:
        remove()
        atexit.unregister(remove)
        os.close(handle)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files and folders of dead processes in a folder; nothing of the living, nothing that is not ours.

    What a dead process had moved aside, to put something else in its place, returns where nothing is there.
    """
    for path in _entries(folder):
        found = _TEMPORARY.fullmatch(path.name)
        if found:
            with locked_liveness(parsed(found["stem"]), path) as state, suppress(OSError):
                if state is Liveness.DEAD:
                    _put_back(path) if found["kind"] == ASIDE else remove(path)


def is_temporary(path: Path) -> bool:
    """Whether a name is one of those that live no longer than one process."""
    return _TEMPORARY.fullmatch(path.name) is not None


def aside(path: Path) -> Path:
    """A hidden name beside `path`, for what is there until something else is: should this process die, it returns."""
    return path.with_name(f".{path.name}.{own_process().stem()}{ASIDE}")


def _put_back(path: Path) -> None:
    """Give what was moved aside its name again, unless something else has it by now. Raises OSError."""
    found = _TEMPORARY.fullmatch(path.name)
    assert found is not None
    home = path.with_name(found["name"])
    if home.exists():
        remove(path)
    else:
        path.rename(home)


def remove_leftover_folders(place: Path, prefix: str) -> None:
    """Remove the folders with this prefix whose process is gone, and what goes with them (`<folder>-<word>`)."""
    for path in _entries(place):
        found = re.fullmatch(rf"{re.escape(prefix)}({PATTERN})(-[a-z]+)?", path.name)
        if found and path.is_dir():
            with locked_liveness(parsed(found[1]), place / f"{prefix}{found[1]}") as state:
                if state is Liveness.DEAD:
                    shutil.rmtree(path, ignore_errors=True)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it; nothing where it is gone. Raises OSError."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder and belongs to this user; others share the system's temporary folder."""
    found = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                if not entry.is_symlink() and entry.stat(follow_symlinks=False).st_uid == os.geteuid():
                    found.append(Path(entry.path))
    return found


def _locked(make: Callable[[], tuple[Path, int]]) -> tuple[Path, int]:
    """What `make` makes, locked; made again where another process looked at it (and removed it) before the lock."""
    while True:
        path, handle = make()
        with suppress(OSError):  # a file system without locks: the name alone decides
            fcntl.flock(handle, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(handle).st_ino:
                return path, handle
        os.close(handle)
