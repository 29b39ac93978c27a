"""Which sources are configured, what they are called, and what is refused before anything is asked."""

from pathlib import Path

import pytest

from turbo_forecast.errors import SettingsError
from turbo_forecast.landing.configured import calendar_of, configured, name_of, source_named
from turbo_forecast.settings import Environment, telemetry_settings
from turbo_forecast.sources import registry
from turbo_forecast.sources.registry import recognised
from turbo_forecast_tests.landing.fake_source import FakeSource, Stock

TWO = "sources:\n  one: {kind: fake, stock: shop}\n  two: {kind: fake, stock: other, query: up}\n"


def environment(folder: Path, text: str = "", telemetry: str = "") -> Environment:
    config = folder / "settings.yaml"
    config.write_text(text)
    return Environment(data=folder / "data", telemetry=telemetry, config=config)


def test_sources_of_the_settings_file_and_an_address_stand_beside_each_other(stock: Stock, tmp_path: Path) -> None:
    found = configured(environment(tmp_path, TWO + "telemetry: {telemetry: exports}\n", "fake://shop:9090/a"))
    assert list(found.sources) == ["one", "two", "fake-shop-9090-a"]
    assert found.files == "exports", "the files of the settings file are still read"
    assert all(isinstance(source, FakeSource) for source in found.sources.values())
    assert found.sources["two"].query["query"] == "up"


@pytest.mark.parametrize("place", ["exports/*.parquet", "fleet.duckdb", "s3://bucket/fleet", "https://h/x.csv?key=1"])
def test_what_is_no_sources_address_means_files_and_goes_before_the_settings_files(
    stock: Stock, tmp_path: Path, place: str
) -> None:
    found = configured(environment(tmp_path, "telemetry: {telemetry: exports}\n", place))
    assert (dict(found.sources), found.files, found.is_empty) == ({}, place, False)


def test_an_address_may_stand_in_the_settings_file_too(stock: Stock, tmp_path: Path) -> None:
    found = configured(environment(tmp_path, "telemetry: {telemetry: 'fake://shop'}\n"))
    assert (list(found.sources), found.files) == (["fake-shop"], "")


def test_nothing_is_nothing(stock: Stock, tmp_path: Path) -> None:
    assert configured(environment(tmp_path)).is_empty
    assert configured(environment(tmp_path, "sources:\n")).is_empty, "a section whose sources are all commented out"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sources: {m: {kind: fake}}", "sources.m.stock is empty"),
        ("sources: {m: {kind: nope}}", "sources.m.kind must be one of fake, not 'nope'"),
        ("sources: {m: {stock: shop}}", "sources.m has no kind: write kind: and one of fake"),
        ("sources: {m: {kind: fake, stok: shop}}", "sources.m: stok"),
        ("sources: {m: {kind: fake, stock: 3}}", "sources.m: stock"),
        ("sources: {'../m': {kind: fake, stock: shop}}", "a source's name is that of its folder"),
        ("sources: {.m: {kind: fake, stock: shop}}", "a source's name is that of its folder"),
        ("sources: {m.parquet: {kind: fake, stock: shop}}", "a source's name is that of its folder"),
        ("sources: {m: fake}", "sources.m"),
        (
            "sources: {a: {kind: fake, stock: s}, b: {kind: fake, stock: s}}",
            "sources a and b ask the same",
        ),
        (
            "sources: {mine: {kind: fake, stock: shop}}",
            "sources mine and fake-shop ask the same of the same place: give one",
        ),
        ("sources: {fake-shop: {kind: fake, stock: shop}}", "are both called fake-shop: give one of them"),
    ],
)
def test_a_source_that_cannot_work_is_refused_in_a_sentence_that_names_it(
    stock: Stock, tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(SettingsError) as error:
        configured(environment(tmp_path, text, "fake://user:secret@shop"))
    assert said in str(error.value)
    assert "secret" not in str(error.value)
    assert stock.asked == []


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("fake://shop", "fake-shop"),
        ("fake://user:secret@Shop.Example.org:9090/", "fake-shop.example.org-9090"),
        ("fake://shop/db/metrics?password=secret#x", "fake-shop-db-metrics"),
        ("fake:///srv/zabbix.db", "fake-srv-zabbix.db"),
        ("fake://[::1]:80/x", "fake-1-80-x"),
    ],
)
def test_an_address_gives_a_stable_name_without_credentials(address: str, name: str) -> None:
    assert name_of("fake", address) == name


