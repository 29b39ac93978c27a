"""sysstat's `sadf -d`, the CSV of what `sar` recorded.

Follows the manual pages sadf(1) and sar(1) of sysstat 11 to 12.7: fields separated by `;`, a header line that starts with `#`
before each kind of statistics and again after a restart, restarts and comments as lines of their own with interval -1.

Belongs here: which statistics are percent of capacity. Does not belong here: what percent means (`units`).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from turbo_forecast.errors import SettingsError, TelemetryError
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.presets.export import (
    Export,
    Rewritten,
    not_of_kind,
    refuse_options,
    refuse_ragged,
)
from turbo_forecast.storage.telemetry.presets.tables import KNOWS_LAYOUT, NO_LAYOUT
from turbo_forecast.storage.telemetry.wording import names, quoted

TITLE = "sadf -d output"
START = ("hostname", "interval", "timestamp")
COLUMNS = ("host", "resource", "device", "time", "value")
SPECIAL = re.compile(r"LINUX-RESTART\b.*|COM(?:\s.*)?", re.DOTALL)
"""A line about a restart, or a person's comment."""
WHOLE = ("-1", "all")
"""What sadf calls all processors together."""


@dataclass(frozen=True, slots=True)
class Statistic:
    """A column of sadf's that is percent of capacity."""

    resource: str
    column: str
    devices: tuple[str, ...] = ()
    """The column beside it that says of which device it is; one of these names, by sysstat's release."""
    is_idle: bool = False
    """Whether it says what is left, not what is used."""


STATISTICS = (
    Statistic("cpu", "%idle", ("CPU",), is_idle=True),
    Statistic("memory", "%memused"),
    Statistic("swap", "%swpused"),
    Statistic("disk", "%util", ("DEV",)),
    Statistic("network", "%ifutil", ("IFACE",)),
    Statistic("filesystem", "%fsused", ("FILESYSTEM", "MOUNTPOINT")),
)


def looks_like(head: Sequence[Sequence[str]]) -> bool:
    """Whether one of its lines is sadf's header, however a decimal comma has cut it."""
    return any(fields[0].lstrip("# ").startswith(";".join(START)) or _header(fields) for fields in head)


def rewritten(export: Export, settings: TelemetrySettings) -> Rewritten:
    """A row a percentage. `resources` chooses of `STATISTICS`. Errors as `Preset.rewritten`."""
    refuse_options(settings, ("host_column", "resource_column", "value_column", "time_column"), KNOWS_LAYOUT)
    refuse_options(settings, ("resource", "resource_columns", "series_name", *NO_LAYOUT), KNOWS_LAYOUT)
    refuse_options(settings, ("host_from", "ignore_columns"), f"{KNOWS_LAYOUT}; resources says which are read")
    known = [each.resource for each in STATISTICS]
    if unknown := [name for name in settings.resources if name not in known]:
        raise SettingsError(f"resources: preset: sadf knows no {names(unknown)}; it reads {', '.join(known)}")
    wanted = [each for each in STATISTICS if each.resource in settings.resources or not settings.resources]
    options: dict[str, object] = {
        "layout": "long",
        "host_column": "host",
        "resource_column": "resource",
        "resource_columns": ["device"],
        "time_column": "time",
        "value_column": "value",
        "resources": [],
        "decimal": ".",
        "thousands": "",
    }
    result = Rewritten(COLUMNS, (), options)
    result.rows = _rows(replace(export, delimiter=";"), wanted, result)
    return result


def _rows(export: Export, wanted: Sequence[Statistic], result: Rewritten) -> Iterator[Sequence[str]]:
    header: list[str] | None = None
    left_out: dict[str, None] = {}
    found = False
    for number, fields in export.records():
        if named := _header(fields):
            header = named
            _refuse_horizontal(header, export)
            used = {each.column for each in wanted} | {name for each in wanted for name in each.devices}
            left_out |= dict.fromkeys(name for name in header[len(START) :] if name not in used)
        elif len(fields) > len(START) and SPECIAL.fullmatch(fields[3]):
            result.left_out["restart" if fields[3].startswith("LINUX") else "comment"] += 1
        elif header is None:
            raise not_of_kind(export, TITLE, "no line '# hostname;interval;timestamp;…' stands above its first row")
        else:
            refuse_ragged(number, fields, len(header), export)
            for row in _values(dict(zip(header, fields, strict=False)), wanted, export):
                found = True
                yield row
    if header is None:
        raise not_of_kind(export, TITLE, "it has no line '# hostname;interval;timestamp;…'")
    if not found:
        raise TelemetryError(
            f"{export.where} has none of the columns {', '.join(each.column for each in wanted)}: export them with "
            "sadf -d … -- -u -r -d, say"
        )
    if left_out:
        result.notes.append(f"left out columns {names(left_out, 12)}, which are no resource")


def _header(fields: Sequence[str]) -> list[str] | None:
    """The column names of a header line, None for any other line."""
    columns = [fields[0].lstrip("# "), *fields[1:]]
    return columns if tuple(columns[:3]) == START else None


def _refuse_horizontal(header: Sequence[str], export: Export) -> None:
    if any(name.endswith("[...]") for name in header) or len(set(header)) < len(header):
        raise TelemetryError(
            f"{export.where} was written by sadf -h, with all statistics and devices on one line: export without -h"
        )


def _values(row: dict[str, str], wanted: Sequence[Statistic], export: Export) -> Iterator[Sequence[str]]:
    for each in wanted:
        device = next((row[name] for name in each.devices if name in row), None)
        if each.column not in row or (each.devices and device is None):
            continue
        label = "" if device is None or (each.resource == "cpu" and device in WHOLE) else device
        value = row[each.column].replace(",", ".")
        yield row["hostname"], each.resource, label, row["timestamp"], _used(value, each, export)


def _used(text: str, statistic: Statistic, export: Export) -> str:
    """The percentage in use: what a column of idle percent leaves of 100, to the last digit."""
    if not statistic.is_idle:
        return "" if text.endswith("nan") else text
    try:
        idle = Decimal(text)
    except InvalidOperation:
        if not text:
            return ""
        raise TelemetryError(
            f"column {statistic.column} of {export.where} holds {quoted(text)}, which is not a number"
        ) from None
    return str(100 - idle) if idle.is_finite() else ""
