"""Names as people type them, and the sentence for one that a month does not have."""

from pathlib import Path

import pytest

from turbo_forecast.answers.names import kind_of, names, names_like, resources_of
from turbo_forecast.errors import SettingsError, StorageError
from turbo_forecast.storage.published.reading import Published
from turbo_forecast_tests.published_months import FLEET_OF, HIDDEN, LONG, MARKUP, RACK, SPARE, members, publish_fleet


def test_hosts_and_groups_of_a_month_are_named_once_and_sorted(published_fleet: Path) -> None:
    month = Published(published_fleet).month()
    assert names(month, "series") == sorted({each.host for each in members("2025-12")})
    assert names(month, "group") == sorted([RACK, SPARE])


def test_a_month_without_groups_has_no_groups_names(tmp_path: Path) -> None:
    month = publish_fleet(tmp_path, ["2025-12"], groups=False).month()
    assert names(month, "group") == []


@pytest.mark.parametrize("name", [each.host for each in FLEET_OF if each.is_in("2025-12")])
def test_every_host_is_found_however_it_is_named(published_fleet: Path, name: str) -> None:
    published = Published(published_fleet)
    assert kind_of(published, published.month(), name) == "series"


def test_a_host_comes_before_a_group_of_its_name_unless_the_group_is_asked_for(published_fleet: Path) -> None:
    published = Published(published_fleet)
    month = published.month()
    assert kind_of(published, month, RACK) == kind_of(published, month, RACK, "group") == "group"
    with pytest.raises(StorageError, match="there is no host "):
        kind_of(published, month, RACK, "series")
    with pytest.raises(StorageError, match="there is no group "):
        kind_of(published, month, "web-1", "group")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("web1", "web-1"), ("WEB-1", "web-1"), ("rack <a>", RACK), ("script", MARKUP), ("rack-7", LONG)],
)
def test_what_was_probably_meant_is_offered(published_fleet: Path, typed: str, meant: str) -> None:
    published = Published(published_fleet)
    assert names_like(published.month(), typed)[0] == meant
    with pytest.raises(StorageError, match="did you mean") as refused:
        kind_of(published, published.month(), typed)
    assert "\n" not in str(refused.value)


def test_a_name_like_no_other_is_refused_without_a_guess(published_fleet: Path) -> None:
    published = Published(published_fleet)
    with pytest.raises(StorageError) as refused:
        kind_of(published, published.month(), "xyzzy\x1b[31m")
    assert str(refused.value) == "there is no host or group 'xyzzy\\x1b[31m' in 2025-12"
    assert names_like(published.month(), "") == []


def test_a_host_of_other_months_is_said_to_be_in_those(published_fleet: Path) -> None:
    published = Published(published_fleet)
    with pytest.raises(StorageError, match="there is no host or group 'gone' in 2025-12; 2025-11, 2025-10 have it"):
        kind_of(published, published.month(), "gone")
    with pytest.raises(StorageError, match="'new' in 2025-11; 2025-12 has it"):
        kind_of(published, published.month("2025-11"), "new")


def test_a_resource_that_is_not_there_is_refused_with_those_that_are(published_fleet: Path) -> None:
    month = Published(published_fleet).month()
    assert resources_of(month, "series", "web-1") == ["cpu", "memory"]
    assert resources_of(month, "series", "web-1", "memory") == ["memory"]
    with pytest.raises(SettingsError, match=r"'web-1' has no resource 'disk'; it has 'cpu', 'memory'$"):
        resources_of(month, "series", "web-1", "disk")
    with pytest.raises(SettingsError) as refused:
        resources_of(month, "series", HIDDEN, "disk")
    assert "\n" not in str(refused.value)
