"""Which column is what: asked for, or guessed where there is no doubt.

Belongs here: column names, guesses, ambiguities, long or wide, options that contradict each other.
Does not belong here: what a column holds (`content`), what its values mean (`clock`, `units`), whether they are usable
(`validation`), and whether a column may be left out (`survey`).
"""

import re
from dataclasses import dataclass, field

import duckdb

from turbo_forecast.errors import SettingsError, TelemetryError
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.content import (
    all_columns,
    is_everywhere_text,
    is_numeric,
    is_text,
    mostly_numbers,
    names_in,
)
from turbo_forecast.storage.telemetry.messages import brief
from turbo_forecast.storage.telemetry.parts import Part
from turbo_forecast.storage.telemetry.wording import LONGEST_REPEATED
from turbo_forecast.storage.telemetry.wording import names as listed_names

USUAL_NAMES = {
    "host_column": ("host_id", "host", "vm", "instance", "hostname"),
    "time_column": ("timestamp", "ts", "ds", "time", "date"),
    "resource_column": ("resource", "metric"),
    "value_column": ("value", "y"),
}
NAMED_LIKE_A_TIME = re.compile(r"(\d{4}[-/.]\d{1,2}([-/.]\d{1,2})?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})([ T].*)?")
Guesses = dict[str, str | list[str]]


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns chosen. Long: `value` is set; wide: `resources` are the value columns, one per resource or host."""

    kind: str
    host: str
    """Empty where hosts are files or columns."""
    time: str
    resource: str = ""
    value: str = ""
    resources: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    """Columns that identify a host's resources, joined into the resource's name."""
    constant: str = ""
    """The resource's name where no column and no column's name states it."""
    hosts_in_columns: bool = False
    hosts_in_files: bool = False
    spare: tuple[str, ...] = ()
    """Columns with no role that nobody asked to leave out."""
    unasked: tuple[str, ...] = ()
    """Numeric columns that `resources` does not list."""
    ignored: tuple[str, ...] = ()
    """Those that were asked to be left out."""
    guesses: Guesses = field(default_factory=dict)

    @property
    def value_columns(self) -> tuple[str, ...]:
        """The columns values are in."""
        return (self.value,) if self.kind == "long" else self.resources

    @property
    def guessed_resources(self) -> tuple[str, ...]:
        """Value columns that nobody asked for."""
        return self.resources if "resources" in self.guesses else ()

    @property
    def columns(self) -> dict[str, str | list[str]]:
        """What was chosen, under the names of the settings that would choose it."""
        chosen: dict[str, str | list[str]] = {
            "host_column": self.host,
            "time_column": self.time,
            "resource_column": self.resource,
            "value_column": self.value,
            "resources": list(self.resources),
            "resource_columns": list(self.labels),
            "resource": self.constant,
            "columns": "hosts" if self.hosts_in_columns else "",
            "host_from": "file name" if self.hosts_in_files else "",
        }
        return {option: column for option, column in chosen.items() if column}


@dataclass(slots=True)
class _Search:
    """What is known while columns are chosen."""

    con: duckdb.DuckDBPyConnection
    parts: list[Part]
    settings: TelemetrySettings
    names: list[str]
    """Columns that may still get a role."""
    where: str
    guesses: Guesses = field(default_factory=dict)

    def found(self, option: str, wanted: str) -> str:
        """The column a setting names: exactly, or without regard to case when that leaves one."""
        every = all_columns(self.parts)
        alike = [n for n in every if n == wanted] or [n for n in every if n.casefold() == wanted.casefold()]
        if len(alike) == 1:
            return alike[0]
        raise SettingsError(
            f"{option}: {self.where} has no column {listed_names([wanted])}; its columns are {listed_names(every, 8)}"
        )

    def candidates(self, option: str) -> list[str]:
        """Columns of a usual name."""
        return [name for name in self.names if name.lower() in USUAL_NAMES[option]]


def chosen_layout(con: duckdb.DuckDBPyConnection, parts: list[Part], settings: TelemetrySettings) -> Layout:
    """The layout of telemetry whose parts all have the same columns.

    Raises SettingsError when a column that was asked for is not there or options contradict each other, and
    TelemetryError when a guess would be ambiguous or impossible; both list the candidates.
    """
    _refuse_contradictions(parts, settings)
    search = _Search(con, parts, settings, all_columns(parts), brief(parts[0].names[0]))
    ignored = tuple(search.found("ignore_columns", name) for name in settings.ignore_columns)
    labels = tuple(search.found("resource_columns", name) for name in settings.resource_columns)
    search.names = [name for name in search.names if name not in (*ignored, *labels)]
    host = "" if _has_no_host_column(settings) else _required(search, "host_column")
    time = _required(search, "time_column")
    taken = [("to be ignored", name) for name in ignored] + [("a resource column", name) for name in labels]
    taken += [(role, name) for role, name in (("host", host), ("time", time)) if name]
    _refuse_two_roles(taken, search.where)
    kind = _kind(search)
    resource, value, resources = _values(search, kind, taken)
    spare, unasked = _without_role(search, {name for _, name in taken} | {resource, value, *resources})
    layout = Layout(
        *(kind, host, time, resource, value, resources, labels, settings.resource),
        hosts_in_columns=settings.columns == "hosts",
        hosts_in_files=settings.host_from == "file name",
        spare=spare,
        unasked=unasked,
        ignored=ignored,
        guesses=search.guesses,
    )
    _refuse_valueless_types(parts, layout)
    return layout


def _values(search: _Search, kind: str, taken: list[tuple[str, str]]) -> tuple[str, str, tuple[str, ...]]:
    """The resource's column and the value's (long), or the value columns (wide); empty where there is none."""
    settings, others = search.settings, [name for _, name in taken]
    if kind == "wide":
        resource = search.found("resource_column", settings.resource_column) if settings.resource_column else ""
        named = [*taken, ("resource", resource)] if resource else taken
        _refuse_two_roles(named, search.where)
        return resource, "", _resources(search, [name for _, name in named])
    resource = "" if settings.resource else _required(search, "resource_column")
    value = _value(search, others) if settings.resource else _required(search, "value_column")
    named = [("resource", resource), ("value", value)] if resource else [("value", value)]
    _refuse_two_roles([*taken, *named], search.where)
    return resource, value, ()


def _without_role(search: _Search, used: set[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Columns that have no role; apart from them, columns of numbers that `resources` might have listed."""
    rest = [name for name in all_columns(search.parts) if name not in used]
    if not search.settings.resources:
        return tuple(rest), ()
    text = [name for name in rest if is_everywhere_text(search.parts, name)]
    numbers = mostly_numbers(search.con, search.parts, text, search.settings)
    numbers |= {n for n in rest if any(is_numeric(part.columns.get(n, "")) for part in search.parts)}
    return tuple(n for n in rest if n not in numbers), tuple(n for n in rest if n in numbers)


