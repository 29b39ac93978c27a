"""Publishing the history of all series: the base table as Parquet, sorted by series, so that one is read in milliseconds.

Belongs here: writing it, once for each base table. Does not belong here: reading it (`reading.py`).
"""

from pathlib import Path

import duckdb
import pyarrow as pa

from turbo_forecast.leftovers import remove
from turbo_forecast.schemas import BASE_TABLE, BASE_TABLE_RUNS
from turbo_forecast.storage.base_table import utc_now
from turbo_forecast.storage.files import write_parquet
from turbo_forecast.storage.published.layout import MANIFEST, history_folder
from turbo_forecast.storage.published.manifest import HistoryManifest, read_document, write_document

BATCH = 1_000_000


def publish_history(con: duckdb.DuckDBPyConnection, data: Path) -> HistoryManifest:
    """Publish the base table as it stands, unless it is published already. The caller holds the transaction. Raises StorageError."""
    folder = history_folder(data)
    before = read_document(HistoryManifest, folder / MANIFEST)
    digest, series, first_day, last_day = con.execute(
        f"SELECT digest, series, first_day, last_day FROM {BASE_TABLE_RUNS.name} ORDER BY number DESC LIMIT 1"
    ).fetchall()[0]
    if before is not None and before.digest == digest and (folder / before.file).is_file():
        return before
    now = utc_now()
    name = f"{now:%Y%m%dT%H%M%S%f}-{digest[:8]}.parquet"
    found = con.sql("SELECT host_id, resource, ds, y FROM base_table ORDER BY host_id, resource, ds")
    batches = (pa.Table.from_batches([batch]) for batch in found.to_arrow_reader(BATCH))
    count = write_parquet(batches, BASE_TABLE.arrow_schema, folder / name)
    manifest = HistoryManifest(
        file=name,
        digest=digest,
        rows=count,
        series=series,
        first_day=first_day,
        last_day=last_day,
        published_at=now,
    )
    write_document(manifest, folder / MANIFEST)
    for path in folder.glob("*.parquet"):
        if path.name not in {name, before.file if before else name}:
            remove(path)
    return manifest
