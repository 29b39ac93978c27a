"""Publishing a month for its asset, with the metadata of the materialisation.

Belongs here: what the month's step knows (settings, warnings, folders). Does not belong here: how it is published
(`storage/published/`).
"""

import dagster as dg

from turbo_forecast.defs.monthly import Month
from turbo_forecast.defs.reporting import Metadata
from turbo_forecast.defs.stored_data import upload_ahead
from turbo_forecast.errors import StorageError
from turbo_forecast.storage.months import COMPLETE, month_state
from turbo_forecast.storage.published.history import publish_history
from turbo_forecast.storage.published.sql import publish_views
from turbo_forecast.storage.published.writing import Publication, publish_month, remove_old_results


def publish(month: Month) -> Metadata:
    """Publish the month, and say what of it. Raises StorageError where the month is not complete, or the disk refuses."""
    state = month_state(month.con, month.cutoff)
    if state is None or state.state != COMPLETE:
        raise StorageError(
            f"month {month.key} is {state.state if state else 'not there'}: only a complete month is published. Run the month again"
        )
    publication = Publication(
        data=month.folder.root,
        cutoff=month.cutoff,
        run_id=month.context.run.run_id,
        forecast=month.settings.model_dump(mode="json"),
        outlook=month.outlook.model_dump(mode="json"),
        warnings=month.warnings(),
        results=month.folder.results(month.key),
        group_results=month.folder.group_results(month.key),
    )
    with month.timer.stage("publish the history"):
        history = publish_history(month.con, publication.data)
    unreadable: list[str] = []
    with month.timer.stage("publish the month"):
        manifest = publish_month(month.con, publication)
        remove_old_results(publication.data)
    with month.timer.stage("publish the views"):
        views = publish_views(publication.data, unreadable.append)
    for remark in unreadable:  # of other months: this one has just been written
        month.context.log.warning(f"left out of {views.name}: {remark}")
    with month.timer.stage("put into the store"):
        stored = upload_ahead(month.folder.store)
    left_out = {"left out of the views": "; ".join(unreadable)} if unreadable else {}
    return {
        "month": manifest.month,
        "version": manifest.version,
        "files": len(manifest.files),
        "rows": sum(file.rows for file in manifest.files.values()),
        "megabytes": round(sum(file.bytes for file in manifest.files.values()) / 1e6, 1),
        **stored,
        "days of history": history.rows,
        "views": dg.MetadataValue.path(str(views)),
        **left_out,
    }
