"""Sampling of large telemetry: whole hosts where that is possible, else the first rows.

Belongs here: how a part is chosen, and the words for what was read of it. Does not belong here: how it is read (`reading`), and
what follows from it for the whole (`dry_run`).

Every so-many-th host, by name, with all its rows says how long histories are, which gaps they have and what is wrong with values.
To find these hosts everything is looked through; where even that would take too long, files are left out, evenly, and of
large ones the first rows are read.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from turbo_forecast.number_words import noun
from turbo_forecast.storage.telemetry.files import Found, is_remote, kind_of
from turbo_forecast.storage.telemetry.layout import Layout
from turbo_forecast.storage.telemetry.parts import FILE_COLUMN, Part
from turbo_forecast.storage.telemetry.sql import identifier, literal
from turbo_forecast.storage.telemetry.survey import key_expressions

SMALL = 700_000
"""Values that are all read: two processor seconds."""
MOST_VALUES = 250_000
"""Values of a sample of hosts."""
FIRST_ROWS = 400_000
"""Rows that are read of a file which is too large to be looked through."""
SCAN_SECONDS = 3.0
"""Processor seconds that looking through all files may take."""
BYTES_PER_SECOND = {"parquet": 100e6, "csv": 60e6, "gzip": 8e6, "table": 150e6}
"""What is looked through in one, as often as it takes to find columns and hosts; measured on the demo fleet."""
FILE_SECONDS, REMOTE_SECONDS = 0.02, 1.0
"""What a file takes in any case; and one whose size is not known."""


class Everything:
    """All of the telemetry: what a run reads."""

    def files(self, found: Found) -> Found:
        """The files to read of those found."""
        return found

    def rows(self, con: duckdb.DuckDBPyConnection, parts: list[Part]) -> list[Part]:
        """The rows to read of the files."""
        return parts

    def hosts(self, con: duckdb.DuckDBPyConnection, parts: list[Part], layout: Layout) -> tuple[list[Part], Layout]:
        """The hosts to read of those rows, once it is known which column names them."""
        return parts, layout


@dataclass(slots=True)
class Sample(Everything):
    """A part of the telemetry; its fields say which, once it was read. What is small enough is read whole."""

    files_read: int = 0
    files_found: int = 0
    first_rows: int = 0
    """Rows that were read at most of each file; 0 where all of them were."""
    hosts_read: int = 0
    hosts_found: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the telemetry."""
        return self.has_whole_histories and self.hosts_read == self.hosts_found

    @property
    def has_whole_histories(self) -> bool:
        """Whether all rows of its hosts were read."""
        return self.files_read == self.files_found and not self.first_rows

    def describe(self) -> str:
        """What was read, as a clause: `61 of 2,000 hosts, spread evenly over their names, with all their rows`."""
        rows = []
        if self.files_read < self.files_found:
            rows.append(f"{self.files_read:,} of {self.files_found:,} files, evenly spaced from the first to the last")
        if self.first_rows:
            rows.append(
                f"the first {noun(self.first_rows, 'row', f'{self.first_rows:,} rows')} of {'each' if self.files_found > 1 else 'it'}"
            )
        clauses = [", ".join(rows)] if rows else []
        if self.hosts_read < self.hosts_found:
            clauses.append(f"{self.hosts_read:,} of {self.hosts_found:,} hosts, spread evenly over their names")
        if self.has_whole_histories and clauses:
            clauses.append("with all their rows")
        return (", of these " if rows else ", ").join(clauses) or "everything"

    def files(self, found: Found) -> Found:
        """All files, if they can be looked through in time; else the first, the middle and the last one, and as many as can.

        Raises TelemetryError for a file that is not what its name says.
        """
        seconds = [_seconds(name) for name in found.names]
        self.files_found = self.files_read = len(found.names)
        if sum(seconds) <= SCAN_SECONDS:
            return found
        kept = min(max(3, int(SCAN_SECONDS / (sum(seconds) / len(seconds)))), len(seconds))
        places = sorted({round(place * (len(seconds) - 1) / max(kept - 1, 1)) for place in range(kept)})
        self.files_read = len(places)
        if sum(seconds[place] for place in places) > SCAN_SECONDS:
            self.first_rows = FIRST_ROWS
        return replace(found, names=[found.names[place] for place in places])

    def rows(self, con: duckdb.DuckDBPyConnection, parts: list[Part]) -> list[Part]:
        """The first rows of each file, where it is too large."""
        if not self.first_rows:
            return parts
        return [self._first_rows(con, place, part) for place, part in enumerate(parts)]

    def _first_rows(self, con: duckdb.DuckDBPyConnection, place: int, part: Part) -> Part:
        of_each = [f"(FROM {part.relation} LIMIT {self.first_rows})"]
        if len(part.paths) > 1:
            column = identifier(FILE_COLUMN)
            of_each = [
                f"(FROM {part.relation} WHERE {column} = {literal(path)} LIMIT {self.first_rows})"
                for path in part.paths
            ]
        con.execute("SET preserve_insertion_order = true")  # else they would be any rows
        copy = _copied(con, f"telemetry_first_{place}", " UNION ALL ".join(of_each))
        con.execute("SET preserve_insertion_order = false")
        return replace(part, relation=copy)

    def hosts(self, con: duckdb.DuckDBPyConnection, parts: list[Part], layout: Layout) -> tuple[list[Part], Layout]:
        """Every so-many-th host, and the rows that name none; all of them where there are few values."""
        if layout.hosts_in_columns:
            return parts, self._columns(con, parts, layout)
        keys = [f"CAST({key_expressions(part, layout)[0]} AS VARCHAR)" for part in parts]
        counts: dict[str | None, int] = {}
        for part, key in zip(parts, keys, strict=True):
            for host, rows in con.execute(
                f"SELECT {key} AS host, count(*) FROM {part.relation} GROUP BY ALL"
            ).fetchall():
                counts[host] = counts.get(host, 0) + rows * len(layout.value_columns)
        hosts = sorted(host for host in counts if host is not None)
        chosen = _chosen(hosts, [counts[host] for host in hosts])
        self.hosts_found, self.hosts_read = len(hosts), len(chosen)
        if len(chosen) == len(hosts):
            return parts, layout
        con.execute(
            "CREATE OR REPLACE TEMP TABLE telemetry_sampled AS SELECT unnest(?::VARCHAR[]) AS sampled",
            [[*chosen, None]],
        )
        sampled = []
        for place, (part, key) in enumerate(zip(parts, keys, strict=True)):
            rows = f"FROM {part.relation} SEMI JOIN telemetry_sampled ON {key} IS NOT DISTINCT FROM sampled"
            sampled.append(replace(part, relation=_copied(con, f"telemetry_hosts_{place}", rows)))
        return sampled, layout

    def _columns(self, con: duckdb.DuckDBPyConnection, parts: list[Part], layout: Layout) -> Layout:
        """The layout with every so-many-th column, where columns are hosts."""
        rows = sum(int(con.execute(f"SELECT count(*) FROM {part.relation}").fetchall()[0][0]) for part in parts)
        chosen = _chosen(sorted(layout.resources), [rows] * len(layout.resources))
        self.hosts_found, self.hosts_read = len(layout.resources), len(chosen)
        return replace(layout, resources=tuple(name for name in layout.resources if name in set(chosen)))


def _seconds(name: str) -> float:
    """Processor seconds that looking through a file takes, about. Raises TelemetryError where it is not what its name says."""
    if is_remote(name):
        return REMOTE_SECONDS
    kind = kind_of(name)
    try:
        size = Path(name).stat().st_size
    except OSError:  # gone since it was found: whoever reads it says so
        size = 0
    return FILE_SECONDS + size / BYTES_PER_SECOND["gzip" if name.lower().endswith(".gz") else kind]


def _chosen(hosts: Sequence[str], values: Sequence[int]) -> list[str]:
    """Every so-many-th host, so that all have MOST_VALUES at most; one in any case. values: of each host."""
    if sum(values) <= SMALL:
        return list(hosts)
    step = math.ceil(sum(values) / MOST_VALUES)
    chosen: list[str] = []
    left = MOST_VALUES
    for host, own in list(zip(hosts, values, strict=True))[::step]:
        if own <= left or not chosen:
            chosen.append(host)
            left -= own
    return chosen


def _copied(con: duckdb.DuckDBPyConnection, table: str, rows: str) -> str:
    """A temporary table of the rows of a query, so that all that follows sees the same ones; its name."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {rows}")
    return table
