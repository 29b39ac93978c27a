"""The small pictures in a table's rows: what was observed, what is forecast, and the threshold.

Does not belong here: how they are drawn (`charts/sparkline.py`), and the levels they are drawn of (`answers/sparklines.py`).
"""

import polars as pl

from turbo_forecast.storage.published.reading import Published, PublishedMonth


def pictures(published: Published, month: PublishedMonth, rows: pl.DataFrame) -> list[object | None]:
    """A picture for each row, None where nothing of it is known. rows: `kind, host_id, resource, threshold`."""
    return [None] * len(rows)
