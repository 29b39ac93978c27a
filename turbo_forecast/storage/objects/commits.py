"""Commits: numbered documents that list what a store holds; each is created once, by whoever is first, and the greatest number counts.

Belongs here: the documents, making the next one, and which former ones still keep their objects. Does not belong here: the
objects (`uploading.py`, `downloading.py`).

Object storage renames nothing, but creates an object only where there is none (If-None-Match), in one step. So two machines
that have begun with commit 7 cannot both make 8: one of them gets an error that the store has changed, and has overwritten nothing.
"""

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from pydantic import BaseModel, ConfigDict

from turbo_forecast.errors import StorageError
from turbo_forecast.processes import own_process
from turbo_forecast.storage.objects.keys import COMMITS
from turbo_forecast.storage.objects.store import ObjectStore

FORMAT = 1
"""Raised when a program of before could not work with what a store holds."""
KEPT = 3
"""Commits whose objects stay in any case: the one that counts, and two that somebody may still be reading."""
_KEY = re.compile(rf"{COMMITS}/([0-9]{{8,}})\.json")
GRACE = timedelta(hours=1)
"""Objects of a commit stay for so long after it was replaced."""


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class StoredFile(_Document):
    """A file of the data folder. key: its object; text: of a document, its content."""

    key: str
    bytes: int
    digest: str
    text: str | None = None


class Commit(_Document):
    """All that a store holds. files: by their path in the data folder; machine: who made it."""

    format: int = FORMAT
    number: int
    made_at: datetime
    machine: str
    process: str = ""
    files: dict[str, StoredFile]

    @property
    def identity(self) -> tuple[int, str]:
        """What identifies it: of a store that was emptied and filled anew, a number may be there again."""
        return self.number, self.process

    def describe(self) -> str:
        """Who made it and when, for messages."""
        return f"machine {self.machine} at {self.made_at:%Y-%m-%d %H:%M} UTC"


def key_of(number: int) -> str:
    """The object of a commit."""
    return f"{COMMITS}/{number:08d}.json"


def numbers(store: ObjectStore) -> list[int]:
    """The numbers of the commits that are there, in order. Raises StorageError."""
    found = [_KEY.fullmatch(key) for key in store.listed(COMMITS)]
    return sorted(int(match[1]) for match in found if match)


def head(store: ObjectStore) -> Commit | None:
    """The commit that counts; None of a store that nothing was ever put into. Raises StorageError."""
    found = numbers(store)
    return read(store, found[-1]) if found else None


def read(store: ObjectStore, number: int) -> Commit:
    """A commit by its number. Raises StorageError where it is gone, damaged or a later program's."""
    key = key_of(number)
    content = store.read(key)
    if content is None:
        raise StorageError(f"{store.address.at(key)} is gone: something else has removed it")
    try:
        found = Commit.model_validate_json(content)
    except ValueError:  # pydantic's ValidationError is one
        raise StorageError(f"{store.address.at(key)} is damaged, or no document of this program") from None
    if found.format > FORMAT:
        raise StorageError(f"{store.address} was written by a later version of this program: use that one")
    return found


def commit(store: ObjectStore, files: dict[str, StoredFile], after: int, in_place: Collection[str] = ()) -> Commit:
    """Say that the store holds these files from now on. after: the number of the commit this work began with.

    in_place: keys of objects that were replaced for it under their own names. Raises StorageError, and nothing else of what
    counts is changed, where another has been made since.
    """
    process = own_process()
    made = Commit(
        number=after + 1, made_at=datetime.now(UTC), machine=process.host, process=process.stem(), files=files
    )
    if not store.create(key_of(made.number), made.model_dump_json(exclude_none=True).encode()):
        raise changed_since(store, head(store), in_place)
    return made


def changed_since(store: ObjectStore, now: Commit | None, in_place: Collection[str] = ()) -> StorageError:
    """The error for a store that is not what the work began with. in_place: as of `commit`."""
    by = f" by {now.describe()}" if now else ""
    overwritten = (
        f"{', '.join(sorted(in_place))} had been replaced by this run's just before, and nothing else of it was overwritten"
        if in_place
        else "nothing of it was overwritten"
    )
    return StorageError(
        f"{store.address} was changed{by} since this run began with it: {overwritten}; run the month again, "
        "which begins with what is there now"
    )


def remove_superseded(store: ObjectStore, grace: timedelta = GRACE) -> int:
    """Remove the objects that only commits name which have been replaced long enough ago, and those commits; returns how many objects.

    Raises StorageError.
    """
    there = numbers(store)
    old = there[:-KEPT]
    if not old:
        return 0
    now = datetime.now(UTC)
    commits = {number: read(store, number) for number in there}
    following = dict(pairwise(there))
    gone = [number for number in old if now - commits[following[number]].made_at > grace]
    kept = {file.key for number in there if number not in gone for file in commits[number].files.values()}
    keys = {file.key for number in gone for file in commits[number].files.values()} - kept
    store.delete(keys)
    store.delete([key_of(number) for number in gone])  # last: should this be cut off, they still list what is left
    return len(keys)
