"""`turbo-forecast check-telemetry SOURCE`: what a source has, before anything is landed. Nothing is written.

Belongs here: whether a place is a source, the answer's layout, and when it is no. Does not belong here: what a source says of itself
(`sources/`), and files (`check_telemetry.py`).

Exit codes: 0 a run could use it; 1 it answers, and a run could not use it; 2 it cannot be asked.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.text import Text

from turbo_forecast.commands.exit_codes import DONE, NO
from turbo_forecast.commands.output import print_json
from turbo_forecast.commands.terminal import Shown, console, print_rows
from turbo_forecast.landing.configured import calendar_of, name_of, named_source
from turbo_forecast.landing.due import history_months, month_window
from turbo_forecast.month_keys import last_over
from turbo_forecast.number_words import UNKNOWN, counted
from turbo_forecast.settings import Settings, load_settings
from turbo_forecast.sources.protocol import Description, Source
from turbo_forecast.sources.registry import recognised, source_of
from turbo_forecast.text import one_line, printable

SAMPLE_ROWS = 10
CELL = 60


def source_of_place(place: str, config: Path | None) -> tuple[str, Source] | None:
    """The source that a place names, with its name: one of the settings file, else an address; None where it means files.

    A file whose name is also a source's is written with its folder: ./metrics. Raises SettingsError for a source that cannot work.
    """
    settings = load_settings(config)
    if place in settings.sources:
        return place, named_source(place, settings.sources[place], calendar_of(settings.telemetry))
    options = recognised(place)
    if options is None:
        return None
    name = name_of(str(options["kind"]), place)
    return name, source_of(name, options)


def check_source(name: str, source: Source, *, config: Path | None, as_json: bool) -> int:
    """0: a run could use the source; 1: it could not. Raises SourceError where it cannot be asked."""
    settings = load_settings(config)
    found = source.describe()
    months = months_there(found, settings, last_over())
    problem = _problem(found, months)
    if as_json:
        print_json(_document(name, source, found, months, problem))
    else:
        _print(name, source, found, months, problem)
    return NO if problem else DONE


def months_there(found: Description, settings: Settings, last: str) -> dict[str, str]:
    """What the source has of each month of the history of month `last`, YYYY-MM: `all`, `part` or `none`; nothing where it does not know."""
    if found.first is None or found.last is None:
        return {}
    zone = calendar_of(settings.telemetry)
    return {month: _share(month, zone, found.first, found.last) for month in history_months(last, settings.forecast)}


def _share(month: str, zone: str, first: datetime, last: datetime) -> str:
    """By the first and last value; a day at either end may be of one value, such as its first moment."""
    window = month_window(month, zone)
    if last < window.start or first >= window.end:
        return "none"
    day = timedelta(days=1)
    return "all" if first < window.start + day and last >= window.end - day else "part"


def _problem(found: Description, months: Mapping[str, str]) -> str:
    """Why a run could not use it; nothing where it could."""
    if not sum(found.series.values()):
        return "the query gives no series"
    if months and all(share == "none" for share in months.values()):
        return f"it has nothing of the {counted(len(months), 'month')} up to {max(months)} that a run looks back on"
    return ""


def _document(name: str, source: Source, found: Description, months: Mapping[str, str], problem: str) -> dict[str, Any]:
    return {
        "source": name,
        "kind": source.kind,
        "usable": not problem,
        "problems": [problem] if problem else [],
        "system": found.system,
        "first": found.first,
        "last": found.last,
        "series": dict(found.series),
        "months": dict(months),
        "notes": list(found.notes),
        "sample": found.sample.slice(0, SAMPLE_ROWS).to_pylist(),
    }


def _print(name: str, source: Source, found: Description, months: Mapping[str, str], problem: str) -> None:
    out = console()
    for line in _of_source(name, source, found, months):
        out.print(Text(printable(line)))
    _print_sample(found.sample)
    for note in found.notes:
        out.print(Text(printable(f"Noted: {note}")))
    if problem:
        out.print(Text(printable(f"Not ready for a run: {problem}."), style="bold red"))
    else:
        out.print(Text("Ready to be landed, by turbo-forecast land or by a run.", style="bold green"))


def _of_source(name: str, source: Source, found: Description, months: Mapping[str, str]) -> Iterator[str]:
    yield f"Source {name} ({source.kind}): {found.system}"
    span = [
        UNKNOWN if each is None else f"{each.astimezone(UTC):%Y-%m-%d %H:%M} UTC" for each in (found.first, found.last)
    ]
    yield f"Values: from {span[0]} to {span[1]}"
    resources = ", ".join(f"{count:,} of {resource}" for resource, count in sorted(found.series.items()))
    yield f"Series: {sum(found.series.values()):,}{f' ({resources})' if resources else ''}"
    if not months:
        yield "Months: the source does not say from when to when it has values; landing asks for each"
        return
    by_share = {share: [month for month, each in months.items() if each == share] for share in ("all", "part", "none")}
    counts = [
        f"{counted(len(there), 'month')} {words} ({there[0]}{f' to {there[-1]}' if len(there) > 1 else ''})"
        for share, words in (("all", "whole"), ("part", "in part"), ("none", "not there"))
        if (there := by_share[share])
    ]
    yield f"Of the {counted(len(months), 'month')} that a run of {max(months)} looks back on: {', '.join(counts)}"


def _print_sample(sample: pa.Table) -> None:
    rows = sample.slice(0, SAMPLE_ROWS).to_pylist()
    if not rows:
        return
    columns = [
        Shown("resource", lambda row: one_line(row["resource"], CELL)),
        Shown("time (UTC)", lambda row: f"{row['timestamp'].astimezone(UTC):%Y-%m-%d %H:%M}"),
        Shown("value", lambda row: f"{row['value']:,.2f}", right=True),
        Shown("labels", lambda row: one_line(row["labels"], CELL), optional=1),
    ]
    print_rows(console(), Shown("host", lambda row: printable(row["host_id"])), columns, rows, None)
