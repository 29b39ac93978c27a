"""A run's lines on a terminal: those that only say how far it is move a bar, and the others stand above it.

Does not belong here: what a run says (`fleet/progress.py`, `status_log.py`). Where standard output is no
terminal, every line is printed as it is said.
"""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from turbo_forecast.fleet.progress import reached
from turbo_forecast.status_log import watching
from turbo_forecast.text import printable, shortened

AT_WORK = "at work"
HEARTBEAT = " so far"
"""How a line ends that only says that something still goes on: the bar shows how long itself."""
LONGEST = 60
"""Characters beside the bar that say what is being done."""


@contextmanager
def lines_shown(*, plain: bool = False) -> Iterator[None]:
    """What the block prints is shown with a bar, where standard output is a terminal; or as it is, always where `plain`."""
    terminal = sys.stdout
    if plain or not terminal.isatty():
        yield
        return
    terminal.flush()
    # a descriptor of its own: while a step works, Dagster lets the ordinary one write to the step's log
    # Rich's own stand-in for standard error writes to the terminal: not where errors go to a file
    with (
        os.fdopen(os.dup(terminal.fileno()), "w", encoding=terminal.encoding) as own,
        _bar(Console(file=own), errors_too=sys.stderr.isatty()) as bar,
    ):
        lines = Lines(terminal, bar)
        sys.stdout = lines
        try:
            with watching(lines.begin):
                yield
        finally:
            sys.stdout = terminal
            lines.end()


def _bar(console: Console, *, errors_too: bool = False) -> Progress:
    return Progress(
        SpinnerColumn(),
        BarColumn(bar_width=30),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),  # last: what is as long as it likes moves nothing else
        TextColumn("{task.fields[rest]}", markup=False),
        console=console,
        transient=True,  # nothing of it stays above what came of the run
        redirect_stdout=False,
        redirect_stderr=errors_too,
    )


class Lines(io.TextIOBase):
    """Standard output while a bar is shown. Any thread may write to it."""

    def __init__(self, terminal: TextIO, bar: Progress) -> None:
        self._terminal, self._bar, self._begun = terminal, bar, ""
        self._task = bar.add_task(AT_WORK, total=None, rest="")

    def write(self, text: str) -> int:
        """Take whole lines; what has no end yet waits for it."""
        *whole, self._begun = (self._begun + text).split("\n")
        for line in whole:
            self._take(line)
        return len(text)

    def begin(self, doing: str) -> None:
        """Show what is being done until a line, or what is done next, says more."""
        self._show(printable(doing) or AT_WORK)

    def end(self) -> None:
        """Show what has no end."""
        if self._begun:
            self._take(self._begun)
            self._begun = ""

    def _take(self, line: str) -> None:
        found = reached(line)
        if found and found.done < found.total:
            self._show(found.about, f"{found.done:,}/{found.total:,} series · {found.rest}", found.done, found.total)
        elif line.endswith(HEARTBEAT):
            self._show(line.rpartition(",")[0])
        else:
            self._bar.console.print(Text(line), soft_wrap=True)  # text as it is: no markup, nothing highlighted
            self._show(line.rstrip(" …").partition(":")[0] if line.endswith("…") else AT_WORK)

    def _show(self, doing: str, rest: str = "", done: int = 0, total: int | None = None) -> None:
        self._bar.tasks[0].total = total  # `update` takes None for no news, and so the bar would stay as it was
        self._bar.update(self._task, description=shortened(doing, LONGEST), rest=rest, completed=done, refresh=True)

    def fileno(self) -> int:
        """The terminal's."""
        return self._terminal.fileno()

    def isatty(self) -> bool:
        """It is one."""
        return self._terminal.isatty()

    def flush(self) -> None:
        """Nothing of a whole line is kept back."""
        self._terminal.flush()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The terminal's."""
        return self._terminal.encoding
