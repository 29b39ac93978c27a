"""What one machine has made, another has; two at once overwrite nothing; what is cut off leaves the store as it was."""

import json
import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from turbo_forecast.addresses import Address, parsed
from turbo_forecast.errors import StorageError
from turbo_forecast.storage.objects import commits, uploading
from turbo_forecast.storage.objects.downloading import download
from turbo_forecast.storage.objects.keys import stored_files
from turbo_forecast.storage.objects.lease import leased
from turbo_forecast.storage.objects.store import ObjectStore
from turbo_forecast.storage.objects.uploading import upload, upload_ahead
from turbo_forecast.storage.objects.working_copy import copy_for_reading, opened_copy, working_copy

FILE, FOLDER = "forecast_parquet/2025-12.parquet", "fleet_forecast/2025-12.parquet"
VERSION = "published/2025-12/20260101T000000000000-run1"


class Machine:
    """A folder that plays a machine's working copy."""

    def __init__(self, store: ObjectStore, folder: Path) -> None:
        self.store, self.folder = store, folder
        self.said: list[str] = []

    def write(self, path: str, content: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.write_text(content)

    def download(self, **options: bool) -> int:
        return download(self.store, self.folder, self.said.append, **options)

    def put(self) -> int:
        return upload(self.store, self.folder).number

    def content(self) -> dict[str, bytes]:
        return {
            path: (self.folder / path).read_bytes() for path in stored_files(self.folder) if path != "warehouse.duckdb"
        }

    def rows(self) -> list[int]:
        with duckdb.connect(str(self.folder / "warehouse.duckdb"), read_only=True) as con:
            return [row[0] for row in con.execute("FROM t ORDER BY 1").fetchall()]

    def insert(self, number: int) -> None:
        with duckdb.connect(str(self.folder / "warehouse.duckdb")) as con:
            con.execute("CREATE TABLE IF NOT EXISTS t (n INTEGER)")
            con.execute("INSERT INTO t VALUES (?)", [number])

    def month(self, mark: str = "one") -> None:
        """A month's files of every kind."""
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.folder / FOLDER, ignore_errors=True)
        self.write(FILE, f"master {mark}")
        self.write(f"{FOLDER}/00000000-00000128-{mark}.parquet", f"part one {mark}")
        self.write(f"{FOLDER}/00000128-00000200-{mark}.parquet", f"part two {mark}")
        self.write("tournament/2025-12/champions.parquet", f"champions {mark}")
        self.write("tournament/2025-12/forecast_parquet/00000000.parquet", f"rows {mark}")
        self.write(f"{VERSION}/champions.parquet", "champions")
        self.write("published/2025-12/manifest.json", json.dumps({"version": mark}))
        self.write("published/turbo_forecast.duckdb", "views of this machine")
        self.write(".hidden/x", "hidden")
        self.write("fleet_forecast/.unfinished-2026-01/run-1/x.arrow", "unfinished")


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(parsed(f"file://{tmp_path}/objects", "--data"), patience=1)


@pytest.fixture(autouse=True)
def without_views(monkeypatch: pytest.MonkeyPatch) -> None:
    """The published files of these tests are no Parquet."""
    monkeypatch.setattr("turbo_forecast.storage.objects.downloading.publish_views", lambda *arguments: None)


@pytest.fixture
def machine(store: ObjectStore, tmp_path: Path) -> Callable[[str], Machine]:
    return lambda name: Machine(store, tmp_path / name)


def test_an_empty_machine_gets_all_that_another_has_stored(machine: Callable[[str], Machine]) -> None:
    one, other = machine("one"), machine("other")
    one.month()
    one.insert(1)
    assert one.put() == 1
    assert other.download() == 8
    assert other.content() == one.content()
    assert other.rows() == [1]
    assert not (other.folder / ".hidden").exists()
    assert not (other.folder / "published" / "turbo_forecast.duckdb").exists()
    assert other.download() == 0


def test_only_what_is_new_is_put_and_brought(machine: Callable[[str], Machine], store: ObjectStore) -> None:
    one, other = machine("one"), machine("other")
    one.month()
    one.put()
    other.download()
    one.write(FILE, "master two")
    put = upload(store, one.folder)
    assert (put.number, put.objects) == (2, 1)
    assert upload(store, one.folder) == uploading.Upload(2)
    assert other.download() == 1
    assert other.content() == one.content()


