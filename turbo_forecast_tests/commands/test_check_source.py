"""`check-telemetry` of a source: what it has is said, nothing is written, and when the answer is no."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from turbo_forecast.commands.app import main
from turbo_forecast.commands.check_source import months_there
from turbo_forecast.month_keys import last_over, shifted
from turbo_forecast.settings import Settings
from turbo_forecast.sources.protocol import ROWS, Description
from turbo_forecast_tests.landing.fake_source import Stock, stock

__all__ = ["stock"]  # a fixture

LAST = last_over()
FIRST = datetime.fromisoformat(f"{LAST}-01T00:00:00+00:00")
Check = Callable[..., tuple[int, str, str]]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TURBO_FORECAST_CONFIG", raising=False)

    def typed(*arguments: str) -> tuple[int, str, str]:
        code = main(["check-telemetry", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return typed


def test_an_address_is_asked_and_what_it_has_is_said(check: Check, stock: Stock, tmp_path: Path) -> None:
    stock.values = {(host, "cpu", FIRST + timedelta(days=day)): 12.5 for host in ("a", "b") for day in range(-45, 27)}
    code, out, err = check("fake://shop")
    assert (code, err) == (0, "")
    assert "Source fake-shop (fake): Fake 1.0" in out
    assert "Series: 2 (2 of cpu)" in out
    assert f"33 months not there ({shifted(LAST, -35)} to {shifted(LAST, -3)})" in out or "34 months not there" in out
    assert "12.50" in out
    assert "Noted: it is made up" in out
    assert "Ready to be landed" in out
    assert list(tmp_path.iterdir()) == []
    assert stock.asked == []


def test_a_source_of_the_settings_file_is_asked_by_its_name_and_answers_in_json(
    check: Check, stock: Stock, tmp_path: Path
) -> None:
    (tmp_path / "settings.yaml").write_text("sources: {metrics: {kind: fake, stock: shop}}\n")
    (tmp_path / "metrics").write_text("a file of the same name")
    stock.values["a", "cpu", FIRST] = 1.0
    code, out, _ = check("metrics", "--config", "settings.yaml", "--json")
    told = json.loads(out)
    assert (code, told["source"], told["kind"], told["usable"], told["series"]) == (
        0,
        "metrics",
        "fake",
        True,
        {"cpu": 1},
    )
    assert told["first"] == told["last"] == f"{LAST}-01T00:00:00Z"
    assert told["months"][LAST] == "part"
    assert len(told["months"]) == 36
    assert told["sample"] == [
        {
            "host_id": "a",
            "resource": "cpu",
            "timestamp": f"{LAST}-01T00:00:00Z",
            "value": 1.0,
            "labels": '{"instance": "a"}',
        }
    ]
    code, out, err = check("./metrics", "--config", "settings.yaml")
    assert code == 2, "the file, since its folder is named"
    assert "Source" not in out + err


@pytest.mark.parametrize(
    ("at", "said"),
    [(None, "the query gives no series"), (FIRST - timedelta(days=4000), "it has nothing of the 36 months")],
)
def test_a_source_that_a_run_could_not_use_answers_no(
    check: Check, stock: Stock, at: datetime | None, said: str
) -> None:
    if at:
        stock.values["a", "cpu", at] = 1.0
    code, out, _ = check("fake://shop")
    assert code == 1
    assert f"Not ready for a run: {said}" in out
    assert json.loads(check("fake://shop", "--json")[1])["usable"] is False


def test_a_source_that_cannot_be_asked_is_one_sentence(check: Check, stock: Stock) -> None:
    code, out, err = check("fake://nowhere")
    assert (code, out) == (2, "")
    assert err == "error: source fake-nowhere: nowhere cannot be reached: Connection refused\n"
    assert check("fake://")[0] == 2


@pytest.mark.parametrize(
    ("first", "last", "shares"),
    [
        (datetime(2025, 11, 1, tzinfo=UTC), datetime(2025, 12, 31, tzinfo=UTC), ("none", "all", "all")),
        (datetime(2025, 10, 3, tzinfo=UTC), datetime(2025, 12, 30, 23, tzinfo=UTC), ("part", "all", "part")),
        (datetime(2024, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC), ("all", "all", "all")),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC), ("none", "none", "none")),
    ],
)
def test_which_months_can_be_had_follows_from_the_first_and_last_value(
    first: datetime, last: datetime, shares: tuple[str, ...]
) -> None:
    found = Description("", first, last, {}, ROWS.empty_table())
    months = months_there(found, Settings(), "2025-12")
    assert tuple(months[month] for month in ("2025-10", "2025-11", "2025-12")) == shares


def test_a_source_that_cannot_tell_from_when_to_when_is_not_called_empty() -> None:
    assert months_there(Description("", None, None, {"cpu": 1}, ROWS.empty_table()), Settings(), "2025-12") == {}
