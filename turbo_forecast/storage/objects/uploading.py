"""Uploading from a working copy into the store: what is new, data files first, manifests after them, the commit last.

Belongs here: what is uploaded, and in which order. Does not belong here: when (`working_copy.py`), and keys (`keys.py`).

Whatever ends the process, who reads the store finds it as the last commit has it: objects of a new version have keys of
their own, and an upload that was cut off goes on with those that are missing. An asset of one file is the exception: its object
has the asset's name, so that others can read it by that, and is replaced just before the commit.
"""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath

from turbo_forecast.errors import StorageError, writing
from turbo_forecast.leftovers import temporary_file
from turbo_forecast.schemas import FLEET_FORECAST
from turbo_forecast.storage.objects import commits
from turbo_forecast.storage.objects.commits import StoredFile
from turbo_forecast.storage.objects.keys import (
    WAREHOUSE,
    WAREHOUSE_KEYS,
    FileStat,
    digest_of,
    file_stat,
    is_document,
    keys_of,
    replaced_in_place,
    stored_files,
    unit_of,
    units,
)
from turbo_forecast.storage.objects.local_state import HIDDEN, Known, LocalState
from turbo_forecast.storage.objects.shared_runs import forget_months
from turbo_forecast.storage.objects.store import ObjectStore
from turbo_forecast.storage.published.layout import MANIFEST
from turbo_forecast.storage.warehouse import connected


@dataclass(frozen=True, slots=True)
class Upload:
    """What was uploaded: how many objects and bytes, and the commit's number; nothing new is 0 objects and the former number."""

    number: int
    objects: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class _Here:
    """The files of a working copy. sources: where their bytes are read; seen: as the file system knew them before that."""

    files: Mapping[str, StoredFile]
    sources: Mapping[str, Path]
    seen: Mapping[str, FileStat]

    def new(self, state: LocalState) -> list[str]:
        """Paths of those that the store does not have as they are."""
        return [
            path
            for path, file in self.files.items()
            if path not in state.files or _identity(state.files[path].stored) != _identity(file)
        ]


def _identity(file: StoredFile) -> tuple[str, str]:
    return file.key, file.digest


def upload_ahead(store: ObjectStore, folder: Path) -> Upload:
    """Upload what is new and has a key of its own, without a commit: the store still holds what it held. Raises StorageError.

    So an asset that has been materialised need not be uploaded when the month is at its end, and a store that refuses is heard
    of by the step that made it.
    """
    state = LocalState.of(folder)
    here = _here(folder, state, None)
    ahead = [
        path for path in here.new(state) if path not in set(replaced_in_place(here.files)) and not is_document(path)
    ]
    return _upload(store, here, ahead, state.number)


def upload(store: ObjectStore, folder: Path) -> Upload:
    """Upload what is new, and commit. Raises StorageError, where another machine has changed the store since it was downloaded, too."""
    state = LocalState.of(folder)
    require_unchanged(store, state.number)
    with _warehouse_copy(folder, state) as copy:
        here = _here(folder, state, copy)
        new = here.new(state)
        gone = [path for path in state.files if path not in here.files]
        if state.number and not new and not gone:
            return Upload(state.number)
        in_place = set(replaced_in_place(new))
        done = _upload(store, here, [path for path in new if path not in in_place and not is_document(path)], 0)
        require_unchanged(store, state.number)  # again: what comes now has the names of what is there
        store.put_all((here.sources[path], here.files[path].key) for path in new if path in in_place)
        _upload_manifests(store, here, new)
        made = commits.commit(store, dict(here.files), state.number, in_place)
    forecast_here = _forecast_here(state, here)
    _note(state, here, made)
    _tidy(store, folder, gone, here, forecast_here)
    return Upload(made.number, len(new), done.bytes + sum(here.files[path].bytes for path in in_place))


def require_unchanged(store: ObjectStore, number: int) -> None:
    """Raises StorageError unless the commit of this number is still the one that counts."""
    found = commits.numbers(store)
    if (found[-1] if found else 0) != number:
        raise commits.changed_since(store, commits.head(store))


def _here(folder: Path, state: LocalState, warehouse: Path | None) -> _Here:
    """The working copy's files; without a copy of the warehouse, all but that. Raises StorageError."""
    with writing(folder):
        found = stored_files(folder)
        if warehouse is None and not state.is_unchanged(WAREHOUSE, found.get(WAREHOUSE)):
            found.pop(WAREHOUSE, None)
        sources = {path: folder / path for path in found}
        if warehouse is not None:
            sources[WAREHOUSE] = warehouse
            found[WAREHOUSE] = file_stat(folder / WAREHOUSE)
        digests = {
            path: state.files[path].stored.digest
            if state.is_unchanged(path, now) and sources[path] != warehouse
            else digest_of(sources[path])
            for path, now in found.items()
        }
        keys = keys_of(digests)
        files = {
            path: StoredFile(
                key=keys[path],
                bytes=sources[path].stat().st_size,
                digest=digest,
                text=_text(sources[path]) if is_document(path) else None,
            )
            for path, digest in digests.items()
        }
    return _Here(files, sources, found)


