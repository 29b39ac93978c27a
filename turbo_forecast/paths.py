"""Paths as people write them: which files a pattern means, and which folders can hold our results.

Does not belong here: how a path is written for DuckDB or Polars (`storage/files.py`).
"""

import glob
from pathlib import Path

from turbo_forecast.errors import StorageError

UNUSABLE = {"?": "a question mark", "\\": "a backslash"}
"""DuckDB takes what follows the first for options, and the second for a separator: no database can lie below."""


def files_matching(pattern: str, *, hidden: bool = False) -> list[str]:
    """The files that a path or glob means, sorted.

    What is there under just this name is meant, and so is a folder in front of a pattern: beside `g1`, `g[1]/*.parquet`
    means the files in `g[1]` when there is such a folder. Wildcards match names that begin with a dot if `hidden`.
    """
    path = Path(pattern)
    if path.is_file():
        return [pattern]
    literal = next(parent for parent in (path, *path.parents) if parent.exists() or parent == parent.parent)
    rest = path.relative_to(literal)
    found = glob.glob(str(Path(glob.escape(str(literal))) / rest), recursive=True, include_hidden=hidden)
    return sorted(name for name in found if Path(name).is_file())


def require_storable(folder: Path) -> None:
    """Raises StorageError when DuckDB cannot keep a database in the folder because of a character in its path."""
    path = str(folder.absolute())
    for character, name in UNUSABLE.items():
        if character in path:
            raise StorageError(f"the data folder {folder} has {name} in its path, which DuckDB cannot store under")
    if not path.isprintable() and any("\ud800" <= character <= "\udfff" for character in path):
        raise StorageError(f"the data folder {path!a} has a path that is not UTF-8, which DuckDB cannot store under")
