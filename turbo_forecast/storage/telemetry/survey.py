"""A first pass before any value is read: which hosts and resources there are, and how columns without a role vary.

Belongs here: hosts' and resources' names over all files, and whether a column may be left out by itself.
Does not belong here: how one name is cleaned (`name_cleaning`), which columns have a role (`layout`), values (`values`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from turbo_forecast.errors import TelemetryError
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.content import is_named_like_a_label, is_numeric, is_whole
from turbo_forecast.storage.telemetry.layout import Layout
from turbo_forecast.storage.telemetry.messages import brief
from turbo_forecast.storage.telemetry.name_cleaning import alike, clean
from turbo_forecast.storage.telemetry.part_names import PartNames, refuse_two_kinds_of_ids
from turbo_forecast.storage.telemetry.parts import Part
from turbo_forecast.storage.telemetry.sql import NULL_STRINGS, identifier
from turbo_forecast.storage.telemetry.wording import fitting, quoted, shown
from turbo_forecast.storage.telemetry.wording import names as listed_names

LONGEST_COMPARED = 1000
"""Characters of a label that are compared: no label is longer."""
NUMBER_WITH_UNIT = re.compile(r"[-+(]?\d[\d.,]*\s*[^\d\s]{1,6}")
Key = tuple[str | None, str | None, tuple[str | None, ...]]


@dataclass(frozen=True, slots=True)
class Names:
    """How one part's rows get their names: as they stand, or by a join with `table`."""

    table: str
    """Empty where every name is used as it stands."""
    keys: tuple[str, ...]
    """DuckDB expressions over a row that the table's columns telemetry_k0, telemetry_k1, … are equal to."""


@dataclass(slots=True)
class Survey:
    """What the pass found."""

    names: list[Names] = field(default_factory=list)
    """Per part."""
    columns: dict[str, str] = field(default_factory=dict)
    """For value columns: the host or resource that each is."""
    resources: dict[str, str] = field(default_factory=dict)
    """Every resource's full name, with the name it has without resource columns."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Columns that are not used, with the reason."""
    changed_names: set[tuple[str, str]] = field(default_factory=set)
    """Names that are not as found, with what they became: trimmed, composed (NFC), or a whole number written as a decimal."""
    look_alikes: list[str] = field(default_factory=list)
    """Groups of hosts that differ in case, width, invisible characters or leading zeros only."""
    hosts_are_numbers: bool = False
    series: int = 0
    """Distinct keys over all parts; `rows` are theirs."""
    rows: int = 0


def surveyed(con: duckdb.DuckDBPyConnection, parts: list[Part], layout: Layout, settings: TelemetrySettings) -> Survey:
    """Look once at who the rows are of.

    Raises TelemetryError for a column that has no role but varies within a host, and for names that cannot be told
    apart or put together.
    """
    survey = Survey()
    watched = [*layout.spare, *_suspects(con, parts, layout, settings)]
    groups = [_grouped(con, place, part, layout, watched) for place, part in enumerate(parts)]
    named = [PartNames.of(part, layout, rows) for part, (rows, _) in zip(parts, groups, strict=True)]
    refuse_two_kinds_of_ids(named, layout)
    survey.columns = _column_names(parts, layout)
    for place, (part, (rows, facts), own) in enumerate(zip(parts, groups, named, strict=True)):
        survey.names.append(_stored(con, place, part, layout, rows, own))
        survey.rows += sum(count for count, *_ in facts)
    _count(survey, layout, named)
    survey.left_out = _left_out(parts, layout, watched, groups, named)
    return survey


def key_expressions(part: Part, layout: Layout) -> list[str]:
    """The key of a series, as DuckDB expressions: host, resource, resource columns, if there."""
    columns = [name for name in (layout.host, layout.resource, *layout.labels) if name]
    found = [identifier(name) if name in part.columns else "NULL" for name in columns]
    return [part.source, *found] if layout.hosts_in_files else found


def _suspects(
    con: duckdb.DuckDBPyConnection, parts: list[Part], layout: Layout, settings: TelemetrySettings
) -> list[str]:
    """Columns of whole numbers that would be resources (or left out) but are named like a device's or a row's number."""
    named = [name for name in (*layout.guessed_resources, *layout.unasked) if is_named_like_a_label(name)]
    return [name for name in named if is_whole(con, parts, name, settings)]


