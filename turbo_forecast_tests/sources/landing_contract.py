"""What landing months of any real server must keep, as tests: of each system, `docs/sources.md` in sentences that can fail.

A system's own test module imports them, and defines one fixture, `place`, of scope module: a `Place` that holds `ROWS`. What lands is
compared with these rows, cut into months by the standard library's zones. Nothing here knows how a system is asked.

    from turbo_forecast_tests.sources.landing_contract import *  # noqa: F403

    @pytest.fixture(scope="module")
    def place() -> Iterator[Place]: ...
"""

import json
import re
import subprocess
import sys
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from turbo_forecast.commands.app import main
from turbo_forecast.landing import landing
from turbo_forecast.landing.verification import faults
from turbo_forecast.storage.landed import landed_months

ZONE = "Europe/Berlin"
MONTHS = ("2025-10", "2025-11", "2025-12")
"""The first of them has a day of 25 hours."""
RANGE = f"{MONTHS[0]}..{MONTHS[-1]}"
HOSTS = ("web-1", 'größe "2"')
FIRST, LAST = datetime(2025, 9, 29, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
PASSWORD_VARIABLE, PASSWORD = "FLEET_PASSWORD", "planted-pass-7f3a"
Key = tuple[str, str, datetime]
"""Host, resource, moment."""


def moments() -> list[datetime]:
    """Every hour around the ends of months, and where Berlin's clocks are put back; every sixth in between."""
    hours = [FIRST + timedelta(hours=place) for place in range(int((LAST - FIRST) / timedelta(hours=1)))]
    edges = {(9, 30), (10, 1), (10, 26), (10, 31), (11, 1), (11, 30), (12, 1), (12, 31), (1, 1)}
    return [hour for hour in hours if hour.hour % 6 == 0 or (hour.month, hour.day) in edges]


def value(host: str, moment: datetime) -> float:
    """Of a whole number of quarters, which is the same number in every text and every system."""
    return ((moment - FIRST) // timedelta(hours=1) * 7 + 31 * HOSTS.index(host)) % 100 + 0.25


ROWS: list[tuple[str, datetime, float]] = [
    (host, moment, value(host, moment)) for host in HOSTS for moment in moments()
]
"""Host, the hour's first moment, percent."""


class Place(Protocol):
    """A server that holds ROWS of one resource. section: its options in the settings file, with the right password's variable.

    wrong_query: options that make its query wrong, and what the sentence then says.
    """

    resource: str
    section: dict[str, Any]
    password: str
    wrong_query: tuple[dict[str, Any], str]

    def without(self, month: str) -> AbstractContextManager[object]:
        """Within the block, the server has nothing of a month, YYYY-MM of Berlin."""

    def stop(self) -> None: ...

    def start(self) -> None: ...


def of_month(moment: datetime) -> str:
    """The month of Berlin that a moment is of."""
    return f"{moment.astimezone(ZoneInfo(ZONE)):%Y-%m}"


def put_in(month: str, resource: str) -> dict[Key, float]:
    return {(host, resource, moment): number for host, moment, number in ROWS if of_month(moment) == month}


class Lander:
    """Lands months of a place into a folder of the test's own."""

    def __init__(self, place: Place, folder: Path) -> None:
        self.place, self.data, self.config = place, folder / "data", folder / "settings.yaml"
        self.configured()

    def configured(self, **more: Any) -> None:
        """Write the settings file. JSON is YAML."""
        section = {**self.place.section, **more}
        self.config.write_text(json.dumps({"telemetry": {"timezone": ZONE}, "sources": {"fleet": section}}))

    @property
    def arguments(self) -> list[str]:
        return ["land", "--config", str(self.config), "--data", str(self.data), "--month", RANGE]

    def land(self, *more: str) -> int:
        return main([*self.arguments, *more])

    def begun(self) -> "subprocess.Popen[str]":
        """A process of its own that lands all months, and prints what came of it as JSON."""
        command = [sys.executable, "-m", "turbo_forecast", *self.arguments, "--json"]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def files(self) -> dict[str, tuple[bytes, int]]:
        """What has landed: bytes, and when they were written."""
        found = sorted((self.data / "telemetry_landing").glob("fleet/[!.]*.parquet"))
        return {path.stem: (path.read_bytes(), path.stat().st_mtime_ns) for path in found}

    def require_all(self) -> None:
        """What has landed is what was put in."""
        there = landed_months(self.data)
        assert [each.manifest.month for each in there] == list(MONTHS)
        for each in there:
            frame = pl.read_parquet(each.path)
            found = {tuple(row[:3]): row[3] for row in frame.iter_rows()}
            assert len(found) == frame.height
            assert found == put_in(each.manifest.month, self.place.resource)
            assert list(faults(each.path)) == []
        assert not [path for path in self.data.rglob("*") if ".fetched-" in path.name or path.name.endswith(".tmp")]


@pytest.fixture
def lander(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lander:
    for name in ("TELEMETRY", "CONFIG", "DATA"):
        monkeypatch.setenv(f"TURBO_FORECAST_{name}", "")
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv(PASSWORD_VARIABLE, place.password)
    return Lander(place, tmp_path)


def test_what_lands_is_what_was_put_in_and_a_second_landing_changes_nothing(
    lander: Lander, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lander.land() == 0, capsys.readouterr().err
    lander.require_all()
    before = lander.files()
    assert lander.land() == 0
    assert "all 3 months that it has of these are there" in capsys.readouterr().out
    assert lander.files() == before


def test_an_outage_in_the_middle_keeps_what_has_landed_and_the_next_landing_goes_on(
    lander: Lander, place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    really = landing.write_rows

    def then_it_stops(*given: Any) -> Any:
        manifest = really(*given)
        place.stop()
        return manifest

    monkeypatch.setattr(landing, "write_rows", then_it_stops)
    try:
        assert lander.land() == 1
    finally:
        place.start()
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"error: source fleet: month {MONTHS[1]} could not be landed: ")
    before = lander.files()
    assert list(before) == [MONTHS[0]]
    monkeypatch.undo()
    monkeypatch.setenv(PASSWORD_VARIABLE, place.password)
    assert lander.land() == 0, capsys.readouterr().err
    lander.require_all()
    assert lander.files()[MONTHS[0]] == before[MONTHS[0]]


def test_two_landings_at_once_land_each_month_once(lander: Lander, capsys: pytest.CaptureFixture[str]) -> None:
    other = lander.begun()
    code = lander.land("--json")
    out, err = other.communicate(timeout=240)
    assert (code, other.returncode) == (0, 0), err
    landed = [
        [manifest["month"] for manifest in json.loads(printed)[0]["landed"]]
        for printed in (out, capsys.readouterr().out)
    ]
    assert sorted(landed[0] + landed[1]) == list(MONTHS), (
        "one of them had nothing left to do of what the other had done"
    )
    lander.require_all()


def test_a_source_that_lost_a_month_changes_nothing(lander: Lander, place: Place) -> None:
    assert lander.land() == 0
    before = lander.files()
    with place.without(MONTHS[1]):
        assert lander.land() == 0
        assert lander.files() == before
        assert lander.land("--again") == 0
    lander.require_all()
    assert lander.files()[MONTHS[1]] == before[MONTHS[1]]


def test_wrong_credentials_and_a_wrong_query_are_one_sentence_and_nothing_lands(
    lander: Lander, place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong, said = place.wrong_query
    lander.configured(**wrong)
    assert lander.land() == 1
    of_query = capsys.readouterr()
    assert said in of_query.err
    lander.configured()
    monkeypatch.setenv(PASSWORD_VARIABLE, "another-planted-pass")
    assert lander.land() == 1
    of_credentials = capsys.readouterr()
    assert re.search("refused the credentials|does not accept this user and password", of_credentials.err), (
        of_credentials
    )
    for printed in (of_query, of_credentials):
        assert printed.err.count("\n") == 1
        assert printed.err.startswith("error: source fleet: ")
        assert not [
            secret for secret in ("another-planted-pass", place.password) if secret in printed.err + printed.out
        ]
    assert lander.files() == {}