def test_long_addresses_have_names_of_their_own() -> None:
    one, other = (name_of("fake", f"fake://{'x' * 80}/{end}") for end in "ab")
    assert one != other
    assert len(one) <= 80
    with pytest.raises(SettingsError, match="port that is no number"):
        name_of("fake", "fake://shop:99999")


def test_one_source_is_found_by_its_name(stock: Stock, tmp_path: Path) -> None:
    found = configured(environment(tmp_path, TWO))
    assert source_named(found, "two") is found.sources["two"]
    with pytest.raises(SettingsError, match="there is no source 'three': there are one, two"):
        source_named(found, "three")


@pytest.mark.parametrize(
    ("zone", "calendar"), [("", "UTC"), ("Z", "UTC"), ("Europe/Berlin", "Europe/Berlin"), ("+0530", "+05:30")]
)
def test_months_are_of_the_telemetrys_zone_and_of_utc_without_one(zone: str, calendar: str) -> None:
    assert calendar_of(telemetry_settings(timezone=zone)) == calendar


def test_sources_that_differ_in_who_asks_alone_may_be_two_tenants(stock: Stock, tmp_path: Path) -> None:
    two = "sources: {a: {kind: fake, stock: shop, token_env: A}, b: {kind: fake, stock: shop, token_env: B}}"
    assert list(configured(environment(tmp_path, two)).sources) == ["a", "b"]


@pytest.mark.parametrize("zone", ["CET", "EST5EDT", "Japan"])
def test_a_zone_that_no_base_table_can_be_made_by_is_refused_before_anything_lands(
    stock: Stock, tmp_path: Path, zone: str
) -> None:
    with pytest.raises(SettingsError, match=f"timezone {zone} is not a zone; give one such as UTC, Europe/Berlin"):
        configured(environment(tmp_path, f"{TWO}telemetry: {{timezone: {zone}}}\n"))


DAILY = "sources: {{fleet: {{kind: prometheus, address: 'http://h', preset: node_exporter, step: {step}{more}}}}}\n"


@pytest.mark.parametrize(
    ("step", "own", "telemetry"),
    [
        ("1d", "", ""),
        ("1d", "", "Europe/Berlin"),
        ("1d", "", "+05:30"),
        ("1d", "Europe/Berlin", "Europe/Berlin"),
        ("1d", "Etc/UTC", "UTC"),
        ("1h", "UTC", "Europe/Berlin"),
    ],
)
def test_days_of_a_source_are_those_of_the_telemetry(step: str, own: str, telemetry: str, tmp_path: Path) -> None:
    text = DAILY.format(step=step, more=f", zone: {own}" if own else "")
    found = configured(environment(tmp_path, f"{text}telemetry: {{timezone: '{telemetry}'}}\n"))
    assert "zone" not in found.sources["fleet"].query, "a manifest says by itself whose days it is of"


@pytest.mark.parametrize(
    ("own", "telemetry"), [("Europe/Berlin", ""), ("UTC", "Europe/Berlin"), ("Asia/Tokyo", "+09:00")]
)
def test_days_of_another_zone_than_the_telemetrys_are_refused_before_anything_is_asked(
    own: str, telemetry: str, tmp_path: Path
) -> None:
    text = DAILY.format(step="1d", more=f", zone: {own}") + f"telemetry: {{timezone: '{telemetry}'}}\n"
    with pytest.raises(SettingsError) as error:
        configured(environment(tmp_path, text))
    assert str(error.value) == (
        f"sources.fleet.zone is {own}, but what lands is of the days of {telemetry or 'UTC'}, the telemetry's timezone: leave zone out, "
        "or set both to the same zone"
    )


def test_no_kind_is_asked_about_what_is_a_path_or_an_object_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "BUILT_IN", {"broken": "no.such.module:Source"})
    assert [recognised(place) for place in ("a/*.csv", "s3://b/c", "file:///x", "HTTPS://h/x.csv")] == [None] * 4
    with pytest.raises(SettingsError, match="sources of kind broken need the package no, which is not installed"):
        recognised("broken+https://x")
