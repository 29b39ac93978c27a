"""Telemetry on object storage: its objects are copied to this machine, and read here as any other files.

Belongs here: which objects an address, a prefix or a glob means, their copies, and by which names these are shown. Does not
belong here: which of them are telemetry, and what is in them (`storage/telemetry/`).

An object is copied anew when its mark (an ETag, where the store has one) or its size has changed, and not otherwise. All that
reads telemetry reads local files; a message, a report or a log names the object.
"""

import json
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from turbo_forecast.addresses import parsed, work_root
from turbo_forecast.errors import StorageError, writing
from turbo_forecast.storage.files import publishing
from turbo_forecast.storage.objects.local_files import clear_way, remove_file
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
    """The objects that telemetry at an address means, sorted by key, and the store they lie in.

    there: the places of all objects in front of a glob's first wildcard, whether it matches them or not: they share a folder.
    unusable: keys that can be no path of this machine, and so have no copy.
    """

    store: ObjectStore
    folder: Path
    copies: Sequence[Copy]
    there: Collection[str]
    unusable: Sequence[str] = ()

    def download(self, wanted: Sequence[Copy]) -> None:
        """Copy these, as far as they are not here as they are now, and remove copies of objects that are gone.

        Raises StorageError, where the disk here refuses, too, or cannot hold all of them.
        """
        self._require_holdable(wanted)
        known = self._known()
        gone = known.keys() - self.there
        for place in gone:
            with writing(self.folder / place):
                remove_file(self.folder, self.folder / place)
        lacking = [copy for copy in wanted if not _is_here(copy, known.get(self._place(copy)))]

        def get(copy: Copy) -> None:
            with writing(copy.path):
                clear_way(self.folder, copy.path)
            self.store.get(copy.key, copy.path)

        each_of(lacking, get)
        now = {self._place(copy): _mark(copy) for copy in wanted}
        kept = {place: mark for place, mark in known.items() if place in self.there}
        if lacking or gone:
            with publishing(self.folder / STATE) as beside:
                beside.write_text(json.dumps(kept | now), encoding="utf-8")

    def _require_holdable(self, wanted: Sequence[Copy]) -> None:
        """Raises StorageError where an object's key, as a folder, begins another's."""
        copies = {copy.path: copy for copy in wanted}
        for copy in wanted:
            inside = next((copies[path] for path in copy.path.parents if path in copies), None)
            if inside:
                raise StorageError(
                    f"{inside.address} is an object, and {copy.address} another one below its name, which no disk can hold "
                    "both: name one of them"
                )

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
    base, glob = _divided(location)
    address = parsed(base, "telemetry", writable=False)
    store, folder = ObjectStore(address), work_root() / "telemetry" / address.digest
    store.require_there()
    found = store.listed()
    matches = _matching(glob, found) if glob else None
    meant = [key for key in found if matches is None or matches.fullmatch(key)]
    paths = {key: folder / address.root.strip("/") / key for key in found if not key or _usable(key)}
    copies = [Copy(paths[key], address.at(key), key, found[key]) for key in meant if key in paths]
    _COPIES.update({str(copy.path): copy for copy in copies})
    there = {path.relative_to(folder).as_posix() for path in paths.values()}
    return Copies(store, folder, copies, there, [key for key in meant if key not in paths])


def _divided(location: str) -> tuple[str, list[str]]:
    """The address in front of a glob's first wildcard, and the parts of the glob below it; all of it where there is none."""
    scheme, _, rest = location.partition("://")
    parts = rest.split("/")
    first = next((place for place, part in enumerate(parts) if _MAGIC.search(part)), None)
    if first is None:
        return f"{scheme}://{rest.rstrip('/')}", []
    return f"{scheme}://{'/'.join(parts[:first])}", parts[first:]


def _matching(glob: list[str], keys: Iterable[str]) -> re.Pattern[str]:
    """An expression for the keys that a glob means; as on a disk, what is there under just its name, or its beginning, is meant."""
    from fsspec.utils import glob_translate  # type: ignore[import-untyped]  # slow: only who has an address waits for it

    there = {
        "/".join(parts[:count]) for key in keys for parts in [key.split("/")] for count in range(1, len(parts) + 1)
    }
    literal = next((count for count in range(len(glob), 0, -1) if "/".join(glob[:count]) in there), 0)
    named, rest = re.escape("/".join(glob[:literal])), "/".join(glob[literal:])
    if not rest:
        return re.compile(f"{named}(?:/.*)?", re.DOTALL)
    return re.compile((f"{named}/" if literal else "") + glob_translate(rest))


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
