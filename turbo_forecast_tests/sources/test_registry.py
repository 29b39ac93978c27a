"""Which kinds of sources there are, and what is said of one whose packages are not installed."""

from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

import pytest

from turbo_forecast.errors import SettingsError
from turbo_forecast.sources import registry


def test_the_kinds_are_named_where_none_or_another_is_given() -> None:
    for given, sentence in (({}, "has no kind: write kind: and one of"), ({"kind": "carrier"}, "kind must be one of")):
        with pytest.raises(SettingsError, match=rf"^sources.mine.?{sentence} .*prometheus.*sql.*zabbix"):
            registry.source_of("mine", given)


@pytest.fixture
def without_httpx(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As where the extra `sources` is not installed."""

    def imported(name: str) -> ModuleType:
        if name.startswith("turbo_forecast.sources.prometheus"):
            raise ModuleNotFoundError("No module named 'httpx'", name="httpx")
        return import_module(name)

    monkeypatch.setattr(registry, "import_module", imported)
    registry._loaded.cache_clear()
    yield
    registry._loaded.cache_clear()


@pytest.mark.usefixtures("without_httpx")
def test_a_kind_whose_packages_are_missing_says_how_to_install_them() -> None:
    sentence = (
        r"kind prometheus need the package httpx, which is not installed: pip install 'turbo-forecast\[sources\]'"
    )
    with pytest.raises(SettingsError, match=sentence):
        registry.recognised("prometheus+http://metrics:9090")
    with pytest.raises(SettingsError, match=sentence):
        registry.source_of("mine", {"kind": "prometheus"})


@pytest.mark.usefixtures("without_httpx")
def test_a_kind_whose_packages_are_missing_is_in_nobody_elses_way() -> None:
    assert registry.recognised("zabbix+postgresql://reader@db/zabbix") is not None
    assert registry.recognised("carrier://pigeon") is None
    assert registry.recognised("s3://bucket/exports") is None
    assert registry.recognised("exports/*.parquet") is None


def test_a_kind_of_another_package_that_cannot_be_used_is_named_where_nobody_else_knows_the_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Which addresses it would have known, nobody can tell."""
    monkeypatch.setattr(registry, "_external_kinds", lambda: {"inventory": "no.such.module:Source"})
    assert registry.recognised("zabbix+postgresql://reader@db/zabbix") is not None
    with pytest.raises(SettingsError, match="sources of kind inventory cannot be used: No module named 'no'"):
        registry.recognised("carrier://pigeon")
