"""Every raw value in one shape, whatever the layout: the views `telemetry_cells` and `telemetry_values`.

Belongs here: long and wide made one, text made numbers, hosts made text. Nothing is computed until it is asked for.
Does not belong here: what is done with the values (`reading`).
"""

import duckdb

from turbo_forecast.storage.telemetry.clock import Clock
from turbo_forecast.storage.telemetry.layout import Layout, is_text
from turbo_forecast.storage.telemetry.sources import Part
from turbo_forecast.storage.telemetry.sql import identifier, listed, literal


def create_cells(con: duckdb.DuckDBPyConnection, parts: list[Part], layout: Layout, clock: Clock) -> None:
    """Create the view `telemetry_cells`: source, host_id, resource, time, moment, value (as found), number."""
    selects = [
        _cells(part, layout, moment, text) for part, moment, text in zip(parts, clock.moments, clock.texts, strict=True)
    ]
    con.execute(f"CREATE OR REPLACE TEMP VIEW telemetry_cells AS {' UNION ALL '.join(selects)}")


def create_values(con: duckdb.DuckDBPyConnection, *, percent: str, usable: str, reason: str, day: str) -> None:
    """Create the view `telemetry_values`: the cells, with percent, ds, usable, and reason where they are not."""
    con.execute(f"""
        CREATE OR REPLACE TEMP VIEW telemetry_values AS
        SELECT *, {reason} AS reason
        FROM (
            SELECT *, {day} AS ds, {usable} AS usable
            FROM (SELECT *, CAST({percent} AS DOUBLE) AS percent FROM telemetry_cells)
        )
    """)


def _cells(part: Part, layout: Layout, moment: str, time_text: str) -> str:
    host = _name(identifier(layout.host))
    texts = [name for name in layout.value_columns if is_text(part.columns[name])]
    if layout.kind == "long":
        resource, raw = _name(identifier(layout.resource)), identifier(layout.value)
    else:
        resource = f"unnest({listed(literal(name) for name in layout.resources)})"
        raw = f"unnest({listed(_common(part, layout, name, bool(texts)) for name in layout.resources)})"
    columns = f"""{part.source} AS source, {host} AS host_id, {resource} AS resource, {time_text} AS time,
        {moment} AS moment, {raw} AS raw"""
    number = "TRY_CAST(raw AS DOUBLE)" if texts else "CAST(raw AS DOUBLE)"
    value = "CAST(raw AS VARCHAR)"
    return f"""
        SELECT source, host_id, resource, time, moment, {value} AS value, {number} AS number
        FROM (SELECT {columns} FROM {part.relation})
    """


def _name(column: str) -> str:
    """A host or resource as text; an empty one is none."""
    return f"nullif(CAST({column} AS VARCHAR), '')"


def _common(part: Part, layout: Layout, name: str, any_text: bool) -> str:
    """A wide column in the type its row's list is of: the columns' own when it is one, else text or DOUBLE."""
    types = {part.columns[column] for column in layout.resources}
    if len(types) == 1 and not any_text:
        return identifier(name)
    return f"CAST({identifier(name)} AS {'VARCHAR' if any_text else 'DOUBLE'})"
