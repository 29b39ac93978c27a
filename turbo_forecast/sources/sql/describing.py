"""Describes a SQL source: since when it has rows, how many series, some rows; each query bounded in time.

Belongs here: the queries for it. Does not belong here: fetching.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice

import pyarrow as pa

from turbo_forecast.errors import SourceError
from turbo_forecast.number_words import counted
from turbo_forecast.sources.protocol import ROWS, Description, Window
from turbo_forecast.sources.sql.buffering import Request
from turbo_forecast.sources.sql.query import identifier
from turbo_forecast.sources.sql.source_database import SourceDatabase

FIRST = datetime(2000, 1, 1, tzinfo=UTC)
"""No telemetry of today's fleets is older."""
SPAN_SECONDS = 30.0
"""For the first and last time of all."""
SAMPLE = 5
_GROWING_DAYS = (1, 7, 31, 366)
_RECENT = timedelta(days=1)


def described(database: SourceDatabase, request: Callable[[Window], Request], time: str) -> Description:
    """request: as a window is asked for; time: the column of its time. Raises SourceError."""
    system, now = database.version(), datetime.now(UTC)
    first, last, notes = _span(database, request, time, now)
    windows = [Window(last - _RECENT, last + timedelta(seconds=1))] if last else []
    if not last and notes:
        windows = [Window(now - timedelta(days=days), now) for days in _GROWING_DAYS]
    for window in windows:
        kept = database.buffered(request(window))
        batches = list(islice(kept.batches(), 1))
        since = f"{window.start:%Y-%m-%d %H:%M} UTC"
        if kept.without_value:
            left_out = counted(kept.without_value, "row")
            notes.append(f"left out are {left_out} since {since}, without a finite value")
        if kept.series:
            sample = pa.Table.from_batches([batch.slice(0, SAMPLE) for batch in batches], schema=ROWS)
            return Description(
                system, first, last, dict(sorted(kept.series.items())), sample, [*notes, f"series: since {since}"]
            )
    notes.append(f"there is no row{f' of the last {_GROWING_DAYS[-1]} days' if windows else ''}")
    return Description(system, first, last, {}, ROWS.empty_table(), notes)


def _span(
    database: SourceDatabase, request: Callable[[Window], Request], time: str, now: datetime
) -> tuple[datetime | None, datetime | None, list[str]]:
    """First and last moment of all, None where there is no row; or, where it takes too long to say, with a note."""
    query, column = request(Window(FIRST, now + timedelta(days=2))), identifier(time, database.system)
    edges = f"SELECT MIN({column}) AS {column}, MAX({column}) AS latest FROM ({query.sql}\n) AS rows_of_query"
    try:
        found = database.table(edges, min(SPAN_SECONDS, database.options.statement_timeout_seconds))
    except SourceError as error:
        if "took longer" not in str(error):
            raise
        return (
            None,
            None,
            [f"the first and last time are not known: looking for them takes longer than {SPAN_SECONDS:.0f} seconds"],
        )
    if not len(found) or found.column(0)[0].as_py() is None:
        return None, None, []
    first, last = (database.moment(query, found.column(index).combine_chunks()) for index in (0, 1))
    return first, last, []
