"""A bar on a terminal: it moves by the lines that say how far a run is; every other line stands above it, as it was said."""

import io
import os
import pty
import subprocess
import sys

import pytest
from rich.console import Console

from turbo_forecast.commands.progress_bar import AT_WORK, Lines, _bar, lines_shown
from turbo_forecast.fleet.progress import Progress, Reached, reached
from turbo_forecast.status_log import StatusLog, watching

SAID = [
    "Wrote 1,000 rows.",
    "2025-12 · compiling kernels: once, about a minute …",
    "2025-12 · compiling kernels, 10 s so far",
    "2025-12 · 1,024/8,000 series · 512/s · 0 failed · 14 s left",
    "2025-12 · 8,000/8,000 series · 512/s · 0 failed · done",
    "warning: a host is called [bold]x[/bold] :smile: <script>",
]


@pytest.fixture
def shown() -> tuple[Lines, io.StringIO]:
    """Lines on a terminal that is a text, and the text."""
    terminal = io.StringIO()
    bar = _bar(Console(file=terminal, width=100, force_terminal=False))
    return Lines(terminal, bar), terminal


def test_lines_that_only_say_how_far_it_is_move_the_bar(shown: tuple[Lines, io.StringIO]) -> None:
    lines, terminal = shown
    (task,) = lines._bar.tasks
    print(SAID[3], file=lines)
    assert (task.completed, task.total, task.description) == (1024, 8000, "2025-12")
    assert task.fields["rest"] == "1,024/8,000 series · 512/s · 0 failed · 14 s left"
    print(SAID[2], file=lines)
    assert (task.total, task.description, task.fields["rest"]) == (None, "2025-12 · compiling kernels", "")
    assert terminal.getvalue() == ""


def test_every_other_line_is_shown_as_it_was_said_and_so_is_the_last_that_counts(
    shown: tuple[Lines, io.StringIO],
) -> None:
    lines, terminal = shown
    for line in SAID:
        print(line, file=lines)
    print("no end", end="", file=lines)
    assert terminal.getvalue().splitlines() == [SAID[0], SAID[1], SAID[4], SAID[5]]
    lines.end()
    assert terminal.getvalue().splitlines()[-1] == "no end"


def test_a_line_that_comes_in_pieces_is_one_line(shown: tuple[Lines, io.StringIO]) -> None:
    lines, terminal = shown
    for piece in ("2025-12 · 5/1", "0 series · 1/s\nnext ", "line\n"):
        lines.write(piece)
    assert terminal.getvalue() == "next line\n"
    assert lines._bar.tasks[0].total is None, "the line after it has ended the counting"


def test_what_a_log_works_on_stands_beside_the_bar_until_it_ends(shown: tuple[Lines, io.StringIO]) -> None:
    lines, terminal = shown
    log = StatusLog(lambda line: print(line, file=lines), about="2025-12")
    (task,) = lines._bar.tasks
    with watching(lines.begin):
        with log.working("checking champions: every_series_has_one"):
            assert task.description == "2025-12 · checking champions: every_series_has_one"
            with log.working("a\nb"):
                assert task.description == r"2025-12 · a\nb"
            assert task.description.startswith("2025-12 · checking")
        assert task.description == AT_WORK
    with log.working("unseen"):
        assert task.description == AT_WORK
    assert terminal.getvalue() == ""


@pytest.mark.parametrize(
    "text", ["", "resuming: 5/10 series were finished before", "x 5/10 series", "5/10 hosts", "a · b"]
)
def test_other_lines_are_no_progress(text: str) -> None:
    assert reached(text) is None


def test_a_line_of_progress_is_read_as_it_was_meant() -> None:
    said: list[str] = []
    log = StatusLog(said.append, about="2025-12")
    now = iter(range(100))
    progress = Progress(8000, log, clock=lambda: float(next(now)))
    progress.add(8000, 3)
    assert reached(said[-1]) == Reached("2025-12", 8000, 8000, "3 failed · done")
    assert reached("1,234/8,000 series") == Reached("", 1234, 8000, "")


def test_in_a_pipe_every_line_is_printed_as_it_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with lines_shown():
        for line in SAID:
            print(line)
    assert capsys.readouterr().out.splitlines() == SAID


SCRIPT = f"""
import sys
from turbo_forecast.commands.progress_bar import lines_shown
with lines_shown(plain={{plain}}):
    for line in {SAID!r}:
        print(line)
    print("error: a word to the other stream", file=sys.stderr)
print("after")
"""


def on_a_terminal(script: str, **more: str) -> tuple[str, str]:
    """What a process writes to its terminal, and to standard error, which is a pipe."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=follower, stdout=follower, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100", **more},
    )  # fmt: skip
    os.close(follower)
    parts = []
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:  # Linux: the terminal has no other end any more
            break
        if not part:
            break
        parts.append(part)
    os.close(leader)
    assert process.stderr is not None
    errors = process.stderr.read()
    assert process.wait(30) == 0
    return b"".join(parts).decode(), errors


def test_on_a_terminal_there_is_a_bar_which_leaves_nothing_behind_and_keeps_off_other_streams() -> None:
    screen, errors = on_a_terminal(SCRIPT.format(plain=False))
    assert "\x1b[" in screen
    assert "1,024/8,000 series" in screen
    assert screen.replace("\r\n", "\n").endswith("after\n")
    for line in (SAID[0], SAID[4], SAID[5]):
        assert line in screen
    assert errors == "error: a word to the other stream\n"


def test_where_others_write_to_the_terminal_too_the_lines_stay_plain() -> None:
    screen, _ = on_a_terminal(SCRIPT.format(plain=True))
    assert screen.replace("\r\n", "\n").splitlines() == [*SAID, "after"]
