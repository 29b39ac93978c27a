"""`turbo-forecast check-telemetry PATH`: what a run would make of telemetry, before there is a run. Nothing is written.

Belongs here: the answer's layout, and when it is no. Does not belong here: the facts (`storage/telemetry/dry_run.py`,
`answers/run_readiness.py`).

Exit codes: 0 a run could use it; 1 it can be read, and a run could not use it; 2 it cannot be read, with the sentence that a run
would end with.
"""

import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.text import Text

from turbo_forecast.answers.run_readiness import Readiness, run_readiness
from turbo_forecast.commands.exit_codes import DONE, NO, fail
from turbo_forecast.commands.output import print_json
from turbo_forecast.commands.terminal import Shown, console, print_rows
from turbo_forecast.errors import TelemetryError
from turbo_forecast.number_words import UNKNOWN, counted, days_ago
from turbo_forecast.settings import load_settings
from turbo_forecast.storage.telemetry.dry_run import DryRun, dry_run
from turbo_forecast.storage.telemetry.layout import USUAL_NAMES
from turbo_forecast.storage.telemetry.report import TelemetryReport
from turbo_forecast.text import printable, shortened, shown_location
from turbo_forecast.types import Outcome

MOST_REJECTED = 0.5
"""A larger share of values that a run would reject is an export that went wrong, not telemetry with faults."""
MINUTES = 24 * 60
MEANINGS = {
    "host_column": "the host",
    "time_column": "the time",
    "resource_column": "the resource",
    "value_column": "the value",
    "resources": "a resource",
    "resource_columns": "identifies a host's resources",
}
"""What a column is, by the setting that would choose it."""
CLOSINGS = {
    "resource": "every value is of the resource",
    "host_from": "hosts are taken from the",
    "columns": "columns are",
}
FILE_SHOWN = 60
NAMES_AN_OPTION = re.compile(r"\bset \w+")
OPTIONS_HINT = """\
Such options are lines of a settings file, which a run is given, too: --config forecast.yaml with
  telemetry:
    host_column: server    # the option's name, a colon, its value"""
"""Said below a refusal that names an option, to who has given no settings file."""


@dataclass(frozen=True, slots=True)
class Usability:
    """problems: why a run could not use the telemetry, a clause each; none where it could."""

    problems: tuple[str, ...]

    @property
    def is_usable(self) -> bool:
        """Whether a run could use it."""
        return not self.problems


def check_telemetry(path: str, *, config: Path | None, everything: bool = False, as_json: bool = False) -> int:
    """0: a run could use the telemetry; 1: it could not. Raises what a run would raise where it cannot be read.

    path: a file, folder, glob, URI or DuckDB file. config: the settings file. everything: read all of it, not a sample.
    """
    settings, today = load_settings(config), date.today()
    named = settings.telemetry.model_copy(update={"telemetry": path})
    try:
        found = dry_run(
            named, today=today, everything=everything, log=lambda line: print(line, file=sys.stderr, flush=True)
        )
    except TelemetryError as error:
        code = fail(str(error))
        if config is None and NAMES_AN_OPTION.search(str(error)):
            print(OPTIONS_HINT, file=sys.stderr)
        return code
    ready = run_readiness(found.histories, settings.forecast, today) if found.has_whole_histories else None
    usability = _usability(found, ready)
    if as_json:
        print_json(_document(path, found, ready, usability, today))
    else:
        _print(path, found, ready, usability, today)
    return DONE if usability.is_usable else NO


def _usability(found: DryRun, ready: Readiness | None) -> Usability:
    problems = []
    if found.values_rejected > MOST_REJECTED * found.report.values_read:
        share = found.values_rejected / found.report.values_read
        problems.append(f"{share:.0%} of the values would be rejected".replace("%", " %"))
    if ready and not ready.months:
        problems.append(ready.why_none)
    elif ready and not ready.outcomes.get(Outcome.FORECAST):
        problems.append(f"no series would be forecast in {ready.last}: all are too short for a backtest, or retired")
    return Usability(tuple(problems))


