"""DuckDB's limits while telemetry is read.

Belongs here: its memory. Does not belong here: what is read (`reading`).
"""

import math
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from turbo_forecast.errors import SettingsError
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.files import found_files, is_remote
from turbo_forecast.storage.telemetry.messages import shortened
from turbo_forecast.storage.telemetry.sql import literal
from turbo_forecast.storage.telemetry.wording import shown

LEAST_BYTES = 32 * 10**6
UNITS = {"": 1, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "KI": 2.0**10, "MI": 2.0**20, "GI": 2.0**30, "TI": 2.0**40}


BYTES_PER_BYTE = 14
"""Memory for each byte of the telemetry's files: what a transaction has inserted cannot be spilled until it commits."""


def with_room(
    con: duckdb.DuckDBPyConnection, settings: TelemetrySettings, landed: Iterable[Path] = ()
) -> TelemetrySettings:
    """The settings with the memory that telemetry of this size needs, unless somebody has asked for another limit; the
    connection gets it too, for what is recorded of the telemetry afterwards. landed: files of landed months that are read, too.

    Raises TelemetryError where no file can be found.
    """
    if settings.memory_limit != TelemetrySettings.model_fields["memory_limit"].default:
        return settings
    files = list(landed)
    if settings.telemetry and not is_remote(settings.telemetry):
        files += [Path(name) for name in found_files(con, settings.telemetry).names]
    size = 0
    for path in files:
        with suppress(OSError):
            size += path.stat().st_size
    limit = memory_for(size, settings.memory_limit)
    if limit != settings.memory_limit:
        con.execute(f"SET memory_limit = {literal(limit)}")
    return settings.model_copy(update={"memory_limit": limit})


def memory_for(size: int, least: str) -> str:
    """DuckDB's limit for files of so many bytes: `least`, or more where these are more than that allows."""
    needed = BYTES_PER_BYTE * size
    return least if needed <= _bytes(least) else f"{math.ceil(needed / 1e9)}GB"


@contextmanager
def limited(con: duckdb.DuckDBPyConnection, memory_limit: str) -> Iterator[None]:
    """DuckDB within `memory_limit` and free to reorder (it needs less memory so); as it was afterwards.

    Raises SettingsError for a limit that is no size, or so small that DuckDB could not even set it back.
    """
    if _bytes(memory_limit) < LEAST_BYTES:
        raise SettingsError(
            f"memory_limit {shown(memory_limit)} is too little: DuckDB needs {LEAST_BYTES // 10**6}MB for itself"
        )
    before = con.execute(
        "SELECT current_setting('memory_limit'), current_setting('preserve_insertion_order')"
    ).fetchall()[0]
    try:
        con.execute(f"SET memory_limit = {literal(memory_limit)}")
    except duckdb.Error as error:
        raise SettingsError(
            f"memory_limit {shown(memory_limit)} is not a size such as 2GB: {shortened(error)}"
        ) from None
    con.execute("SET preserve_insertion_order = false")
    try:
        yield
    finally:
        beside = con.cursor()  # settings are the database's; the caller's transaction may be broken by now
        beside.execute(f"SET memory_limit = {literal(_as_shown(before[0]))}")
        beside.execute(f"SET preserve_insertion_order = {str(before[1]).lower()}")
        beside.close()


def _as_shown(size: str) -> str:
    """A size that DuckDB shows as `size`. It rounds down to a tenth: setting what it shows would shrink each time."""
    number, unit = size.split()
    return f"{float(number) + 0.05:.2f} {unit}"


def _bytes(size: str) -> float:
    """A size such as 2GB in bytes; infinite for what is written otherwise, which DuckDB accepts or refuses."""
    written = re.fullmatch(r"\s*([\d.]+)\s*([KMGT]I?|)(B|BYTES?)\s*", size.upper())
    try:
        return float(written[1]) * UNITS[written[2]] if written else float("inf")
    except ValueError:
        return float("inf")