def test_a_file_that_is_gone_goes_elsewhere_too(machine: Callable[[str], Machine], store: ObjectStore) -> None:
    one, other = machine("one"), machine("other")
    one.month()
    one.put()
    other.download()
    for path in (one.folder / FOLDER).iterdir():
        path.unlink()
    (one.folder / FOLDER).rmdir()
    one.put()
    assert store.read(f"{FOLDER}/manifest.json") is None
    other.download()
    assert other.content() == one.content()


def test_readers_outside_find_a_version_by_its_manifest(machine: Callable[[str], Machine], store: ObjectStore) -> None:
    one = machine("one")
    one.month()
    one.insert(1)
    one.put()
    told = json.loads(store.read(f"{FOLDER}/manifest.json") or b"")
    assert store.read(f"{FOLDER}/{told['version']}/00000000-00000128-one.parquet") == b"part one one"
    assert store.read(FILE) == b"master one"
    assert store.read(f"{VERSION}/champions.parquet") == b"champions"
    warehouse = json.loads(store.read("warehouse/manifest.json") or b"")
    assert store.listed("warehouse")[f"warehouse/{warehouse['file']}"].bytes == warehouse["bytes"]


class CutOffError(Exception):
    """The process has died."""


@contextmanager
def dying_at(monkeypatch: pytest.MonkeyPatch, number: int) -> Iterator[list[str]]:
    """The block's process dies at its so-many-th request that writes; yields the keys that were written."""
    keys: list[str] = []

    def counted(method: Callable[..., object], place: int) -> Callable[..., object]:
        def wrapped(store: ObjectStore, *arguments: object) -> object:
            if len(keys) == number:
                raise CutOffError
            keys.append(str(arguments[place]))
            return method(store, *arguments)

        return wrapped

    with monkeypatch.context() as patched:
        for name, place in (("put", 1), ("write", 0), ("create", 0)):
            patched.setattr(ObjectStore, name, counted(getattr(ObjectStore, name), place))
        patched.setattr(uploading, "_tidy", lambda *arguments: None)
        try:
            yield keys
        except CutOffError:
            keys.append("died")


