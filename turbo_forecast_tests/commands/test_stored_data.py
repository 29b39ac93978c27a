"""Subcommands that ask read a folder, whatever was named; what they say names the store."""

import json
import threading
from pathlib import Path

import pytest

from turbo_forecast.addresses import parsed
from turbo_forecast.commands import stored_data
from turbo_forecast.commands.app import main
from turbo_forecast.commands.stored_data import folder_of, kept_up_to_date, remember, with_store
from turbo_forecast.errors import SettingsError, StorageError
from turbo_forecast.storage.objects.store import ObjectStore
from turbo_forecast.storage.objects.uploading import upload


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, published_fleet: Path) -> str:
    """An address at which three months of a small fleet are published."""
    monkeypatch.setenv("TURBO_FORECAST_WORK", str(tmp_path / "work"))
    monkeypatch.setattr(stored_data, "_COPIES", {})
    text = f"file://{tmp_path}/objects"
    import shutil

    shutil.copytree(published_fleet, tmp_path / "machine")  # what is put is noted in the folder
    upload(ObjectStore(parsed(text, "--data")), tmp_path / "machine")
    return text


def test_a_folder_is_read_where_it_is(tmp_path: Path) -> None:
    assert folder_of(str(tmp_path)) == tmp_path
    with kept_up_to_date(str(tmp_path)) as folder:
        assert folder == tmp_path
        assert not [thread for thread in threading.enumerate() if thread.name == "store"]


@pytest.mark.parametrize("question", [["months"], ["outlook", "--state", "all"], ["compare"]])
def test_questions_are_answered_as_from_the_folder_itself(
    question: list[str], address: str, published_fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored, local = (
        (main([*question, "--json", "--data", data]), capsys.readouterr().out)
        for data in (address, str(published_fleet))
    )
    assert stored == local
    assert json.loads(stored[1])


def test_what_a_question_replaces_is_said(
    address: str, published_fleet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What this machine had made while the store refused it, and another has changed the store since."""
    assert main(["months", "--data", address]) == 0
    assert capsys.readouterr().err == ""
    copy = parsed(address, "--data").working_folder
    (copy / "published" / "months.json").write_text("{}")
    (tmp_path / "machine" / "month_report").mkdir(exist_ok=True)
    (tmp_path / "machine" / "month_report" / "2025-12.html").write_text("x")
    upload(ObjectStore(parsed(address, "--data")), tmp_path / "machine")
    assert main(["months", "--data", address]) == 0
    assert "what this machine had made and not stored (1 file) is replaced" in capsys.readouterr().err


def test_what_cannot_be_answered_names_the_store(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["outlook", "--month", "1999-01", "--data", address]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.rstrip().endswith(f"is this machine's copy of {address})")


def test_an_address_that_cannot_be_used_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SettingsError, match="--data s3:// names no bucket"):
        folder_of("s3://")
    assert main(["run", "--month", "2025-12", "--telemetry", "x", "--data", "s3://key:planted-secret@bucket"]) == 2
    said = capsys.readouterr()
    assert "credentials in it" in said.err
    assert "planted-secret" not in said.err + said.out


def test_sentences_about_other_folders_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_data, "_COPIES", {})
    remember(Path("/work/a"), "")
    remember(Path("/work/copy"), "s3://bucket/x")
    assert with_store("/work/a is full") == "/work/a is full"
    assert (
        with_store("/work/copy/y is full")
        == "/work/copy/y is full (/work/copy is this machine's copy of s3://bucket/x)"
    )


def test_a_dashboard_gets_what_is_published_later_and_says_once_that_it_cannot(
    address: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stored_data, "REFRESHED_SECONDS", 0.01)
    asked = threading.Semaphore(0)

    def refused(data: str) -> Path:
        asked.release()
        raise StorageError("the store cannot be reached")

    with kept_up_to_date(address) as folder:
        assert (folder / "published").is_dir()
        monkeypatch.setattr(stored_data, "folder_of", refused)
        for _ in range(4):
            assert asked.acquire(timeout=30)
    assert capfd.readouterr().err.count("what is shown may be old: the store cannot be reached") == 1
