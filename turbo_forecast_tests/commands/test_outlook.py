"""`turbo-forecast outlook`: what is shown, how much of it, and the same rows as files and JSON."""

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from turbo_forecast.answers.outlook import APPROACHING, OutlookQuestion, outlook_answer
from turbo_forecast.commands.app import main
from turbo_forecast.schemas import CAPACITY_OUTLOOK
from turbo_forecast.storage.published.reading import Published
from turbo_forecast_tests.published_months import (
    FOREIGN,
    FORMULA,
    HIDDEN,
    LONG,
    MARKUP,
    RACK,
    SCENARIO,
    begin_month,
    publish_fleet,
)

NEWEST = "2025-12"


@pytest.fixture
def data(published_fleet: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TURBO_FORECAST_DATA", str(published_fleet))
    return published_fleet


def asked(capsys: pytest.CaptureFixture[str], *typed: str) -> str:
    assert main(["outlook", *typed]) == 0
    return capsys.readouterr().out


def hosts(text: str) -> list[str]:
    """The first column of the table."""
    table = text.partition("\n\n")[2].splitlines()
    return [found[1] for line in table if (found := re.match(r"(.+?) +(?:cpu|memory)  ", line))]


def screen(data: Path, rows: int, columns: int, *typed: str, **more: str) -> str:
    """What a terminal of this size shows, colours and all."""
    leader, follower = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "-m", "turbo_forecast", "outlook", "--data", str(data), *typed],
        stdin=follower, stdout=follower, stderr=follower,
        env={**kept, "TERM": "xterm-256color", "LINES": str(rows), "COLUMNS": str(columns), **more},
    )  # fmt: skip
    os.close(follower)
    parts = []
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    os.close(leader)
    assert process.wait(60) == 0
    return b"".join(parts).decode().replace("\r\n", "\n")


def plain(shown: str) -> str:
    """The same without what makes letters bold or coloured."""
    return re.sub(r"\x1b\[[0-9;]*m", "", shown)


