"""A month's rows as a folder of part files, or as the one file that former versions stored: published, found and read as one.

Belongs here: the parts' names, publication of a folder, and how a stored path is given to DuckDB and to Polars, which read
patterns into it. Does not belong here: how one file is written (`files.py`), what the rows mean.

A part holds a run of neighbouring series, and names sort as series do, so the parts one after another are the month's
rows in order. A published part's name ends in a digest of its bytes. So a reader that has listed the parts when a month is
published anew finds those it has listed with the bytes they had then, or does not find them, which every library says:
rows of two versions never meet in one query. The same rows published again have the same names.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from turbo_forecast.errors import StorageError, refusal, writing
from turbo_forecast.leftovers import temporary_folder_beside
from turbo_forecast.storage.atomic_replace import put_in_place, sync_folder
from turbo_forecast.storage.files import ROW_GROUP_ROWS
from turbo_forecast.storage.telemetry.sql import listed, literal

SUFFIX = ".parquet"
PART_SERIES = 128
"""Series of a part, at fixed places whatever the number of workers: the files of a month's rows are the same for all."""
NAMED = 3
"""Lacking columns that a message names."""
DIGEST_BYTES = 8
PART = re.compile(r"(?P<lo>\d{8})-(?P<hi>\d{8})(-(?P<digest>[0-9a-f]{16}))?\.parquet")
"""A part's name: its first series, the one after its last, and once it is published, the digest of its bytes."""


def part_name(lo: int, hi: int) -> str:
    """The file of series lo … hi - 1, counted from 0 in their order."""
    return f"{lo:08d}-{hi:08d}{SUFFIX}"


@dataclass(frozen=True, slots=True)
class MadeRows:
    """A folder of part files that was made somewhere to be published as an asset's rows."""

    folder: Path

    @property
    def rows(self) -> int:
        """How many rows its parts hold, by their own account. Raises StorageError."""
        return row_count(self.folder)

    @property
    def bytes(self) -> int:
        """The size of its parts."""
        return sum(part.stat().st_size for part in parts(self.folder))


def published_name(part: Path) -> str:
    """What a made file is called where it is published: the name of a part has a digest of its bytes. Raises OSError."""
    named = PART.fullmatch(part.name)
    return f"{named['lo']}-{named['hi']}-{_digest(part)}{SUFFIX}" if named else part.name


def _digest(part: Path) -> str:
    with part.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=DIGEST_BYTES)).hexdigest()


def publish_folder(made: Path, path: Path) -> None:
    """Publish a folder with all that is in it as `path`, whole or not at all, in the place of a folder or file of that name.

    The folder that was made stays where it is (its files get a second name, `published_name`; on another file system, or one
    without second names, they are copied), so that a run that dies before its results are committed need not make it again.

    Raises StorageError, naming the path, when there is nothing in it, or the disk refuses.
    """
    if not any(made.iterdir()):
        raise StorageError(f"{path} cannot be written: {made} is empty")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder_beside(path) as beside:
            _copy(made, beside)
            put_in_place(beside, path)


def _copy(made: Path, beside: Path) -> None:
    """Give all files of a folder a second name in another, and make both names and contents durable. Raises OSError."""
    for at, _, names in os.walk(made):
        target = beside / Path(at).relative_to(made)
        target.mkdir(exist_ok=True)
        for name in names:
            file = Path(at, name)
            published = target / published_name(file)
            try:
                os.link(file, published)
            except OSError:  # another file system, or one without second names
                shutil.copyfile(file, published)
            with published.open("rb") as copied:
                os.fsync(copied.fileno())
        sync_folder(target)


def parts(path: Path | str) -> list[Path]:
    """The Parquet files of stored rows, in their order: a folder's parts, or the file itself. Raises StorageError for a folder without any."""
    path = Path(path).absolute()
    if not path.is_dir():
        return [path]
    found = sorted(path.glob(f"[!.]*{SUFFIX}"))
    if not found:
        raise StorageError(f"{path} cannot be read: it is a folder without Parquet files")
    return found


