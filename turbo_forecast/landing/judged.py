"""The faults of all landed files, of which only those are read that have changed since they were judged whole.

    telemetry_landing/.whole.json     by path below that folder: what a file was known by when it was judged whole

Belongs here: which files are read, and that file. Does not belong here: what a fault is (`verification.py`).

A file is known as the base table's own are (`storage/telemetry/fingerprint.py`): by size, place on the disk, and both its times, of which
no program sets back that of change. A disk that returns other bytes than were written changes none of them: whoever fears that removes
`.whole.json`, and all files are read. It is hidden, so it stays on this machine: another one has other disks.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from turbo_forecast.errors import StorageError
from turbo_forecast.landing.verification import faults
from turbo_forecast.storage.files import publishing
from turbo_forecast.storage.landed import FOLDER, landed_files
from turbo_forecast.storage.telemetry.fingerprint import SETTLED_SECONDS

NAME = ".whole.json"
RULES = 1
"""Of `verification.py`: a greater number has all files read once more by rules that see more."""
State = list[int]


def all_faults(data: Path) -> Iterator[tuple[Path, str]]:
    """Path and fault, a sentence, of each landed file below a data folder that is not as it should be."""
    folder = data / FOLDER
    before, whole = _whole(folder), {}
    for path in landed_files(data):
        name, known, wrong = path.relative_to(folder).as_posix(), _known_by(path), False
        if known is None or before.get(name) != known:
            for fault in faults(path):
                wrong = True
                yield path, fault
        if known is not None and not wrong:
            whole[name] = known
    if whole != before:
        with suppress(StorageError):  # the verdict is what matters; without the file, the next one takes longer
            _note(folder, whole)


def _known_by(path: Path) -> State | None:
    """What the file is known by; None where it may change without a sign, for it was changed just now."""
    try:
        stat = path.stat()
    except OSError:
        return None
    if time.time() - max(stat.st_mtime, stat.st_ctime) < SETTLED_SECONDS:
        return None
    return [stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]


def _whole(folder: Path) -> Mapping[str, State]:
    """What was judged whole before, by these rules; nothing where that cannot be told."""
    try:
        told = json.loads((folder / NAME).read_text(encoding="utf-8"))
        return told["files"] if told["rules"] == RULES and isinstance(told["files"], dict) else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _note(folder: Path, whole: Mapping[str, Sequence[int]]) -> None:
    with publishing(folder / NAME, durable=False) as beside:
        beside.write_text(json.dumps({"rules": RULES, "files": whole}) + "\n", encoding="utf-8")
