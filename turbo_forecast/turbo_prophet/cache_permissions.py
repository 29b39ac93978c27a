"""Whether only this user can have written what lies in a folder.

Belongs here: owners, permissions and links, from the root down. Needed because numba unpickles what it finds in its cache,
and whoever can write there runs code as us. Does not belong here: which folders there are to choose from (`cache.py`).
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_MOST_LINKS = 40  # as Linux counts them: then it is a circle


def why_untrusted(folder: Path) -> str | None:
    """Why somebody else may have written what lies in the folder, or will lie there; None if nobody can.

    What does not exist yet is nobody's. Root is trusted on the way to the folder, but the folder must be our own.
    """
    if not hasattr(os, "geteuid"):
        return None  # Windows: permissions are not told by mode bits, and a profile is private by default
    objections = (_objection_to_link(path) for path in (folder.parent, folder))
    reason = next(filter(None, (*objections, *map(_objection_on_the_way, _way_to(folder)))), None)
    if reason or not folder.exists():
        return reason
    entered = bool(folder.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
    inside = (Path(root, name) for root, folders, files in os.walk(folder) for name in (*folders, *files))
    objections = (_objection_to_own(path, others_may_enter=entered) for path in (folder, *inside))
    return next(filter(None, objections), None)


def _way_to(folder: Path) -> Iterator[Path]:
    """Every folder and link that is passed from the root to the folder, as far as they exist."""
    at, rest, links = Path(folder.anchor or os.sep), list(reversed(folder.absolute().parts[1:])), 0
    yield at
    while rest:
        part = rest.pop()
        if part == "..":
            at = at.parent
            continue
        step = at / part
        if not os.path.lexists(step):
            return
        yield step
        if not step.is_symlink():
            at = step
            continue
        links += 1
        if links > _MOST_LINKS:
            return  # opening it will fail
        target = Path(os.readlink(step))
        at = Path(target.anchor) if target.is_absolute() else at
        rest += reversed(target.parts[1:] if target.is_absolute() else target.parts)


def _objection_on_the_way(path: Path) -> str | None:
    """Others could put another folder in the place of what lies below: in a sticky folder they cannot."""
    found = path.lstat()
    if found.st_uid not in (0, os.geteuid()):
        return f"{path} belongs to user {found.st_uid}"
    if stat.S_ISDIR(found.st_mode) and found.st_mode & _OTHERS_WRITE and not found.st_mode & stat.S_ISVTX:
        return f"others can write to {path}"
    return None


def _objection_to_link(path: Path) -> str | None:
    return f"{path} is a symbolic link" if path.is_symlink() else None


def _objection_to_own(path: Path, others_may_enter: bool) -> str | None:
    """What we load from must be ours, no link to elsewhere, and ours alone to write."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None  # another process of ours has just replaced it
    if stat.S_ISLNK(found.st_mode):
        return _objection_to_link(path)
    if found.st_uid != os.geteuid():
        return f"{path} belongs to user {found.st_uid}"
    if others_may_enter and found.st_mode & _OTHERS_WRITE:
        return f"others can write to {path}"
    return None
