"""Grafana's CSV exports: a panel's *Inspect → Data → Download CSV*, and the graph panel's export of releases before 7.

Follows Grafana's own writer (`toCSV`, and the inspector's download, as of releases 7 to 13), and Grafana's issues for the
older `Series;Time;Value`. The separator is the browser's locale's, names are quoted, `sep=` stands above with *Download for
Excel* (a tab and UTF-16 in newer releases); with *Formatted data* values carry their unit and times are text.

Belongs here: which of Grafana's tables a file holds. Does not belong here: rows of them (`tables`), names (`series_names`).
"""

import re
from collections.abc import Sequence

from turbo_forecast.errors import TelemetryError
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.presets.export import Export, Rewritten, not_of_kind
from turbo_forecast.storage.telemetry.presets.series_names import HOST_LABELS, LABELLED, RESOURCE_LABELS, SeriesNames
from turbo_forecast.storage.telemetry.presets.tables import (
    columns_of_series,
    labels_in_columns,
    names_in_rows,
    place_of,
)
from turbo_forecast.storage.telemetry.wording import names

TITLE = "a Grafana export"
ROWS = ("series", "time", "value")
"""The header of *series as rows*."""
VALUE = re.compile(r"value( #\S+)?", re.IGNORECASE)
"""What Grafana calls the values of a table with a column a label; `Value #A` where there are several queries."""
PERCENT = re.compile(r"[-+]?[0-9][0-9.,]*\s?%")


def looks_like(head: Sequence[Sequence[str]]) -> bool:
    """Whether it is of series as rows, or its first column is Time and others are Prometheus's or in formatted percent."""
    if not head:
        return False
    header = [name.casefold() for name in head[0]]
    if tuple(header) == ROWS:
        return True
    below = [value for row in head[1:] for value in row[1:]]
    return header[0] == "time" and (
        any(LABELLED.fullmatch(name) for name in head[0][1:]) or any(PERCENT.fullmatch(value) for value in below)
    )


def rewritten(export: Export, settings: TelemetrySettings) -> Rewritten:
    """The rows of any of Grafana's tables. Errors as `Preset.rewritten`."""
    records = export.records()
    _, header = next(records, (0, []))
    low = [name.casefold() for name in header]
    found = SeriesNames(settings, export.where, labelled=True)
    if sorted(low) == sorted(ROWS):
        name_at, time_at, value_at = (low.index(name) for name in ROWS)
        return names_in_rows(
            export, header, records, settings, found, name_at=name_at, time_at=time_at, value_at=value_at
        )
    wanted = settings.time_column
    time_at = place_of("time_column", header, wanted, export) if wanted else low.index("time") if "time" in low else -1
    if time_at < 0:
        raise not_of_kind(export, TITLE, f"its first line has no column Time, but {names(header, 5) or 'nothing'}")
    if len(header) < 2:
        raise not_of_kind(export, TITLE, "it has no column beside Time")
    values = [name for name in header if VALUE.fullmatch(name)]
    if len(header) > 2 and len(values) == len(header) - 1:
        raise TelemetryError(
            f"{export.where} calls every series {values[0]}: give the query a legend in Grafana, such as {{{{instance}}}} cpu"
        )
    if len(values) > 1 and not settings.value_column:
        raise TelemetryError(
            f"{export.where} has several values a row, {names(values)}: set value_column to one of them"
        )
    if len(header) > 2 and (values or settings.value_column):
        return labels_in_columns(export, header, records, settings, _usual(header, time_at, values, settings))
    return columns_of_series(export, header, records, settings, found, time_at)


def _usual(header: Sequence[str], time_at: int, values: Sequence[str], settings: TelemetrySettings) -> dict[str, str]:
    """The columns of a table with a column a label, by the options that name them; what none is known for is left out."""
    hosts = [name for name in header if name.casefold() in HOST_LABELS] if settings.host_from == "column" else []
    resources = [name for name in header if name.casefold() in RESOURCE_LABELS] if not settings.resource else []
    return {
        "host_column": hosts[0] if len(hosts) == 1 else "",
        "resource_column": resources[0] if len(resources) == 1 else "",
        "time_column": header[time_at],
        "value_column": values[0] if len(values) == 1 else "",
    }