def _has_no_host_column(settings: TelemetrySettings) -> bool:
    return settings.columns == "hosts" or settings.host_from == "file name"


def _refuse_contradictions(parts: list[Part], settings: TelemetrySettings) -> None:
    """SettingsError for options that make no sense together, whatever the telemetry."""
    hosts, files = settings.columns == "hosts", settings.host_from == "file name"
    rules = (
        (hosts and files, "columns: hosts and host_from: file name are both set: a host is a column or a file"),
        (hosts and settings.host_column, "host_column is set, but columns: hosts makes each column a host"),
        (files and settings.host_column, "host_column is set, but host_from: file name takes the host from the file"),
        (files and any(part.kind == "table" for part in parts), "host_from: file name needs files, not a DuckDB table"),
        (
            hosts and not (settings.resource or settings.resource_column),
            "columns: hosts needs resource: the name of what the columns hold, such as resource: cpu",
        ),
        (hosts and settings.layout == "long", "columns: hosts is a wide layout, but layout is long"),
        (hosts and settings.value_column, "value_column is set, but columns: hosts makes each column a host's values"),
        (hosts and settings.resources, "resources is set, but columns: hosts: leave columns out with ignore_columns"),
        (
            settings.resource and settings.resource_column,
            "resource and resource_column are both set: the resource has one name, or a column names it",
        ),
        (
            settings.resource and settings.resources and not hosts,
            "resource names one value column, but resources lists columns that have names: set one of them",
        ),
        (
            settings.layout == "wide" and settings.value_column and not settings.resource,
            "value_column is set, but layout is wide: list the value columns in resources",
        ),
        (
            settings.layout == "wide" and settings.resource_column and not hosts,
            "resource_column is set, but layout is wide: list it in resource_columns to join it into resources' names",
        ),
    )
    for wrong, sentence in rules:
        if wrong:
            raise SettingsError(sentence)


def _refuse_two_roles(taken: list[tuple[str, str]], where: str) -> None:
    for place, (role, column) in enumerate(taken):
        for other, same in taken[:place]:
            if same == column:
                raise SettingsError(
                    f"column {listed_names([column])} of {where} is meant as {other} and as {role}: set one of them"
                )


def _required(search: _Search, option: str) -> str:
    wanted: str = getattr(search.settings, option)
    if wanted:
        return search.found(option, wanted)
    candidates, what = search.candidates(option), option.removesuffix("_column")
    if len(candidates) > 1:
        raise TelemetryError(
            f"the {what} column of {search.where} could be {' or '.join(candidates[:5])}: set {option} to one"
        )
    if not candidates:
        if times := [name for name in search.names if NAMED_LIKE_A_TIME.fullmatch(name)]:
            raise TelemetryError(
                f"{search.where} has no column known as the {what}, but columns named {listed_names(times, 3, longest=40)}: "
                "if they are days, export a row per reading instead of a column per day; if they are the first row's "
                "values, write a header above it"
            )
        advice = _host_advice(search) if what == "host" else f"set {option} to one of: {listed_names(search.names, 8)}"
        raise TelemetryError(f"{search.where} has no column known as the {what}; {advice}")
    search.guesses[option] = candidates[0]
    return candidates[0]


