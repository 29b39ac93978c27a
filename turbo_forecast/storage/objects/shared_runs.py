"""Removing the shared chunks of unfinished runs, `runs/<month>/…`: when, and in which order.

Does not belong here: what is shared, and how it is downloaded (`fleet/object_exchange.py`).
"""

from collections.abc import Collection

from turbo_forecast.storage.objects.keys import RUNS
from turbo_forecast.storage.objects.store import ObjectStore

_NAMED = (".arrow", ".npy", ".parquet")
"""Ends of the keys of what documents name: a task that is finished, decisions, the series."""


def forget(store: ObjectStore, keys: Collection[str]) -> None:
    """Remove shared work, what names the rest first: should this be cut off, nothing says that it is whole. Raises StorageError."""
    store.delete([key for key in keys if not key.endswith(_NAMED)])
    store.delete([key for key in keys if key.endswith(_NAMED)])


def forget_months(store: ObjectStore, months: Collection[str]) -> None:
    """Remove what runs have shared of these months. Raises StorageError."""
    for month in sorted(months):
        forget(store, list(store.listed(f"{RUNS}/{month}")))
