"""A landed file is read again when it has changed since it was verified, however it was changed, and else is not."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from turbo_forecast.landing import verification_cache
from turbo_forecast.landing.verification_cache import FILE_NAME, all_faults
from turbo_forecast.storage.landed import FOLDER
from turbo_forecast_tests.landing.conftest import Shop


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The months whose files were read, in order."""
    months: list[str] = []
    really = verification_cache.faults
    monkeypatch.setattr(verification_cache, "faults", lambda path: months.append(path.stem) or really(path))
    monkeypatch.setattr(verification_cache, "SETTLED_SECONDS", 0.0)
    return months


@pytest.fixture
def landed(shop: Shop, read: list[str]) -> Shop:
    """Two months, both verified."""
    for month in ("2025-11", "2025-12"):
        shop.fill(month, range(1, 31))
    shop.land("2025-11", "2025-12")
    assert list(all_faults(shop.data)) == []
    assert read == ["2025-11", "2025-12"]
    read.clear()
    return shop


def december(shop: Shop) -> Path:
    return shop.data / FOLDER / "shop" / "2025-12.parquet"


def test_what_was_verified_and_is_as_it_was_is_not_read_again(landed: Shop, read: list[str]) -> None:
    assert list(all_faults(landed.data)) == []
    assert read == []


def test_a_month_that_landed_again_is_read_alone(landed: Shop, read: list[str]) -> None:
    landed.fill("2025-12", [5], value=70.0)
    landed.land("2025-12", again=True)
    assert list(all_faults(landed.data)) == []
    assert read == ["2025-12"]


def in_place(path: Path) -> None:
    """Other bytes of the same number, and the time of before."""
    times, content = path.stat(), bytearray(path.read_bytes())
    content[40] ^= 0xFF
    path.write_bytes(bytes(content))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def replaced(path: Path) -> None:
    """Another file in its place, with the time of before."""
    times, other = path.stat(), path.with_name("other")
    content = bytearray(path.read_bytes())
    content[40] ^= 0xFF
    other.write_bytes(bytes(content))
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(path)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def renamed(path: Path) -> None:
    path.rename(path.with_name("2025-10.parquet"))


@pytest.mark.parametrize("change", [in_place, replaced, cut, renamed])
def test_whatever_is_done_to_a_file_it_is_read_again_each_time_until_it_is_whole(
    landed: Shop, read: list[str], change: Callable[[Path], None]
) -> None:
    content = december(landed).read_bytes()
    change(december(landed))
    for _ in range(2):
        read.clear()
        assert {path.stem for path, _ in all_faults(landed.data)} == set(read) != set()
        assert "2025-11" not in read
    for path in (december(landed), december(landed).with_name("2025-10.parquet")):
        path.unlink(missing_ok=True)
    december(landed).write_bytes(content)
    assert list(all_faults(landed.data)) == []


def test_a_file_that_was_changed_just_now_is_read_again(
    landed: Shop, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification_cache, "SETTLED_SECONDS", 3600.0)
    for _ in range(2):
        read.clear()
        assert list(all_faults(landed.data)) == []
        assert read == ["2025-11", "2025-12"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"rules": 0, "files": {}}', '{"rules": 1}', '{"rules": 1, "files": [1]}', "\x00"]
)
def test_where_the_list_of_verified_files_is_damaged_all_is_read(landed: Shop, read: list[str], text: str) -> None:
    (landed.data / FOLDER / FILE_NAME).write_text(text)
    assert list(all_faults(landed.data)) == []
    assert read == ["2025-11", "2025-12"]
    read.clear()
    assert list(all_faults(landed.data)) == []
    assert read == []


def test_where_nothing_has_landed_nothing_is_written(shop: Shop) -> None:
    assert list(all_faults(shop.data)) == []
    assert not shop.data.exists()
