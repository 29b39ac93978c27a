"""Whether the roles that columns were given fit what is in them: measurements are no hosts, devices no resources.

Belongs here: refusals that rest on moments. Does not belong here: how roles are given (`layout`).
"""

import duckdb

from turbo_forecast.errors import TelemetryError
from turbo_forecast.number_words import counted
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.clock import Clock
from turbo_forecast.storage.telemetry.content import is_whole, number_of, takes_turns
from turbo_forecast.storage.telemetry.layout import USUAL_NAMES, Layout
from turbo_forecast.storage.telemetry.messages import brief
from turbo_forecast.storage.telemetry.parts import Part
from turbo_forecast.storage.telemetry.survey import Survey, key_expressions
from turbo_forecast.storage.telemetry.wording import LONGEST_REPEATED, names

PLENTY_OF_ROWS, PLENTY_OF_ROWS_OF_A_NUMBER = 30, 1000
"""Hosts of more rows than this on average are no measurements; that spares counting. Whole numbers come again sooner."""
FEW_DAYS = 3
"""Younger telemetry may have one row per host."""
SOME_HOSTS = 10
"""Fewer hosts with gaps are no sign of anything."""


def refuse_measurements_as_hosts(
    con: duckdb.DuckDBPyConnection, parts: list[Part], layout: Layout, survey: Survey
) -> None:
    """TelemetryError when the host column has about one value a row: a measurement, or a number of rows.

    A young fleet has one row per host, too; but all its hosts report on the same days.
    """
    plenty = PLENTY_OF_ROWS_OF_A_NUMBER if survey.hosts_are_numbers else PLENTY_OF_ROWS
    if not layout.host or survey.rows > plenty * max(survey.series, 1):
        return
    hosts, moments, days, rows, host_days, numeric, fractions = con.execute("""
        WITH rows AS (
            SELECT DISTINCT host_id, moment FROM telemetry_cells WHERE host_id IS NOT NULL AND moment IS NOT NULL
        )
        SELECT
            count(DISTINCT host_id), count(DISTINCT moment), count(DISTINCT CAST(moment AS DATE)), count(*),
            count(DISTINCT (host_id, CAST(moment AS DATE))), bool_and(TRY_CAST(host_id AS DOUBLE) IS NOT NULL),
            bool_or(regexp_full_match(host_id, '-?[0-9]*\\.[0-9]*'))
        FROM rows
    """).fetchall()[0]
    alone = rows > FEW_DAYS - 1 and moments >= 0.9 * rows  # each moment has one row
    unusual = layout.host.lower() not in USUAL_NAMES["host_column"]
    unique = hosts > 0.8 * rows and days >= FEW_DAYS and hosts > FEW_DAYS
    is_measurement = (
        numeric
        and alone
        and hosts > 1
        and (
            fractions
            or (unusual and hosts > 0.5 * rows)
            or (hosts >= SOME_HOSTS and days >= FEW_DAYS and host_days <= 0.5 * hosts * days)
        )
    )
    if unique or is_measurement:
        what = "numbers, as measurements are" if numeric else "names that hardly ever come twice"
        raise TelemetryError(
            f"column {names([layout.host])} of {brief(parts[0].names[0])} cannot be the host: it holds {what} "
            f"({counted(hosts, 'different value')} in {counted(rows, 'row')}); set host_column to a column of names, host_from: file name "
            "or columns: hosts"
        )


def refuse_labels_as_resources(
    con: duckdb.DuckDBPyConnection, parts: list[Part], layout: Layout, clock: Clock, settings: TelemetrySettings
) -> None:
    """TelemetryError when a column of whole numbers that nobody asked for takes turns, as cores and disks do."""
    guessed = layout.guessed_resources if len(layout.resources) > 1 else ()
    for column in (*guessed, *layout.unasked):
        if not is_whole(con, parts, column, settings):
            continue
        for part, moment in zip(parts, clock.moments, strict=True):
            if takes_turns(con, part, column, key_expressions(part, layout), moment, settings):
                raise _label(column, part)


def refuse_labels_in_conflicts(
    con: duckdb.DuckDBPyConnection, parts: list[Part], layout: Layout, clock: Clock, settings: TelemetrySettings
) -> None:
    """TelemetryError when rows that contradict each other differ in a value column that nobody asked for.

    Its values are then the same at each such moment, each once: a device's number is, a measurement is not.
    """
    for column in layout.guessed_resources if len(layout.resources) > 1 else ():
        for part, moment in zip(parts, clock.moments, strict=True):
            if column in part.columns and _is_label(con, part, column, moment, layout, settings):
                raise _label(column, part)


def _is_label(
    con: duckdb.DuckDBPyConnection, part: Part, column: str, moment: str, layout: Layout, settings: TelemetrySettings
) -> bool:
    keys = key_expressions(part, layout) or ["0"]
    selected = ", ".join(f"{key} AS k{place}" for place, key in enumerate(keys))
    grouped = ", ".join(f"k{place}" for place in range(len(keys)))
    query = f"""
        SELECT count(*), bool_and(whole AND rows = kinds), count(DISTINCT (kinds, low, high, total))
        FROM (
            SELECT count(*) AS rows, count(DISTINCT n) AS kinds, min(n) AS low, max(n) AS high, sum(n) AS total,
                bool_and(n = floor(n)) AS whole
            FROM (SELECT {selected}, {moment} AS instant, {number_of(part, column, settings)} AS n FROM {part.relation})
            WHERE instant IS NOT NULL
            GROUP BY {grouped}, instant HAVING count(*) > 1
        )
    """
    repeated, apart, sets = con.execute(query).fetchall()[0]
    return bool(repeated > 1 and apart and sets <= 1 + 0.1 * repeated)


def _label(column: str, part: Part) -> TelemetryError:
    name = names([column], each=LONGEST_REPEATED)
    return TelemetryError(
        f"column {names([column])} of {brief(part.names[0])} tells rows of the same host and time apart, as a device's number does: "
        f"set resource_columns: [{name}], or ignore_columns: [{name}], or resources if it is one"
    )
