"""The first page: short enough to be read, its picture small, what it shows is what the command prints."""

import re
from pathlib import Path

import pytest

from turbo_forecast.commands.app import main
from turbo_forecast.types import Outcome
from turbo_forecast_tests.documents.pages import ROOT, blocks, inline_code, links

README = ROOT / "README.md"
LINES, PICTURE_BYTES = 150, 150_000


def shape(line: str) -> list[str]:
    """A printed line without its numbers and days: its words, a # for each number."""
    return re.sub(r"[\d.,]*\d", "#", line).split()


def test_it_has_at_most_150_lines_and_small_pictures() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= LINES
    pictures = [ROOT / target for target in links(README) if target.endswith((".png", ".svg"))]
    assert len(pictures) == 1
    assert all(picture.stat().st_size < PICTURE_BYTES for picture in pictures)


def test_the_outlook_it_shows_has_the_lines_that_the_command_prints(
    published_fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [block] = [each for each in blocks(README, "text") if each.text.startswith("Outlook of")]
    shown = block.text.splitlines()
    [command] = [code for code in inline_code(README) if code.startswith("turbo-forecast outlook")]
    assert main([*command.split()[1:], "--data", str(published_fleet)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert shape(shown[0]) == shape(printed[0])
    counted = shape(shown[1])
    assert counted == shape(printed[1])[: len(counted)], "after these, a fleet with groups counts unusable ones"
    heads = [next(line for line in lines if line.startswith("host ")).split() for lines in (shown, printed)]
    assert heads[0] == heads[1]
    rows = shown[4 : 4 + 5]
    assert all(re.fullmatch(r"\S+ +\w+ +\d+ %( +\S+)+ %", row) for row in rows)
    assert shown[9].startswith("and ")
    assert len(shown) == 11, "five rows between two lines above and two below"


def test_it_names_every_outcome_and_no_other() -> None:
    table = README.read_text(encoding="utf-8").partition("| outcome of a series |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == [outcome.value for outcome in Outcome]