def _host_advice(search: _Search) -> str:
    """How to say which host a row is of: columns of names alone can be it, else the file or the value columns."""
    candidates = names_in(search.con, search.parts, search.names, search.settings)
    timeless = [name for name in search.names if name.lower() not in USUAL_NAMES["time_column"]]
    ways = [f"host_column to one of: {listed_names(candidates, 8)}"] if candidates else []
    if all(part.kind != "table" for part in search.parts):
        ways.append("host_from: file name (one file a host)")
    if len(timeless) - len(candidates) > 1:
        ways.append("columns: hosts and resource (a column a host)")
    return f"set {' or '.join(ways)}" if ways else f"its columns are {listed_names(search.names, 8)}"


def _kind(search: _Search) -> str:
    """long or wide: as asked, as the options imply, or as the columns' names do."""
    settings = search.settings
    if settings.resource and settings.columns != "hosts":
        named = search.candidates("resource_column")
        if named:
            raise SettingsError(
                f"resource is set, but {search.where} names resources in column {named[0]}: leave resource out, or set "
                f"ignore_columns: [{named[0]}]"
            )
        return "long"
    if settings.columns == "hosts":
        return "wide"
    if settings.layout == "long" and settings.resources:
        raise SettingsError("resources lists value columns of the wide layout, but this telemetry is long")
    if settings.layout != "auto":
        return settings.layout
    kind = search.guesses["layout"] = _guessed_kind(search)
    if kind == "wide" and settings.value_column:
        raise SettingsError(
            f"value_column is set, but {search.where} has no column known as the resource: set resource_column, or "
            "resource to the name of what the values are"
        )
    return kind


def _guessed_kind(search: _Search) -> str:
    settings = search.settings
    resource = settings.resource_column or search.candidates("resource_column")
    value = settings.value_column or search.candidates("value_column")
    if settings.resources:
        return "wide"
    if resource and not value:
        raise TelemetryError(
            f"{search.where} has a resource column ({resource if isinstance(resource, str) else ', '.join(resource)}) "
            f"but no column known as the value: set value_column to one of: {listed_names(search.names, 8)}, or set "
            "layout to wide"
        )
    return "long" if resource and value else "wide"


def _value(search: _Search, taken: list[str]) -> str:
    """The one value column of telemetry that names no resource."""
    if search.settings.value_column or search.candidates("value_column"):
        return _required(search, "value_column")
    numeric = _numeric(search, taken)
    if len(numeric) != 1:
        said = f"has value columns {listed_names(numeric, 8)}" if numeric else "has no numeric column"
        raise TelemetryError(
            f"resource: {listed_names([search.settings.resource])} names one value column, but {search.where} {said}: set value_column"
        )
    search.guesses["value_column"] = numeric[0]
    return numeric[0]


def _numeric(search: _Search, taken: list[str]) -> list[str]:
    """Columns without a role that hold numbers, in whatever notation."""
    rest = [name for name in search.names if name not in taken and name not in search.parts[0].labels]
    text = [name for name in rest if is_everywhere_text(search.parts, name)]
    numbers = mostly_numbers(search.con, search.parts, text, search.settings)
    return [n for n in rest if n in numbers or any(is_numeric(part.columns.get(n, "")) for part in search.parts)]


def _resources(search: _Search, taken: list[str]) -> tuple[str, ...]:
    """The value columns of a wide layout."""
    if search.settings.resources:
        found = [search.found("resources", wanted) for wanted in search.settings.resources]
        wrong = [name for name in found if name in taken or found.count(name) > 1]
        if wrong:
            raise SettingsError(
                f"resources: column {listed_names(wrong[:1])} of {search.where} is listed twice, or has another role"
            )
        return tuple(found)
    found = _numeric(search, taken)
    if not found:
        beside = listed_names(taken, 3, longest=40, each=LONGEST_REPEATED).replace(", ", " and ", len(taken) == 2)
        raise TelemetryError(
            f"{search.where} has no numeric column beside {beside}; its columns are "
            f"{listed_names(all_columns(search.parts), 8, longest=60)}: set resources (wide), or resource_column and value_column "
            "(long)"
        )
    search.guesses["resources"] = found
    return tuple(found)


def _refuse_valueless_types(parts: list[Part], layout: Layout) -> None:
    for part in parts:
        for name in layout.value_columns:
            dtype = part.columns.get(name, "DOUBLE")
            if not is_numeric(dtype) and not is_text(dtype):
                raise TelemetryError(
                    f"column {listed_names([name])} of {brief(part.names[0])} holds {dtype[:40]}, not numbers"
                )
        if layout.host:
            dtype = part.columns.get(layout.host, "VARCHAR")
            if not is_numeric(dtype) and not is_text(dtype) and dtype not in ("UUID", "BLOB"):
                raise TelemetryError(
                    f"column {listed_names([layout.host])} of {brief(part.names[0])} holds {dtype[:40]}, not hosts' "
                    "names: set host_column to the column that does"
                )
