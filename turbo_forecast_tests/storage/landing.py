"""Landed months for tests: files as the contract in `storage/landed.py` has them, written without any source."""

import json
from calendar import monthrange
from collections.abc import Iterable
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from turbo_forecast.sources.protocol import ROWS, Window
from turbo_forecast.storage.landed import FOLDER, METADATA_KEY, LandedMonth, Manifest, landed_months

Row = tuple[str, str, datetime, float]
"""host_id, resource, moment (aware), value."""


def land(
    data: Path,
    month: str,
    rows: Iterable[Row],
    source: str = "prometheus",
    zone: str = "UTC",
    *,
    complete: bool = True,
) -> Path:
    """Land a month of a source; its digest is of the rows, whatever their order."""
    rows = sorted(rows)
    first = date.fromisoformat(f"{month}-01")
    window = Window.of_days(first, first.replace(day=monthrange(first.year, first.month)[1]), zone)
    written = json.dumps([(host, resource, str(moment), value) for host, resource, moment, value in rows])
    manifest = Manifest(
        source=source,
        kind="test",
        month=month,
        zone=zone,
        start=window.start,
        end=window.end,
        query={"cpu": "made up"},
        rows=len(rows),
        series=len({row[:2] for row in rows}),
        digest=sha256(written.encode()).hexdigest(),
        fetched_at=datetime.now(UTC),
        complete=complete,
    )
    return write(data, manifest, rows)


def write(data: Path, manifest: Manifest, rows: list[Row]) -> Path:
    """Write a landed month with just this manifest."""
    path = data / FOLDER / manifest.source / f"{manifest.month}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    names = json.dumps({"instance": "made up"})
    columns = [*map(list, zip(*rows, strict=True))] if rows else [[], [], [], []]
    table = pa.table([*columns, [names] * len(rows)], schema=ROWS)
    beside = path.with_suffix(".beside")
    pq.write_table(table.replace_schema_metadata({METADATA_KEY: manifest.as_json().encode()}), beside)
    beside.replace(path)
    return path


def landed(data: Path) -> list[LandedMonth]:
    """All that have landed."""
    return landed_months(data)
