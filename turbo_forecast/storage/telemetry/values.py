"""Every raw value in one shape, whatever the layout: the views `telemetry_cells` and `telemetry_values`.

Belongs here: long and wide made one, text made numbers, hosts made text. Nothing is computed until it is asked for.
Does not belong here: what is done with the values (`reading`).
"""

from collections.abc import Iterable

import duckdb

from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.clock import Clock
from turbo_forecast.storage.telemetry.content import is_text
from turbo_forecast.storage.telemetry.layout import Layout
from turbo_forecast.storage.telemetry.numerals import number
from turbo_forecast.storage.telemetry.parts import Part
from turbo_forecast.storage.telemetry.sql import identifier, listed, literal
from turbo_forecast.storage.telemetry.survey import Names, Survey


def create_cells(
    con: duckdb.DuckDBPyConnection,
    parts: list[Part],
    layout: Layout,
    clock: Clock,
    survey: Survey,
    settings: TelemetrySettings,
) -> None:
    """Create the view `telemetry_cells`: source, host_id, resource, time, moment, value (as found), number, and
    found_host and found_resource, as they were before they became names."""
    selects = [
        _cells(part, layout, survey.columns, names, moment, text, settings)
        for part, names, moment, text in zip(parts, survey.names, clock.moments, clock.texts, strict=True)
    ]
    con.execute(f"CREATE OR REPLACE TEMP VIEW telemetry_cells AS {' UNION ALL '.join(selects)}")


def create_values(con: duckdb.DuckDBPyConnection, *, percent: str, usable: str, reason: str, day: str) -> None:
    """Create the view `telemetry_values`: the cells, with percent, ds, usable, and reason where they are not."""
    con.execute(f"""
        CREATE OR REPLACE TEMP VIEW telemetry_values AS
        SELECT *, {reason} AS reason
        FROM (
            SELECT *, {day} AS ds, {usable} AS usable
            FROM (SELECT *, CAST({percent} AS DOUBLE) + 0 AS percent FROM telemetry_cells)  -- -0.0 + 0 is 0.0
        )
    """)


def _cells(
    part: Part,
    layout: Layout,
    columns: dict[str, str],
    names: Names,
    moment: str,
    time_text: str,
    settings: TelemetrySettings,
) -> str:
    texts = [name for name in layout.value_columns if is_text(part.columns.get(name, "DOUBLE"))]
    raw = _column(part, layout.value)
    if layout.kind == "wide":
        raw = f"unnest({listed(_common(part, layout, name, bool(texts)) for name in _there(part, layout))})"
    host, found_host = _hosts(part, layout, columns, names)
    resource, found_resource = _resources(part, layout, columns, names)
    selected = f"""{part.source} AS source, {host} AS host_id, {resource} AS resource, {found_host} AS found_host,
        {found_resource} AS found_resource, {time_text} AS time, {moment} AS moment, {raw} AS raw"""
    join = ""
    if names.table:
        equal = " AND ".join(f"telemetry_k{place} IS NOT DISTINCT FROM {key}" for place, key in enumerate(names.keys))
        join = f" LEFT JOIN {names.table} ON {equal or 'true'}"
    as_number = number("raw", settings) if texts else "CAST(raw AS DOUBLE)"
    return f"""
        SELECT source, host_id, resource, found_host, found_resource, time, moment, CAST(raw AS VARCHAR) AS value,
            {as_number} AS number
        FROM (SELECT {selected} FROM {part.relation}{join})
    """


def _column(part: Part, name: str) -> str:
    """A part's column; null where the part has none of that name."""
    return identifier(name) if name in part.columns else "NULL"


def _hosts(part: Part, layout: Layout, columns: dict[str, str], names: Names) -> tuple[str, str]:
    """A row's host, and the text it was made of."""
    if layout.hosts_in_columns:
        there = _there(part, layout)
        return _each(columns[name] for name in there), _each(there)
    found = part.source if layout.hosts_in_files else f"CAST({_column(part, layout.host)} AS VARCHAR)"
    return ("telemetry_host" if names.table else found), found


def _resources(part: Part, layout: Layout, columns: dict[str, str], names: Names) -> tuple[str, str]:
    """A row's resource, and the text it was made of; values of resource columns are joined to both."""
    labels = [f"CAST({_column(part, name)} AS VARCHAR)" for name in layout.labels]
    suffix = " || telemetry_suffix" if labels else ""
    if layout.kind == "wide" and not layout.hosts_in_columns:
        there = _there(part, layout)
        base = _each(columns[name] for name in there)
        if not labels:  # a column's name is never missing: nobody asks what it was
            return f"{base}{suffix}", "NULL"
        return f"{base}{suffix}", f"concat_ws(':', {_each(there)}, {', '.join(labels)})"
    if layout.resource:
        found = f"CAST({_column(part, layout.resource)} AS VARCHAR)"
        base = "telemetry_resource" if names.table else found
    else:
        found = base = literal(layout.constant)
    return f"{base}{suffix}", f"concat_ws(':', {', '.join((found, *labels))})" if labels else found


def _there(part: Part, layout: Layout) -> list[str]:
    """The wide columns that a part has: where a column is absent there is no value, and nothing to reject."""
    return [name for name in layout.resources if name not in part.absent]


def _each(names: Iterable[str]) -> str:
    return f"unnest({listed(literal(name) for name in names)})"


def _common(part: Part, layout: Layout, name: str, any_text: bool) -> str:
    """A wide column in the type its row's list is of: the columns' own when it is one, else text or DOUBLE."""
    types = {part.columns[column] for column in _there(part, layout)}
    if len(types) == 1 and not any_text:
        return _column(part, name)
    return f"CAST({_column(part, name)} AS {'VARCHAR' if any_text else 'DOUBLE'})"
