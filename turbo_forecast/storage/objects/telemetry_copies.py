"""Telemetry on object storage: its objects are copied to this machine, and read here as any other files.

Belongs here: which objects an address, a prefix or a glob means, their copies, and by which names these are shown. Does not
belong here: which of them are telemetry, and what is in them (`storage/telemetry/`).

An object is copied anew when its mark (an ETag, where the store has one) or its size has changed, and not otherwise. All that
reads telemetry reads local files; a message, a report or a log names the object.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from turbo_forecast.addresses import parsed, work_root
from turbo_forecast.errors import writing
from turbo_forecast.leftovers import remove
from turbo_forecast.storage.files import publishing
from turbo_forecast.storage.objects.store import Listed, ObjectStore, each_of

STATE = ".copies.json"
_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Copy:
    """An object of the telemetry, and where its copy lies, or will.

    key: below the address that was asked for; empty of that address itself. The copy lies in folders of the object's names,
    bucket and prefix too: names such as `site=ams2` are read.
    """

    path: Path
    address: str
    key: str
    listed: Listed


_COPIES: dict[str, Copy] = {}
"""By path: those that this process has looked for."""


def copy_at(path: str | Path) -> Copy | None:
    """The copy that lies at a path; None for any other file."""
    return _COPIES.get(str(path))


def shown_name(name: str) -> str:
    """The name of a file as it is to be shown: of a copy, the object's address."""
    found = _COPIES.get(name)
    return found.address if found else name


def with_shown_names(text: str) -> str:
    """A message in which copies have their objects' addresses."""
    root = str(work_root())
    if root not in text:
        return text
    for path, copy in _COPIES.items():
        text = text.replace(path, copy.address)
    return text


@dataclass(frozen=True, slots=True)
class Copies:
    """The objects that telemetry at an address means, sorted by key, and the store they lie in."""

    store: ObjectStore
    folder: Path
    copies: Sequence[Copy]

    def bring(self, wanted: Sequence[Copy]) -> None:
        """Copy these, as far as they are not here as they are now, and remove copies of objects that are gone.

        Raises StorageError, where the disk here refuses, too.
        """
        known = self._known()
        lacking = [copy for copy in wanted if not _is_here(copy, known.get(self._place(copy)))]

        def get(copy: Copy) -> None:
            with writing(copy.path):
                if copy.path.is_dir():
                    remove(copy.path)
            self.store.get(copy.key, copy.path)

        each_of(lacking, get)
        there = {self._place(copy): copy for copy in self.copies}
        for key in known.keys() - there.keys():
            with writing(self.folder / key):
                remove(self.folder / key)
        brought = {self._place(copy) for copy in wanted}
        kept = {key: mark for key, mark in known.items() if key in there and key not in brought}
        now = {key: _mark(there[key]) for key in brought}
        if lacking or known.keys() - there.keys():
            with publishing(self.folder / STATE) as beside:
                beside.write_text(json.dumps(kept | now), encoding="utf-8")

    def _place(self, copy: Copy) -> str:
        return copy.path.relative_to(self.folder).as_posix()

    def _known(self) -> dict[str, list[object]]:
        try:
            read = json.loads((self.folder / STATE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return read if isinstance(read, dict) else {}


def copies_of(location: str) -> Copies:
    """The objects that an address means: an object, all below a prefix, or those that a glob matches. Nothing is copied yet.

    Raises SettingsError for an address that cannot be used, StorageError where the store cannot be read.
    """
    base, pattern = _divided(location)
    address = parsed(base, "telemetry", writable=False)
    store, folder = ObjectStore(address), work_root() / "telemetry" / address.digest
    matches = re.compile(pattern) if pattern else None
    store.require_there()
    copies = []
    for key, listed in store.listed().items():
        if (not key or _usable(key)) and (matches is None or matches.fullmatch(key)):
            copies.append(Copy(folder / address.root.strip("/") / key, address.at(key), key, listed))
    _COPIES.update({str(copy.path): copy for copy in copies})
    return Copies(store, folder, copies)


def _divided(location: str) -> tuple[str, str]:
    """The address in front of a glob's first wildcard, and an expression for the keys below it; all of it where there is none."""
    scheme, _, rest = location.partition("://")
    parts = rest.split("/")
    first = next((place for place, part in enumerate(parts) if _MAGIC.search(part)), None)
    if first is None:
        return f"{scheme}://{rest.rstrip('/')}", ""
    from fsspec.utils import glob_translate  # type: ignore[import-untyped]  # slow: only who has an address waits for it

    return f"{scheme}://{'/'.join(parts[:first])}", glob_translate("/".join(parts[first:]))


def _usable(key: str) -> bool:
    """Whether a key can be a path below a folder: object storage takes any text, `../x` too."""
    return all(part not in ("", ".", "..") and "\0" not in part for part in key.split("/"))


def _mark(copy: Copy) -> list[object]:
    return [copy.listed.bytes, copy.listed.mark]


def _is_here(copy: Copy, known: list[object] | None) -> bool:
    try:
        return known == _mark(copy) and copy.path.stat().st_size == copy.listed.bytes
    except OSError:
        return False
