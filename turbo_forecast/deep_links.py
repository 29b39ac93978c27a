"""Addresses of the dashboard's pages: what Dagster's metadata, the report and the pages themselves link to.

Belongs here: paths and their parameters, once. Does not belong here: what a page shows.
"""

from urllib.parse import quote, urlencode, urlsplit

HOST, PORT = "127.0.0.1", 3001
DEFAULT_ADDRESS = f"http://{HOST}:{PORT}"
"""Where `turbo-forecast dashboard` listens, by default."""
OUTLOOK, HOST_PAGE, GROUPS, WHAT_IF = "/outlook", "/host", "/groups", "/what-if"
TRACK_RECORD, TOURNAMENT, RUN = "/track-record", "/tournament", "/run"
REPORT = "/report"


def page(path: str, /, **parameters: object) -> str:
    """The path of a page with its parameters, without those that are None or empty: `/host?host=web-1&resource=cpu`."""
    given = {name: value for name, value in parameters.items() if value not in (None, "", ())}
    return f"{path}?{urlencode(given, doseq=True)}" if given else path


def host_page(host: str, resource: str | None = None, month: str | None = None) -> str:
    """The page of a host, at one of its resources, as of a month (YYYY-MM); the latest one without."""
    return page(HOST_PAGE, host=host, resource=resource, month=month)


def dagster_run(address: str, run_id: str) -> str | None:
    """The page of a run in Dagster's UI, without a password; None where the address of the UI is none that a browser opens."""
    parts = urlsplit(address.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or not run_id:
        return None
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}/runs/{quote(run_id, safe='')}"


def absolute(address: str, path: str) -> str:
    """A page's whole address. address: of the dashboard, with or without a path prefix."""
    return address.rstrip("/") + path
