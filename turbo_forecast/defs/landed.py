"""What a run passes to the landing of telemetry, and what Dagster shows of the months that have landed.

Does not belong here: the rules of landing (`landing/`), and its asset (`assets/telemetry_landing.py`).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import dagster as dg
import polars as pl

from turbo_forecast.defs.catalog import LANDING
from turbo_forecast.defs.partitions import MONTHS, month_of
from turbo_forecast.defs.reporting import Metadata, table
from turbo_forecast.defs.resources import DataFolder
from turbo_forecast.defs.stored_data import stored_in
from turbo_forecast.errors import StorageError
from turbo_forecast.landing.configured import calendar_of
from turbo_forecast.landing.landing import LandingOptions, SourceLanding
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.landed import FOLDER, landed_files, landed_month

LANDED_FILES = "One file a source and month, `telemetry_landing/<source>/YYYY-MM.parquet` in the data folder, with its manifest in it."
NO_SOURCES = "no sources are configured: telemetry is read from files alone"


def options_of(settings: TelemetrySettings, log: Callable[[str], None]) -> LandingOptions:
    """How a run's telemetry settings want months to be landed."""
    return LandingOptions(zone=calendar_of(settings), late_data_hours=settings.late_data_hours, log=log)


def landing_metadata(landings: Sequence[SourceLanding], folder: DataFolder) -> Metadata:
    """The metadata of what has landed now: counts, and a row a source."""
    metadata: Metadata = {"dagster/row_count": sum(each.rows for each in landings), **stored_in(folder.store)}
    if not landings:
        return {**metadata, "sources": NO_SOURCES}
    rows = [
        {
            "source": each.source,
            "kind": each.kind,
            "months landed": len(each.landed),
            "rows": each.rows,
            "rows kept of former landings": each.kept,
            "values without a number": each.dropped,
            "months that stand": each.standing,
            "nothing there": ", ".join(each.not_there),
            "known not to be there": each.known_absent,
            "not complete yet": ", ".join(each.incomplete),
            "seconds": round(each.seconds, 1),
        }
        for each in landings
    ]
    return {
        **metadata,
        "months landed": sum(len(each.landed) for each in landings),
        "sources": table(pl.DataFrame(rows, infer_schema_length=None)),
        "folder": dg.MetadataValue.path(str(folder.root / FOLDER)),
    }


def other_months(context: dg.AssetExecutionContext, folder: DataFolder) -> Iterator[dg.AssetMaterialization]:
    """The landed months, but the run's own, that Dagster would show as missing.

    A run lands the months of its history too, and `turbo-forecast land` lands months without Dagster.
    """
    key = dg.AssetKey(LANDING)
    known = {month_of(context), *context.instance.get_materialized_partitions(key)}
    rows: Counter[str] = Counter()
    for path in landed_files(folder.root):
        if path.stem not in known and MONTHS.has_partition_key(path.stem):
            with suppress(StorageError):  # a damaged file is its check's to name
                rows[path.stem] += landed_month(path).manifest.rows
    for month, count in sorted(rows.items()):
        yield dg.AssetMaterialization(key, partition=month, metadata={"dagster/row_count": count})
