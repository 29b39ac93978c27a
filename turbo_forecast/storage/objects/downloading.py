"""Downloading from the store into a working copy: what is newer there, data files first, manifests after them.

Belongs here: what is downloaded, what of this machine is kept and what goes. Does not belong here: when (`working_copy.py`).

The store is the truth. A copy that began with the commit that still counts keeps what was made in it since, such as a month
whose upload was refused. Where the store has moved on, what was made here and not uploaded is replaced by what is there.
"""

import os
from collections.abc import Callable
from pathlib import Path

from turbo_forecast.errors import StorageError, writing
from turbo_forecast.leftovers import remove, temporary_file
from turbo_forecast.storage.objects import commits
from turbo_forecast.storage.objects.commits import Commit, StoredFile
from turbo_forecast.storage.objects.keys import (
    WAREHOUSE,
    FileStat,
    digest_of,
    file_stat,
    is_published,
    log_of,
    replaced_in_place,
    stored_files,
    unit_of,
)
from turbo_forecast.storage.objects.local_files import clear_way, remove_file
from turbo_forecast.storage.objects.local_state import HIDDEN, Known, LocalState
from turbo_forecast.storage.objects.store import ObjectStore, each_of
from turbo_forecast.storage.published.sql import publish_views

Log = Callable[[str], None]


def download(store: ObjectStore, folder: Path, log: Log, *, published_alone: bool = False) -> int:
    """Make the copy hold what the store holds; returns the files that were downloaded. Raises StorageError.

    published_alone: only what is published, for who asks and does not run; a copy that is whole stays whole.
    """
    state = LocalState.of(folder)
    now = commits.head(store)
    if now is None or now.number < state.number:
        _refuse_emptied(store, folder, state.number)
        return 0
    alone = published_alone and not state.whole
    wanted = {path: file for path, file in now.files.items() if not alone or is_published(path)}
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        here = stored_files(folder)
    # what a reader's copy has beside the published files was not made with the commit that the reader downloaded
    moved = now.identity != state.began_with or not (state.whole or alone)
    if moved:
        _recognise(folder, wanted, state, here)
    is_lacking = _differs(state, here) if moved else _is_gone(state, here)
    lacking = {path: file for path, file in wanted.items() if is_lacking(path, file)}
    extra = [path for path in here if path not in now.files and (not alone or is_published(path))] if moved else []
    if moved:
        _log_replaced(store, now, [path for path in here if path in lacking or path in extra], state, here, log)
    _get(store, folder, lacking, state, log)
    for path in extra:
        with writing(folder / path):
            remove_file(folder, folder / path)
    for path in [path for path in state.files if moved and path not in now.files]:
        del state.files[path]
    if any(map(is_published, (*wanted, *extra) if moved else lacking)):
        publish_views(folder, log)
    state.number, state.process, state.whole = now.number, now.process, not alone
    state.save()
    return len(lacking)


def _refuse_emptied(store: ObjectStore, folder: Path, number: int) -> None:
    """Raises StorageError where the store held more when this copy was made than it does now."""
    if number:
        raise StorageError(
            f"{store.address} holds less than it did: this machine's copy {folder} is of its commit {number}, which is not "
            f"there. Remove {folder / HIDDEN} to fill the store with what is in the copy, or {folder} to begin with the store"
        )


def _recognise(folder: Path, files: dict[str, StoredFile], state: LocalState, here: dict[str, FileStat]) -> None:
    """Know what lies here as the store has it, and was not known to: it was downloaded by one that was cut off. Raises StorageError."""
    for path, file in files.items():
        found = here.get(path)
        if found and found.bytes == file.bytes and not state.is_unchanged(path, found):
            with writing(folder / path):
                if digest_of(folder / path) == file.digest:
                    state.files[path] = Known(file.model_copy(update={"text": None}), found)


def _differs(state: LocalState, here: dict[str, FileStat]) -> Callable[[str, StoredFile], bool]:
    """Tells whether a file has to be downloaded since the store has another, or it was changed here."""

    def differs(path: str, file: StoredFile) -> bool:
        known = state.files.get(path)
        return known is None or known.stored.digest != file.digest or not state.is_unchanged(path, here.get(path))

    return differs


def _is_gone(state: LocalState, here: dict[str, FileStat]) -> Callable[[str, StoredFile], bool]:
    """Tells whether a file has to be downloaded though the store has not changed: it never was, or somebody has removed it.

    A cache is tidied by others, whose tidying is not to reach the store. What was changed here is newer than the store, and
    so is a folder of which nothing is as it was: it has been replaced as a whole, and what is not in it any more is meant to
    be gone. Where some of it is as it was, a part that is not there was removed by somebody.
    """
    parts = [(part[0], state.is_unchanged(path, found)) for path, found in here.items() if (part := unit_of(path))]
    replaced = {unit for unit, _ in parts} - {unit for unit, unchanged in parts if unchanged}

    def is_gone(path: str, file: StoredFile) -> bool:
        part = unit_of(path)
        return path not in state.files or (path not in here and (part is None or part[0] not in replaced))

    return is_gone


def _log_replaced(
    store: ObjectStore, now: Commit, going: list[str], state: LocalState, here: dict[str, FileStat], log: Log
) -> None:
    made_here = [path for path in going if not state.is_unchanged(path, here[path])]
    if made_here:
        log(
            f"{store.address} was changed by {now.describe()}: what this machine had made and not stored "
            f"({len(made_here):,} {'file' if len(made_here) == 1 else 'files'}) is replaced by what is there"
        )


def _get(store: ObjectStore, folder: Path, files: dict[str, StoredFile], state: LocalState, log: Log) -> None:
    """Bring files, documents last, and know them. Raises StorageError."""
    by_name = set(replaced_in_place(files))

    def get(path: str) -> None:
        target, file = folder / path, files[path]
        with writing(target):
            if path == WAREHOUSE:
                remove(log_of(target))  # of other rows: DuckDB would write them into what is downloaded
            clear_way(folder, target)
            store.get(file.key, target)
            digest = digest_of(target)
        if digest != file.digest:
            if path not in by_name:
                raise StorageError(f"{store.address.at(file.key)} is damaged: it is not what the store says it holds")
            log(f"{store.address.at(file.key)} is of a run that did not come to its end: run its month again")
        state.files[path] = Known(file.model_copy(update={"digest": digest, "text": None}), file_stat(target))

    each_of([path for path, file in files.items() if file.text is None], get)
    for path, file in files.items():
        if file.text is not None:
            _write(folder, folder / path, file.text)
            state.files[path] = Known(file.model_copy(update={"text": None}), file_stat(folder / path))


def _write(folder: Path, target: Path, text: str) -> None:
    """A document, by rename; one that somebody has left empty, too. Raises StorageError."""
    with writing(target):
        clear_way(folder, target)
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary_file(target) as beside:
            beside.write_bytes(text.encode())
            os.replace(beside, target)
