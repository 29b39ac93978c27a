"""Atomic replacement of a file or folder by one that was made under a hidden name.

Belongs here: the system's calls for that, and for what is to outlast a power cut. Does not belong here: who makes what (`files.py`, `datasets.py`).
"""

import ctypes
import errno
import os
from pathlib import Path

from turbo_forecast.leftovers import aside, remove

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
"""Of Linux: a path is relative to the working folder; both names are there, before and after."""
_CANNOT = {errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM}
"""What systems and file systems say that cannot exchange two names."""
_LIBRARY = ctypes.CDLL(None, use_errno=True)


def put_in_place(made: Path, path: Path) -> None:
    """Give what was made the name `path`; what had that name is removed.

    Readers find the old or the new, never nothing: a file replaces a file, and anything else changes names with what is
    there (renameat2). Where a file system cannot do that, the old is moved aside first; if this process dies just then,
    it is put back by whoever next makes something in the folder. The folder itself is synced. Raises OSError.
    """
    if not os.path.lexists(path) or (made.is_file() and path.is_file()):
        os.replace(made, path)
    elif exchanged(made, path):
        remove(made)  # which is the old by now
    else:
        old = aside(path)
        path.rename(old)
        made.rename(path)
        remove(old)
    sync_folder(path.parent)


def exchanged(one: Path, other: Path) -> bool:
    """Exchange two names in one step; False, and nothing done, where the system cannot. Raises OSError."""
    call = getattr(_LIBRARY, "renameat2", None)
    if call is None:
        return False
    if call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _CANNOT:
        return False
    raise OSError(code, os.strerror(code), str(other))


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, as fsync does a file's content. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file_system(folder: Path) -> None:
    """Make all that was written to the file system of a folder durable (syncfs; all file systems where that is not there). Raises OSError."""
    call = getattr(_LIBRARY, "syncfs", None)
    if call is None:
        os.sync()
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if call(descriptor):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(folder))
    finally:
        os.close(descriptor)
