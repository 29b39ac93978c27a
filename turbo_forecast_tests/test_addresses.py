"""What a person writes for a place on object storage is understood, or refused in a sentence without a secret."""

import sys
from pathlib import Path

import pytest

from turbo_forecast.addresses import Address, is_address, is_object_storage, parsed, work_root
from turbo_forecast.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "scheme", "root"),
    [
        ("s3://bucket", "s3", "bucket"),
        ("s3://bucket/", "s3", "bucket"),
        ("S3://bucket/pre/fix/", "s3", "bucket/pre/fix"),
        ("s3://bucket.with.dots/100% of all/München", "s3", "bucket.with.dots/100% of all/München"),
        ("memory://x/y", "memory", "x/y"),
        ("file:///srv/share", "file", "/srv/share"),
    ],
)
def test_an_address_is_a_scheme_and_a_root(text: str, scheme: str, root: str) -> None:
    assert parsed(text, "--data") == Address(scheme, root)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("s3://", "--data s3:// names no bucket: write s3://bucket/prefix"),
        ("s3:///prefix", "names no bucket"),
        ("s3://bucket//x", "has an empty part"),
        ("s3://bucket/../other", "only dots"),
        ("s3://bucket/*.parquet", "has one of"),
        ("s3://bucket/x?versionId=1", "has one of"),
        ("https://host/x", "cannot be written to"),
        ("nowhere://bucket", "begins with nowhere://, which no package here knows"),
        ("s3:bucket", "is no address"),
        ("file://x/y", "is no path from the root of the file system: write file:///folder"),
        ("file://~/x", "is no path from the root of the file system: write file:///folder"),
        ("s3://bucket/x ", "has a space at one of its ends"),
        (" s3://bucket/x", "has a space at one of its ends"),
        ("s3://bucket/x\n", "has a space at one of its ends, or a character that cannot be seen"),
        ("s3://bucket/a\u202eb", r"a\\u202eb has a space at one of its ends, or a character that cannot be seen"),
    ],
)
def test_what_cannot_be_used_is_refused_and_named(text: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence) as error:
        parsed(text, "--data")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "s3://key:planted-secret@bucket/x",
        "s3://planted-secret@bucket",
        "s3://planted-secret:@bucket/x?y=planted-secret",
    ],
)
def test_credentials_are_refused_and_not_shown(text: str) -> None:
    with pytest.raises(SettingsError, match="credentials in it: they belong into the environment") as error:
        parsed(text, "TURBO_FORECAST_DATA")
    assert "planted-secret" not in str(error.value)


def test_a_driver_that_is_not_installed_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec

    def missing(scheme: str) -> None:
        raise ImportError("Install s3fs to access S3", name="s3fs")

    monkeypatch.setattr(fsspec, "get_filesystem_class", missing)
    with pytest.raises(SettingsError, match=r"pip install 'turbo-forecast\[storage\]'"):
        parsed("s3://bucket/x", "--data")


@pytest.mark.parametrize("path", ["data", "/srv/data", "C:\\data", "./s3:/x", "~/data", ""])
def test_a_path_is_no_address(path: str) -> None:
    assert not is_address(path)


@pytest.mark.parametrize(("location", "copied"), [("s3://b/x", True), ("gs://b/*", True), ("memory://x", True), ("https://h/x", False), ("file:///x", False), ("data/x", False)])  # fmt: skip
def test_what_is_copied_before_it_is_read(location: str, copied: bool) -> None:
    assert is_object_storage(location) == copied


def test_each_address_has_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TURBO_FORECAST_WORK", str(tmp_path))
    folders = [parsed(text, "--data").working_folder for text in ("s3://b/x", "s3://b/x/y", "s3://b-x", "memory://b/x")]
    assert len(set(folders)) == 4
    assert all(folder.parent == tmp_path / "data" for folder in folders)
    assert parsed("s3://b/x/", "--data").working_folder == folders[0]


def test_without_a_word_the_folder_is_in_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TURBO_FORECAST_WORK", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert work_root() == tmp_path / "turbo-forecast"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert work_root() == tmp_path / "home" / ".cache" / "turbo-forecast"


def test_a_path_waits_for_no_driver() -> None:
    import subprocess

    script = "import sys; from turbo_forecast.settings import Environment; Environment.of_variables(); print('fsspec' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