def test_those_ahead_are_named_most_urgent_first_and_all_are_counted(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = asked(capsys)
    head = text.splitlines()
    assert head[0].startswith(f"Outlook of {NEWEST}: whose 7-day mean reaches 90 %")
    assert head[1] == "1 over already · 5 expected · 1 possible · 4 unlikely · 1 unusable"
    # urgency, but what was not observed lately is last, as a run's summary has it
    assert hosts(text) == [f"group {RACK}", "new", FOREIGN, "web-1", MARKUP, "dark"]
    assert "now –: hardly observed" in text
    (web,) = [line for line in head if line.startswith("web-1")]
    assert web.split() == [
        "web-1",
        "cpu",
        "90",
        "%",
        "79.7",
        "%",
        "10.3",
        "2026-02-21",
        "2026-04-13",
        "–",
        "6",
        "%",
        "41",
        "%",
        "80",
        "%",
    ]
    assert re.fullmatch(
        r"How often that was true of series below their threshold: 100 % of \d+ statements of 50 % or more came true within 122 days, "
        r"0 % of \d+ others; Brier skill .*",
        text.splitlines()[-1],
    )


def test_a_day_is_asked_for_and_answered_in_its_own_column(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A straight line from 10 % on 2026-02-21 to 50 % on 2026-04-13, 51 days later: 35.5 % on 2026-03-26, 32.5 days after."""
    text = asked(capsys, "--before", "2026-03-27", "--text", "web-1", "--resource", "cpu")
    assert "before 2026-03-27" in text
    row = next(line for line in text.splitlines() if line.startswith("web-1"))
    expected = 0.1 + 0.4 * (date(2026, 3, 26) - date(2026, 2, 21)).days / (date(2026, 4, 13) - date(2026, 2, 21)).days
    assert row.endswith(f"{expected:.0%}".replace("%", " %"))


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        (["--resource", "memory"], [FOREIGN]),
        (["--resource", "memory", "--resource", "cpu", "--at-least", "0.9"], [f"group {RACK}", "new", "dark"]),
        (["--group", RACK], [f"group {RACK}", "web-1"]),
        (["--group", RACK, "--kind", "series"], ["web-1"]),
        (["--kind", "group", "--state", "unusable"], ["group spare"]),
        (["--text", "WEB", "--state", "all"], ["web-1", "web-1"]),
        (["--state", "over", "--state", "possible"], ["db, \"primary\" 'a'", MARKUP]),
        (["--threshold", "70", "--state", "expected"], ["dark"]),
        (["--kind", "series", "--at-least", "1"], []),
        (["--text", "web-1", "--every-threshold"], ["web-1"] * 3),
        (["--scenario", SCENARIO, "--text", "web"], ["web-1"]),
        (["--month", "2025-10", "--text", "gone"], ["gone"]),
        (["--limit", "2"], [f"group {RACK}", "new"]),
    ],
)
def test_what_is_asked_for_is_all_that_is_named(
    typed: list[str], found: list[str], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = asked(capsys, *typed)
    if found:
        assert hosts(text) == found
    else:
        assert "None." in text


def test_names_are_shown_whole_with_every_character_to_be_seen(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = asked(capsys, "--state", "all")
    found = hosts(text)
    assert LONG in found
    assert "line\\nbreak\\u202e" in found
    assert HIDDEN not in text
    assert MARKUP in found
    assert max(map(len, text.splitlines())) > 200, "in a pipe a row stays a line"


def test_a_terminal_shows_a_screen_and_says_how_many_more_there_are(data: Path) -> None:
    shown = plain(screen(data, 14, 100, "--state", "all"))
    assert len(shown.splitlines()) <= 14
    assert "and 7 more: --limit N, --all" in shown
    every = screen(data, 14, 100, "--state", "all", "--all", NO_COLOR="1")
    assert "more:" not in every
    assert "unlikely" in every


@pytest.mark.parametrize("columns", [50, 72, 100, 140])
def test_a_narrow_terminal_cuts_neither_names_nor_numbers(columns: int, data: Path) -> None:
    shown = plain(screen(data, 80, columns, "--state", "all"))
    assert max(map(len, shown.splitlines())) <= columns
    table = shown.partition("\n\n")[2].splitlines()
    assert not any("…" in line for line in table)
    width = table[0].index("resource")
    folded = "".join(line[:width].rstrip() for line in table)
    assert LONG in folded.replace(" ", "")
    assert "182 d" in table[0]


def test_colours_are_for_terminals_that_want_them(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "\x1b[33m2026-04-13" in screen(data, 40, 120)
    assert "\x1b[33m" not in screen(data, 40, 120, NO_COLOR="1")
    assert "\x1b" not in asked(capsys)


def test_files_and_json_hold_the_same_rows_as_the_answer(
    data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rows = outlook_answer(Published(data).month(), OutlookQuestion(states=tuple(APPROACHING)))
    document = json.loads(asked(capsys, "--json"))
    assert [row["host_id"] for row in document["rows"]] == rows["host_id"].to_list()
    assert list(document["rows"][0]) == [*CAPACITY_OUTLOOK.names, "probability"]
    web = next(row for row in document["rows"] if row["host_id"] == "web-1")
    assert web["likely"] == "2026-04-13"
    assert web["late"] is None
    assert isinstance(web["probability_182"], float)
    assert document["states"] == {"over": 1, "expected": 5, "possible": 1, "unlikely": 4, "unusable": 1}
    assert document["cutoff"] == "2025-12-31"
    assert document["track_record"]["days"] == 122
    assert len(json.loads(asked(capsys, "--json", "--limit", "2"))["rows"]) == 2

    assert "wrote 6 rows to " in asked(capsys, "--csv", str(tmp_path / "deep" / "o.csv"))
    assert pl.read_csv(tmp_path / "deep" / "o.csv")["host_id"].to_list() == rows["host_id"].to_list()
    assert asked(capsys, "--csv", "-") == (tmp_path / "deep" / "o.csv").read_text()
    assert "wrote 6 rows to " in asked(capsys, "--xlsx", str(tmp_path / "o.xlsx"))
    assert (tmp_path / "o.xlsx").read_bytes().startswith(b"PK")


def test_a_name_that_a_spreadsheet_would_execute_is_text_in_csv(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = list(csv.DictReader(io.StringIO(asked(capsys, "--state", "all", "--csv", "-"))))
    assert f"'{FORMULA}" in {row["host_id"] for row in found}


def test_a_file_that_cannot_be_written_is_a_sentence(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["outlook", "--xlsx", "-"]) == 2
    assert capsys.readouterr().err.startswith("error: --xlsx needs a file")
    for place in (tmp_path, tmp_path / "file" / "o.csv"):
        assert main(["outlook", "--csv", str(place)]) == 2
        assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--resource", "gpu"], "resource 'gpu' is not in the month's outlook; there is cpu, memory"),
        (["--group", "rack"], "group 'rack' is not in the month's outlook"),
        (["--threshold", "85"], "threshold 85 % is not in the month's outlook"),
        (["--state", "expcted"], "did you mean expected?"),
        (["--scenario", "fewer"], "scenario 'fewer' is not in the month's outlook"),
        (["--before", "2026-08-01"], "2026-08-01 is outside of the forecast"),
        (["--month", "2025-09"], "no published month 2025-09"),
        (["--month", "May"], "no published month 'May'"),
    ],
)
def test_what_is_not_there_is_named_with_what_there_is(
    typed: list[str], said: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["outlook", *typed]) == 2
    assert said in capsys.readouterr().err


def test_a_later_month_that_has_failed_and_one_without_groups_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish_fleet(tmp_path, ["2025-12"], groups=False)
    begin_month(tmp_path, "2026-01", "failed", failed="champions.every_series_has_a_champion")
    text = asked(capsys, "--data", str(tmp_path))
    assert "Note: month 2026-01 has failed (champions.every_series_has_a_champion): it is not shown." in text
    assert main(["outlook", "--data", str(tmp_path), "--group", "any"]) == 2
    assert "group 'any' is not in the month's outlook" in capsys.readouterr().err
