"""Which files telemetry comes from: every one of them used, or named as left out with the reason, or refused.

Belongs here: paths, folders, globs, URIs, what a file really is by its first bytes.
Does not belong here: how files are read (`sources`, `csv_dialect`, `database`).
"""

import glob
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase as fnmatch
from pathlib import Path

import duckdb

from turbo_forecast.addresses import is_object_storage
from turbo_forecast.errors import StorageError, TelemetryError
from turbo_forecast.paths import files_matching
from turbo_forecast.storage.objects.telemetry_copies import Copy, copies_of
from turbo_forecast.storage.telemetry.messages import brief, enumerated, shortened

PARQUET = (".parquet", ".parq", ".pq")
CSV = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
DUCKDB = (".duckdb", ".ddb", ".db")
KNOWN = ", ".join((*PARQUET, *CSV, *DUCKDB))
NO_PATH = "a key with an empty part, or one that is only dots, is no path of this machine"
LAKES = {"_delta_log": "Delta Lake", ".hoodie": "Hudi"}
"""Folders that say which of the files beside them still count."""
MAGIC = (
    (b"\x1f\x8b", "gzip"),
    (b"PAR1", "Parquet"),
    (b"PARE", "encrypted Parquet"),
    (b"PK\x03\x04", "a zip file or a spreadsheet"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"ARROW1", "an Arrow file"),
    (b"Obj\x01", "Avro"),
    (b"ORC", "ORC"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet"),
)


@dataclass(slots=True)
class Found:
    """The files meant, sorted by name, and what was left out."""

    names: list[str]
    notes: list[str] = field(default_factory=list)


def found_files(con: duckdb.DuckDBPyConnection, telemetry: str, *, download: bool = True) -> Found:
    """Every file that `telemetry` means. Raises TelemetryError where there is none or it cannot be listed.

    Of objects on object storage, the copies on this machine; download: whether they are to be there, as the objects are now.
    """
    if is_object_storage(telemetry):
        return _objects(telemetry, download=download)
    if is_remote(telemetry):
        return _remote_files(con, telemetry)
    try:
        return _local_files(telemetry)
    except OSError as error:
        raise TelemetryError(f"telemetry {brief(telemetry)} cannot be looked at: {error.strerror}") from None


def is_remote(name: str) -> bool:
    """Whether a name is a URI that DuckDB fetches: what lies on object storage is copied first."""
    return "://" in name and not name.startswith("file://") and not is_object_storage(name)


def suffix_kind(name: str) -> str:
    """parquet, csv or table by the name's end, or nothing."""
    low = re.split(r"[?#]", name)[0].lower() if "://" in name else name.lower()
    for kind, suffixes in (("parquet", PARQUET), ("csv", CSV), ("table", DUCKDB)):
        if low.endswith(suffixes):
            return kind
    return ""


def kind_of(name: str) -> str:
    """What a file's name says it is. Raises TelemetryError when it says nothing, or the first bytes say otherwise."""
    kind = suffix_kind(name)
    if not kind:
        raise TelemetryError(f"{brief(name)} is not telemetry this can read: its name must end in one of {KNOWN}")
    if is_remote(name):
        return kind
    try:
        with Path(name).open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise TelemetryError(f"{brief(name)} cannot be read: {error.strerror}") from None
    if not start:
        raise TelemetryError(f"{brief(name)} is empty: not even a header")
    is_what = next((what for magic, what in MAGIC if start.startswith(magic)), "")
    expected = {"parquet": ("Parquet", "encrypted Parquet"), "csv": ("gzip",) if name.lower().endswith(".gz") else ()}
    if is_what and is_what not in expected.get(kind, ()):
        label = {"parquet": "Parquet", "csv": "CSV", "table": "DuckDB"}[kind]
        remedy = " (name it .csv.gz)" if is_what == "gzip" and kind == "csv" else ""
        raise TelemetryError(
            f"{brief(name)} is not a readable {label} file: by its first bytes it is {is_what}{remedy}"
        )
    if name.lower().endswith(".gz") and is_what != "gzip":
        raise TelemetryError(f"{brief(name)} is not gzip, as its name says: take .gz off the name")
    return kind


def _local_files(telemetry: str) -> Found:
    path = Path(telemetry.removeprefix("file://")).expanduser()
    if path.is_dir():
        return _folder(path)
    if path.is_file():
        return Found([str(path)])
    if not glob.has_magic(str(path)):
        raise TelemetryError(f"telemetry {brief(str(path))} does not exist")
    return _matching(path)


def _matching(pattern: Path) -> Found:
    """What a wildcard matches, by the rules of a folder; what the pattern names itself (`_old/*.csv`) is meant."""
    names = files_matching(str(pattern), hidden=True)
    named = [part for part in pattern.parts if part.startswith((".", "_"))]
    beside = sorted({parent for name in names for parent in Path(name).parents if parent not in pattern.parents})
    start = next((parent for parent in (pattern, *pattern.parents) if parent.is_dir()), Path())
    lake = next((LAKES[log] for folder in (start, *beside) for log in LAKES if (folder / log).is_dir()), "")
    if lake:
        raise _lake(pattern, lake)
    used: list[str] = []
    left_out: dict[str, list[str]] = {}
    for name in names:
        below = Path(name).relative_to(start).parts
        guessed = [part for part in below if not any(part[0] == own[0] and fnmatch(part, own) for own in named)]
        reason = _reason_to_leave_out(Path(*guessed)) if guessed else ""
        if reason:
            left_out.setdefault(reason, []).append(str(Path(*below)))
        else:
            used.append(name)
    if not used:
        only = "; ".join(f"{enumerated(some, 40)}: {why}" for why, some in left_out.items())
        raise TelemetryError(
            f"no file matches {brief(str(pattern))}" + (f" but what is left out: {only}" if only else "")
        )
    return Found(used, [f"left out {enumerated(names)}: {reason}" for reason, names in left_out.items()])


def _lake(where: Path, lake: str) -> TelemetryError:
    return TelemetryError(
        f"{brief(str(where))} is a table of {lake}, whose log says which of its files still count: export the rows to "
        "plain Parquet or CSV"
    )


def _folder(folder: Path) -> Found:
    used: list[str] = []
    left_out: dict[str, list[str]] = {}
    for file in sorted(folder.rglob("*")):
        below = file.relative_to(folder)
        lake = next((LAKES[part] for part in below.parts if part in LAKES), "")
        if lake or file.name.endswith(".metadata.json"):
            raise _lake(folder, lake or "Iceberg")
        if not file.is_file() and not file.is_symlink():
            continue
        reason = _reason_to_leave_out(below) if file.is_file() else _reason_of_link(below, file)
        if reason:
            left_out.setdefault(reason, []).append(str(below))
        else:
            used.append(str(file))
    if not used:
        raise TelemetryError(
            f"folder {brief(str(folder))} holds no telemetry: no {', '.join((*PARQUET, *CSV))} file in it"
        )
    notes = [f"left out {enumerated(names)}: {reason}" for reason, names in left_out.items()]
    return Found(used, notes)


def _reason_of_link(below: Path, link: Path) -> str:
    """Why a link that leads to no file is left out: whoever made it may take what it leads to for a part of the folder."""
    hidden = _reason_to_leave_out(below.with_suffix(PARQUET[0]))
    return hidden or ("a link to a folder, which is not followed" if link.is_dir() else "a link to nothing")


def _reason_to_leave_out(file: Path) -> str:
    if any(part.startswith(".") for part in file.parts):
        return "hidden"
    if any(part.startswith("_") for part in file.parts):
        return "names that start with _ are unfinished work or bookkeeping of what wrote the folder"
    return "" if suffix_kind(file.name) else "not a Parquet, CSV or DuckDB file by name"


def _objects(location: str, *, download: bool) -> Found:
    """The copies of the objects that an address means, those of no telemetry left out."""
    try:
        copies = copies_of(location)
        if not (copies.copies or copies.unusable):
            raise TelemetryError(f"there is no object at {brief(location)}")
        if not copies.copies:
            raise TelemetryError(
                f"{brief(location)} has no object that can be copied: {enumerated(copies.unusable)}: {NO_PATH}"
            )
        itself = [copy.key for copy in copies.copies] == [""]  # one that was named is meant, whatever its name
        used, left_out = (list(copies.copies), {}) if itself else _of_telemetry(copies.copies, location)
        if copies.unusable:
            left_out[NO_PATH] = list(copies.unusable)
        if download:
            copies.download(used)
    except StorageError as error:
        raise TelemetryError(f"telemetry {error}") from None
    notes = [f"left out {enumerated(names)}: {reason}" for reason, names in left_out.items()]
    return Found([str(copy.path) for copy in used], notes)


def _of_telemetry(copies: Sequence[Copy], location: str) -> tuple[list[Copy], dict[str, list[str]]]:
    """Objects that are telemetry, and the others' keys by the reason to leave them out. Raises TelemetryError where none is."""
    used: list[Copy] = []
    left_out: dict[str, list[str]] = {}
    for copy in copies:
        below = Path(copy.key)
        lake = next((LAKES[part] for part in below.parts if part in LAKES), "")
        if lake or below.name.endswith(".metadata.json"):
            raise TelemetryError(
                f"{brief(location)} is a table of {lake or 'Iceberg'}, whose log says which of its files still count: export "
                "the rows to plain Parquet or CSV"
            )
        reason = _reason_to_leave_out(below)
        if reason:
            left_out.setdefault(reason, []).append(copy.key)
        else:
            used.append(copy)
    if not used:
        raise TelemetryError(f"there is no {', '.join((*PARQUET, *CSV))} object at {brief(location)}")
    return used, left_out


def _remote_files(con: duckdb.DuckDBPyConnection, uri: str) -> Found:
    if uri.startswith(("http://", "https://")):
        return Found([uri])
    pattern = uri if glob.has_magic(uri) or suffix_kind(uri) else uri.rstrip("/") + "/**"
    try:
        listed = [row[0] for row in con.execute("SELECT file FROM glob(?) ORDER BY file", [pattern]).fetchall()]
    except duckdb.Error as error:
        raise TelemetryError(f"{brief(uri)} cannot be listed: {shortened(error)}") from None
    root = re.split(r"[*?\[]", pattern)[0].rpartition("/")[0]
    used: list[str] = []
    left_out: dict[str, list[str]] = {}
    for name in listed:
        below = Path(name.removeprefix(root).lstrip("/") or name)
        if any(part in LAKES for part in below.parts):
            raise TelemetryError(f"{brief(uri)} is a table of a data lake: export its rows to plain Parquet or CSV")
        reason = _reason_to_leave_out(below)
        if reason:
            left_out.setdefault(reason, []).append(str(below))
        else:
            used.append(name)
    if not used:
        raise TelemetryError(f"there is no Parquet or CSV file at {brief(uri)}")
    return Found(used, [f"left out {enumerated(names)}: {reason}" for reason, names in left_out.items()])
