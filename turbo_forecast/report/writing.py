"""The report's file: written by rename, and read again to see whether it is whole.

Belongs here: both. Does not belong here: what the report tells (`content.py`), and who writes it when (`defs/`).
"""

from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import polars as pl

from turbo_forecast.deep_links import DEFAULT_ADDRESS
from turbo_forecast.errors import StorageError, refusal
from turbo_forecast.number_words import plain
from turbo_forecast.report.content import ReportContent, report_content
from turbo_forecast.report.html import rendered
from turbo_forecast.storage.files import publishing
from turbo_forecast.storage.published.reading import Published
from turbo_forecast.text import printable

VOID = {"meta", "br", "hr", "img", "link", "input", "col", "wbr"}
"""Elements of HTML that have no end."""
RUN, VERSION, MONTH = "turbo-forecast-run", "turbo-forecast-version", "turbo-forecast-month"
"""Names of the `meta` elements that say what the report is of."""
Named = tuple[str, str, str, str]
"""Kind, host or group, resource and threshold of a row of who runs full next."""


def named(rows: pl.DataFrame) -> list[Named]:
    """How the report's rows of these are marked. rows: of `outlook_answer`."""
    columns = rows.select("kind", "host_id", "resource", "threshold").iter_rows()
    return [
        (kind, printable(host), printable(resource), plain(threshold)) for kind, host, resource, threshold in columns
    ]


def write_report(
    published: Published, month_key: str | None, path: Path, dashboard_url: str = DEFAULT_ADDRESS
) -> ReportContent:
    """Write the report of a month (YYYY-MM; the latest without) by rename, and return what it tells.

    dashboard_url: where readers reach the dashboard. Raises StorageError where the month is not published, or the file cannot be
    written.
    """
    content = report_content(published, month_key)
    text = rendered(content, dashboard_url)
    with publishing(path) as beside:
        beside.write_text(text, encoding="utf-8")
    return content


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """What a report's file says of itself. named: the rows of who runs full next; unclosed: elements that have no end."""

    month: str
    run_id: str
    version: str
    named: tuple[Named, ...]
    unclosed: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether it has an end, and so has every element in it."""
        return not self.unclosed


def read_report(path: Path) -> WrittenReport:
    """What a report's file says of itself. Raises StorageError where there is no file, or it is no text."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StorageError(f"{path} is not there: materialise month_report for the month") from None
    except (OSError, UnicodeDecodeError) as error:
        why = refusal(error) if isinstance(error, OSError) else "it is no UTF-8 text"
        raise StorageError(f"{path} cannot be read: {why}") from None
    found = _Reader()
    found.feed(text)
    found.close()
    unclosed = found.open if found.ended else [*found.open, "html"]
    return WrittenReport(
        month=found.meta.get(MONTH, ""),
        run_id=found.meta.get(RUN, ""),
        version=found.meta.get(VERSION, ""),
        named=tuple(found.named),
        unclosed=tuple(dict.fromkeys(unclosed)),
    )


class _Reader(HTMLParser):
    """Reads what the templates wrote; that is all that it must understand."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.meta: dict[str, str] = {}
        self.named: list[Named] = []
        self.open: list[str] = []
        self.ended = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "meta" and "name" in given:
            self.meta[given["name"]] = given.get("content", "")
        if "data-host" in given:
            self.named.append((given["data-kind"], given["data-host"], given["data-resource"], given["data-threshold"]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """`<circle …/>`, as SVG has it: begins and ends."""

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()
        self.ended = self.ended or tag == "html"