def _document(path: str, found: DryRun, ready: Readiness | None, usability: Usability, today: date) -> dict[str, Any]:
    gap = _longest_gap(found)
    return {
        "telemetry": shown_location(path),
        "usable": usability.is_usable,
        "problems": list(usability.problems),
        "sample": {**asdict(found.portion), "described": found.portion.describe()}
        if found.portion and found.is_sample
        else None,
        "report": asdict(found.report),
        "rejects": found.rejects,
        "days_ago": (today - found.report.last_day).days,
        "gaps": None
        if ready is None
        else {"missing_share": found.missing_share, "unobserved_days": found.unobserved_days, "longest": gap},
        "months": None if ready is None else asdict(ready),
    }


def _print(path: str, found: DryRun, ready: Readiness | None, usability: Usability, today: date) -> None:
    out = console()
    for line in _of_reading(path, found):
        out.print(Text(printable(line)))
    _print_columns(out, found.report)
    for line in _of_values(found, today):
        out.print(Text(printable(line)))
    _print_rejects(out, found)
    for line in _of_histories(found, ready):
        out.print(Text(printable(line)))
    if usability.is_usable:
        out.print(
            Text(
                "Ready for a run" + (f": {_run_of(path, ready.last)}" if ready and ready.last else "."),
                style="bold green",
            )
        )
    else:
        out.print(Text(printable(f"Not ready for a run: {'; '.join(usability.problems)}."), style="bold red"))


def _run_of(path: str, month: str) -> str:
    """The command that forecasts a month of this telemetry."""
    return printable(f"turbo-forecast run --telemetry {shlex.quote(shown_location(path))} --month {month}")


def _of_reading(path: str, found: DryRun) -> Iterator[str]:
    report = found.report
    files = (
        report.sources[0]
        if len(report.sources) == 1
        else f"{shown_location(path)} ({counted(len(report.sources), 'file')})"
    )
    guessed = " (guessed)" if "layout" in report.guesses else ""
    yield f"Telemetry: {files}: {report.layout} layout{guessed}, {counted(report.rows_read, 'row')} read in {sum(report.seconds.values()):.1f} s"
    if found.portion and found.is_sample:
        yield f"A sample was read: {found.portion.describe()}. All counts are of the sample; --all reads the rest."
    yield from (f"Noted: {note}" for note in report.notes)


def _print_columns(out: Console, report: TelemetryReport) -> None:
    """Which column is what, and why."""
    rows = [
        {"name": name, "is": MEANINGS[option], "why": _why(option, name, report)}
        for option, chosen in report.columns.items()
        if option in MEANINGS
        for name in ([chosen] if isinstance(chosen, str) else chosen)
    ]
    if report.columns.get("columns") == "hosts":
        rows = [row | {"is": "a host"} if row["is"] == MEANINGS["resources"] else row for row in rows]
    rows += [{"name": name, "is": "left out", "why": why} for name, why in report.left_out.items()]
    name = Shown("column", lambda row: printable(row["name"]))
    print_rows(
        out, name, [Shown("is", lambda row: row["is"]), Shown("because", lambda row: printable(row["why"]))], rows, None
    )
    for option, words in CLOSINGS.items():
        if option in report.columns:
            out.print(Text(printable(f"As set ({option}): {words} {report.columns[option]}.")))


def _why(option: str, name: str, report: TelemetryReport) -> str:
    guess = report.guesses.get(option)
    if guess is None or name not in ([guess] if isinstance(guess, str) else guess):
        return f"as set ({option})"
    if name.lower() in USUAL_NAMES.get(option, ()):
        return "guessed: a usual name for it"
    return "guessed: numbers, and nothing else that it could be"


