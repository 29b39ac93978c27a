"""`land`: what is typed, what is printed, how it ends, and that no secret is anywhere."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from turbo_forecast.addresses import parsed
from turbo_forecast.commands.app import main
from turbo_forecast.errors import SourceError
from turbo_forecast.month_keys import last_over, shifted
from turbo_forecast.sources.protocol import Window
from turbo_forecast.storage.landed import landed_months
from turbo_forecast.storage.objects.working_copy import working_copy
from turbo_forecast_tests.landing.fake_source import STOCKS, Stock, stock

__all__ = ["stock"]  # a fixture

LAST = last_over()
SECRET = "hunter2-of-tests"
Land = Callable[..., tuple[int, str, str]]


@pytest.fixture
def land(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Land:
    """Type `land` with these options; the exit code, standard output and standard error."""
    for name in ("TELEMETRY", "CONFIG", "DATA", "FIRST_MONTH"):
        monkeypatch.setenv(f"TURBO_FORECAST_{name}", "")

    def typed(*options: str) -> tuple[int, str, str]:
        code = main(["land", *(() if "--data" in options else ("--data", str(tmp_path / "data"))), *options])
        said = capsys.readouterr()
        return code, said.out, said.err

    return typed


def fill(stock: Stock, month: str, days: int = 28) -> None:
    start = datetime.fromisoformat(f"{month}-01T00:00:00+00:00")
    for day in range(days):
        stock.values["web", "cpu", start + timedelta(days=day)] = 40.0 + day


def written(folder: Path, text: str) -> str:
    path = folder / "settings.yaml"
    path.write_text(text)
    return str(path)


def test_an_address_is_landed_and_the_second_time_there_is_nothing_to_do(
    land: Land, stock: Stock, tmp_path: Path
) -> None:
    before, running = shifted(LAST, -1), shifted(LAST, 1)
    for month in (before, LAST):
        fill(stock, month)
    code, out, err = land("--telemetry", "fake://shop")
    assert code == 0, err
    assert [line.split()[:4] for line in out.splitlines()[1:3]] == [
        ["fake-shop", month, "28", "1"] for month in (before, LAST)
    ]
    assert "2 months landed, 56 rows" in out
    assert f"nothing there of 35 months ({shifted(LAST, -35)} to {running})" in out
    assert f"source fake-shop: {LAST} landed: 28 rows of 1 series" in err
    found = landed_months(tmp_path / "data")
    assert [each.manifest.month for each in found] == [before, LAST]
    asked = len(stock.asked)
    code, out, _ = land("--telemetry", "fake://shop")
    assert code == 0
    assert [f"{window.start:%Y-%m}" for window in stock.asked[asked:]] == [running], "it may have something by now"
    assert f"2 months there before; nothing there of 1 month ({running})" in out
    code, out, _ = land("--telemetry", "fake://shop", "--month", f"{before}..{LAST}")
    assert "all 2 months that it has of these are there" in out


def test_months_and_sources_that_are_named_are_landed_alone(land: Land, stock: Stock, tmp_path: Path) -> None:
    STOCKS["other"] = Stock()
    for each in STOCKS.values():
        fill(each, LAST)
        fill(each, shifted(LAST, -2))
    config = written(tmp_path, "sources: {one: {kind: fake, stock: shop}, two: {kind: fake, stock: other}}\n")
    assert land("--config", config, "--source", "two", "--month", f"{shifted(LAST, -2)}..{LAST}")[0] == 0
    assert stock.asked == []
    there = [(each.manifest.source, each.manifest.month) for each in landed_months(tmp_path / "data")]
    assert there == [("two", shifted(LAST, -2)), ("two", LAST)]
    stock_of_two = STOCKS["other"]
    stock_of_two.values["web", "cpu", datetime.fromisoformat(f"{LAST}-01T00:00:00+00:00")] = 99.0
    assert land("--config", config, "--source", "two", "--month", LAST)[0] == 0
    code, out, _ = land("--config", config, "--source", "two", "--month", LAST, "--again", "--json")
    [document] = json.loads(out)
    assert code == 0
    assert (document["source"], document["rows"], document["kept"], document["landed"][0]["month"]) == (
        "two",
        28,
        0,
        LAST,
    )
    assert document["landed"][0]["fetched_at"].endswith("Z")
    rows = pl.read_parquet(landed_months(tmp_path / "data")[-1].path)
    assert rows["value"][0] == 99.0


def test_day_by_day_a_source_that_forgets_lands_whole(land: Land, stock: Stock, tmp_path: Path) -> None:
    running = shifted(LAST, 1)
    fill(stock, running, days=1)
    first = next(iter(stock.values))
    assert land("--telemetry", "fake://shop")[0] == 0
    stock.values = {(*first[:2], first[2] + timedelta(minutes=1)): 41.0}  # all that is left of it, and what is new
    assert land("--telemetry", "fake://shop")[0] == 0
    (there,) = landed_months(tmp_path / "data")
    assert (there.manifest.month, pl.read_parquet(there.path)["value"].to_list()) == (running, [40.0, 41.0])


@pytest.mark.parametrize("named", [True, False])
def test_the_running_month_lands_as_far_as_it_is(named: bool, land: Land, stock: Stock) -> None:
    running = shifted(LAST, 1)
    fill(stock, running, days=1)
    code, out, _ = land("--telemetry", "fake://shop", *(("--month", running) if named else ()))
    assert code == 0
    assert "not complete yet" in out
    code, _, err = land("--telemetry", "fake://shop", "--month", shifted(LAST, 2))
    assert code == 2
    assert "cannot be landed" in err
    assert "the one that runs" in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "there is no source to land months of"),
        (("--telemetry", "exports/*.parquet"), "there is no source to land months of"),
        (("--telemetry", "fake://"), "stock is empty"),
        (("--telemetry", "fake://shop", "--source", "x"), "there is no source 'x': there are fake-shop"),
        (("--telemetry", "fake://shop", "--month", "2025-13"), "month '2025-13' cannot be landed"),
        (("--telemetry", "fake://shop", "--data", "/dev/null"), "--data /dev/null cannot be a folder"),
    ],
)
def test_what_cannot_be_begun_is_one_sentence_and_nothing_is_written(
    land: Land, stock: Stock, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    code, out, err = land(*options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert not (tmp_path / "data").exists()


def test_a_source_that_fails_ends_with_1_and_what_has_landed_is_shown(land: Land, stock: Stock) -> None:
    for month in (shifted(LAST, -1), LAST):
        fill(stock, month)
    stock.fails_at = datetime.fromisoformat(f"{LAST}-01T00:00:00+00:00")
    code, out, err = land("--telemetry", "fake://shop")
    assert code == 1
    assert "1 month landed, 28 rows" in out
    assert f"error: source fake-shop: month {LAST} could not be landed: the connection was lost" in err


def test_no_secret_is_written_or_printed_anywhere(
    land: Land, stock: Stock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", SECRET)
    fill(stock, LAST)
    fill(stock, shifted(LAST, -2))
    config = written(tmp_path, "sources: {one: {kind: fake, stock: shop, query: up, token_env: SHOP_TOKEN}}\n")
    said = [*land("--config", config)[1:], *land("--telemetry", f"fake://me:{SECRET}@shop?key={SECRET}")[1:]]

    def refused(window: object) -> None:
        raise SourceError(f"fake://me:{SECRET}@shop?key={SECRET} is not there")

    stock.before = refused
    code, *more = land("--config", config, "--again", "--month", LAST)
    assert code == 1
    assert "fake://shop is not there" in more[1], "as an address may be shown"
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {f"{LAST}.parquet", "absent.json"}
    assert not [path for path in files if SECRET.encode() in path.read_bytes() or SECRET in path.name]
    assert not [text for text in (*said, *more) if SECRET in text]
    values = [f"{each.manifest}" for each in landed_months(tmp_path / "data")]
    assert len(values) == 4
    assert SECRET not in "".join(values)


def test_landed_months_lie_in_the_store_and_another_machine_has_them(
    land: Land, stock: Stock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TURBO_FORECAST_WORK", str(tmp_path / "one"))
    place = f"file://{tmp_path}/objects"
    fill(stock, LAST)
    assert land("--telemetry", "fake://shop", "--data", place)[0] == 0
    month = f"telemetry_landing/fake-shop/{LAST}.parquet"
    assert (tmp_path / "objects" / month).is_file()
    monkeypatch.setenv("TURBO_FORECAST_WORK", str(tmp_path / "other"))
    with working_copy(parsed(place, "--data")) as copy:
        [landed] = landed_months(copy.folder)
        assert landed.manifest.rows == 28
        assert landed.path.read_bytes() == (tmp_path / "objects" / month).read_bytes()
    asked = len(stock.asked)
    assert land("--telemetry", "fake://shop", "--data", place)[0] == 0
    assert len(stock.asked) == asked + 1, "only of the running month is it not known on the other machine, too"
    fill(stock, shifted(LAST, 1), days=1)
    assert land("--telemetry", "fake://shop", "--data", place, "--month", shifted(LAST, 1))[0] == 0
    monkeypatch.setenv("TURBO_FORECAST_WORK", str(tmp_path / "one"))
    with working_copy(parsed(place, "--data")) as copy:
        assert [each.manifest.complete for each in landed_months(copy.folder)] == [True, False]


def test_what_landed_before_an_interruption_is_in_the_store(
    land: Land, stock: Stock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TURBO_FORECAST_WORK", str(tmp_path / "one"))
    for month in (shifted(LAST, -1), LAST):
        fill(stock, month)

    def interrupted(window: Window) -> None:
        if f"{window.start:%Y-%m}" == LAST:
            raise KeyboardInterrupt

    stock.before = interrupted
    code, _, err = land("--telemetry", "fake://shop", "--data", f"file://{tmp_path}/objects")
    assert (code, err.splitlines()[-1]) == (2, "error: interrupted")
    there = tmp_path / "objects" / "telemetry_landing" / "fake-shop"
    assert [path.stem for path in there.glob("*.parquet")] == [shifted(LAST, -1)]
    stock.before = lambda window: None
    monkeypatch.setenv("TURBO_FORECAST_WORK", str(tmp_path / "other"))
    stock.asked.clear()
    assert land("--telemetry", "fake://shop", "--data", f"file://{tmp_path}/objects")[0] == 0
    asked = [f"{window.start:%Y-%m}" for window in stock.asked]
    assert (shifted(LAST, -1) in asked, LAST in asked) == (False, True), "the other machine goes on there"