def rows(path: Path | str) -> pl.LazyFrame:
    """Just the stored rows, in order, whatever characters the path holds; Polars would take it for a glob."""
    return pl.scan_parquet(parts(path), glob=False, hive_partitioning=False)


def duckdb_path(path: Path | str) -> str:
    """A path as DuckDB must be given it to read just that file, or the parts in that folder; DuckDB takes every path for a glob.

    URLs stay as they are. Raises StorageError where DuckDB has no way to say it.
    """
    text = str(path)
    if "://" in text:
        return text
    if text.startswith("~"):  # which would be the home folder
        text = str(Path(text).absolute())
    escaped = re.sub(r"([*?\[])", r"[\1]", text)
    inside = f"/*{SUFFIX}" if Path(text).is_dir() else ""
    if (inside or escaped != text) and "\\" in text:  # in a pattern, a backslash divides folders
        raise StorageError(f"{path} has a backslash and one of * ? [ in its path, which DuckDB cannot read")
    return escaped + inside


def duckdb_sql(*paths: Path | str, options: str = "") -> str:
    """A DuckDB table expression that reads just these files and folders of parts, whatever characters their paths hold.

    options: further arguments of `read_parquet`. Columns are the files' own: a folder named `model=x` adds none.
    """
    files = listed(literal(duckdb_path(path)) for path in paths)
    return f"read_parquet({files}, hive_partitioning = false{options and f', {options}'})"


def row_count(path: Path | str) -> int:
    """How many rows are stored, by the files' own account. Raises StorageError."""
    total = 0
    for part in parts(path):
        with _readable(part) as file:
            total += file.metadata.num_rows
    return total


def require_whole(path: Path, columns: Iterable[str] = ()) -> None:
    """Raises StorageError unless every file is Parquet with its end, which is written last, and has these columns.

    Of a folder, the parts must also follow each other from the first series on. No name says that the last one is there.
    """
    columns = list(columns)
    if path.is_dir():
        _require_succession(path)
    for part in parts(path):
        with _readable(part) as file:
            lacking = [name for name in columns if name not in file.schema_arrow.names]
        if lacking:
            raise StorageError(
                f"{part} was stored by another version and lacks {', '.join(lacking[:NAMED])}: make it again with this one"
            )


def require_readable(path: Path) -> None:
    """Raises StorageError unless all of the stored rows can be read; that takes as long as reading them."""
    for part in parts(path):
        with _readable(part) as file:
            for _ in file.iter_batches(ROW_GROUP_ROWS):
                pass


def require_unaltered(path: Path) -> None:
    """Raises StorageError unless each part still has the bytes that it was published with; that takes as long as reading them.

    The name of a file that is no part, or of a former version, has no digest.
    """
    for part in parts(path):
        named = PART.fullmatch(part.name)
        try:
            altered = named and named["digest"] and named["digest"] != _digest(part)
        except OSError as error:
            raise StorageError(f"{part} cannot be read: {refusal(error)}") from None
        if altered:
            raise StorageError(
                f"{part} was altered after it was published, as the digest in its name tells: make it again"
            )


def _require_succession(folder: Path) -> None:
    """Raises StorageError unless the parts' names say that together they hold every series once, up to the last part's."""
    end = 0
    for part in parts(folder):
        named = PART.fullmatch(part.name)
        if named is None:
            raise StorageError(f"{folder} holds {part.name}, which is none of its parts: move it away")
        lo, hi = int(named["lo"]), int(named["hi"])
        if lo != end or hi <= lo:
            fault = f"lacks the part from series {end:,} on" if lo > end else f"holds series {lo:,} twice"
            raise StorageError(f"{folder} {fault} (before {part.name}): make it again")
        end = hi


@contextmanager
def _readable(path: Path) -> Iterator[pq.ParquetFile]:
    """The open file; what cannot be read of it is a StorageError that names it."""
    try:
        with pq.ParquetFile(path.absolute()) as file:
            yield file
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
