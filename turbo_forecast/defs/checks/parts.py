"""A month's rows as checks read them: a folder of part files, or the single file of a former version.

Belongs here: the SQL that reads them, which series a part's name promises, and what cannot be read. Does not belong
here: how they are written and published (`storage/`).
"""

import re
from collections.abc import Iterable
from pathlib import Path

from turbo_forecast.errors import StorageError
from turbo_forecast.storage.datasets import duckdb_sql, require_readable, require_whole
from turbo_forecast.storage.telemetry.sql import literal

_NAME = re.compile(r"(\d+)-(\d+)\.parquet")


def part_files(path: Path) -> list[Path]:
    """The Parquet files in a folder, in their order; a single file is its own only part."""
    return sorted(path.glob("*.parquet")) if path.is_dir() else [path]


def rows_sql(path: Path, options: str = "") -> str:
    """A DuckDB table expression of all rows, whatever characters the path holds."""
    return duckdb_sql(*part_files(path), options=options)


def parts_sql(path: Path) -> str:
    """A DuckDB table of the parts: filename, and the first series (lo) and the end (hi) that its name states.

    Both are null where a name states none; is_part is false for a single file, which states none and needs not.
    """
    rows = []
    for file in part_files(path):
        named = _NAME.fullmatch(file.name) if path.is_dir() else None
        lo, hi = named.groups() if named else ("NULL", "NULL")
        rows.append(f"({literal(str(file))}, {lo}::BIGINT, {hi}::BIGINT, {path.is_dir()})")
    return f"(SELECT * FROM (VALUES {', '.join(rows)}) AS parts(filename, lo, hi, is_part))"


def require_first_part(path: Path, columns: Iterable[str]) -> None:
    """Raises StorageError unless the first part is whole and has the columns: DuckDB takes those of all from it."""
    require_whole(part_files(path)[0], columns)


def require_parts(path: Path, columns: Iterable[str], *, whole_only: bool = False) -> None:
    """Raises StorageError that names the first part that lacks its end or a column, or in which something cannot be read.

    whole_only: without reading the parts through, which takes as long as reading them.
    """
    files, wanted = part_files(path), list(columns)
    if not files:
        raise StorageError(f"{path} holds no file")
    for file in files:
        require_whole(file, wanted)
        if not whole_only:
            require_readable(file)
