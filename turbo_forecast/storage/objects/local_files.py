"""Files of this machine that stand for objects: how one makes way for another, and goes.

Does not belong here: which files these are (`downloading.py`, `telemetry_copies.py`).

A disk holds one thing under a name, a file or a folder. Object storage may have changed from the one to the other since.
"""

from contextlib import suppress
from pathlib import Path

from turbo_forecast.leftovers import remove


def clear_way(folder: Path, target: Path) -> None:
    """Remove what would be in the way of a file below a folder: a folder of its name, a file where its folder is to be. Raises OSError."""
    if target.is_dir():
        remove(target)
    for parent in target.parents:
        if parent == folder:
            break
        if parent.is_file():
            with suppress(IsADirectoryError):  # another thread has made way, and the folder, by now
                parent.unlink(missing_ok=True)


def remove_file(folder: Path, path: Path) -> None:
    """Remove a file below a folder, and the folders that are empty without it: readers take a folder for rows. Raises OSError.

    Nothing where it is gone, or something else has its name, or the name of its folder, by now.
    """
    if path.is_dir():
        return
    with suppress(NotADirectoryError):
        path.unlink(missing_ok=True)
    with suppress(OSError):  # the first that is not empty, or is a file by now
        for parent in path.parents:
            if parent == folder:
                break
            parent.rmdir()