def test_wherever_a_put_is_cut_off_others_find_what_the_last_commit_holds(
    machine: Callable[[str], Machine], store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for assets of one file, which are replaced under their names: such a file is whole, and it is said."""
    one = machine("one")
    one.month()
    one.insert(1)
    one.put()
    before = one.content()
    one.month("two")
    one.insert(2)
    for number in range(100):
        with dying_at(monkeypatch, number) as keys:
            upload(store, one.folder)
        other = machine(f"other-{number}")
        other.download()
        if keys[-1] != "died":
            break
        found = other.content()
        assert found.pop(FILE) in (b"master one", b"master two")
        assert found == {path: content for path, content in before.items() if path != FILE}
        assert other.rows() == [1]
        late = (other.folder / FILE).read_bytes() == b"master two"
        assert late == any("is of a run that did not come to its end" in line for line in other.said)
    assert number >= 6
    assert other.content() == one.content()
    assert other.rows() == [1, 2]


def test_a_put_that_was_cut_off_goes_on_with_what_is_missing(
    machine: Callable[[str], Machine], store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = machine("one")
    one.month()
    with dying_at(monkeypatch, 4) as first:
        upload(store, one.folder)
    with dying_at(monkeypatch, 1000) as second:
        upload(store, one.folder)
    assert first[-1] == "died"
    assert not {key for key in first if key in second and not key.endswith(("manifest.json", FILE))}


def test_what_is_put_ahead_is_not_what_the_store_holds_yet(
    machine: Callable[[str], Machine], store: ObjectStore
) -> None:
    one, other = machine("one"), machine("other")
    one.month()
    one.insert(1)
    assert upload_ahead(store, one.folder).objects == 5
    assert other.download() == 0
    assert store.read(FILE) is None
    assert upload(store, one.folder).number == 1
    other.download()
    assert other.content() == one.content()


def test_of_two_machines_the_second_is_told_and_overwrites_nothing(
    machine: Callable[[str], Machine], store: ObjectStore
) -> None:
    one, other = machine("one"), machine("other")
    one.month()
    one.put()
    other.download()
    one.write(FILE, "of one")
    other.write(FILE, "of the other")
    other.write("month_report/2025-12.html", "of the other")
    one.put()
    with pytest.raises(
        StorageError, match=r"was changed by machine .* since this run began with it: nothing of it was overwritten"
    ):
        other.put()
    assert store.read(FILE) == b"of one"
    assert store.read("month_report/2025-12.html") is None
    other.download()
    assert any("what this machine had made and not stored (2 files) is replaced" in line for line in other.said)
    assert other.content() == one.content()


def test_two_commits_at_the_same_moment_are_one(machine: Callable[[str], Machine], store: ObjectStore) -> None:
    one = machine("one")
    one.month()
    one.put()
    first = commits.commit(store, {}, 1)
    assert first.number == 2
    with pytest.raises(StorageError, match="was changed"):
        commits.commit(store, {}, 1)


def test_what_was_made_while_the_store_refused_is_put_next_time(
    machine: Callable[[str], Machine], store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = machine("one")
    one.month()
    one.put()
    one.month("two")
    with monkeypatch.context() as patched:

        def refused(*arguments: object) -> None:
            raise StorageError("the store is gone")

        patched.setattr(ObjectStore, "put", refused)
        with pytest.raises(StorageError, match="gone"):
            one.put()
    assert one.download() == 0
    assert (one.folder / FILE).read_text() == "master two"
    assert one.put() == 2


def test_what_somebody_has_removed_from_a_copy_is_brought_again(
    machine: Callable[[str], Machine], store: ObjectStore
) -> None:
    """Caches are tidied by others, by the age of files."""
    one = machine("one")
    one.month()
    one.insert(1)
    one.put()
    before = one.content()
    for path in (FILE, f"{FOLDER}/00000000-00000128-one.parquet", "warehouse.duckdb", f"{VERSION}/champions.parquet"):
        (one.folder / path).unlink()
    assert one.download() == 4
    assert one.content() == before
    assert one.rows() == [1]
    assert one.put() == 1, "and nothing of it was taken for a change"


def test_a_disk_that_is_full_ends_in_a_sentence_and_the_rest_comes_later(machine: Callable[[str], Machine]) -> None:
    one, other = machine("one"), machine("other")
    one.month()
    one.write("month_report/2025-12.html", "x" * 1_000_000)
    one.put()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(StorageError, match=r"other/month_report/2025-12\.html cannot be written: File too large"):
            other.download()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not (other.folder / "month_report" / "2025-12.html").exists()
    other.download()
    assert other.content() == one.content()


def test_a_warehouses_old_log_is_not_written_into_what_was_brought(
    machine: Callable[[str], Machine], store: ObjectStore
) -> None:
    one, other = machine("one"), machine("other")
    one.folder.mkdir()
    one.insert(1)
    one.put()
    other.download()
    process = multiprocessing.get_context("spawn").Process(target=insert_and_die, args=(other.folder, 99))
    process.start()
    process.join()
    assert (other.folder / "warehouse.duckdb.wal").exists()
    one.insert(2)
    one.put()
    other.download()
    assert other.rows() == [1, 2]


def insert_and_die(folder: Path, number: int) -> None:
    con = duckdb.connect(str(folder / "warehouse.duckdb"))
    con.execute("INSERT INTO t VALUES (?)", [number])
    os._exit(9)


def test_rows_in_the_warehouses_log_are_stored(machine: Callable[[str], Machine]) -> None:
    one, other = machine("one"), machine("other")
    one.folder.mkdir()
    one.insert(1)
    process = multiprocessing.get_context("spawn").Process(target=insert_and_die, args=(one.folder, 2))
    process.start()
    process.join()
    assert (one.folder / "warehouse.duckdb.wal").exists()
    one.put()
    other.download()
    assert other.rows() == [1, 2]


def test_a_damaged_object_is_named(machine: Callable[[str], Machine], store: ObjectStore) -> None:
    one, other = machine("one"), machine("other")
    one.month()
    one.put()
    store.write(f"{VERSION}/champions.parquet", b"somebody")
    with pytest.raises(StorageError, match=rf"{VERSION}/champions.parquet is damaged"):
        other.download()


def test_a_store_that_was_emptied_is_not_filled_without_a_word(
    machine: Callable[[str], Machine], store: ObjectStore
) -> None:
    one = machine("one")
    one.month()
    one.put()
    store.delete(list(store.listed()))
    with pytest.raises(StorageError, match=r"holds less than it did: .* its commit 1, which is not there"):
        one.download()


def test_readers_get_what_is_published_alone_and_a_run_the_rest(machine: Callable[[str], Machine]) -> None:
    one, other = machine("one"), machine("other")
    one.month()
    one.insert(1)
    one.put()
    assert other.download(published_alone=True) == 2
    assert all(path.startswith("published/") for path in stored_files(other.folder))
    assert other.download(published_alone=True) == 0
    assert other.download() == 6
    assert other.content() == one.content()


def test_superseded_objects_stay_for_those_who_read_them_and_then_go(
    machine: Callable[[str], Machine], store: ObjectStore
) -> None:
    one = machine("one")
    for mark in ("one", "two", "three", "four", "five"):
        one.month(mark)
        one.put()
    parts = {mark: sum(mark in key for key in store.listed(FOLDER)) for mark in ("one", "two", "three", "four", "five")}
    assert parts == dict.fromkeys(parts, 2), "none has been replaced for an hour"
    commits.remove_superseded(store, timedelta(0))
    left = {mark for mark in parts if any(f"-{mark}." in key for key in store.listed(FOLDER))}
    assert left == {"three", "four", "five"}
    assert commits.numbers(store) == [3, 4, 5]
    assert store.read(FILE) == b"master five"


def test_shared_work_of_a_month_that_is_stored_goes_and_of_others_stays(
    machine: Callable[[str], Machine], store: ObjectStore
) -> None:
    one = machine("one")
    one.month()  # with an unfinished attempt at 2026-01
    store.write("runs/2025-12/run-1/x", b"x")
    store.write("runs/2026-01/run-1/x", b"x")
    one.put()
    assert list(store.listed("runs")) == ["runs/2026-01/run-1/x"]


@pytest.fixture
def address(store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Address:
    monkeypatch.setenv("TURBO_FORECAST_WORK", str(tmp_path / "work"))
    return store.address


def test_a_run_has_the_copy_for_itself_and_the_store_leased(address: Address, store: ObjectStore) -> None:
    with working_copy(address) as copy:
        assert copy.folder == address.working_folder
        assert opened_copy(copy.folder) is copy
        with working_copy(address) as again:
            assert again is copy
        with pytest.raises(StorageError, match="in use by another run"), leased(store):
            pass
        assert copy_for_reading(address) == copy.folder, "a reader takes it as it is"
    assert opened_copy(copy.folder) is None
    with leased(store):
        pass


def test_a_machine_that_was_taken_over_puts_nothing(address: Address, store: ObjectStore) -> None:
    with working_copy(address) as copy:
        store.delete(["lease.json"])
        (copy.folder / "month_report").mkdir()
        (copy.folder / "month_report" / "2025-12.html").write_text("x")
        with pytest.raises(StorageError, match="was taken over by another run"):
            copy.upload()
    assert commits.numbers(store) == []


def hold(text: str, work: str, reached: str) -> None:
    os.environ["TURBO_FORECAST_WORK"] = work
    with working_copy(parsed(text, "--data")):
        Path(reached).touch()
        while Path(reached).exists():
            pass


def test_a_run_of_the_same_machine_is_waited_for(address: Address, tmp_path: Path) -> None:
    reached = tmp_path / "reached"
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=hold, args=(str(address), str(tmp_path / "work"), str(reached)))
    process.start()
    while not reached.exists():
        assert process.is_alive()
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        reached.unlink()  # and only now may the other one end

    with working_copy(address, say):
        assert said == [f"waiting for the run of this machine that is at work in {address.working_folder}"]
    process.join(30)
    assert process.exitcode == 0


def test_a_warehouse_that_is_copied_stays_closed_to_others(tmp_path: Path) -> None:
    """A process that closes a second handle on a file loses its lock on it."""
    warehouse, copy = tmp_path / "warehouse.duckdb", tmp_path / "copy.duckdb"
    asked = [sys.executable, "-c", "import duckdb, sys; duckdb.connect(sys.argv[1])", str(warehouse)]
    with duckdb.connect(str(warehouse)) as con:
        con.execute("CREATE TABLE rows AS SELECT 1 AS y; CHECKPOINT")
        uploading.copied_aside(warehouse, copy)
        assert "lock" in subprocess.run(asked, capture_output=True, text=True).stderr
        assert subprocess.run([*asked[:-1], str(copy)]).returncode == 0
    assert subprocess.run(asked).returncode == 0
    with pytest.raises(StorageError, match="nothing.duckdb cannot be copied: .*No such file"):
        uploading.copied_aside(tmp_path / "nothing.duckdb", copy)
