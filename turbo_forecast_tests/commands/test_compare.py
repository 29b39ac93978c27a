"""`turbo-forecast compare`: what moved, in parts that share a screen."""

import json
from pathlib import Path

import polars as pl
import pytest

from turbo_forecast.commands.app import main
from turbo_forecast.commands.compare import LEAST_LINES, _shares
from turbo_forecast_tests.published_months import FORMULA, MARKUP, QUOTED, publish_fleet, with_thresholds


@pytest.fixture
def data(published_fleet: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TURBO_FORECAST_DATA", str(published_fleet))
    return published_fleet


def test_each_thing_that_moved_is_named_with_what_it_was_and_is(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("From 2025-11 to 2025-12\n")
    rows = {line.strip() for line in text.splitlines()}
    assert "New breaches: reached now, or expected to be: 2" in rows
    words = [" ".join(row.split()) for row in rows]
    assert f"{QUOTED} cpu 90 % expected over – 99 %" in words
    assert "new cpu 90 % new expected 2026-03-20 91 %" in words
    assert f"{MARKUP} cpu 90 % expected possible – 41 %" in words
    assert "web-1 cpu 90 % 2026-05-27 2026-04-13 -44" in words
    assert "web-1 cpu weighted prophet" in words
    assert "gone cpu gone forecast –" in words


def test_the_order_in_which_months_are_typed_does_not_matter(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "2025-12", "2025-10"]) == 0
    one = capsys.readouterr().out
    assert main(["compare", "2025-10", "2025-12"]) == 0
    assert capsys.readouterr().out == one
    assert one.startswith("From 2025-10 to 2025-12\n")
    assert main(["compare", "2025-11"]) == 0
    assert capsys.readouterr().out.startswith("From 2025-10 to 2025-11\n")


def test_json_and_csv_hold_every_part(data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["compare", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    parts = ["breaches", "possible", "better", "dates", "champions", "series"]
    assert list(found) == ["earlier", "later", "remarks", "further", *parts]
    assert [row["host_id"] for row in found["breaches"]] == [QUOTED, "new"]
    assert found["dates"][0]["days"] == -44
    assert main(["compare", "--csv", str(tmp_path / "c.csv")]) == 0
    rows = pl.read_csv(tmp_path / "c.csv")
    assert len(rows) == sum(len(found[part]) for part in parts)
    assert rows.filter(pl.col("moved") == "dates").select("before", "now", "days").row(0) == (
        "2026-05-27",
        "2026-04-13",
        -44,
    )


def test_other_thresholds_are_said_before_all_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    publish_fleet(tmp_path, ["2025-11", "2025-12"])
    with_thresholds(tmp_path, "2025-12", [70, 90])
    assert main(["compare", "--data", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "The months were asked about other things: thresholds differ."


def test_a_month_alone_has_nothing_to_be_compared_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    publish_fleet(tmp_path, ["2025-12"], groups=False)
    assert main(["compare", "--data", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("error: no month before 2025-12 is published")
    assert main(["compare", "2025-11", "2025-12", "--data", str(tmp_path)]) == 2
    assert "no published month 2025-11" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("room", "counts", "shares"),
    [
        (None, [5, 100], [None, None]),
        (40, [2, 100], [4, 32]),  # 36 lines beside titles: the first has its least, the other all the rest
        (40, [100, 100], [18, 18]),
        (40, [1, 1], [4, 4]),
        (10, [50, 50, 50], [LEAST_LINES] * 3),
    ],
)
def test_parts_share_a_screen_and_leave_to_others_what_they_do_not_need(
    room: int | None, counts: list[int], shares: list[int | None]
) -> None:
    assert _shares(room, counts) == shares


def test_names_that_a_spreadsheet_would_execute_are_text_in_csv(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from turbo_forecast_tests import published_months

    fleet = [
        published_months.Member(each.host, each.resource, each.level, each.rate, champion={"2025-12": "prophet"})
        for each in published_months.FLEET_OF
        if each.host in (FORMULA, "web-1", QUOTED)
    ]
    monkeypatch.setattr(published_months, "FLEET_OF", tuple(fleet))
    publish_fleet(tmp_path, ["2025-11", "2025-12"])
    assert main(["compare", "--data", str(tmp_path), "--csv", "-"]) == 0
    assert f"'{FORMULA.split('(')[0]}" in capsys.readouterr().out
