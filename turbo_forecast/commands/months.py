"""`turbo-forecast months`: which months there are, how good each is, and what is to be done.

Does not belong here: the facts (`answers/months.py`).
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl
from rich.text import Text

from turbo_forecast.answers.months import MonthLine, month_lines
from turbo_forecast.commands.exit_codes import DONE, NO
from turbo_forecast.commands.output import print_json, write_csv
from turbo_forecast.commands.terminal import Shown, console, decimals, percent, print_rows
from turbo_forecast.errors import StorageError
from turbo_forecast.number_words import UNKNOWN
from turbo_forecast.storage.published.reading import Published
from turbo_forecast.text import one_line, printable

WARNING_SHOWN = 200
"""Characters of a warning; the whole is in JSON."""
STYLES = {"failed": "bold red", "incomplete": "yellow"}


def months(data: Path, *, csv: str, as_json: bool) -> int:
    """0: all are complete and published; 1: some are not. Raises StorageError where there is none at all."""
    lines = month_lines(Published(data))
    if not lines:
        raise StorageError(f"{data} has no month: none was ever run there")
    if csv:
        write_csv(_frame(lines), csv)
    elif as_json:
        print_json([asdict(line) for line in lines])
    else:
        _print(lines)
    return DONE if all(line.is_well for line in lines) else NO


def _frame(lines: list[MonthLine]) -> pl.DataFrame:
    rows = [{**asdict(line), "failed": ", ".join(line.failed), "warnings": "\n".join(line.warnings)} for line in lines]
    return pl.DataFrame(rows, infer_schema_length=None)


def _print(lines: list[MonthLine]) -> None:
    out = console()
    columns = [
        Shown("state", lambda row: row["state"], style=lambda row: STYLES.get(row["state"], "")),
        Shown("series", lambda row: UNKNOWN if row["series"] is None else f"{row['series']:,}", right=True),
        Shown("MAE", lambda row: decimals(row["mae"], 2), right=True),
        Shown("MASE", lambda row: decimals(row["mase"], 3), right=True),
        Shown("inside interval", lambda row: percent(row["inside"]), right=True),
        Shown("warnings", lambda row: UNKNOWN if row["published_at"] is None else str(len(row["warnings"])), right=True),
        Shown("published (UTC)", _published, optional=1),
        Shown("by run", lambda row: (row["published_by"] or UNKNOWN)[:8], optional=2),
    ]  # fmt: skip
    rows = [asdict(line) for line in lines]
    print_rows(out, Shown("month", lambda row: row["month"]), columns, rows, None)
    for line in lines:
        if line.to_do:
            out.print(Text(printable(f"{line.month}: {line.to_do}"), style=STYLES.get(line.state, "")))
    warned = next((line for line in lines if line.warnings), None)
    if warned:
        out.print(f"Warnings of {warned.month}:")
        for warning in warned.warnings:
            out.print(Text(f"  {one_line(warning, WARNING_SHOWN)}"))
    out.print("MAE (points) and MASE of the published forecast on the backtest, means over series.")


def _published(row: dict[str, Any]) -> str:
    return UNKNOWN if row["published_at"] is None else f"{row['published_at']:%Y-%m-%d %H:%M}"
