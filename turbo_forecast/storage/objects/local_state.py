"""What a working copy knows of its store: the commit it began with, and the files as they were downloaded or uploaded.

Belongs here: that, in one hidden file. Does not belong here: downloading and uploading.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

from turbo_forecast.errors import writing
from turbo_forecast.storage.atomic_replace import sync_file_system
from turbo_forecast.storage.files import publishing
from turbo_forecast.storage.objects.commits import StoredFile
from turbo_forecast.storage.objects.keys import FileStat

HIDDEN = ".store"


@dataclass(slots=True)
class Known:
    """A file that is here as the store has it: how it is stored, and how the file system knew it then."""

    stored: StoredFile
    seen: FileStat


@dataclass(slots=True)
class LocalState:
    """number, process: of the commit that this copy began with, 0 before there was one; whole: whether all of it was downloaded.

    files: by path. Who changes it saves it.
    """

    path: Path
    number: int = 0
    process: str = ""
    whole: bool = False
    files: dict[str, Known] = field(default_factory=dict)

    @property
    def began_with(self) -> tuple[int, str]:
        """The commit that this copy began with (`commits.Commit.identity`)."""
        return self.number, self.process

    @classmethod
    def of(cls, folder: Path) -> "LocalState":
        """What the folder's copy knows; nothing where its file is not there or cannot be understood: then all is compared anew."""
        path = folder / HIDDEN / "state.json"
        try:
            read = json.loads(path.read_text(encoding="utf-8"))
            files = {
                name: Known(StoredFile(key=key, bytes=size, digest=digest), FileStat(size, modified))
                for name, (key, size, digest, modified) in read["files"].items()
            }
            return cls(path, int(read["number"]), str(read["process"]), bool(read["whole"]), files)
        except (OSError, ValueError, KeyError, TypeError):
            return cls(path)

    def save(self) -> None:
        """Keep it for the next process. Raises StorageError."""
        files = {
            name: (known.stored.key, known.stored.bytes, known.stored.digest, known.seen.modified)
            for name, known in sorted(self.files.items())
        }
        state = {"number": self.number, "process": self.process, "whole": self.whole, "files": files}
        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # else a power cut could leave a file empty that is known: it would be taken for a change, and uploaded
            sync_file_system(self.path.parent)
            with publishing(self.path) as beside:
                beside.write_text(json.dumps(state), encoding="utf-8")

    def is_unchanged(self, name: str, now: FileStat | None) -> bool:
        """Whether a file is as it was downloaded or uploaded, as far as the file system knows."""
        known = self.files.get(name)
        return known is not None and known.seen == now
