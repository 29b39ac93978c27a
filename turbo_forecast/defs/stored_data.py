"""Results that lie on object storage, around a run: they are downloaded before its first step and uploaded after its last.

Belongs here: when, in Dagster's words. Does not belong here: what is downloaded and uploaded (`storage/objects/`).

A run of the UI, of the schedule and of the command begins and ends with its resources. What the end cannot upload makes the
command fail; Dagster only logs it, so the last steps have asked before whether the store still takes what they made.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from turbo_forecast.addresses import parsed
from turbo_forecast.defs.reporting import Metadata, log_to, plain_errors
from turbo_forecast.errors import StorageError
from turbo_forecast.fleet.object_exchange import ObjectExchange
from turbo_forecast.storage.objects.working_copy import opened_copy, working_copy


@contextmanager
def working_copy_of_run(store: str, context: dg.InitResourceContext) -> Iterator[None]:
    """Download what the store holds into this machine's working copy, and upload what is new at the end of the block.

    store: an address; nothing of this where it is empty. Raises dg.Failure, with one sentence.
    """
    if not store:
        yield
        return
    log = log_to(context)
    with plain_errors(), working_copy(parsed(store, "the data folder"), log) as copy:
        yield
        try:
            uploaded = copy.upload()
        except StorageError as error:
            log(f"what this run has made is not in the store: {error}")
            raise
        if uploaded.objects:
            log(
                f"uploaded {uploaded.objects:,} objects, {uploaded.bytes / 1e6:,.1f} MB, to {store} (commit {uploaded.number})"
            )


def exchange_of(store: str, month: str) -> ObjectExchange | None:
    """Where a month's run shares what it has finished, so that another machine can go on; None of a folder of this machine."""
    return ObjectExchange(parsed(store, "the data folder"), month) if store else None


def stored_in(store: str) -> Metadata:
    """What a materialisation shows of where its results lie; nothing of a folder of this machine."""
    return {"store": store} if store else {}


def upload_ahead(store: str) -> Metadata:
    """Upload what a step has made, before the month's end (`uploading.upload_ahead`); what its materialisation shows of that.

    Raises StorageError where the store does not take it, or belongs to another run by now.
    """
    copy = opened_copy(parsed(store, "the data folder").working_folder) if store else None
    if copy is None:
        return stored_in(store)
    if copy.lease is not None:
        copy.lease.require_held()
    uploaded = copy.upload_ahead()
    return {**stored_in(store), "objects put": uploaded.objects, "megabytes put": round(uploaded.bytes / 1e6, 1)}
