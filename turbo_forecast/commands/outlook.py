"""`turbo-forecast outlook`: which hosts run full, by when, and how sure is that, on a terminal or as a file.

Belongs here: what is shown of the answer. Does not belong here: the answer (`answers/outlook.py`).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal, cast

import polars as pl
from rich.console import Console
from rich.text import Text

from turbo_forecast.answers.months import not_shown
from turbo_forecast.answers.outlook import APPROACHING, PROBABILITY, OutlookQuestion, outlook_answer
from turbo_forecast.answers.statement_record import UNKNOWN, statement_record
from turbo_forecast.commands.output import print_json, write_csv, write_xlsx
from turbo_forecast.commands.terminal import Shown, console, decimals, name_of, percent, print_rows, room_on_screen
from turbo_forecast.errors import SettingsError
from turbo_forecast.number_words import day
from turbo_forecast.option_rules import shown
from turbo_forecast.outlook.rows import BASELINE, GROUP, SERIES
from turbo_forecast.schemas import CAPACITY_OUTLOOK
from turbo_forecast.schemas.outlook import STATED
from turbo_forecast.storage.outlook_findings import PLANNED_FOR, NextFull, level_of
from turbo_forecast.storage.published.reading import Published, PublishedMonth
from turbo_forecast.text import printable
from turbo_forecast.types import State

EVERY_STATE = "all"
STYLES = {"over": "bold red", "unusable": "bold red", "expected": "yellow"}


@dataclass(frozen=True, slots=True)
class Layout:
    """How the answer is given. rows: at most so many on the terminal; every_row: all; csv, xlsx: files; as_json."""

    rows: int | None = None
    every_row: bool = False
    csv: str = ""
    xlsx: str = ""
    as_json: bool = False


def question(
    *,
    before: date | None,
    resources: Sequence[str],
    group: str,
    kind: str,
    threshold: float | None,
    every_threshold: bool,
    at_least: float | None,
    states: Sequence[str],
    text: str,
    scenario: str,
) -> OutlookQuestion:
    """What is typed, as a question; without states, about who is not over the threshold yet and may reach it."""
    if kind not in ("", SERIES, GROUP):
        raise SettingsError(f"--kind must be {SERIES} or {GROUP}, not {shown(kind)}")
    asked = () if EVERY_STATE in states else tuple(states) or tuple(APPROACHING)
    return OutlookQuestion(
        before=before,
        resources=tuple(resources),
        group=group or None,
        kind=cast("Literal['series', 'group'] | None", kind or None),
        threshold=threshold,
        every_threshold=every_threshold,
        at_least=at_least,
        states=asked,
        text=text,
        scenario=scenario or BASELINE,
    )


def outlook(data: Path, key: str, asked: OutlookQuestion, layout: Layout) -> int:
    """Answer the question of a month (the latest one where `key` is empty). Raises SettingsError, StorageError."""
    published = Published(data)
    month = published.month(key or None)
    rows = outlook_answer(month, asked)
    if layout.csv:
        write_csv(rows, layout.csv)
    elif layout.xlsx:
        write_xlsx(rows, layout.xlsx, f"outlook {month.key}")
    elif layout.as_json:
        _print_json(month, asked, rows if layout.rows is None else rows.head(layout.rows))
    else:
        _print(published, month, asked, rows, layout)
    return 0


def _all_states(month: PublishedMonth, asked: OutlookQuestion) -> NextFull:
    """Whom the question is about, in whatever state and however probable."""
    return NextFull(outlook_answer(month, replace(asked, states=(), at_least=None)))


def _print_json(month: PublishedMonth, asked: OutlookQuestion, rows: pl.DataFrame) -> None:
    counts, record = _all_states(month, asked), statement_record(month)
    print_json(
        {
            "month": month.key,
            "cutoff": month.cutoff,
            "published_at": month.manifest.published_at,
            "run_id": month.manifest.run_id,
            "question": asdict(asked),
            "states": {state.value: counts.count(state) for state in State},
            "track_record": asdict(record) if record else None,
            "rows": rows.select(*CAPACITY_OUTLOOK.names, PROBABILITY),
        }
    )


def _print(
    published: Published, month: PublishedMonth, asked: OutlookQuestion, rows: pl.DataFrame, layout: Layout
) -> None:
    out = console()
    head = [*_head(month, asked), *(f"Note: {each}." for each in not_shown(published, month))]
    record = statement_record(month) or UNKNOWN
    foot = [f"How often that was true of series below their threshold: {record}"]
    if rows["level"].null_count():
        foot.insert(0, "now –: hardly observed in the week before the cutoff, if at all.")
    taken = sum(_lines(out, each) for each in (*head, *foot)) + 2  # an empty line, and the one on further rows
    _print_lines(out, head)
    if rows.is_empty():
        out.print("None.")
    else:
        out.print()
        room = None if layout.every_row or layout.rows is not None else room_on_screen(out, taken)
        asked_for = rows if layout.rows is None else rows.head(layout.rows)
        count = print_rows(out, Shown("host", name_of), _columns(asked), asked_for.to_dicts(), room)
        if count < len(rows):
            out.print(f"and {len(rows) - count:,} more: --limit N, --all, --csv FILE or --xlsx FILE show them")
    _print_lines(out, foot)


def _print_lines(out: Console, lines: Sequence[str]) -> None:
    for line in lines:
        out.print(Text(printable(line)))


def _lines(out: Console, text: str) -> int:
    """Lines that a text takes on the terminal."""
    return len(Text(printable(text)).wrap(out, out.width))


def _head(month: PublishedMonth, asked: OutlookQuestion) -> list[str]:
    about = (
        "each threshold"
        if asked.every_threshold
        else f"{asked.threshold:g} %"
        if asked.threshold is not None
        else f"{PLANNED_FOR:g} %, or the threshold nearest to it"
    )
    scenario = "" if asked.scenario == BASELINE else f", scenario {shown(asked.scenario)}"
    until = f"before {asked.before}" if asked.before else f"up to {month.windows.horizon_end}"
    return [
        f"Outlook of {month.key}{scenario}: whose 7-day mean reaches {about}, {until}, the most urgent first",
        str(_all_states(month, asked)),
    ]


def _columns(asked: OutlookQuestion) -> list[Shown]:
    """With the state where it does not follow from the dates, and the probability that is asked for."""

    def style(row: dict[str, Any]) -> str:
        return STYLES.get(row["state"], "")

    def horizon(days: int, optional: int) -> Shown:
        return Shown(f"{days} d", lambda row: percent(row[f"probability_{days}"]), right=True, optional=optional)

    asked_for = [Shown(f"< {asked.before}", lambda row: percent(row[PROBABILITY]), right=True)]
    return [
        Shown("resource", lambda row: printable(row["resource"])),
        *(
            [Shown("state", lambda row: row["state"], style=style, optional=2)]
            if set(asked.states) != set(APPROACHING)
            else []
        ),
        Shown("at", lambda row: f"{row['threshold']:g} %", right=True),
        Shown("now", lambda row: level_of(row["level"], row["threshold"]), right=True, optional=1),
        Shown("room", lambda row: decimals(row["headroom"]), right=True, optional=3),
        Shown("early", lambda row: day(row["early"]), optional=6),
        Shown("likely", lambda row: day(row["likely"]), style=style),
        Shown("late", lambda row: day(row["late"]), optional=7),
        *(asked_for if asked.before else map(horizon, STATED, (5, 4, 0))),
    ]
