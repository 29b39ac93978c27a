"""`turbo-forecast show`: one host or group on a terminal, as a page, as a picture, and as JSON."""

import json
import re
from datetime import date
from pathlib import Path

import pytest

from turbo_forecast.answers.host import host_answer
from turbo_forecast.commands.app import main
from turbo_forecast.commands.exit_codes import FAILED
from turbo_forecast.storage.published.reading import Published
from turbo_forecast_tests.published_months import FLEET_OF, HIDDEN, LONG, MARKUP, QUOTED, RACK, SCENARIO

DOTS = re.compile("[\u2801-\u28ff]")


@pytest.fixture
def data(published_fleet: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TURBO_FORECAST_DATA", str(published_fleet))
    monkeypatch.setenv("COLUMNS", "120")
    return published_fleet


def shown(capsys: pytest.CaptureFixture[str], *typed: str) -> str:
    assert main(["show", *typed]) == 0
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *typed: str) -> str:
    assert main(["show", *typed]) == FAILED
    told = capsys.readouterr()
    assert not told.out
    assert len(told.err.strip().splitlines()) == 1
    return told.err


def test_a_host_has_a_row_for_each_resource_and_says_how_to_see_more(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(capsys, "web-1")
    assert text.startswith("Host web-1 as of 2025-12-31, forecast up to 2026-06-30\n")
    cpu, memory = (line for line in text.splitlines() if re.match("(cpu|memory) ", line))
    assert re.search(r"forecast +79\.\d %|forecast +80\.\d %", cpu)
    assert "▃" in memory or "▄" in memory, "a level of 50 %"
    assert "name a resource, such as cpu" in text


def test_one_resource_has_a_chart_its_thresholds_what_earlier_months_said_and_why(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(capsys, "web-1", "cpu")
    lines = text.splitlines()
    assert len(DOTS.findall(text)) > 60
    assert any("┄" in line and line.strip().startswith("90 %") for line in lines)
    assert any("cutoff 2025-12-31 ↑" in line for line in lines)
    thresholds = [line.split(" %")[0] for line in lines if re.match(r"\d+ %  ", line)]
    assert thresholds == ["70", "80", "90", "95"]
    assert [line.split()[0] for line in lines if re.match(r"2025-1[01]  ", line)] == ["2025-11", "2025-10"]
    assert "The forecast is that of prophet" in text
    assert f"Scenario {SCENARIO}, from 2026-01-01: the load becomes 50 % of what it is." in text


def test_an_earlier_month_is_shown_as_it_was(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, "gone", "--month", "2025-11").startswith("Host gone as of 2025-11-30")
    assert "2025-11" in refused(capsys, "gone"), "the months that have it are named"


def test_a_group_is_shown_with_its_kind(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, RACK).startswith(f"Group {RACK} as of ")


@pytest.mark.parametrize("host", [each.host for each in FLEET_OF if each.is_in("2025-12")])
def test_every_host_of_a_fleet_can_be_shown_and_none_steers_the_terminal(
    host: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for typed in ([host], [host, next(each.resource for each in FLEET_OF if each.host == host)]):
        text = shown(capsys, *typed)
        assert text.splitlines()[0].startswith("Host ")
        assert not set(text) & {"\u202e", "\x1b", "\r"}


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("retired", "It has no forecast: no value in the last 90 days."),
        ("broken", "Its forecast has failed, and where one is shown it is the fallback's: its worker died three times."),
        ("new", "It has the fallback's forecast: 52 observed days of 60."),
    ],
)  # fmt: skip
def test_a_series_without_its_own_forecast_says_why(
    host: str, said: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in shown(capsys, host, "cpu")


def test_a_name_that_is_not_there_is_answered_with_those_that_are_like_it(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "'web-1'" in refused(capsys, "web1")
    assert "cpu" in refused(capsys, "web-1", "cpus")
    assert "2024-01" in refused(capsys, "web-1", "--month", "2024-01")


def test_json_has_all_of_it_and_nothing_else_is_printed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(shown(capsys, "web-1", "--json"))
    published = Published(data)
    answer = host_answer(published, published.month(), "web-1")
    assert (document["month"], document["cutoff"], document["name"]) == ("2025-12", "2025-12-31", "web-1")
    assert [each["resource"] for each in document["series"]] == ["cpu", "memory"]
    for each, series in zip(document["series"], answer.series, strict=True):
        assert len(each["history"]) == len(series.history)
        assert [date.fromisoformat(row["ds"]) for row in each["rows"]] == series.rows["ds"].to_list()
        assert [row["threshold"] for row in each["thresholds"]] == series.outlook["threshold"].to_list()
        assert len(each["earlier_forecasts"]) == 2


@pytest.mark.parametrize("host", ["web-1", MARKUP, QUOTED, HIDDEN, LONG])
def test_a_page_is_written_in_which_nothing_of_a_name_is_a_tag(
    host: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "host.html"
    text = shown(capsys, host, "--html", str(page))
    assert text.rpartition(" to ")[2] == f"{page}\n"
    written = page.read_text()
    assert "<script>alert" not in written
    assert "The forecast is that of" in written
    assert [path.name for path in tmp_path.iterdir()] == ["host.html"]


def test_a_page_and_a_picture_are_written_by_one_command(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, picture = tmp_path / "host.html", tmp_path / "host.png"
    text = shown(capsys, "web-1", "memory", "--html", str(page), "--png", str(picture))
    assert text.splitlines() == [f"wrote the chart of web-1 to {path}" for path in (page, picture)]
    assert picture.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["host.html", "host.png"]


def test_a_file_that_cannot_be_written_is_named_and_nothing_is_left(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "is a folder: name a file in it" in refused(capsys, "web-1", "--html", str(tmp_path))
    (tmp_path / "file").touch()
    assert str(tmp_path / "file") in refused(capsys, "web-1", "--png", str(tmp_path / "file" / "host.png"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
