"""A fleet's readings written as the files or the table of a dialect, and what is true of them.

Belongs here: rows, duplicates, rows that are no readings, files; the truth of all of them.
Does not belong here: how a cell is written (`cells`), which dialect it is (`dialects`).
"""

import gzip
import math
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from turbo_forecast_tests.storage.telemetry.cells import Row, Value, csv_text, time_columns, value_columns, write_typed
from turbo_forecast_tests.storage.telemetry.dialects import Dialect
from turbo_forecast_tests.storage.telemetry.fleets import Days, Reading, days_of, instant
from turbo_forecast_tests.storage.telemetry.traits import CLOCKS, DEVICES, NAMES

NO_NUMBERS = ("1_0", "0x10", "١٢", "12 apples", "1e400", "TRUE", "1.2.3", "½", "--", "inf", "-5", "12,5,0", "1 0 0 0 0")
NO_MEASUREMENTS = (math.inf, -math.inf, 1e308, -1.0)
NO_TIMES = (
    *("epoch", "infinity", "-infinity", "0001-01-01", "2000-01-01 (BC)", "0000-00-00", "now", "today", "2025-02-30"),
    *("2025-13-01", "99999-01-01", "25:00", "1e9", "2025-01-01 12:00:00 2025-01-02", "12", "0", "-1", "1970-01-01"),
)
NO_HOSTS = ("", "NA", "NaN", "null", " ", "None", "n/a", "\u00a0")


@dataclass(frozen=True, slots=True)
class Truth:
    """What must come of reading: the days, how many values they are of, and how many others were written."""

    days: Days
    values_of: dict[str, int]
    """Readings of each host that count."""
    rejected: int
    """Values that are there but cannot be used; empty cells not counted."""
    left_out: tuple[str, ...]
    """Columns that are to be named as left out."""

    @property
    def kept(self) -> int:
        """Readings that count."""
        return sum(self.values_of.values())

    def without(self, host: str) -> "Truth":
        """The truth where the rows of a host are all rejects."""
        days = {key: y for key, y in self.days.items() if key[0] != host}
        others = {name: values for name, values in self.values_of.items() if name != host}
        return replace(self, days=days, values_of=others, rejected=self.rejected + self.values_of[host])


