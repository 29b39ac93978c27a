"""Azure Monitor: a metrics chart's *Download to Excel*, saved as CSV, and rows of the table AzureMetrics from Log Analytics.

Microsoft documents the table AzureMetrics (`TimeGenerated`, `Resource`, `MetricName`, `Average`, …; the portal's CSV calls the
time `TimeGenerated [UTC]`), but not the layout of a chart's download: a first column for the time, and a column a metric.
So of lines above it only those are taken as known that say what they are: `Resource: web-1`.

Belongs here: where the table is, and the host of lines above it. Does not belong here: rows (`tables`).
"""

import re
from collections.abc import Iterator, Sequence

from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.csv_dialect import LIKE_A_VALUE
from turbo_forecast.storage.telemetry.presets.export import Export, Record, Rewritten, not_of_kind
from turbo_forecast.storage.telemetry.presets.series_names import SeriesNames
from turbo_forecast.storage.telemetry.presets.tables import columns_of_series, labels_in_columns, utc_format, utc_time
from turbo_forecast.storage.telemetry.wording import names

TITLE = "an Azure Monitor export"
TIME = re.compile(r"(date ?)?(time ?stamp|time)( ?[(\[](utc)[)\]])?|date", re.IGNORECASE)
GENERATED = re.compile(r"TimeGenerated( \[(UTC)\])?", re.IGNORECASE)
AGGREGATED = re.compile(r".+ \((avg|min|max|sum|count)\).*", re.IGNORECASE)
"""How the portal calls a metric of a chart: `Percentage CPU (Avg)`."""
HOST_LINES = ("resource", "resource name", "virtual machine")
ROWS = ("metricname", "resource")
APART = ("MetricName", "ResourceId", "ResourceGroup", "SubscriptionId")
"""Columns by which rows of one `Resource`, or of one name of a resource, may differ: the reader refuses to merge them."""


def looks_like(head: Sequence[Sequence[str]]) -> bool:
    """Whether it has AzureMetrics' columns, or a header of a time and metrics with their aggregation."""
    for row in head:
        if GENERATED.fullmatch(row[0]) or any(GENERATED.fullmatch(name) for name in row):
            return set(ROWS) <= {name.casefold() for name in row}
        if TIME.fullmatch(row[0]) and len(row) > 1:
            return any(AGGREGATED.fullmatch(name) for name in row[1:])
    return False


def rewritten(export: Export, settings: TelemetrySettings) -> Rewritten:
    """The rows of the chart's metrics, or of the table AzureMetrics. Errors as `Preset.rewritten`."""
    above: dict[str, str] = {}
    records = export.records()
    for _, fields in records:
        generated = next((found for name in fields if (found := GENERATED.fullmatch(name))), None)
        if generated is not None and not above:
            return _rows(export, fields, records, settings, generated[0], utc=bool(generated[2]))
        time = TIME.fullmatch(fields[0])
        if time and any(fields[1:]) and not any(LIKE_A_VALUE.fullmatch(name) for name in fields[1:]):
            return _chart(export, fields, records, settings, above, utc=bool(time[4]))
        above |= _line(fields)
    raise not_of_kind(export, TITLE, "no line of it begins with Time or TimeGenerated and names further columns")


def _line(fields: Sequence[str]) -> dict[str, str]:
    """What a line above the table says: `Resource,web-1` and `Resource: web-1` are alike."""
    name, value = (*fields, "")[:2]
    if not value and ":" in name:
        name, value = name.split(":", 1)
    return {name.strip(" :").casefold(): value.strip()}


def _rows(
    export: Export,
    header: list[str],
    records: Iterator[Record],
    settings: TelemetrySettings,
    time: str,
    *,
    utc: bool,
) -> Rewritten:
    own = {name.casefold(): name for name in header}
    usual = {
        "host_column": "Resource" if settings.host_from == "column" else "",
        "resource_column": "" if settings.resource else "MetricName",
        "time_column": time,
        "value_column": "Average",
    }
    asked = [getattr(settings, option) or name for option, name in usual.items() if name]
    if missing := [name for name in asked if name.casefold() not in own]:
        raise not_of_kind(export, TITLE, f"it has TimeGenerated, but no column {names(missing)}")
    return labels_in_columns(export, header, records, settings, usual, utc=utc, further=APART)


def _chart(
    export: Export,
    header: list[str],
    records: Iterator[Record],
    settings: TelemetrySettings,
    above: dict[str, str],
    *,
    utc: bool,
) -> Rewritten:
    hosts = {above[name] for name in HOST_LINES if above.get(name)}
    host = hosts.pop() if len(hosts) == 1 and "{host}" not in settings.series_name else ""
    host = host if settings.host_from == "column" else ""
    while not header[-1]:
        header.pop()
    found = SeriesNames(settings, export.where, host=host)
    result = columns_of_series(export, header, _stated(records) if utc else records, settings, found)
    if utc:
        result.options["time_format"] = utc_format(settings)
    known = [name for name in HOST_LINES if above.get(name)] if host else []
    others = [name for name in above if name and name not in known]
    if host:
        result.notes.append("a line above the table names the host")
    if others:
        result.notes.append(f"left out lines above the table ({names(others, 8)})")
    return result


def _stated(records: Iterator[Record]) -> Iterator[Record]:
    """Records whose times say that they are UTC's, as their header does."""
    for number, fields in records:
        yield number, [utc_time(fields[0]), *fields[1:]]
