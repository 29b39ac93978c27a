"""A month's rows as checks read them: a folder of part files, or the single file of a former version.

Belongs here: which series a part's name promises, in SQL, and what cannot be read of a part. Does not belong here: where
parts are, how they are published and read (`storage/datasets.py`).
"""

from pathlib import Path

import polars as pl

from turbo_forecast.errors import StorageError
from turbo_forecast.storage.datasets import PART, parts, require_readable, require_whole
from turbo_forecast.storage.telemetry.sql import literal
from turbo_forecast.tables import Table


def parts_sql(path: Path) -> str:
    """A DuckDB table of the parts: filename, and the first series (lo) and the end (hi) that its name states.

    Both are null where a name states none; is_part is false for a single file, which states none and needs not.
    Raises StorageError for a folder without any.
    """
    rows = []
    for file in parts(path):
        named = PART.fullmatch(file.name) if path.is_dir() else None
        lo, hi = named.group("lo", "hi") if named else ("NULL", "NULL")
        rows.append(f"({literal(str(file))}, {lo}::BIGINT, {hi}::BIGINT, {path.is_dir()})")
    return f"(SELECT * FROM (VALUES {', '.join(rows)}) AS parts(filename, lo, hi, is_part))"


def require_first_part(path: Path, table: Table) -> None:
    """Raises StorageError unless the first part is whole and has the table's columns: DuckDB takes those of all from it.

    The others are not opened twice for it: where one is wrong, reading fails, and `require_parts` says which.
    """
    _require_columns(parts(path)[0], table)


def require_columns(path: Path, table: Table) -> None:
    """Raises StorageError unless every part is whole, and has the table's columns in their types."""
    for file in parts(path):
        _require_columns(file, table)


def require_parts(path: Path, table: Table) -> None:
    """Raises StorageError that names the first part that is of another version, or in which something cannot be read."""
    for file in parts(path):
        _require_columns(file, table)
        require_readable(file)


def _require_columns(file: Path, table: Table) -> None:
    require_whole(file, table.names)
    found = pl.scan_parquet(file, glob=False, hive_partitioning=False).collect_schema()
    wrong = [
        name
        for name, kind in table.polars_schema.items()
        if found[name] != kind
        and not (found[name].is_float() and kind.is_float())  # former versions' are of double precision
    ]
    if wrong:
        kinds = f"{wrong[0]} is {found[wrong[0]]}, not {table.polars_schema[wrong[0]]}"
        raise StorageError(
            f"{file} was stored by another version, in other types ({kinds}): make it again with this one"
        )
