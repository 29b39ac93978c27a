"""Files that read alike, as one part: a table expression and its columns; parts of different columns made one.

Belongs here: parts, and columns that only some of them have. Does not belong here: how they come about (`sources`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from turbo_forecast.errors import TelemetryError
from turbo_forecast.storage.telemetry.messages import brief, enumerated
from turbo_forecast.storage.telemetry.sql import identifier
from turbo_forecast.storage.telemetry.wording import shown

FILE_COLUMN = "telemetry_source_file"
NO_TYPE = '"NULL"'
"""DuckDB's type of a Parquet column that never had a value."""
Columns = dict[str, str]
"""Column name to DuckDB type, in order."""


@dataclass(frozen=True, slots=True)
class Part:
    """Files with the same columns, types and dialect, read by one table expression; or one database table."""

    relation: str
    """A DuckDB table expression."""
    source: str
    """A DuckDB expression: the name of the file (or table) a row came from, as it may be shown."""
    columns: Columns
    names: tuple[str, ...]
    """The files, or the table, by the name they go by in messages."""
    kind: str
    """parquet, csv or table."""
    paths: tuple[str, ...] = ()
    """Where local files are, in the order of `names`."""
    absent: frozenset[str] = frozenset()
    """Columns that other parts have and this one does not: null here."""
    labels: frozenset[str] = frozenset()
    """Columns made of folders' names in any of the parts: they say what rows are of, never a value."""


def united(parts: Sequence[Part], *, may_differ: bool, ignored: Sequence[str]) -> tuple[list[Part], list[str]]:
    """The parts, each with every column any of them has (null where it has none), and a note on each such column.

    Raises TelemetryError for files that do not belong together: files belong together if the columns of one are all
    among the other's, or a chain of such files leads from one to the other, as in an export that gains and loses
    columns over the months. `may_differ` lets any columns do.
    """
    if not may_differ:
        _refuse_strangers(parts, {name.casefold() for name in ignored})
    every: dict[str, tuple[str, str]] = {}
    for part in parts:
        for name, dtype in part.columns.items():
            known = every.get(name.casefold())
            if known is None or known[1] == NO_TYPE:
                every[name.casefold()] = (known[0] if known else name, dtype)
    labels = frozenset(every[name.casefold()][0] for part in parts for name in part.labels)
    completed = [_completed(replace(part, labels=labels), dict(every.values())) for part in parts]
    return completed, _notes(completed)


def _completed(part: Part, every: Columns) -> Part:
    """The part with every column, spelled as in the others: DuckDB takes `KÖLN` and `köln` for two, `CPU` and `cpu` for one."""
    own = {name.casefold(): (name, dtype) for name, dtype in part.columns.items()}
    columns, selected, left = {}, [], []
    for name, dtype in every.items():
        spelled, here = own.get(name.casefold(), ("", None))
        wanted = "VARCHAR" if dtype == NO_TYPE else dtype
        columns[name] = wanted if here in (None, NO_TYPE) else str(here)
        if here in (None, NO_TYPE):
            selected.append(f"CAST(NULL AS {wanted}) AS {identifier(name)}")
        elif spelled != name:
            selected.append(f"{identifier(spelled)} AS {identifier(name)}")
        if spelled and (here == NO_TYPE or spelled != name):
            left.append(identifier(spelled))
    absent = frozenset(name for name in every if name.casefold() not in own)
    star = f"* EXCLUDE ({', '.join(left)})" if left else "*"
    relation = f"(SELECT {', '.join([star, *selected])} FROM {part.relation})" if selected else part.relation
    return replace(part, relation=relation, columns=columns, absent=absent)


def _notes(parts: Sequence[Part]) -> list[str]:
    without: dict[str, list[str]] = {}
    for part in parts:
        for name in part.absent:
            without.setdefault(name, []).extend(part.names)
    return [
        f"column {shown(name)} is not in {enumerated([brief(file) for file in sorted(files)])}: no values of it there"
        for name, files in without.items()
    ]


def _refuse_strangers(parts: Sequence[Part], ignored: set[str]) -> None:
    sets = [frozenset(name.casefold() for name in part.columns) - ignored for part in parts]
    together, rest = {0}, set(range(1, len(sets)))
    while rest:
        near = {new for new in rest if any(sets[new] <= sets[old] or sets[old] <= sets[new] for old in together)}
        if not near:
            break
        together, rest = together | near, rest - near
    if not rest:
        return
    first, other = parts[0], parts[min(rest)]
    raise TelemetryError(
        f"files have different columns: {brief(first.names[0], 45)} has {_lacking(first, other)}"
        f" but {brief(other.names[0], 45)} has {_lacking(other, first)} instead; name columns alike, or give one kind of file"
    )


def _lacking(part: Part, other: Part) -> str:
    theirs = {name.casefold() for name in other.columns}
    return enumerated([name for name in part.columns if name.casefold() not in theirs], 30)
