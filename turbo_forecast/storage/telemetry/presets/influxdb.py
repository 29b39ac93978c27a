"""InfluxDB's annotated CSV, as `influx query --raw`, the API and the Data Explorer's download write it.

Follows InfluxData's page *Annotated CSV* (InfluxDB OSS 2.x, and Cloud): tables below `#group`, `#datatype` and `#default`, of
different columns, whose empty fields have the default that their table states.

Belongs here: tables of different columns made one. Does not belong here: annotations (`csv_rewriting`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from turbo_forecast.errors import TelemetryError
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.csv_dialect import ANNOTATIONS
from turbo_forecast.storage.telemetry.csv_rewriting import annotated_rows
from turbo_forecast.storage.telemetry.presets.cells import plain_value
from turbo_forecast.storage.telemetry.presets.export import Export, Rewritten, not_of_kind, refuse_options
from turbo_forecast.storage.telemetry.presets.tables import KNOWS_LAYOUT, NO_LAYOUT
from turbo_forecast.storage.telemetry.wording import names, quoted

TITLE = "InfluxDB's annotated CSV"
WINDOW = ("result", "_start", "_stop")
"""Columns that say what was asked for, not what was measured."""


def looks_like(head: Sequence[Sequence[str]]) -> bool:
    """Whether it begins with an annotation."""
    return bool(head) and head[0][0].startswith(ANNOTATIONS)


def rewritten(export: Export, settings: TelemetrySettings) -> Rewritten:
    """The rows of all tables, with every column that any of them has. Errors as `Preset.rewritten`."""
    refuse_options(settings, ("series_name", "resources"), "finds hosts and resources in columns of this file")
    refuse_options(settings, NO_LAYOUT, KNOWS_LAYOUT)
    export = replace(export, delimiter=",")
    left_out = set(WINDOW) - {settings.time_column}
    columns = list(dict.fromkeys(name for header in _headers(export) for name in header if name not in left_out))
    options = _options(columns, settings)
    needed = [str(options[option] or "") for option in ("time_column", "value_column")]
    hosts = [str(options["host_column"])] if options.get("host_column") else []
    if missing := [name for name in (*needed, *hosts) if name not in columns]:
        hint = "; set host_column to the tag that names the host" if hosts and missing == hosts else ""
        shown = names(columns, 6) or "nothing"
        raise not_of_kind(export, TITLE, f"its tables have no column {names(missing)}, but {shown}{hint}")
    value = str(options["value_column"])

    def rows() -> Iterator[Sequence[str]]:
        for header, row in annotated_rows((fields for _, fields in export.records()), export.where):
            own = dict(zip(header, row, strict=True))
            own[value] = plain_value(own.get(value, ""), value, export.where)
            yield [own.get(name, "") for name in columns]

    return Rewritten(tuple(columns), rows(), options)


def _headers(export: Export) -> Iterator[tuple[str, ...]]:
    """The columns of each table that has rows. Raises TelemetryError where InfluxDB wrote an error instead of rows."""
    seen: set[tuple[str, ...]] = set()
    for header, row in annotated_rows((fields for _, fields in export.records()), export.where):
        if set(header) == {"error", "reference"}:
            said = dict(zip(header, row, strict=True))["error"]
            raise TelemetryError(f"{export.where} holds an error of InfluxDB's, {quoted(said)}: repeat the query")
        if header not in seen:
            seen.add(header)
            yield header


def _options(columns: Sequence[str], settings: TelemetrySettings) -> dict[str, object]:
    """The reader's options: those that are set, else InfluxDB's own columns.

    A resource is a measurement and a field, `mem:used_percent`; where the measurement was dropped, a field.
    """
    measured = [name for name in ("_measurement", "_field") if name in columns]
    options: dict[str, object] = {
        "layout": "long",
        "time_column": settings.time_column or "_time",
        "value_column": settings.value_column or "_value",
        "ignore_columns": [name for name in settings.ignore_columns if name not in (*WINDOW, "table")],
    }
    if settings.host_from == "column":
        options["host_column"] = settings.host_column or "host"
    if (
        settings.resource
    ):  # if there are several measurements or fields, the reader refuses to take them for one resource
        return options
    options["resource_column"] = settings.resource_column or next(iter(measured), "")
    used = (options["resource_column"], *settings.ignore_columns)
    options["resource_columns"] = settings.resource_columns or [name for name in measured[1:] if name not in used]
    return options
