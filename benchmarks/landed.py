"""All months of a source landed as files, as `turbo-forecast land` does it: what the benchmarks of sources measure.

Belongs here: one landing into a folder that is gone afterwards. Does not belong here: servers and their values.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from turbo_forecast.landing.due import LandingRequest
from turbo_forecast.landing.landing import LandingOptions, land, require_landed
from turbo_forecast.sources.protocol import Source
from turbo_forecast.storage.landed import landed_files


def landed_rows(source: Source, months: Sequence[str]) -> tuple[int, float]:
    """How many rows have landed, and the sum of their values."""
    with tempfile.TemporaryDirectory(prefix="landed-") as folder:
        require_landed(
            land(Path(folder), {"benchmark": source}, LandingRequest(sorted(months), named=True), LandingOptions())
        )
        rows = pl.scan_parquet(landed_files(Path(folder))).select(pl.len().alias("rows"), pl.col("value").sum())
        count, total = rows.collect(engine="streaming").row(0)
    return int(count), float(total)
