"""From the store into a working copy: what is newer there, whole files first, what names them after them.

Belongs here: what is brought, what of this machine is kept and what goes. Does not belong here: when (`working_copy.py`).

The store is the truth. A copy that began with the commit that still counts keeps what was made in it since, such as a month
whose put was refused. Where the store has moved on, what was made here and not put is replaced by what is there.
"""

from collections.abc import Callable
from pathlib import Path

from turbo_forecast.errors import StorageError, writing
from turbo_forecast.leftovers import remove
from turbo_forecast.storage.files import publishing
from turbo_forecast.storage.objects import commits
from turbo_forecast.storage.objects.commits import Commit, StoredFile
from turbo_forecast.storage.objects.local_state import HIDDEN, Known, LocalState
from turbo_forecast.storage.objects.places import (
    WAREHOUSE,
    Seen,
    digest_of,
    is_published,
    replaced_in_place,
    seen,
    stored_files,
    unit_of,
)
from turbo_forecast.storage.objects.store import ObjectStore, each_of
from turbo_forecast.storage.published.sql import publish_views

Say = Callable[[str], None]


def bring(store: ObjectStore, folder: Path, say: Say, *, published_alone: bool = False) -> int:
    """Make the copy hold what the store holds; returns the files that were brought. Raises StorageError.

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
    moved = now.number != state.number
    is_lacking = _differs(state, here) if moved else _is_gone(state, here)
    lacking = {path: file for path, file in wanted.items() if is_lacking(path, file)}
    extra = [path for path in here if path not in now.files and (not alone or is_published(path))] if moved else []
    if moved and state.whole:
        _tell_what_goes(store, now, state, here, say)
    _get(store, folder, lacking, state, say)
    for path in extra:
        with writing(folder / path):
            remove(folder / path)
    for path in [path for path in state.files if moved and path not in now.files]:
        del state.files[path]
    state.number, state.whole = now.number, not alone
    state.save()
    if any(map(is_published, (*lacking, *extra))):
        publish_views(folder, say)
    return len(lacking)


def _refuse_emptied(store: ObjectStore, folder: Path, number: int) -> None:
    """Raises StorageError where the store held more when this copy was made than it does now."""
    if number:
        raise StorageError(
            f"{store.address} holds less than it did: this machine's copy {folder} is of its commit {number}, which is not "
            f"there. Remove {folder / HIDDEN} to fill the store with what is in the copy, or {folder} to begin with the store"
        )


def _differs(state: LocalState, here: dict[str, Seen]) -> Callable[[str, StoredFile], bool]:
    """Tells whether a file has to be brought since the store has another, or it was changed here."""

    def differs(path: str, file: StoredFile) -> bool:
        known = state.files.get(path)
        return known is None or known.stored.digest != file.digest or not state.is_unchanged(path, here.get(path))

    return differs


def _is_gone(state: LocalState, here: dict[str, Seen]) -> Callable[[str, StoredFile], bool]:
    """Tells whether a file has to be brought though the store has not changed: it never was, or somebody has removed it.

    A cache is tidied by others, whose tidying is not to reach the store. What was changed here is newer than the store, and
    so are the parts of a folder of which some were: the others have been replaced.
    """
    changed = {unit_of(path) or (path, "") for path, found in here.items() if not state.is_unchanged(path, found)}
    units = {unit for unit, _ in changed}

    def is_gone(path: str, file: StoredFile) -> bool:
        part = unit_of(path)
        return path not in state.files or (path not in here and (part is None or part[0] not in units))

    return is_gone


def _tell_what_goes(store: ObjectStore, now: Commit, state: LocalState, here: dict[str, Seen], say: Say) -> None:
    made_here = [path for path, found in here.items() if not state.is_unchanged(path, found)]
    if made_here:
        say(
            f"{store.address} was changed by {now.describe()}: what this machine had made and not stored "
            f"({len(made_here):,} files) is replaced by what is there"
        )


def _get(store: ObjectStore, folder: Path, files: dict[str, StoredFile], state: LocalState, say: Say) -> None:
    """Bring files, documents last, and know them. Raises StorageError."""
    by_name = set(replaced_in_place(files))

    def get(path: str) -> None:
        target, file = folder / path, files[path]
        with writing(target):
            _clear_way(folder, target)
            store.get(file.key, target)
            digest = digest_of(target)
        if digest != file.digest:
            if path not in by_name:
                raise StorageError(f"{store.address.at(file.key)} is damaged: it is not what the store says it holds")
            say(f"{store.address.at(file.key)} is of a run that did not come to its end: run its month again")
        state.files[path] = Known(file.model_copy(update={"digest": digest, "text": None}), seen(target))

    each_of([path for path, file in files.items() if file.text is None], get)
    for path, file in files.items():
        if file.text is not None:
            with publishing(folder / path) as beside:
                beside.write_bytes(file.text.encode())
            state.files[path] = Known(file.model_copy(update={"text": None}), seen(folder / path))


def _clear_way(folder: Path, target: Path) -> None:
    """Remove what would be in a file's way: a folder of its name, a file where its folder is to be, a warehouse's old log."""
    if target == folder / WAREHOUSE:
        remove(target.with_name(f"{WAREHOUSE}.wal"))  # of other rows: DuckDB would write them into what was brought
    if target.is_dir():
        remove(target)
    for parent in target.parents:
        if parent == folder:
            break
        if parent.is_file():
            remove(parent)
