"""Asset selection: of a step that always makes all of its tables, those that were not selected are reported, too.

Belongs here: reporting to Dagster the tables that were made without being selected. Does not belong here: making them.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg

from turbo_forecast.defs.partitions import month_of
from turbo_forecast.defs.reporting import Metadata
from turbo_forecast.defs.resources import DataFolder
from turbo_forecast.storage.datasets import MadeRows, publish_folder


def recorded(
    context: dg.AssetExecutionContext, results: Iterable[dg.MaterializeResult[Any]], folder: DataFolder | None = None
) -> Iterator[dg.MaterializeResult[Any]]:
    """Yield the results that the run selected, and record the others as materialised too.

    Whatever was selected, the UI is to say of each when it was made. folder: where the rows of the others are stored,
    which Dagster hands to no I/O manager.
    """
    for result in results:
        key = dg.AssetKey.from_coercible(result.asset_key)  # type: ignore[arg-type]
        if key in context.selected_asset_keys:
            yield result
        else:
            month = month_of(context) if context.assets_def.partitions_def else None
            metadata = {**(result.metadata or {}), **_stored(key.to_user_string(), month, result, folder)}
            version = {"dagster/data_version": result.data_version.value} if result.data_version else {}
            context.log_event(dg.AssetMaterialization(key, metadata=metadata, partition=month, tags=version))


def _stored(asset: str, month: str | None, result: dg.MaterializeResult[Any], folder: DataFolder | None) -> Metadata:
    """Publish the result's rows, if it has some, as the I/O manager would; returns the metadata that it adds."""
    if folder is None or month is None or not isinstance(result.value, MadeRows):
        return {}
    path, made = folder.parquet(asset, month), result.value
    publish_folder(made.folder, path)
    return {"dagster/row_count": made.rows, "bytes": made.bytes, "path": dg.MetadataValue.path(str(path))}
