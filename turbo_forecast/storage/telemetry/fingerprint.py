"""A fingerprint of telemetry: whether it is what it was when it was read before, found without reading it.

Belongs here: what its files are known by, and when that says nothing. Does not belong here: where a fingerprint is kept,
and what was read (`storage/base_table.py`).

Equal fingerprints must mean equal readings, so whatever could change a reading is in it: every file's name, size, place on
the disk and both its times, a landed month's digest of its rows, the settings, this program's own text and the libraries it
reads with. The time of change
(ctime) is the system's own, which no program sets back, as it can the time of modification. Where something else may
change a reading, there is no fingerprint, and the telemetry is read: that is never wrong.
"""

import functools
import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import pyarrow as pa

from turbo_forecast.settings import INDIFFERENT_TO_READING, TelemetrySettings
from turbo_forecast.storage.landed import LandedMonth
from turbo_forecast.storage.objects.telemetry_copies import copy_at
from turbo_forecast.storage.telemetry.files import found_files, is_remote, suffix_kind
from turbo_forecast.storage.telemetry.messages import brief

SETTLED_SECONDS = 2.0
"""A file that changed later than this ago may change once more without its times telling: some file systems count whole
seconds, FAT even pairs of them (https://learn.microsoft.com/windows/win32/sysinfo/file-times)."""
WRITE_AHEAD = (".wal", ".wal.checkpoint", ".wal.recovery")
"""What DuckDB appends to a database's name for the changes that are not in its file yet."""
EDITED = "this program's own files have changed since it was started"
_LOADED = time.time()


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What the telemetry is known by; without a digest, why it can be known by nothing.

    digest: of all of it; of_files: of the files alone; months: of each landed month, by its label.
    """

    digest: str | None
    files: int
    reason: str = ""
    of_files: str | None = None
    months: Mapping[str, str | None] = field(default_factory=dict)


def fingerprint(
    con: duckdb.DuckDBPyConnection, settings: TelemetrySettings, landed: Mapping[str, LandedMonth] | None = None
) -> Fingerprint:
    """The fingerprint of the telemetry as it lies there now. landed: months by their labels, beside the files or instead of them.

    Raises TelemetryError where no file can be found, as reading would. The connection's time zone is part of it.
    """
    files = _of_files(con, settings) if settings.telemetry or not landed else Fingerprint(_hashed("no files"), 0)
    if not landed:
        return replace(files, of_files=files.digest)
    how = _how(con, settings)
    months = {label: _of_month(how, month) if how else None for label, month in landed.items()}
    known = files.digest and how and _hashed((files.digest, sorted(months.items())))
    return Fingerprint(known or None, files.files, files.reason or ("" if how else EDITED), files.digest, months)


def _of_month(how: object, month: LandedMonth) -> str:
    """Hash of what decides the reading of a landed month. Its rows are known by their digest, whenever they were written."""
    of = month.manifest
    return _hashed((how, of.source, of.month, of.zone, of.rows, of.digest))


def _how(con: duckdb.DuckDBPyConnection, settings: TelemetrySettings) -> tuple[object, ...] | None:
    """Whatever else could change a reading; None where that is not known."""
    program = _program(Path(__file__).parents[2])
    if program is None:
        return None
    zone = con.execute("SELECT current_setting('TimeZone')").fetchall()[0][0]
    return program, zone, settings.model_dump(exclude=INDIFFERENT_TO_READING)


def _hashed(known: object) -> str:
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def _of_files(con: duckdb.DuckDBPyConnection, settings: TelemetrySettings) -> Fingerprint:
    if not settings.telemetry:
        return Fingerprint(None, 0, "no telemetry is set")
    if is_remote(settings.telemetry):
        return Fingerprint(None, 0, "what a URL holds may change without a sign")
    found, now = found_files(con, settings.telemetry, download=False), time.time()
    try:
        files = [state for name in found.names for state in _states(Path(name))]
    except OSError as error:
        return Fingerprint(None, len(found.names), f"{brief(settings.telemetry)} cannot be looked at: {error.strerror}")
    young = [state for state in files if now - max(state.modified_ns, state.changed_ns) / 1e9 < SETTLED_SECONDS]
    if young:
        return Fingerprint(
            None,
            len(found.names),
            f"{brief(young[0].path)} had changed less than {SETTLED_SECONDS:.0f} seconds before, and may once more "
            "without its times telling",
        )
    how = _how(con, settings)
    if how is None:
        return Fingerprint(None, len(found.names), EDITED)
    return Fingerprint(_hashed((*how, found.notes, list(map(_plain, files)))), len(found.names))


@dataclass(frozen=True, slots=True)
class _State:
    """A file as the file system knows it; times in nanoseconds since 1970."""

    path: str
    size: int
    modified_ns: int
    changed_ns: int
    inode: int
    mark: str = ""


def _plain(state: _State) -> tuple[str | int, ...]:
    return state.path, state.size, state.modified_ns, state.changed_ns, state.inode, state.mark


def _states(path: Path) -> list[_State]:
    """The file's state, and that of a database's write-ahead logs where there are any.

    They lie beside the database itself, which may be elsewhere: the path may be a link.
    """
    copy = copy_at(path)
    if copy is not None:  # known by what its store says of it, on whatever machine: the copy's own times say nothing
        return [_State(copy.address, copy.listed.bytes, 0, 0, 0, copy.listed.mark)]
    if suffix_kind(path.name) != "table":
        return [_state(path)]
    places = sorted({path.absolute(), path.resolve()})
    logs = [place.with_name(place.name + suffix) for place in places for suffix in WRITE_AHEAD]
    return [_state(path), *(_state(log) for log in logs if log.exists())]


def _state(path: Path) -> _State:
    stat = path.stat()
    return _State(os.path.abspath(path), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)


@functools.cache
def _program(root: Path) -> str | None:
    """Digest of a package's text and of what it reads with; None where the text is newer than what was loaded of it."""
    digest = hashlib.sha256(repr((sys.version, platform.machine(), duckdb.__version__, pa.__version__)).encode())
    for path in sorted(path for kind in ("*.py", "*.sql") for path in root.rglob(kind)):
        if path.stat().st_ctime >= _LOADED:
            return None
        text = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()} {len(text)} ".encode() + text)
    return digest.hexdigest()