def written(d: Dialect, folder: Path) -> tuple[Path, Truth]:
    """Write the telemetry of a dialect; return the path (or glob) to read and the truth."""
    random = Random(d.fleet.seed)
    readings = d.fleet.readings(twice=d.clock != "zone")
    part_of = _parts(d, readings)
    if d.late == "resource":
        readings = [r for r in readings if r.resource != d.fleet.resources[-1] or part_of(r.moment, r.host) != "0"]
    if d.device and d.fleet.seed % 2:  # an agent reads one device after the other
        delays = {resource: timedelta(seconds=3 * place) for place, resource in enumerate(d.fleet.resources)}
        readings = [replace(reading, moment=reading.moment + delays[reading.resource]) for reading in readings]
    rows = _rows(d, readings)
    twice = random.sample(rows, max(1, len(rows) // 20)) if d.duplicates else []
    copies = [row | {name: _copy(d, cell) for name, cell in _values(row).items()} for row in twice]
    repeated = sum(len(_values(row)) for row in twice)
    nothing = [row | dict.fromkeys(_values(row), Value(None)) for row in random.sample(rows, len(rows) // 30)]
    strays, lost, unusable = _strays(d, random, rows, twice)
    rejected = repeated + unusable
    if d.duplicates == "conflicting":
        lost |= {_key(d, row, column) for row in twice for column in _values(row)}
        rejected += repeated
    rows = rows + copies + nothing + strays
    if d.order != "sorted":
        rows.reverse() if d.order == "reversed" else random.shuffle(rows)
    files: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: part_of(row["@moment"], row["@host"])):  # stable: the order stays
        files.setdefault(part_of(row["@moment"], row["@host"]), []).append(row)
    path = _write(d, folder, files)
    true = [reading for reading in readings if (reading.host, reading.resource, instant(reading.moment)) not in lost]
    values_of = dict(Counter(reading.host for reading in true))
    left_out = [name for name in (d.label, "rack" if d.late == "label" else "") if name]
    return path, Truth(days_of(true, d.statistic_of), values_of, rejected, tuple(left_out))


def _copy(d: Dialect, cell: Value) -> Value:
    return cell if d.duplicates == "equal" else replace(cell, percent=((cell.percent or 0.0) + 50) % 100)


def _parts(d: Dialect, readings: list[Reading]) -> Callable[[datetime, str], str]:
    """The name of the file a row belongs to."""
    if d.files == "one a host":
        return lambda moment, host: host
    if d.files in ("months", "folders"):
        return lambda moment, host: f"{moment:%Y-%m}"
    if d.files == "thirds":
        moments = sorted({instant(reading.moment) for reading in readings})
        cuts = (moments[len(moments) // 3], moments[2 * len(moments) // 3])
        return lambda moment, host: str(sum(instant(moment) >= cut for cut in cuts))
    return lambda moment, host: "0"


def _rows(d: Dialect, readings: list[Reading]) -> list[Row]:
    """Rows with `@moment` and `@host`, which the writer takes away again."""
    rows: dict[tuple[Any, ...], Row] = {}
    host_name, _, resource_name, value_name = NAMES[d.names]
    for reading in readings:
        base, _, device = reading.resource.partition(":") if d.device else (reading.resource, "", "")
        by_host = () if d.layout == "hosts" else (reading.host,)
        by_resource = (device,) if d.layout.endswith("wide") else () if d.layout == "hosts" else (reading.resource,)
        row = rows.setdefault(
            (instant(reading.moment), *by_host, *by_resource), {"@moment": reading.moment, "@host": reading.host}
        )
        row["@device"] = device
        if by_host and not d.layout.startswith("file"):
            row[host_name] = reading.host
        row |= dict.fromkeys(time_columns(d), reading.moment)
        if d.device:
            row["device"] = device or None
        if d.layout in ("long", "file long"):
            row[resource_name] = base
        column = {"hosts": reading.host, "wide": base, "file wide": base}.get(d.layout, value_name)
        row[column] = Value(reading.percent, scale=2.0 if reading.resource == DEVICES[1] else 1.0)
        if d.label:
            row[d.label] = _label(d, reading, len(rows))
    return list(rows.values())


def _label(d: Dialect, reading: Reading, place: int) -> Any:
    place_of_host = d.fleet.hosts.index(reading.host)
    return {
        "os": ("Linux 6.1", "Windows, Server")[place_of_host % 2] if d.quoting != "none" else "Linux 6.1",
        "region": "eu-west-1",
        "cores": 8 + 8 * place_of_host,
        "note": f"job {place % 7}",
        "samples": 50 + place % 11,
        "empty": None,
    }[d.label]


def _values(row: Row) -> dict[str, Value]:
    """The cells of a row that hold a value, by column."""
    return {name: cell for name, cell in row.items() if isinstance(cell, Value) and cell.percent is not None}


def _key(d: Dialect, row: Row, column: str) -> tuple[str, str, datetime]:
    """The reading that a row has in a column."""
    host = column if d.layout == "hosts" else row["@host"]
    base = column if d.layout.endswith("wide") else row.get(NAMES[d.names][2], d.fleet.resources[0])
    return host, f"{base}:{row['@device']}" if row["@device"] else base, instant(row["@moment"])


def _strays(
    d: Dialect, random: Random, rows: list[Row], touched: list[Row]
) -> tuple[list[Row], set[tuple[str, str, datetime]], int]:
    """Rows that are no readings of the fleet, readings that are spoilt, and how many values cannot be used for it."""
    host_name = NAMES[d.names][0]
    row = random.choice([row for row in rows if all(row is not other for other in touched)])
    whole = row | dict.fromkeys(value_columns(d), Value(30.0))
    count = len(value_columns(d))
    if d.doubt == "a value that is none":
        name = random.choice(sorted(_values(row)))
        gone = _key(d, row, name)
        is_text = d.is_text or d.dtype == "text"
        row[name] = Value(None, random.choice(NO_NUMBERS if is_text else NO_MEASUREMENTS))
        return [], {gone}, 1
    if d.stray == "negative":
        name = random.choice(sorted(_values(row)))
        row[name] = Value(-3.0)
        return [], {_key(d, row, name)}, 1
    if d.stray == "future":
        return [whole | {"@moment": row["@moment"] + timedelta(days=730)}], set(), count
    if d.doubt == "a time that is none":
        time = random.choice((date(1, 1, 1), date(1700, 1, 1)) if CLOCKS[d.clock].typed else NO_TIMES)
        return [whole | {"@time": time}], set(), count
    if d.doubt == "total at the end":
        return [whole | {"@time": "", "@last": True, host_name: "Total"}], set(), count
    if d.stray == "lost host":
        return [whole | {host_name: random.choice(NO_HOSTS)}], set(), count
    return [], set(), 0


def _write(d: Dialect, folder: Path, files: dict[str, list[Row]]) -> Path:
    columns = _header(d, files)
    path = folder
    for place, (stem, rows) in enumerate(files.items()):
        kind = d.kind if d.kind != "csv+parquet" else ("csv", "parquet")[place % 2]
        names = columns[stem]
        inside = folder / stem if d.files == "folders" else folder
        inside.mkdir(parents=True, exist_ok=True)
        name = unicodedata.normalize("NFD" if d.spelling == "NFD" else "NFC", stem)
        path = inside / f"{name if d.files != 'folders' else 'telemetry'}.{kind}"
        if kind in ("parquet", "duckdb"):
            write_typed(d, path, names, rows, place)
        else:
            lines = csv_text(d, names, rows, place)
            content = lines.encode(d.encoding)
            path.write_bytes(gzip.compress(content) if kind == "csv.gz" else content)
    if d.files == "one":
        return path
    _write_more(d, path)
    return folder / "**" / "*.*" if d.fleet.seed % 3 == 0 else folder


def _write_more(d: Dialect, beside: Path) -> None:
    """The files of some doubts, which hold no telemetry or none that is to be read."""
    if d.doubt == "an empty file":
        beside.with_name(f"2025-12.{d.kind}").write_bytes(b"")
    if d.doubt == "a file without rows":
        header = (gzip.decompress if d.kind == "csv.gz" else bytes)(beside.read_bytes()).decode(d.encoding)
        content = header.split(d.line_end)[0].encode(d.encoding)
        beside.with_name(f"2025-12.{d.kind}").write_bytes(gzip.compress(content) if d.kind == "csv.gz" else content)
    if d.doubt == "temporary files":
        for folder in ("_temporary", ".hidden"):
            beside.parent.joinpath(folder).mkdir()
            beside.parent.joinpath(folder, beside.name).write_bytes(beside.read_bytes()[: beside.stat().st_size // 2])


def _header(d: Dialect, files: dict[str, list[Row]]) -> dict[str, list[str]]:
    """Each file's columns: all that any row has, without what begins after the first file."""
    everything = list(dict.fromkeys(name for rows in files.values() for row in rows for name in row if name[0] != "@"))
    found = {}
    for place, stem in enumerate(files):
        names = list(everything)
        if d.late == "resource" and not place:
            names.remove(d.fleet.resources[-1])
        if d.late == "label" and place:
            names.append("rack")
        if place % 2:
            names.reverse()
        found[stem] = names
    return found