def _grouped(
    con: duckdb.DuckDBPyConnection, place: int, part: Part, layout: Layout, watched: list[str]
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """A part's distinct keys; and for each of them its rows, then lowest, highest and number of each watched column."""
    keys = key_expressions(part, layout)
    selected = [f"{key} AS k{number}" for number, key in enumerate(keys)]
    facts = ["count(*) AS rows"]
    for number, name in enumerate(watched):
        column = identifier(name) if name in part.columns else "NULL"
        dtype = part.columns.get(name, "NULL")
        comparable = column if is_numeric(dtype) or dtype == "VARCHAR" else f"CAST({column} AS VARCHAR)"
        for function in ("min", "max"):
            facts.append(f"left(CAST({function}({comparable}) AS VARCHAR), {LONGEST_COMPARED}) AS {function}{number}")
        facts.append(f"count({column}) AS count{number}")
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE telemetry_survey_{place} AS
        SELECT row_number() OVER () AS id, * FROM (
            SELECT {", ".join([*selected, *facts])} FROM {part.relation}
            {f"GROUP BY {', '.join(f'k{number}' for number in range(len(keys)))}" if keys else ""}
        )
    """)
    rows = con.execute(f"SELECT * EXCLUDE (id) FROM telemetry_survey_{place} ORDER BY id").fetchall()
    return [row[: len(keys)] for row in rows], [row[len(keys) :] for row in rows]


def _column_names(parts: list[Part], layout: Layout) -> dict[str, str]:
    """Each value column's host or resource, where columns are that."""
    if layout.kind == "long":
        return {}
    what = "host" if layout.hosts_in_columns else "resource"
    found: dict[str, str] = {}
    for column in layout.resources:
        name = clean(column)
        if name is None:
            raise TelemetryError(
                f"column {quoted(column)} of {brief(parts[0].names[0])} is no name for a {what}: rename it, or set "
                "ignore_columns to leave it out"
            )
        other = next((earlier for earlier, same in found.items() if same == name), None)
        if other is not None:
            raise TelemetryError(
                f"columns {quoted(other)} and {quoted(column)} of {brief(parts[0].names[0])} are the same {what} once "
                "white space is trimmed: rename one, or list one in ignore_columns"
            )
        found[column] = name
    return found


def _stored(
    con: duckdb.DuckDBPyConnection, place: int, part: Part, layout: Layout, rows: list[tuple[Any, ...]], own: PartNames
) -> Names:
    """The names of a part's rows as a table to join; none where every name is used as it stands."""
    keys = tuple(key_expressions(part, layout))
    if own.as_they_stand:
        return Names("", keys)
    ids = pa.array(range(1, len(rows) + 1), pa.int64())
    text = pa.string()
    named = pa.table(
        {
            "id": ids,
            "telemetry_host": pa.array(own.hosts, text),
            "telemetry_resource": pa.array(own.resources, text),
            "telemetry_suffix": pa.array(own.suffixes, text),
        }
    )
    con.register("telemetry_named", named)
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE telemetry_names_{place} AS
        SELECT * EXCLUDE (id)
        FROM (SELECT id{"".join(f", k{number} AS telemetry_k{number}" for number in range(len(keys)))} FROM telemetry_survey_{place}) AS s
        JOIN telemetry_named AS n USING (id)
    """)
    con.unregister("telemetry_named")
    return Names(f"telemetry_names_{place}", keys)


def _count(survey: Survey, layout: Layout, named: list[PartNames]) -> None:
    """Fill in hosts, resources, changed names and look-alikes. Raises TelemetryError for two resources of one name."""
    hosts = {host for own in named for host in own.hosts if host is not None}
    bases: dict[str, tuple[str, tuple[str | None, ...]]] = {}
    for own in named:
        for resource, labels, suffix in zip(own.resources, own.labels, own.suffixes, strict=True):
            if suffix is None:
                continue
            own_base = resource if layout.resource else layout.constant
            for base in _bases(survey, layout, own_base):
                known = bases.setdefault(base + suffix, (base, labels))
                if known != (base, labels):
                    raise TelemetryError(
                        f"two resources would both be named {quoted(base + suffix)}, as a name or a value of "
                        f"{listed_names(layout.labels)} holds ':': change it in the export, or leave a resource column "
                        "out"
                    )
    survey.resources = {full: base for full, (base, _) in bases.items()}
    if layout.hosts_in_columns:
        hosts |= set(survey.columns.values())
    survey.hosts_are_numbers = all(re.fullmatch(r"-?[0-9]*\.?[0-9]*", host) for host in hosts)
    survey.series = sum(len(own.hosts) for own in named)
    survey.changed_names = {pair for own in named for pair in own.changed}
    survey.changed_names |= {(column, name) for column, name in survey.columns.items() if column != name}
    folded: dict[str, list[str]] = {}
    for host in sorted(hosts):
        folded.setdefault(alike(host), []).append(host)
    survey.look_alikes = [" and ".join(group) for group in folded.values() if len(group) > 1]


def _bases(survey: Survey, layout: Layout, own_base: str | None) -> list[str]:
    if layout.kind == "wide" and not layout.hosts_in_columns:
        return list(survey.columns.values())
    base = own_base or ""
    return [base] if base else []


def _left_out(
    parts: list[Part],
    layout: Layout,
    watched: list[str],
    groups: list[tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]],
    named: list[PartNames],
) -> dict[str, str]:
    """Why each column without a role may be left out. Raises TelemetryError for those that vary within a host."""
    reasons = dict.fromkeys(layout.ignored, "as asked (ignore_columns)")
    reasons |= dict.fromkeys(layout.unasked, "not listed in resources")
    varying: dict[str, tuple[str, list[str]]] = {}
    for number, name in enumerate(watched):
        seen: dict[Key, set[str | None]] = {}
        for part, (_, facts), own in zip(parts, groups, named, strict=True):
            if name not in part.absent:  # where a column is not there, rows say nothing of it
                for key, low, high, some_null in _facts_of(own, facts, number, layout):
                    seen.setdefault(key, set()).update({low, high} | ({None} if some_null else set()))
        several = {key: values for key, values in seen.items() if len(values) > 1}
        if several:
            key = min(several, key=str)
            varying[name] = (key[0] or "all rows", sorted(str(value or "nothing") for value in several[key]))
        elif name in layout.spare:
            empty = all(values <= {None} for values in seen.values())
            reasons[name] = "no value in it" if empty else f"the same for all rows of a {_series(layout)}"
    if varying:
        _refuse_varying(parts, layout, varying)
    return reasons


def _series(layout: Layout) -> str:
    return "host and resource" if layout.resource or layout.labels else "host"


def _facts_of(
    own: PartNames, facts: list[tuple[Any, ...]], number: int, layout: Layout
) -> Iterator[tuple[Key, str | None, str | None, bool]]:
    """For each series of a part: lowest and highest value of a watched column, and whether it is partly empty."""
    for place, row in enumerate(facts):
        host, resource, labels = own.hosts[place], own.resources[place], own.labels[place]
        if (host is None and not layout.hosts_in_columns) or (layout.resource and resource is None):
            continue  # these rows are rejected
        low, high, count = row[1 + 3 * number : 4 + 3 * number]
        yield (host, resource, labels), _same(low), _same(high), count < row[0]


def _same(value: str | None) -> str | None:
    """One text for a label in files of different types: 1 and 1.0 are the same, and so are all ways to say nothing."""
    said = (value or "").rstrip(" ").removesuffix(".0")
    return None if said.strip().lower() in NULL_STRINGS else said


def _refuse_varying(parts: list[Part], layout: Layout, varying: dict[str, tuple[str, list[str]]]) -> None:
    name = next(iter(varying))
    values = varying[name][1]
    or_value = ", or list it in resources if it is one" if name not in layout.spare else ""
    if all(NUMBER_WITH_UNIT.fullmatch(value) for value in values):
        or_value = "; if it is a measurement, export it as plain numbers"
    raise TelemetryError(fitting(*(_varying(parts, varying, or_value, longest) for longest in (40, 20, 12))))


def _varying(parts: list[Part], varying: dict[str, tuple[str, list[str]]], or_value: str, longest: int) -> str:
    """The sentence with names of at most `longest` characters."""
    name, *further = varying
    host, values = varying[name]
    others = f" (and {listed_names(further, 3, longest=2 * longest, each=longest)})" if further else ""
    both = listed_names(varying, 3, longest=2 * longest, each=longest)
    file = next(part.names[0] for part in parts if name not in part.absent)
    some = ", ".join(f"'{shown(value, min(longest, 20))}'" for value in values[:2])
    return (
        f"column {shown(name, longest)}{others} of {brief(file, 20 + longest)} varies within host "
        f"'{shown(host, longest)}' ({some}): set resource_columns: [{both}] if it tells resources apart, else "
        f"ignore_columns: [{both}]{or_value}"
    )