def _text(document: Path) -> str:
    """What a document says. Raises StorageError, OSError."""
    try:
        return document.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise StorageError(f"{document} is damaged, or no document of this program: publish its month again") from None


@contextmanager
def _warehouse_copy(folder: Path, state: LocalState) -> Iterator[Path | None]:
    """A consistent copy of the warehouse, where it is not as it was uploaded last; None where it is, or is not there.

    DuckDB writes into the file in place, and beside it into a log: so the copy is made while this process has the warehouse
    open, when nobody else can, and after the log was taken into the file.
    """
    warehouse = folder / WAREHOUSE
    if not warehouse.exists() or state.is_unchanged(WAREHOUSE, file_stat(warehouse)):
        yield None
        return
    with writing(folder / HIDDEN):
        (folder / HIDDEN).mkdir(exist_ok=True)
        with temporary_file(folder / HIDDEN / WAREHOUSE) as copy:
            with connected(warehouse) as con:
                con.execute("CHECKPOINT")
                copied_aside(warehouse, copy)
            yield copy


def copied_aside(path: Path, copy: Path) -> None:
    """Copy a file by another process, because this one holds a lock on it. Raises StorageError.

    A process loses its locks on a file when it closes any of its handles on it (POSIX, fcntl): a copy made here would let others
    open the warehouse while DuckDB still has it open.
    """
    done = subprocess.run(["cp", "--", str(path), str(copy)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise StorageError(f"{path} cannot be copied: {' '.join(done.stderr.split())}")


def _upload(store: ObjectStore, here: _Here, paths: list[str], number: int) -> Upload:
    """Upload files whose keys have a digest of their bytes, but for those that are there already."""
    prefixes = {here.files[path].key.rpartition("/")[0] for path in paths}
    there = {key: found.bytes for prefix in sorted(prefixes) for key, found in store.listed(prefix).items()}
    lacking = [path for path in paths if there.get(here.files[path].key) != here.files[path].bytes]
    store.put_all((here.sources[path], here.files[path].key) for path in lacking)
    return Upload(number, len(lacking), sum(here.files[path].bytes for path in lacking))


def _upload_manifests(store: ObjectStore, here: _Here, new: list[str]) -> None:
    """Put what says which objects count: of folder assets, of the warehouse, and the published ones, `months.json` among them."""
    folders = units({path: file.digest for path, file in here.files.items()})
    changed = {part[0] for path in new if (part := unit_of(path))}
    for unit in (folders[path] for path in sorted(changed)):
        files = {name: here.files[f"{unit.path}/{name}"].bytes for name in sorted(unit.files)}
        store.write(f"{unit.path}/{MANIFEST}", json.dumps({"version": unit.version, "files": files}).encode())
    if WAREHOUSE in new:
        file = here.files[WAREHOUSE]
        manifest = {"file": file.key.rpartition("/")[2], "bytes": file.bytes}
        store.write(f"{WAREHOUSE_KEYS}/{MANIFEST}", json.dumps(manifest).encode())
    for path in new:
        text = here.files[path].text
        if text is not None:
            store.write(here.files[path].key, text.encode())


def _forecast_here(state: LocalState, here: _Here) -> set[str]:
    """The months whose forecast this machine has made since it was downloaded or uploaded."""
    return {
        PurePath(part[0]).stem
        for path, found in here.seen.items()
        if (part := unit_of(path))
        and part[0].startswith(f"{FLEET_FORECAST.name}/")
        and not state.is_unchanged(path, found)
    }


def _note(state: LocalState, here: _Here, made: commits.Commit) -> None:
    """Know what the store has now; files that have changed meanwhile are as they were when they were read."""
    state.number, state.process, state.whole = made.number, made.process, True
    state.files = {path: Known(file, here.seen[path]) for path, file in here.files.items()}
    state.save()


def _tidy(store: ObjectStore, folder: Path, gone: list[str], here: _Here, forecast_here: set[str]) -> None:
    """Remove what counts no more. What cannot be removed now is next time: the month is stored all the same.

    What runs have shared of a month goes when its forecast is stored: of other months, it may be all that a machine has left.
    """
    with suppress(StorageError):
        remaining = {part[0] for path in here.files if (part := unit_of(path))}
        dropped = {part[0] for path in gone if (part := unit_of(path))} - remaining
        store.delete([f"{unit}/{MANIFEST}" for unit in dropped])
        commits.remove_superseded(store)
        unfinished = {
            month for month in forecast_here if (folder / FLEET_FORECAST.name / f".unfinished-{month}").exists()
        }
        forget_months(store, forecast_here - unfinished)
