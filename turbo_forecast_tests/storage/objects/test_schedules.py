"""Two machines, a reader and a run, a crash, a tidied disk, in unfortunate order: nothing is lost, mixed or overwritten unheard."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import fsspec
import pytest

from turbo_forecast.addresses import parsed
from turbo_forecast.errors import StorageError
from turbo_forecast.storage.objects import commits, downloading, local_state, uploading
from turbo_forecast.storage.objects.keys import stored_files
from turbo_forecast.storage.objects.store import ObjectStore
from turbo_forecast.storage.objects.working_copy import copy_for_reading, working_copy
from turbo_forecast.storage.rows_view import month_folders
from turbo_forecast_tests.storage.objects.test_working_copy import FILE, FOLDER, Machine, insert_and_die

PART = f"{FOLDER}/00000000-00000128-one.parquet"


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(parsed(f"file://{tmp_path}/objects", "--data"), patience=1)


@pytest.fixture(autouse=True)
def without_views(monkeypatch: pytest.MonkeyPatch) -> None:
    """The published files of these tests are no Parquet."""
    monkeypatch.setattr(downloading, "publish_views", lambda *arguments: None)


@pytest.fixture
def machine(store: ObjectStore, tmp_path: Path) -> Callable[[str], Machine]:
    return lambda name: Machine(store, tmp_path / name)


def test_what_a_first_run_could_not_store_is_not_mixed_into_what_a_question_has_brought(
    machine: Callable[[str], Machine],
) -> None:
    one, other = machine("one"), machine("other")
    one.month("two")
    one.write("forecast_parquet/2026-01.parquet", "never stored")
    other.month()
    other.put()
    one.download(published_alone=True)
    one.download()
    assert one.content() == other.content()
    assert any("what this machine had made and not stored (" in line for line in one.said), "and not unheard"


def test_a_store_that_was_emptied_and_filled_anew_to_the_same_number_is_another_one(
    machine: Callable[[str], Machine], store: ObjectStore
) -> None:
    one, other = machine("one"), machine("other")
    one.month()
    assert one.put() == 1
    store.delete(list(store.listed()))
    other.write(FILE, "of another machine")
    assert other.put() == 1
    one.download()
    assert one.content() == other.content()


def test_a_run_whose_store_changes_while_it_puts_replaces_no_file_of_the_others(
    machine: Callable[[str], Machine], store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = machine("one"), machine("other")
    one.month()
    one.put()
    other.download()
    one.write(FILE, "of one")
    other.write(FILE, "of the other")
    other.write("tournament/2025-12/champions.parquet", "of the other")
    put = uploading._upload

    def late(store: ObjectStore, here: uploading._Here, paths: list[str], number: int) -> uploading.Upload:
        if here.sources[FILE].is_relative_to(other.folder):
            one.put()
        return put(store, here, paths, number)

    monkeypatch.setattr(uploading, "_upload", late)
    with pytest.raises(StorageError, match="was changed by machine .*: nothing of it was overwritten"):
        other.put()
    assert store.read(FILE) == b"of one"


def test_a_file_that_was_replaced_in_the_last_moment_is_named(
    machine: Callable[[str], Machine], store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last look and the commit: the file is damaged, which the sentence is not to deny."""
    one, other = machine("one"), machine("other")
    one.month()
    one.put()
    other.download()
    other.write(FILE, "of the other")
    put_manifests = uploading._upload_manifests

    def late(*arguments: object) -> None:
        commits.commit(store, {}, 1)
        put_manifests(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(uploading, "_upload_manifests", late)
    with pytest.raises(StorageError, match=rf"{FILE} had been replaced by this run's .*, and nothing else of it was"):
        other.put()


def test_a_question_waits_for_another_that_is_bringing(
    machine: Callable[[str], Machine], store: ObjectStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Else it finds nothing published on a machine that is new."""
    monkeypatch.setenv("TURBO_FORECAST_WORK", str(tmp_path / "work"))
    one = machine("one")
    one.month()
    one.put()
    reached, go, found = threading.Event(), threading.Event(), list[bool]()
    get = downloading._get

    def slow(*arguments: object) -> None:
        reached.set()
        assert go.wait(30)
        get(*arguments)  # type: ignore[arg-type]

    def ask() -> None:
        found.append((copy_for_reading(store.address) / "published/2025-12/manifest.json").exists())

    monkeypatch.setattr(downloading, "_get", slow)
    first, second = threading.Thread(target=ask), threading.Thread(target=ask)
    first.start()
    assert reached.wait(30)
    second.start()
    second.join(0.2)
    go.set()
    first.join(30)
    second.join(30)
    assert found == [True, True]


def test_a_question_does_not_wait_for_the_run_that_is_at_work(
    machine: Callable[[str], Machine], store: ObjectStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TURBO_FORECAST_WORK", str(tmp_path / "work"))
    with working_copy(store.address) as copy:
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=ask_alone, args=(str(store.address), str(tmp_path / "work")))
        process.start()
        process.join(60)
        assert process.exitcode == 0
        assert copy.folder.is_dir()


def ask_alone(text: str, work: str) -> None:
    os.environ["TURBO_FORECAST_WORK"] = work
    os.environ.pop("TURBO_FORECAST_WORKING_COPY")
    assert copy_for_reading(parsed(text, "--data")).is_dir()


def test_what_a_machine_has_parked_of_a_month_outlives_another_machines_run_of_another(
    machine: Callable[[str], Machine], store: ObjectStore
) -> None:
    other = machine("other")
    store.write("runs/2026-01/run-1/done/forecast/00000000-00000007.json", b"{}")
    store.write("runs/2025-12/run-1/done/forecast/00000000-00000007.json", b"{}")
    other.write(PART, "of the other")
    other.put()
    assert list(store.listed("runs")) == ["runs/2026-01/run-1/done/forecast/00000000-00000007.json"]


def test_what_was_brought_before_a_bringing_was_cut_off_is_not_brought_again(
    machine: Callable[[str], Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = machine("one"), machine("other")
    one.month()
    one.put()
    for owner, name in ((local_state.LocalState, "save"), (downloading, "publish_views")):
        with monkeypatch.context() as patched:
            patched.setattr(owner, name, refused)
            with pytest.raises(StorageError, match="has died"):
                other.download()
    views = list[object]()
    monkeypatch.setattr(downloading, "publish_views", lambda folder, say: views.append(folder))
    assert other.download() == 0
    assert views == [other.folder], "they may be those of before"
    assert not any("is replaced" in line for line in other.said), "it is nothing that was made here"
    assert other.content() == one.content()


def refused(*arguments: object) -> None:
    raise StorageError("the process has died")


def test_wherever_a_bringing_is_cut_off_the_next_one_ends_it(
    machine: Callable[[str], Machine], store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = machine("one")
    one.month()
    one.insert(1)
    one.write("fleet_forecast/2025-11.parquet/00000000-00000128.parquet", "x")
    one.put()
    behind = [machine(f"behind-{number}") for number in range(20)]
    for other in behind:
        other.download()
    one.month("two")
    one.insert(2)
    (one.folder / "fleet_forecast/2025-11.parquet/00000000-00000128.parquet").unlink()
    one.put()
    for number, other in enumerate(behind):
        steps = list[str]()
        with monkeypatch.context() as patched:
            for owner, name in (
                (ObjectStore, "get"),
                (downloading, "_write"),
                (downloading, "remove_file"),
                (local_state.LocalState, "save"),
            ):
                patched.setattr(owner, name, dying_in(getattr(owner, name), number, steps))
            patched.setattr(downloading, "each_of", lambda items, work: [work(item) for item in items])
            try:
                other.download()
            except StorageError:
                steps.append("died")
        other.download()
        assert other.content() == one.content()
        assert other.rows() == [1, 2]
        assert other.put() == 2, "nothing of it was taken for a change"
        assert not any("is replaced" in line for line in other.said)
        if steps[-1] != "died":
            break
    assert 8 < number < 20, "every step was tried"


def dying_in(step: Callable[..., object], number: int, steps: list[str]) -> Callable[..., object]:
    """The step, unless so many were done before: then the process dies."""

    def wrapped(*arguments: object) -> object:
        if len(steps) == number:
            raise StorageError("the process has died")
        steps.append(step.__name__)
        return step(*arguments)

    return wrapped


def test_what_was_brought_is_on_the_disk_before_it_is_known(
    machine: Callable[[str], Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power cut leaves files that are known and empty: these would be put in the place of what the store has."""
    one, other, order = machine("one"), machine("other"), list[str]()
    one.month()
    one.put()
    publishing = local_state.publishing
    monkeypatch.setattr(local_state, "sync_file_system", lambda folder: order.append("all of it"))

    def noting(path: Path) -> object:
        order.append(path.name)
        return publishing(path)

    monkeypatch.setattr(local_state, "publishing", noting)
    other.download()
    assert order == ["all of it", "state.json"]


def test_a_part_that_was_tidied_away_beside_a_strangers_file_is_brought_again(
    machine: Callable[[str], Machine],
) -> None:
    one = machine("one")
    one.month()
    one.put()
    before = one.content()
    (one.folder / PART).unlink()
    one.write(f"{FOLDER}/Thumbs.db", "of a file manager")
    one.download()
    assert before.items() <= one.content().items()


def test_rows_in_the_log_of_a_warehouse_that_was_stored_are_stored(machine: Callable[[str], Machine]) -> None:
    one, other = machine("one"), machine("other")
    one.folder.mkdir()
    one.insert(1)
    one.put()
    process = multiprocessing.get_context("spawn").Process(target=insert_and_die, args=(one.folder, 2))
    process.start()
    process.join()
    assert one.download() == 0
    one.put()
    other.download()
    assert other.rows() == [1, 2]


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[ObjectStore]:
    """A store without folders of its own."""
    files = fsspec.filesystem("memory")
    files.store.clear()
    yield ObjectStore(parsed(f"memory://{tmp_path.name}", "--data"), patience=1)
    files.store.clear()


@pytest.mark.parametrize("place", [0, 1])
def test_an_asset_that_became_a_folder_or_a_file_is_brought_as_it_is(
    place: int, memory: ObjectStore, tmp_path: Path
) -> None:
    one, other = Machine(memory, tmp_path / "one"), Machine(memory, tmp_path / "other")
    forms = ["scores/2025-12.parquet", "scores/2025-12.parquet/part.parquet"]
    old, new = forms[place], forms[1 - place]
    one.write(old, "old")
    one.put()
    other.download()
    memory.delete(
        [key for key in memory.listed() if key.startswith("scores/")]
    )  # no driver here holds both forms at once
    fsspec.filesystem("memory").pseudo_dirs[:] = [""]
    (one.folder / old).unlink()
    if place == 1:
        (one.folder / old).parent.rmdir()
    one.write(new, "new")
    one.put()
    other.download()
    assert other.content() == {new: b"new"}
    other.put()
    again = Machine(memory, tmp_path / "again")
    again.download()
    assert again.content() == {new: b"new"}


def test_a_month_that_is_gone_leaves_no_empty_folder_elsewhere(machine: Callable[[str], Machine]) -> None:
    """The view of all rows would take it for a month, and the next run could not define it."""
    one, other = machine("one"), machine("other")
    one.write("fleet_forecast/2025-11.parquet/00000000-00000128.parquet", "x")
    one.month()
    one.put()
    other.download()
    (one.folder / "fleet_forecast/2025-11.parquet/00000000-00000128.parquet").unlink()
    (one.folder / "fleet_forecast/2025-11.parquet").rmdir()
    one.put()
    other.download()
    assert list(month_folders(other.folder)) == [date(2025, 12, 31)]


def test_a_folder_that_was_moved_to_another_disk_and_linked_is_still_stored(
    machine: Callable[[str], Machine], tmp_path: Path
) -> None:
    one, other = machine("one"), machine("other")
    one.month()
    one.put()
    (one.folder / "fleet_forecast").rename(tmp_path / "larger")
    (one.folder / "fleet_forecast").symlink_to(tmp_path / "larger")
    (one.folder / "forecast_parquet" / "back").symlink_to(one.folder)
    one.write("month_report/2025-12.html", "x")
    one.download()
    one.put()
    other.download()
    assert (other.folder / PART).read_text() == "part one one"
    assert not (other.folder / "forecast_parquet" / "back").exists()


def test_a_folder_that_cannot_be_looked_at_is_not_taken_for_gone(
    machine: Callable[[str], Machine], store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, scandir = machine("one"), os.scandir
    one.month()
    one.put()
    one.write("month_report/2025-12.html", "x")

    def failing(path: object) -> object:
        if str(path).endswith("fleet_forecast"):
            raise OSError(5, "Input/output error", str(path))
        return scandir(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", failing)
    with pytest.raises(StorageError, match="Input/output error"):
        one.put()
    assert commits.numbers(store) == [1]


@pytest.mark.parametrize("name", ["lease.json", "commits/00000009.json", "runs/2025-12/x", "warehouse/manifest.json"])
def test_a_strangers_file_does_not_take_the_place_of_what_the_store_is_kept_by(
    name: str, machine: Callable[[str], Machine], store: ObjectStore
) -> None:
    one, other = machine("one"), machine("other")
    one.month()
    one.insert(1)
    one.write(name, "of a mirror of the bucket, say")
    one.put()
    assert store.read(name) != b"of a mirror of the bucket, say"
    other.download()
    assert other.rows() == [1]


def test_a_strangers_file_among_the_published_ones_may_change(machine: Callable[[str], Machine]) -> None:
    """Another one of the same size under the same key: it is not there already."""
    one, other = machine("one"), machine("other")
    one.month()
    for content in ("one", "two"):
        one.write("published/notes.txt", content)
        one.put()
    other.download()
    assert other.content() == one.content()


def test_an_empty_file_where_a_manifest_belongs_is_brought_as_it_is(machine: Callable[[str], Machine]) -> None:
    one, other = machine("one"), machine("other")
    one.month()
    one.write("published/2024-12/manifest.json", "")
    one.put()
    other.download()
    assert other.content() == one.content()


def test_a_manifest_that_is_no_text_is_named(machine: Callable[[str], Machine]) -> None:
    one = machine("one")
    one.month()
    (one.folder / "published/2025-12/manifest.json").write_bytes(b"\xff\xfe")
    with pytest.raises(StorageError, match=r"2025-12/manifest\.json is damaged"):
        one.put()


def test_a_name_that_no_store_can_hold_is_named_before_a_run_begins(machine: Callable[[str], Machine]) -> None:
    one, other = machine("one"), machine("other")
    one.folder.mkdir()
    (Path(os.fsdecode(os.fsencode(one.folder) + b"/\xff.html"))).write_text("x")
    with pytest.raises(StorageError, match=r"\\udcff.html' has a name that is not UTF-8"):
        one.put()
    other.month()
    other.put()
    with pytest.raises(StorageError, match=r"\\udcff.html' has a name that is not UTF-8"):
        one.download()


def test_objects_that_others_put_beside_the_commits_are_none(
    machine: Callable[[str], Machine], store: ObjectStore
) -> None:
    one = machine("one")
    one.month()
    one.put()
    for name in ("²", "5", "below/00000009", "00000003.json.bak"):
        store.write(f"commits/{name}.json", b"x")
    assert commits.numbers(store) == [1]
    assert one.download() == 0


def test_names_with_spaces_and_of_any_script_are_stored(machine: Callable[[str], Machine]) -> None:
    one, other = machine("one"), machine("other")
    for name in ("a b.html", "100%.html", "a+b&c=d.html", "München.html", "東京.html", "a\nb.html", "x[1].html"):
        one.write(f"month_report/{name}", name)
    one.put()
    other.download()
    assert other.content() == one.content()
    assert len(stored_files(other.folder)) == 7
