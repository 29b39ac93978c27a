"""A month's report as HTML: templates, and how names and messages are written in them.

Belongs here: laying out. Does not belong here: what is told (`content.py`), numbers and days (`number_words.py`), and the file
(`writing.py`).
"""

from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import jinja2
import polars as pl
from markupsafe import Markup

from turbo_forecast import deep_links, html_templates
from turbo_forecast.answers.compare import JUMP_DAYS
from turbo_forecast.answers.run_health import RunHealth
from turbo_forecast.answers.sparklines import WeeklyLevels
from turbo_forecast.charts.reliability import reliability_marks
from turbo_forecast.charts.sparkline import sparklines
from turbo_forecast.number_words import UNKNOWN, counted, day, moment, number, plain, probability, share, whole
from turbo_forecast.report.content import ReportContent
from turbo_forecast.report.short import in_short
from turbo_forecast.storage.months import COMPLETE
from turbo_forecast.storage.outlook_findings import PLANNED_FOR, level_of
from turbo_forecast.storage.published.manifest import MonthStanding
from turbo_forecast.text import printable, shortened
from turbo_forecast.types import Status

HERE = Path(__file__).parent
MOST_CHANGES = 12
"""Rows of each kind of change that are named."""
MOST_REASONS, MOST_STAGES = 12, 6
"""Kinds of reasons and of failures, and stages that are named."""
LONGEST_NAME, LONGEST_SENTENCE = 200, 1_000
"""Characters of a name and of a sentence that are shown; the file has the whole name beside it, as an attribute."""
THIS_COMPUTER = ("localhost", "127.0.0.1", "[::1]", "::1")


def rendered(content: ReportContent, dashboard_url: str) -> str:
    """The report as one HTML document, which refers to nothing but the pages of the dashboard.

    dashboard_url: where readers reach the dashboard.
    """
    month = content.month

    def page(path: str, **parameters: object) -> str:
        return deep_links.absolute(dashboard_url, deep_links.page(path, month=month.key, **parameters))

    def host_page(host: str, resource: str, kind: str = "series") -> str:
        shown = None if kind == "series" else kind
        return page(deep_links.HOST_PAGE, host=host, resource=resource, kind=shown)

    return (
        _environment()
        .get_template("month.html")
        .render(
            told=content,
            full=content.runs_full,
            short=in_short(content),
            month=month,
            manifest=month.manifest,
            end=month.windows.horizon_end,
            lines=_lines(content.levels),
            plot=reliability_marks(content.record.bins),
            standing=_changed_since(content),
            failures=failures(content.health),
            most=MOST_CHANGES,
            most_reasons=MOST_REASONS,
            most_stages=MOST_STAGES,
            jump_days=JUMP_DAYS,
            page=page,
            host_page=host_page,
            interval_width=month.settings.interval_width,
            dashboard=printable(dashboard_url),
            on_this_computer=urlsplit(dashboard_url).hostname in THIS_COMPUTER,
        )
    )


def _lines(levels: WeeklyLevels) -> list[Markup]:
    """The small charts as SVG, one for each row. The row has their facts in words, so readers aloud pass them over."""
    drawn = sparklines(levels.history, levels.forecast, levels.lower, levels.upper, levels.thresholds)
    return [Markup(each.svg()) for each in drawn]  # of numbers alone: no text that others chose is in it


def _changed_since(content: ReportContent) -> MonthStanding | None:
    """The month's state, where it is not complete any more: another run is making it, or has ended half-way."""
    own = next(each for each in content.health.months if each.month == content.month.key)
    return own.standing if own.standing and own.standing.state != COMPLETE else None


def failures(health: RunHealth) -> pl.DataFrame:
    """`model, status, fits, message` of fits that failed, the most frequent first; message: of the first that is known, or null."""
    said = health.failed_fits.filter(pl.col("error_message").is_not_null())
    first = said.group_by("model", "status", maintain_order=True).agg(message=pl.col("error_message").first())
    counted = health.fits.filter(pl.col("status") != Status.OK).select("model", "status", "fits")
    found = counted.join(first, on=["model", "status"], how="left")
    return found.sort("fits", "model", "status", descending=[True, False, False])


@cache
def _environment() -> jinja2.Environment:
    """The templates, with what all of them may use."""
    found = html_templates.environment(HERE / "templates")
    found.filters.update(
        name=name,
        seen=printable,
        plain=plain,
        sentence=sentence,
        day=day,
        moment=moment,
        whole=whole,
        decimals=number,
        share=share,
        probability=probability,
        counted=counted,
        first_of=first_of,
        and_more=and_more,
    )
    found.globals.update(level_of=level_of, headroom=headroom, planned_for=f"{PLANNED_FOR:g}", links=deep_links)
    return found


def name(text: str) -> str:
    """A name that others chose, with every character to be seen, cut where it is very long."""
    return shortened(printable(text), LONGEST_NAME)


def sentence(text: str) -> str:
    """A message that others wrote, on one line."""
    return shortened(printable(" ".join(text.split())), LONGEST_SENTENCE)


def first_of(n: int, most: int) -> str:
    """What a caption adds where only the first rows are there; nothing where all are."""
    return f"; the first {most:,}" if n > most else ""


def and_more(n: int, most: int) -> str:
    """What a list adds for those that it does not name."""
    return f" and {n - most:,} more" if n > most else ""


def headroom(level: float | None, threshold: float) -> str:
    """Points up to the threshold, which agree with `level_of`: what is below it never has none."""
    if level is None:
        return UNKNOWN
    return f"{max(threshold - level, 0.1) if level < threshold else threshold - level:.1f}"
