"""How often statements such as a month's outlook makes were true: the one line beside every list of them.

Belongs here: that line's facts. Does not belong here: the track record in full.
"""

from functools import lru_cache

import duckdb

from turbo_forecast.schemas import OUTLOOK_BACKTEST
from turbo_forecast.storage.datasets import duckdb_sql
from turbo_forecast.storage.outlook_findings import TrackRecord, track_record
from turbo_forecast.storage.published.reading import PublishedMonth

UNKNOWN = "not known yet: no series is long enough for a backtest"
"""What is said where there is no record."""


@lru_cache(maxsize=16)
def statement_record(month: PublishedMonth) -> TrackRecord | None:
    """How good the statements were that were made before the month's backtest; None where none was. Raises StorageError.

    The warehouse's own question, asked of the published file in a DuckDB of its own.
    """
    with duckdb.connect() as con:
        con.execute(f"CREATE VIEW {OUTLOOK_BACKTEST.name} AS SELECT * FROM {duckdb_sql(month.path(OUTLOOK_BACKTEST))}")
        return track_record(con, month.cutoff)
