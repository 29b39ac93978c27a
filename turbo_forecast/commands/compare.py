"""`turbo-forecast compare`: what moved from one month to another.

Does not belong here: what counts as moved (`answers/compare.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.text import Text

from turbo_forecast.answers.compare import JUMP_DAYS, NAMES, Comparison, comparison, months_to_compare
from turbo_forecast.commands.output import print_json, write_csv
from turbo_forecast.commands.terminal import Shown, console, name_of, percent, print_rows, room_on_screen
from turbo_forecast.number_words import UNKNOWN, counted, day
from turbo_forecast.storage.published.reading import Published
from turbo_forecast.text import printable
from turbo_forecast.types import State

LEAST_LINES = 4
"""Of each part, however low the terminal is: its titles and three rows."""


@dataclass(frozen=True, slots=True)
class Part:
    """What moved in one respect: `name` is its key in JSON and CSV."""

    name: str
    title: str
    rows: pl.DataFrame
    columns: Sequence[Shown]


def compare(data: Path, keys: Sequence[str], *, every_row: bool, csv: str, as_json: bool) -> int:
    """0: compared. Raises SettingsError, StorageError where it cannot be."""
    found = comparison(*months_to_compare(Published(data), keys))
    if csv:
        write_csv(_long(found), csv)
    elif as_json:
        _print_json(found)
    else:
        _print(found, every_row)
    return 0


def _parts(found: Comparison) -> list[Part]:
    resource = Shown("resource", lambda row: printable(row["resource"]))
    at = Shown("at", lambda row: f"{row['threshold']:g} %", right=True)
    states = [
        resource, at,
        Shown("was", lambda row: row["state_before"] or "new"),
        Shown("is", lambda row: row["state"]),
        Shown("likely", lambda row: day(row["likely"]) if row["state"] == State.EXPECTED else UNKNOWN),
        Shown("probability", lambda row: percent(row["probability_182"]), right=True, optional=1),
    ]  # fmt: skip
    dates = [
        resource, at,
        Shown("was likely", lambda row: day(row["likely_before"])),
        Shown("is likely", lambda row: day(row["likely"])),
        Shown("days", lambda row: f"{row['days']:+d}", right=True),
    ]  # fmt: skip
    champions = [
        resource,
        Shown("was", lambda row: printable(row["model_before"])),
        Shown("is", lambda row: printable(row["model"])),
    ]
    series = [
        resource,
        Shown("what", lambda row: row["what"]),
        Shown("was", lambda row: row["before"] or UNKNOWN),
        Shown("is", lambda row: row["now"] or UNKNOWN),
    ]
    watched = found.worse.filter(pl.col("state") == State.POSSIBLE)
    return [
        Part("breaches", "New breaches: reached now, or expected to be", found.breaches, states),
        Part("possible", "Possible now", watched, states),
        Part("better", "Less urgent than before", found.better, states),
        Part("dates", f"Likely days that moved by {JUMP_DAYS} days or more (below 0: earlier)", found.dates, dates),
        Part("champions", "Other champions", found.champions, champions),
        Part("series", "Series and groups that are new, gone, or otherwise than before", found.series, series),
    ]


def _print(found: Comparison, every_row: bool) -> None:
    out = console()
    out.print(Text(f"From {found.earlier.key} to {found.later.key}", style="bold"))
    for remark in found.remarks:
        out.print(Text(printable(remark), style="yellow"))
    parts = [part for part in _parts(found) if len(part.rows)]
    further = int(found.states["further"].sum())
    if further:
        out.print(
            f"{counted(further, 'more is', 'more are')} expected or possible only because the forecast reaches further."
        )
    if not parts:
        out.print("Nothing moved.")
    room = None if every_row else room_on_screen(out, 1 + len(found.remarks) + bool(further))
    for part, lines in zip(parts, _shares(room, [len(part.rows) for part in parts]), strict=True):
        _print_part(out, part, lines)


def _shares(room: int | None, counts: Sequence[int]) -> list[int | None]:
    """Lines for each part's table: what a part does not need is left to the others."""
    if room is None:
        return [None] * len(counts)
    left, shares = room - 2 * len(counts), {}  # a title each, and a line on further rows
    for done, place in enumerate(sorted(range(len(counts)), key=lambda place: counts[place])):
        fair = left // (len(counts) - done)
        shares[place] = max(min(counts[place] + 1, fair), LEAST_LINES)
        left -= shares[place]
    return [shares[place] for place in range(len(counts))]


def _print_part(out: Console, part: Part, lines: int | None) -> None:
    out.print(Text(f"{part.title}: {len(part.rows):,}", style="bold"))
    count = print_rows(
        out, Shown("  host", lambda row: f"  {name_of(row)}"), part.columns, part.rows.to_dicts(), lines, least=3
    )
    if count < len(part.rows):
        out.print(f"  and {len(part.rows) - count:,} more: --all or --csv FILE show them")


def _print_json(found: Comparison) -> None:
    document: dict[str, Any] = {
        "earlier": found.earlier.key,
        "later": found.later.key,
        "remarks": found.remarks,
        "further": found.states.filter(pl.col("further")),
    }
    print_json(document | {part.name: part.rows for part in _parts(found)})


def _long(found: Comparison) -> pl.DataFrame:
    """All parts in one table: what moved, of whom, and what it was and is, as text."""
    pairs = {
        "breaches": ("state_before", "state"), "possible": ("state_before", "state"), "better": ("state_before", "state"),
        "dates": ("likely_before", "likely"), "champions": ("model_before", "model"), "series": ("before", "now"),
    }  # fmt: skip
    tables = []
    for part in _parts(found):
        before, now = pairs[part.name]
        rows = part.rows.select(
            pl.lit(part.name).alias("moved"),
            *NAMES,
            pl.col("threshold") if "threshold" in part.rows.columns else pl.lit(None, pl.Float64).alias("threshold"),
            pl.col(before).cast(pl.String).alias("before"),
            pl.col(now).cast(pl.String).alias("now"),
            pl.col("days") if "days" in part.rows.columns else pl.lit(None, pl.Int64).alias("days"),
        )
        tables.append(rows)
    return pl.concat(tables)
