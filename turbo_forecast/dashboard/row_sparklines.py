"""The sparklines in a table's rows: the last half-year, the forecast, and the threshold.

Does not belong here: how they are drawn (`charts/sparkline.py`), and the levels they are drawn of (`answers/sparklines.py`).
"""

import numpy as np
import polars as pl

from turbo_forecast.answers.sparklines import weekly_levels
from turbo_forecast.charts.sparkline import Sparkline, sparklines
from turbo_forecast.storage.published.reading import Published, PublishedMonth


def row_sparklines(published: Published, month: PublishedMonth, rows: pl.DataFrame) -> list[Sparkline | None]:
    """A sparkline for each row, None where nothing of it is known. rows: `kind, host_id, resource, threshold`. Raises StorageError."""
    if rows.is_empty():
        return []
    levels = weekly_levels(published, month, rows)
    values = (levels.history, levels.forecast, levels.lower, levels.upper, levels.thresholds)
    drawn = sparklines(*(each.astype(np.float64) for each in values))
    is_known = ~np.isnan(np.hstack([levels.history, levels.forecast]))
    return [picture if known.any() else None for picture, known in zip(drawn, is_known, strict=True)]
