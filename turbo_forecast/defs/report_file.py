"""The month's report for its asset: written to its path, with the metadata of its materialisation.

Belongs here: metadata, and where readers reach the dashboard. Does not belong here: the report (`report/`).
"""

import time

import dagster as dg

from turbo_forecast import deep_links
from turbo_forecast.defs.links import dashboard_page
from turbo_forecast.defs.reporting import Metadata
from turbo_forecast.defs.resources import DataFolder
from turbo_forecast.defs.stored_data import upload_ahead
from turbo_forecast.report.short import in_short
from turbo_forecast.report.writing import write_report
from turbo_forecast.settings import current_environment
from turbo_forecast.storage.published.reading import Published
from turbo_forecast.storage.reports import report_path
from turbo_forecast.text import markdown_text
from turbo_forecast.types import State

REPORT_FILES = (
    "The month's report for planners and those they report to: `month_report/YYYY-MM.html` in the data folder."
)
LONGEST_SHORT = 300
"""Characters of one sentence of the month in short."""


def written(folder: DataFolder, month: str) -> Metadata:
    """Write the report of a month (YYYY-MM), and say what of it Dagster shows: where it is, and the month in short.

    Raises StorageError where the month is not published, or the file cannot be written.
    """
    begun, path = time.perf_counter(), report_path(folder.root, month)
    content = write_report(
        Published(folder.root), month, path, current_environment().settings().deployment.dashboard_url
    )
    full = content.runs_full
    return {
        "in short": dg.MetadataValue.md(
            "\n".join(f"- {markdown_text(each, LONGEST_SHORT)}" for each in in_short(content))
        ),
        "report": dg.MetadataValue.path(str(path)),
        **upload_ahead(folder.store),
        "report in the dashboard": dg.MetadataValue.url(dashboard_page(deep_links.REPORT, month=month)),
        "outlook in the dashboard": dg.MetadataValue.url(dashboard_page(deep_links.OUTLOOK, month=month)),
        "kilobytes": round(path.stat().st_size / 1000, 1),
        "of the run": content.month.manifest.run_id,
        "over their threshold": full.count[State.OVER],
        "expected or possible": full.may_reach,
        "seconds": round(time.perf_counter() - begun, 3),
    }