def _of_values(found: DryRun, today: date) -> Iterator[str]:
    report = found.report
    zone = f"days of {report.timezone}" if report.timezone else "wall-clock times, no zone"
    yield f"Times: {zone}; {_granularity(report)}"
    resources = ", ".join(report.resources[:12]) + (
        f", … ({len(report.resources):,})" if len(report.resources) > 12 else ""
    )
    yield f"Series: {report.series:,} ({counted(report.hosts, 'host')}; {resources}), {counted(report.rows_kept, 'day')} of them"
    yield f"Days: {report.first_day} to {report.last_day}, which is {days_ago((today - report.last_day).days)}"
    share = report.values_kept / report.values_read
    clipped = f", {report.clipped:,} of them a little above 100 % and counted as 100" if report.clipped else ""
    yield f"Kept: {report.values_kept:,} of {counted(report.values_read, 'value')} ({_percent(share)}){clipped}"
    if report.names_changed:
        yield f"Changed names: {report.names_changed:,} (white space, Unicode form, number format)"
    if report.look_alikes:
        yield f"Hosts that differ in case, width or zeros only: {'; '.join(report.look_alikes[:3])}"


def _granularity(report: TelemetryReport) -> str:
    """How many values a day has, on average."""
    a_day = report.values_kept / report.rows_kept
    if a_day < 1.05:
        return "one value a day"
    return f"{a_day:,.1f} values a day, one every {MINUTES / a_day:,.0f} minutes, on average"


def _print_rejects(out: Console, found: DryRun) -> None:
    if found.rejects.is_empty():
        out.print("Rejected: nothing")
        return
    out.print(
        f"Rejected: {counted(found.values_rejected, 'value')} ({_percent(found.values_rejected / found.report.values_read)})"
    )
    for row in found.rejects.iter_rows(named=True):
        out.print(Text(f"  {row['n']:,} {row['reason']}, such as {_example(row['examples'][0])}"))


def _example(example: dict[str, str | None]) -> str:
    said = {name: UNKNOWN if value is None else printable(value) for name, value in example.items()}
    place = said["source"] if len(said["source"]) <= FILE_SHOWN else f"…{said['source'][1 - FILE_SHOWN :]}"
    series = f"{shortened(said['host_id'], 40)}/{shortened(said['resource'], 40)}"
    return f"{shortened(said['value'], 30)} of {series} at {shortened(said['time'], 30)} in {place}"


def _of_histories(found: DryRun, ready: Readiness | None) -> Iterator[str]:
    """Gaps, and what a run could make of the months."""
    if ready is None:
        yield "Gaps and months: not known from a sample without all files and rows; use --all"
        return
    yield f"Gaps: {_percent(found.missing_share)} of the days from each series' first to its last are missing{_longest(found)}"
    if days := found.unobserved_days:
        some = ", ".join(map(str, days[:5])) + (f" and {len(days) - 5:,} more" if len(days) > 5 else "")
        yield f"Days without any value: {some}"
    if not ready.months:
        return
    backtest = (
        f"from {ready.first_with_backtest} on with a backtest" if ready.first_with_backtest else "none with a backtest"
    )
    whole = (
        f"from {ready.whole} on with all the history that is asked for"
        if ready.whole
        else "none with all the history that is asked for"
    )
    yield f"Months that can be run: {ready.months[0]} to {ready.last}; {backtest}, {whole}"
    forecast, fallback, retired = (
        f"{ready.outcomes.get(outcome, 0):,}" for outcome in (Outcome.FORECAST, Outcome.FALLBACK, Outcome.RETIRED)
    )
    yield (
        f"Series in {ready.last}: {forecast} to be forecast; {fallback} too short for a backtest (the fallback is published); "
        f"{retired} fallen silent (retired)"
    )


def _longest_gap(found: DryRun) -> dict[str, Any] | None:
    """The longest gap of any series, None where there is none."""
    rows = found.histories.filter(pl.col("longest_gap") > 0).sort("longest_gap", descending=True).head(1)
    return rows.drop("days").row(0, named=True) if len(rows) else None


def _longest(found: DryRun) -> str:
    gap = _longest_gap(found)
    if gap is None:
        return ""
    return f"; the longest gap is {counted(gap['longest_gap'], 'day')} after {gap['last_before_gap']}, in {gap['host_id']}/{gap['resource']}"


def _percent(share: float) -> str:
    """A share as percent with one decimal, which never shows some as none, or all but some as all."""
    shown = f"{share:.1%}"
    if share > 0 and shown == "0.0%":
        return "<0.1 %"
    return ">99.9 %" if share < 1 and shown == "100.0%" else shown.replace("%", " %")
