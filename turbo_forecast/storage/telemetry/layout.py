"""Which column is what: asked for, or guessed where there is no doubt.

Belongs here: column names, guesses, ambiguities, long or wide.
Does not belong here: what a column's values mean (`clock`, `units`), or whether they are usable (`judgement`).
"""

from dataclasses import dataclass, field

import duckdb

from turbo_forecast.errors import SettingsError, TelemetryError
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.sources import Part
from turbo_forecast.storage.telemetry.sql import identifier, told

USUAL_NAMES = {
    "host_column": ("host_id", "host", "vm", "instance", "hostname"),
    "time_column": ("timestamp", "ts", "ds", "time", "date"),
    "resource_column": ("resource", "metric"),
    "value_column": ("value", "y"),
}
NUMERIC_TYPES = (
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"),
    *("UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL"),
)
SAMPLE_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns chosen. Long: `resource` and `value` are set; wide: `resources` are the value columns."""

    kind: str
    host: str
    time: str
    resource: str = ""
    value: str = ""
    resources: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    guesses: dict[str, str | list[str]] = field(default_factory=dict)

    @property
    def value_columns(self) -> tuple[str, ...]:
        """The columns values are in."""
        return (self.value,) if self.kind == "long" else self.resources

    @property
    def columns(self) -> dict[str, str | list[str]]:
        """What was chosen, under the names of the settings that would choose it."""
        chosen: dict[str, str | list[str]] = {"host_column": self.host, "time_column": self.time}
        if self.kind == "wide":
            return chosen | {"resources": list(self.resources)}
        return chosen | {"resource_column": self.resource, "value_column": self.value}


def is_numeric(dtype: str) -> bool:
    """Whether a DuckDB type holds plain numbers."""
    return dtype.split("(")[0] in NUMERIC_TYPES


def is_text(dtype: str) -> bool:
    """Whether a DuckDB type holds text."""
    return dtype == "VARCHAR" or dtype.startswith("ENUM")


def chosen_layout(con: duckdb.DuckDBPyConnection, parts: list[Part], settings: TelemetrySettings) -> Layout:
    """The layout of telemetry whose parts all have the same columns.

    Raises SettingsError when a column that was asked for is not there, and TelemetryError when a guess would
    be ambiguous or impossible; both list the candidates.
    """
    names = list(parts[0].columns)
    where = parts[0].names[0]
    guesses: dict[str, str | list[str]] = {}
    host = _required("host_column", names, settings, guesses, where)
    time = _required("time_column", names, settings, guesses, where)
    kind = settings.layout
    if kind == "auto":
        kind = guesses["layout"] = _guessed_kind(names, settings, where)
    if kind == "long":
        if settings.resources:
            raise SettingsError("resources lists value columns of the wide layout, but this telemetry is long")
        resource = _required("resource_column", names, settings, guesses, where)
        value = _required("value_column", names, settings, guesses, where)
        used = _distinct({"host": host, "time": time, "resource": resource, "value": value}, where)
        layout = Layout(kind, host, time, resource, value, ignored=_others(names, used), guesses=guesses)
    else:
        used = _distinct({"host": host, "time": time}, where)
        resources = _resources(con, parts, settings, used, guesses)
        layout = Layout(kind, host, time, "", "", resources, _others(names, (*used, *resources)), guesses)
    _refuse_valueless_types(parts, layout)
    return layout


def _distinct(roles: dict[str, str], where: str) -> tuple[str, ...]:
    for role, column in roles.items():
        for other, same in roles.items():
            if role < other and same == column:
                raise SettingsError(f"column {column} of {where} is meant as {role} and as {other}: set one of them")
    return tuple(roles.values())


def _others(names: list[str], used: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in used)


def _candidates(option: str, names: list[str]) -> list[str]:
    return [name for name in names if name.lower() in USUAL_NAMES[option]]


def _found(option: str, wanted: str, names: list[str], where: str) -> str:
    """The column a setting names: exactly, or without regard to case when that leaves one."""
    alike = [name for name in names if name == wanted] or [name for name in names if name.lower() == wanted.lower()]
    if len(alike) == 1:
        return alike[0]
    raise SettingsError(f"{option}: {where} has no column {wanted}; its columns are {', '.join(names)}")


def _required(
    option: str, names: list[str], settings: TelemetrySettings, guesses: dict[str, str | list[str]], where: str
) -> str:
    wanted: str = getattr(settings, option)
    if wanted:
        return _found(option, wanted, names, where)
    candidates = _candidates(option, names)
    what = option.removesuffix("_column")
    if len(candidates) > 1:
        raise TelemetryError(f"the {what} column of {where} could be {' or '.join(candidates)}: set {option} to one")
    if not candidates:
        raise TelemetryError(f"{where} has no column known as the {what}; set {option} to one of: {', '.join(names)}")
    guesses[option] = candidates[0]
    return candidates[0]


def _guessed_kind(names: list[str], settings: TelemetrySettings, where: str) -> str:
    resource = settings.resource_column or _candidates("resource_column", names)
    value = settings.value_column or _candidates("value_column", names)
    if settings.resources:
        return "wide"
    if resource and not value:
        raise TelemetryError(
            f"{where} has a resource column ({resource if isinstance(resource, str) else ', '.join(resource)}) but no "
            f"column known as the value: set value_column to one of: {', '.join(names)}, or set layout to wide"
        )
    return "long" if resource and value else "wide"


def _resources(
    con: duckdb.DuckDBPyConnection,
    parts: list[Part],
    settings: TelemetrySettings,
    used: tuple[str, ...],
    guesses: dict[str, str | list[str]],
) -> tuple[str, ...]:
    """The value columns of a wide layout."""
    names, where = list(parts[0].columns), parts[0].names[0]
    if settings.resources:
        found = [_found("resources", wanted, names, where) for wanted in settings.resources]
        wrong = [name for name in found if name in used or found.count(name) > 1]
        if wrong:
            raise SettingsError(f"resources: column {wrong[0]} of {where} is listed twice, or is the host or the time")
        return tuple(found)
    rest = [name for name in names if name not in used]
    text = [name for name in rest if all(is_text(part.columns[name]) for part in parts)]
    numbers = _mostly_numbers(con, parts, text)
    found = [name for name in rest if name in numbers or any(is_numeric(part.columns[name]) for part in parts)]
    if not found:
        raise TelemetryError(
            f"{where} has no numeric column beside {' and '.join(used)}; its columns are {', '.join(names)}: set "
            "resources (wide), or resource_column and value_column (long)"
        )
    guesses["resources"] = found
    return tuple(found)


def _mostly_numbers(con: duckdb.DuckDBPyConnection, parts: list[Part], columns: list[str]) -> set[str]:
    """Text columns (a CSV has no others) of which more than half of a sample is numbers; labels are not.

    Columns without any value in the sample are looked at whole, so that late beginners are not overlooked.
    """
    values, numbers = dict.fromkeys(columns, 0), dict.fromkeys(columns, 0)
    for limit in (f" LIMIT {SAMPLE_ROWS}", ""):
        unseen = [name for name in columns if not values[name]]
        for part in parts if unseen else []:
            quoted = ", ".join(identifier(name) for name in unseen)
            counts = ", ".join(
                f"count({told(identifier(name))}), count(TRY_CAST({told(identifier(name))} AS DOUBLE))"
                for name in unseen
            )
            row = con.execute(f"SELECT {counts} FROM (SELECT {quoted} FROM {part.relation}{limit})").fetchall()[0]
            for position, name in enumerate(unseen):
                values[name] += row[2 * position]
                numbers[name] += row[2 * position + 1]
    return {name for name in columns if numbers[name] > values[name] / 2}


def _refuse_valueless_types(parts: list[Part], layout: Layout) -> None:
    for part in parts:
        for name in layout.value_columns:
            dtype = part.columns[name]
            if not is_numeric(dtype) and not is_text(dtype):
                raise TelemetryError(f"column {name} of {part.names[0]} holds {dtype}, not numbers")
