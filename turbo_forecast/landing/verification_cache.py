"""The faults of all landed files. A file that was verified is read again only when it has changed since.

    telemetry_landing/.whole.json     by path below that folder: the fingerprint of each file that was verified without a fault

Belongs here: which files are read, and that file. Does not belong here: what a fault is (`verification.py`).

A file's fingerprint is as those of the base table (`storage/telemetry/fingerprint.py`): size, place on the disk, and both its times, of which
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

FILE_NAME = ".whole.json"
RULES_VERSION = 1
"""Of `verification.py`: a greater number has all files read once more by rules that see more."""
Fingerprint = list[int]


def all_faults(data: Path) -> Iterator[tuple[Path, str]]:
    """Path and fault, a sentence, of each landed file below a data folder that is not as it should be."""
    folder = data / FOLDER
    before, verified = _verified(folder), {}
    for path in landed_files(data):
        name, fingerprint, is_faulty = path.relative_to(folder).as_posix(), _fingerprint(path), False
        if fingerprint is None or before.get(name) != fingerprint:
            for fault in faults(path):
                is_faulty = True
                yield path, fault
        if fingerprint is not None and not is_faulty:
            verified[name] = fingerprint
    if verified != before:
        with suppress(StorageError):  # the faults are what matters; without the file, the next one takes longer
            _write(folder, verified)


def _fingerprint(path: Path) -> Fingerprint | None:
    """The file's fingerprint; None where it was changed just now, so that a further change might leave no trace in it."""
    try:
        stat = path.stat()
    except OSError:
        return None
    if time.time() - max(stat.st_mtime, stat.st_ctime) < SETTLED_SECONDS:
        return None
    return [stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]


def _verified(folder: Path) -> Mapping[str, Fingerprint]:
    """The files that were verified before, by these rules; none where the file cannot be read."""
    try:
        stored = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
        return stored["files"] if stored["rules"] == RULES_VERSION and isinstance(stored["files"], dict) else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _write(folder: Path, verified: Mapping[str, Sequence[int]]) -> None:
    with publishing(folder / FILE_NAME, durable=False) as beside:
        beside.write_text(json.dumps({"rules": RULES_VERSION, "files": verified}) + "\n", encoding="utf-8")
