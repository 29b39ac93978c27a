"""What a column holds, as far as its role depends on it: numbers in some notation, names, or labels that are digits.

Belongs here: looks at a sample of the rows. Does not belong here: the roles themselves (`layout`).
"""

import re

import duckdb

from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.numerals import looks_like_a_number, number
from turbo_forecast.storage.telemetry.parts import Part
from turbo_forecast.storage.telemetry.sql import identifier, text_or_null

NUMERIC_TYPES = (
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"),
    *("UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL"),
)
SAMPLE_ROWS = 100_000
MOST_LABELS = 1024
"""A host with more different whole numbers in a column than this has measurements there, not devices."""
ENOUGH_TURNS = 8
"""A device has at least this many rows before equal turns are no chance."""
LABEL_WORDS = {
    *("id", "ids", "uid", "index", "idx", "ifindex", "no", "nr", "num", "number", "core", "cores", "device", "dev"),
    *("slot", "port", "lun", "shard", "partition", "socket", "numa", "node", "channel", "pid", "queue", "interface"),
}
"""Last words of column names of identifiers, when they hold whole numbers."""
ROW_NUMBER = re.compile(r"(unnamed: ?\d+|column\d+|_*index_level_\d+_*|level_\d+|rownum|row)", re.IGNORECASE)
"""What programs call the number of a row."""


def is_numeric(dtype: str) -> bool:
    """Whether a DuckDB type holds plain numbers."""
    return dtype.split("(")[0] in NUMERIC_TYPES


def is_text(dtype: str) -> bool:
    """Whether a DuckDB type holds text."""
    return dtype == "VARCHAR" or dtype.startswith("ENUM")


def all_columns(parts: list[Part]) -> list[str]:
    """Every column of any part, once, in order."""
    return list(dict.fromkeys(name for part in parts for name in part.columns))


def is_everywhere_text(parts: list[Part], column: str) -> bool:
    """Whether a column is text wherever it is."""
    return all(is_text(part.columns[column]) for part in parts if column in part.columns)


def number_of(part: Part, column: str, settings: TelemetrySettings) -> str:
    """A DuckDB expression: a part's column as DOUBLE; null where it is text that is no number."""
    quoted, dtype = identifier(column), part.columns[column]
    return number(f"CAST({quoted} AS VARCHAR)", settings) if is_text(dtype) else f"TRY_CAST({quoted} AS DOUBLE)"


def mostly_numbers(
    con: duckdb.DuckDBPyConnection, parts: list[Part], columns: list[str], settings: TelemetrySettings
) -> set[str]:
    """Text columns (a CSV has no others) of which half a sample or more is meant as numbers, in whatever notation.

    Columns without any value in the sample are looked at whole, so that late beginners are not overlooked.
    """
    values, numbers = dict.fromkeys(columns, 0), dict.fromkeys(columns, 0)
    for limit in (f" LIMIT {SAMPLE_ROWS}", ""):
        unseen = [name for name in columns if not values[name]]
        for part in parts if unseen else []:
            here = [name for name in unseen if name in part.columns]
            if not here:
                continue
            counts = ", ".join(_counted(part, name, settings) for name in here)
            quoted = ", ".join(identifier(name) for name in here)
            row = con.execute(f"SELECT {counts} FROM (SELECT {quoted} FROM {part.relation}{limit})").fetchall()[0]
            for position, name in enumerate(here):
                values[name] += row[2 * position]
                numbers[name] += row[2 * position + 1]
    return {name for name in columns if values[name] and numbers[name] >= values[name] / 2}


def _counted(part: Part, name: str, settings: TelemetrySettings) -> str:
    text = text_or_null(identifier(name))
    is_one = f"{number_of(part, name, settings)} IS NOT NULL OR {looks_like_a_number(text)}"
    return f"count({text}), count(*) FILTER ({text} IS NOT NULL AND ({is_one}))"


def names_in(
    con: duckdb.DuckDBPyConnection, parts: list[Part], columns: list[str], settings: TelemetrySettings
) -> list[str]:
    """Text columns that hold names: neither numbers nor times, for the most part."""
    text = [name for name in columns if is_everywhere_text(parts, name)]
    numbers = mostly_numbers(con, parts, text, settings)
    return [name for name in text if name not in numbers and not _are_times(con, parts[0], name)]


def _are_times(con: duckdb.DuckDBPyConnection, part: Part, column: str) -> bool:
    if column not in part.columns:
        return False
    text = text_or_null(identifier(column))
    query = f"""
        SELECT count({text}), count(TRY_CAST({text} AS TIMESTAMPTZ))
        FROM (SELECT {identifier(column)} FROM {part.relation} LIMIT {SAMPLE_ROWS})
    """
    values, times = con.execute(query).fetchall()[0]
    return bool(times > values / 2)


def is_named_like_a_label(column: str) -> bool:
    """Whether a column is named like an identifier (core, disk_id, ifIndex), or like a count of rows."""
    words = re.findall(r"[A-Za-z][a-z]*|[A-Z]+(?![a-z])", re.sub(r"([a-z])([A-Z])", r"\1 \2", column.strip()))
    last = words[-1].lower() if words else ""
    return bool(ROW_NUMBER.fullmatch(column.strip())) or last in LABEL_WORDS or column.strip().lower() in LABEL_WORDS


def is_whole(con: duckdb.DuckDBPyConnection, parts: list[Part], column: str, settings: TelemetrySettings) -> bool:
    """Whether a sample of a column holds whole numbers only."""
    for part in parts:
        if column not in part.columns:
            continue
        query = f"""
            SELECT coalesce(bool_and(n = floor(n) AND abs(n) < 1e15), true)
            FROM (SELECT {number_of(part, column, settings)} AS n FROM {part.relation} LIMIT {SAMPLE_ROWS})
        """
        if not con.execute(query).fetchall()[0][0]:
            return False
    return True


def takes_turns(
    con: duckdb.DuckDBPyConnection, part: Part, column: str, keys: list[str], moment: str, settings: TelemetrySettings
) -> bool:
    """Whether a column counts from 0 or 1 within a minute, each of its values equally often, for most `keys`.

    So do numbers of cores and disks, one row each at every moment or a few seconds apart. Measurements do not.
    """
    keys = keys or ["0"]
    inner = ", ".join(f"{key} AS k{place}" for place, key in enumerate(keys))
    outer = ", ".join(f"k{place}" for place in range(len(keys)))
    query = f"""
        WITH rows AS (
            SELECT {inner}, {number_of(part, column, settings)} AS n, date_trunc('minute', {moment}) AS minute
            FROM (FROM {part.relation} LIMIT {SAMPLE_ROWS})
        ),
        turns AS (SELECT {outer}, n, count(*) AS turns FROM rows WHERE n IS NOT NULL GROUP BY {outer}, n),
        kinds AS (
            SELECT {outer}, count(*) AS kinds, min(turns) AS low, max(turns) AS high,
                min(n) IN (0, 1) AND max(n) - min(n) + 1 = count(*) AS counts_on
            FROM turns GROUP BY {outer} HAVING count(*) >= 2
        )
        SELECT
            count(*),
            count(*) FILTER (
                counts_on AND kinds <= {MOST_LABELS} AND low >= {ENOUGH_TURNS} AND high - low <= 1 + 0.02 * high
            ),
            (SELECT count(*) / count(DISTINCT ({outer}, minute)) FROM rows)
        FROM kinds
    """
    several, equal, a_minute = con.execute(query).fetchall()[0]
    return bool(several and equal > 0.8 * several and a_minute >= 1.5)
