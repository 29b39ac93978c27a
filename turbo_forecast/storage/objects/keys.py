"""Which of a data folder's files lie in the store, and under which keys.

    commits/00000012.json                 what the store holds; the greatest number counts (`commits.py`)
    lease.json                            whose run is at work (`lease.py`)
    <asset>/<month>.parquet               an asset of one file: one object, replaced in one step
    <asset>/<month>.parquet/<version>/…   an asset of many parts; its manifest.json names the version that counts
    tournament/<month>/<version>/…        a run's own results, likewise; groups/<month>/ of groups
    telemetry_landing/<source>/…          landed months, an object each, and what is known not to be there
    published/…                           as in the data folder: versions, and manifests that are uploaded last
    warehouse/<version>.duckdb            a copy of the warehouse; manifest.json names the one that counts
    runs/<month>/<run>/…                  what a run has finished so far (`fleet/object_exchange.py`)

Does not belong here: uploading and downloading them (`uploading.py`, `downloading.py`).

Not stored: hidden files, what is half-written, the file of SQL views (it holds paths of this machine, and is made again), and what
has the name of something that the store itself holds (`commits/`, `lease.json`, `runs/`, `warehouse/`).
"""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from turbo_forecast.errors import StorageError
from turbo_forecast.leftovers import TEMPORARY
from turbo_forecast.storage.published.layout import FOLDER, MANIFEST, SQL, STATES

WAREHOUSE = "warehouse.duckdb"
WAREHOUSE_KEYS = "warehouse"
COMMITS, LEASE, RUNS = "commits", "lease.json", "runs"
_OF_THE_STORE = (WAREHOUSE_KEYS, COMMITS, LEASE, RUNS)
_FOLDER_ASSET = re.compile(r"(?P<unit>[^/]+/\d{4}-\d{2}\.parquet|(?:tournament|groups)/\d{4}-\d{2})/(?P<rest>.+)")
"""A file of an asset that is a folder: the folder, and where in it."""
_VERSION = re.compile(rf"{FOLDER}/[^/]+/\d{{8}}T\d{{6,}}-.+")
"""A file that is published under a name of its own: of a version, which the time when it was made begins."""


@dataclass(frozen=True, slots=True)
class FileStat:
    """A file as the file system knows it: bytes, and time of modification in nanoseconds."""

    bytes: int
    modified: int


def file_stat(path: Path) -> FileStat:
    """The file as it is now; of a warehouse, with the rows that are in its log alone. Raises OSError."""
    stat = path.stat()
    found = FileStat(stat.st_size, stat.st_mtime_ns)
    if path.name == WAREHOUSE:
        with suppress(FileNotFoundError):
            log = log_of(path).stat()
            found = FileStat(found.bytes + log.st_size, max(found.modified, log.st_mtime_ns))
    return found


def log_of(warehouse: Path) -> Path:
    """The file of rows that DuckDB has not taken into a warehouse yet: a process that died leaves one."""
    return warehouse.with_name(f"{WAREHOUSE}.wal")


def stored_files(data: Path) -> dict[str, FileStat]:
    """The files of a data folder that lie in the store, by their path in it with `/` between names.

    Links are followed, but for those that lead back. What cannot be looked at is not taken for gone: raises OSError for it,
    StorageError for a name that no store can hold.
    """
    found: dict[str, FileStat] = {}
    for at, folders, names in os.walk(data, onerror=_refuse, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".") and not _leads_back(Path(at, name))]
        for name in names:
            path = Path(at, name)
            inside = path.relative_to(data).as_posix()
            if _is_stored(inside, name):
                with suppress(FileNotFoundError):  # replaced just now
                    found[inside] = file_stat(path)
                _require_utf8(path, inside)
    return found


def _refuse(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):  # a folder that was removed just now
        raise error


def _leads_back(folder: Path) -> bool:
    return folder.is_symlink() and folder.parent.resolve().is_relative_to(folder.resolve())


def _require_utf8(path: Path, inside: str) -> None:
    try:
        inside.encode()
    except UnicodeEncodeError:
        raise StorageError(
            f"{str(path)!a} has a name that is not UTF-8, under which no store can hold it: rename or remove it"
        ) from None


def _is_stored(inside: str, name: str) -> bool:
    if name.startswith(".") or name.endswith((TEMPORARY, ".lock")):
        return False
    if "/" not in inside and inside.startswith(f"{WAREHOUSE}."):  # its log and what it spills
        return False
    if inside.partition("/")[0] in _OF_THE_STORE:
        return False
    return inside != f"{FOLDER}/{SQL}"


def is_document(path: str) -> bool:
    """Whether a file says which others count, and so is uploaded after them; it is small, and a commit holds its text."""
    return path.startswith(f"{FOLDER}/") and path.rpartition("/")[2] in (MANIFEST, STATES)


def is_published(path: str) -> bool:
    """Whether readers of what is published read the file."""
    return path.startswith(f"{FOLDER}/")


@dataclass(frozen=True, slots=True)
class Unit:
    """An asset that is a folder of files: its path, and the digests of its files by their path in it."""

    path: str
    files: Mapping[str, str]

    @property
    def version(self) -> str:
        """What its files are, as a name: the same files have the same one, so an upload that was cut off goes on."""
        listed = "\n".join(f"{name} {digest}" for name, digest in sorted(self.files.items()))
        return hashlib.blake2b(listed.encode(), digest_size=8).hexdigest()

    def key(self, name: str) -> str:
        """The object of one of its files."""
        return f"{self.path}/{self.version}/{name}"


def unit_of(path: str) -> tuple[str, str] | None:
    """The folder asset that a file is part of, and where in it; None of an asset of one file."""
    found = _FOLDER_ASSET.fullmatch(path)
    return (found["unit"], found["rest"]) if found and not is_published(path) else None


def units(digests: Mapping[str, str]) -> dict[str, Unit]:
    """The folder assets among files with these digests, by path."""
    members: dict[str, dict[str, str]] = {}
    for path, digest in digests.items():
        part = unit_of(path)
        if part:
            members.setdefault(part[0], {})[part[1]] = digest
    return {path: Unit(path, files) for path, files in members.items()}


def keys_of(digests: Mapping[str, str]) -> dict[str, str]:
    """The key of each file, by its path."""
    folders = units(digests)
    found = {}
    for path, digest in digests.items():
        part = unit_of(path)
        if part:
            found[path] = folders[part[0]].key(part[1])
        elif path == WAREHOUSE:
            found[path] = f"{WAREHOUSE_KEYS}/{digest}.duckdb"
        else:
            found[path] = path
    return found


def digest_of(path: Path) -> str:
    """The digest of a file's bytes. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def replaced_in_place(paths: Iterable[str]) -> list[str]:
    """Those whose object may become another one under the same key; documents, which a commit holds, are not among them."""
    return [
        path
        for path in paths
        if unit_of(path) is None and path != WAREHOUSE and not _VERSION.fullmatch(path) and not is_document(path)
    ]
