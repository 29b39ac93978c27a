"""How often statements such as a month's outlook makes were true: the one line beside every list of them.

Belongs here: that line's facts. Does not belong here: the track record in full.
"""

from functools import lru_cache

import duckdb

from turbo_forecast.schemas import OUTLOOK_BACKTEST
from turbo_forecast.storage.outlook_findings import TrackRecord, track_record
from turbo_forecast.storage.published.reading import PublishedMonth

UNKNOWN = "not known yet: no series is long enough for a backtest"
"""What is said where there is no record."""


@lru_cache(maxsize=16)
def statement_record(month: PublishedMonth) -> TrackRecord | None:
    """How good the statements were that were made before the month's backtest; None where none was. Raises StorageError.

    The warehouse's own question, asked of the published rows in a DuckDB of its own.
    """
    # several threads would add up the means in any order: another last digit
    with duckdb.connect(config={"threads": 1}) as con:
        con.register(OUTLOOK_BACKTEST.name, month.frame(OUTLOOK_BACKTEST).to_arrow())
        return track_record(con, month.cutoff)
