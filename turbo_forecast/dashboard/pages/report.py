"""The month's report as it was made, so that Dagster and a mail can link to it: a file, and no page of the dashboard's own.

Does not belong here: what it contains (`report/`).
"""

from starlette.responses import HTMLResponse, Response

from turbo_forecast import deep_links
from turbo_forecast.dashboard.page import Page, Visit
from turbo_forecast.errors import StorageError, refusal
from turbo_forecast.storage.reports import report_path

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The file has its style within, and nothing else to load or execute."""


def _report(visit: Visit) -> Response:
    """The month's file. Raises StorageError, which says what to do, where there is none."""
    path = report_path(visit.published.data, visit.month.key)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise StorageError(
            f"Month {visit.month.key} has no report: {path} is not there. Materialise month_report for the month in Dagster's UI"
        ) from None
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {refusal(error)}") from None
    return HTMLResponse(content, headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY})


PAGE = Page(deep_links.REPORT, "The month's report", "error.html", _report, in_menu=False)
