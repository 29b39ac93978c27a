"""The verbs of an object store, on a real S3 server and on what fsspec carries besides; and what its errors come to."""

import errno
import os
import pickle
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from reference.servers.s3 import S3Server
from turbo_forecast.addresses import parsed
from turbo_forecast.errors import SettingsError, StorageError
from turbo_forecast.storage.objects import store as stores
from turbo_forecast.storage.objects.store import ObjectStore

pytestmark = pytest.mark.xdist_group("s3")


@pytest.fixture(params=["s3", "file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("s3")
        return ObjectStore(parsed(f"s3://{server.bucket()}/pre/fix", "--data"), patience=5)
    root = f"{tmp_path}/objects" if request.param == "file" else f"{tmp_path.name}/objects"
    return ObjectStore(parsed(f"{request.param}://{root}", "--data"), patience=5)


def test_what_is_put_is_listed_and_read(store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"one")
    store.require_there()
    assert store.listed() == {}
    store.put(tmp_path / "file", "a/b/one.txt")
    store.write("a/two.txt", b"two!")
    assert {key: found.bytes for key, found in store.listed().items()} == {"a/b/one.txt": 3, "a/two.txt": 4}
    assert list(store.listed("a/b")) == ["a/b/one.txt"]
    assert store.listed("nothing") == {}
    assert store.read("a/two.txt") == b"two!"
    assert store.read("a/three.txt") is None
    store.get("a/b/one.txt", tmp_path / "new" / "copy")
    assert (tmp_path / "new" / "copy").read_bytes() == b"one"
    before = store.listed()["a/two.txt"].mark
    time.sleep(0.01)
    store.write("a/two.txt", b"zwei")
    assert store.listed()["a/two.txt"].mark != before
    store.delete(["a/two.txt", "a/three.txt"])
    assert list(store.listed()) == ["a/b/one.txt"]


def test_only_the_first_creates_an_object(store: ObjectStore) -> None:
    assert store.create("one", b"mine")
    assert not store.create("one", b"yours")
    assert store.create("one", b"mine"), "the answer to the same request, had it been lost"
    assert store.read("one") == b"mine"


def at_once(work: Callable[[int], object], threads: int = 6) -> None:
    """Do it in some threads, which begin at the same moment."""
    gate = threading.Barrier(threads)

    def begin(number: int) -> None:
        gate.wait()
        work(number)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(begin, range(threads)))


def test_of_many_at_once_one_creates_it(store: ObjectStore) -> None:
    for attempt in range(20):
        key, made = f"deep/{attempt}", list[int]()

        def create(number: int, key: str = key, made: list[int] = made) -> None:
            if store.create(key, f"content {number}".encode()):
                made.append(number)

        at_once(create)
        assert len(made) == 1
        assert store.read(key) == f"content {made[0]}".encode()


def test_on_a_share_without_hard_links_only_the_first_creates_an_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    share = ObjectStore(parsed(f"file://{tmp_path}/objects", "--data"), patience=5)
    made: list[int] = []
    at_once(lambda own: made.append(own) if share.create("one", f"content {own}".encode()) else None)
    assert len(made) == 1
    assert share.read("one") == f"content {made[0]}".encode()
    assert list(share.listed()) == ["one"]


def test_an_object_is_never_seen_in_part_nor_beside_its_own_name(store: ObjectStore, tmp_path: Path) -> None:
    contents = {letter * 300_000 for letter in (b"a", b"b")}
    store.write("one", min(contents))
    seen, names = set[bytes | None](), set[str]()

    def work(number: int) -> None:
        for _ in range(20):
            if number == 0:
                seen.add(store.read("one"))
                names.update(store.listed())
            elif number == 1:
                store.write("one", max(contents))
            else:
                (tmp_path / "file").write_bytes(min(contents))
                store.put(tmp_path / "file", "one")

    at_once(work, 3)
    assert seen <= contents
    assert names == {"one"}


def test_what_is_not_there_cannot_be_brought(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=f"{store.address}/a/none is not there"):
        store.get("a/none", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_many_are_put_and_brought(store: ObjectStore, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.bin" for number in range(20)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * 1000)
    store.put_all((path, f"many/{path.name}") for path in paths)
    assert len(store.listed("many")) == 20
    store.get_all((f"many/{path.name}", tmp_path / "back" / path.name) for path in paths)
    assert all((tmp_path / "back" / path.name).read_bytes() == path.read_bytes() for path in paths)
    with pytest.raises(StorageError, match="many/none is not there"):
        store.get_all([("many/none", tmp_path / "none"), ("many/0.bin", tmp_path / "0")])


def test_a_file_of_several_parts_is_one_object(s3: S3Server, tmp_path: Path) -> None:
    store = ObjectStore(parsed(f"s3://{s3.bucket()}", "--data"))
    (tmp_path / "large").write_bytes(bytes(range(256)) * 4096 * 70)  # above the driver's own limit for one request
    store.put(tmp_path / "large", "large")
    store.get("large", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "large").read_bytes()


@pytest.mark.parametrize(
    ("name", "value"), [("AWS_SECRET_ACCESS_KEY", "planted-secret"), ("AWS_ACCESS_KEY_ID", "nobody-at-all")]
)
def test_wrong_credentials_are_a_sentence_at_once(
    name: str, value: str, s3: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store = ObjectStore(parsed(f"s3://{s3.bucket()}/x", "--data"))
    store.write("there", b"x")
    monkeypatch.setenv(name, value)
    (tmp_path / "file").write_bytes(b"x")
    began = time.monotonic()
    for ask in (
        store.require_there,
        store.listed,
        lambda: store.read("there"),
        lambda: store.write("a", b"x"),
        lambda: store.create("a", b"x"),
        lambda: store.put(tmp_path / "file", "a"),
        lambda: store.get("there", tmp_path / "back"),
    ):
        with pytest.raises(StorageError, match="the store does not accept the credentials") as error:
            ask()
        assert value not in str(error.value)
        assert str(store.address) in str(error.value)
    assert time.monotonic() - began < 30, "they were tried again, as if they could become right"


def test_no_credentials_are_a_sentence(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ObjectStore(parsed(f"s3://{s3.bucket()}", "--data"))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(StorageError, match="no credentials were found: set AWS_ACCESS_KEY_ID"):
        store.require_there()


def test_a_bucket_that_is_gone_is_a_sentence(s3: S3Server) -> None:
    bucket = s3.bucket()
    store = ObjectStore(parsed(f"s3://{bucket}/x", "--data"))
    store.write("there", b"x")
    s3.files().rm(bucket, recursive=True)
    for ask in (store.require_there, store.listed):
        with pytest.raises(StorageError, match=f"there is no bucket {bucket}"):
            ask()


def test_a_server_that_is_down_is_asked_again_for_as_long_as_patience_lasts(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = parsed(f"s3://{s3.bucket()}", "--data")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    began = time.monotonic()
    with pytest.raises(StorageError, match=r"cannot be reached, or does not answer .* at http://127\.0\.0\.1:9"):
        ObjectStore(address, patience=1.5).write("a", b"x")
    assert time.monotonic() - began > 0.5


@pytest.mark.usefixtures("hurried")
def test_after_patience_has_run_out_what_follows_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Flaky(*[TimeoutError()] * 1000)
    store = of_driver(driver, monkeypatch, patience=0.2)
    with pytest.raises(StorageError, match="cannot be reached"):
        store.read("a")
    asked = driver.asked
    assert asked > 3
    with pytest.raises(StorageError, match="cannot be reached"):
        store.read("b")
    assert driver.asked == asked + 1
    driver.errors = []
    assert store.read("b") == b"answer"
    driver.errors = [TimeoutError()]
    assert store.read("b") == b"answer", "it is asked again, as before"


class Flaky:
    """A driver whose answers are errors, as many as are listed, before it answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.asked = 0

    def cat_file(self, path: str) -> bytes:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return b"answer"


def server_error(code: str, status: int) -> Exception:
    from botocore.exceptions import ClientError

    error = OSError(errno.EIO, "wrapped")
    told = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    error.__cause__ = ClientError(told, "GetObject")  # type: ignore[arg-type]
    return error


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "FIRST_WAIT_SECONDS", 0.001)


def of_driver(driver: Any, monkeypatch: pytest.MonkeyPatch, patience: float = 5.0) -> ObjectStore:
    monkeypatch.setattr(stores, "_filesystem", lambda *key: driver)
    return ObjectStore(parsed("s3://bucket", "--data"), patience)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    ("code", "status"), [("InternalError", 500), ("SlowDown", 503), ("", 502), ("ServiceUnavailable", 503), ("", 429)]
)
def test_errors_of_the_servers_own_are_waited_out(code: str, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Flaky(server_error(code, status), server_error(code, status))
    assert of_driver(driver, monkeypatch).read("a") == b"answer"
    assert driver.asked == 3


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(("code", "status"), [("AccessDenied", 403), ("NoSuchBucket", 404), ("InvalidRequest", 400)])
def test_what_will_not_pass_is_not_asked_again(code: str, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Flaky(*[server_error(code, status)] * 5)
    with pytest.raises(StorageError, match="s3://bucket"):
        of_driver(driver, monkeypatch).read("a")
    assert driver.asked == 1


@pytest.mark.usefixtures("hurried")
def test_a_time_out_is_waited_out_and_a_defect_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    assert of_driver(Flaky(TimeoutError(), ConnectionResetError()), monkeypatch).read("a") == b"answer"
    with pytest.raises(AttributeError, match="ours"):
        of_driver(Flaky(AttributeError("ours")), monkeypatch).read("a")


def test_a_full_disk_is_named_with_the_file_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Full:
        def get_file(self, key: str, path: str) -> None:
            raise OSError(errno.ENOSPC, "No space left on device", path)

    with pytest.raises(StorageError, match=f"{tmp_path}/x cannot be written: No space left on device"):
        of_driver(Full(), monkeypatch).get("a", tmp_path / "x")


def test_it_is_pickled_without_a_secret(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted-secret")
    pickled = pickle.dumps(store)
    assert b"planted-secret" not in pickled
    assert "planted-secret" not in repr(store)
    assert pickle.loads(pickled) == store


@pytest.mark.parametrize("text", ["abc", "-1", "nan", "inf"])
def test_patience_that_is_no_number_of_seconds_is_refused(
    text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(stores.PATIENCE, text)
    with pytest.raises(SettingsError, match=f"TURBO_FORECAST_STORE_PATIENCE_SECONDS {text} is no number of seconds"):
        ObjectStore(parsed(f"file://{tmp_path}", "--data"))


@pytest.mark.parametrize("address", ["s3://bu cket/x", "s3://bucket:9000/x"])
def test_a_bucket_of_no_possible_name_is_a_sentence(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("s3fs")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted-secret")
    with pytest.raises(StorageError, match=f"{address}.*nvalid bucket name") as error:
        ObjectStore(parsed(address, "--data"), patience=1).require_there()
    assert "planted-secret" not in str(error.value)


def test_an_endpoint_that_is_no_url_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("s3fs")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "minio.example:9000")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted-secret")
    with pytest.raises(StorageError, match="Invalid endpoint: minio.example:9000") as error:
        ObjectStore(parsed("s3://bucket", "--data"), patience=1).read("x")
    assert "planted-secret" not in str(error.value)


def test_a_file_that_cannot_be_read_here_is_named(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=f"{tmp_path}/none cannot be read: No such file or directory"):
        store.put(tmp_path / "none", "key")


def test_a_key_that_looks_like_a_pattern_is_removed_alone(store: ObjectStore) -> None:
    for key in ("a/x1.html", "a/x2.html", "a/x[1].html", "b/*", "c/\x01"):
        store.write(key, b"x")
    store.delete(["a/x[1].html", "b/*", "c/\x01", "a/*", "a/x?.html", "a/x2.html"])
    assert list(store.listed()) == ["a/x1.html"]


def test_only_what_is_below_the_prefix_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials may be for that alone."""
    asked = []

    class Driver:
        def call_s3(self, method: str, **options: object) -> None:
            asked.append((method, options["Bucket"], options["Prefix"]))

    monkeypatch.setattr(stores, "_filesystem", lambda *key: Driver())
    for address in ("s3://bucket/pre/fix", "s3://bucket"):
        ObjectStore(parsed(address, "--data")).require_there()
    assert asked == [("list_objects_v2", "bucket", "pre/fix/"), ("list_objects_v2", "bucket", "")]


class Deleting:
    """A driver of S3 whose answers to deletions are refusals of the second object, one for each code, before it deletes all."""

    def __init__(self, *codes: str) -> None:
        self.codes = list(codes)
        self.asked: list[list[str]] = []

    def split_path(self, path: str) -> tuple[str, str, None]:
        return (*path.split("/", 1), None)  # type: ignore[return-value]

    def call_s3(self, method: str, Bucket: str, Delete: Any) -> dict[str, object]:
        assert (method, Bucket) == ("delete_objects", "bucket")
        self.asked.append([each["Key"] for each in Delete["Objects"]])
        return {"Errors": [{"Key": self.asked[-1][1], "Code": self.codes.pop(0)}]} if self.codes else {}


def test_an_object_that_may_not_be_deleted_is_no_silent_success(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a lease would stay, and what was made of other decisions count."""
    with pytest.raises(StorageError, match=r"s3://bucket: the store does not accept the credentials \(AccessDenied\)"):
        of_driver(Deleting("AccessDenied"), monkeypatch).delete(["a", "b"])


@pytest.mark.usefixtures("hurried")
def test_deletions_that_the_server_could_not_do_are_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Deleting("InternalError", "SlowDown")
    of_driver(driver, monkeypatch).delete(["a", "b"])
    assert driver.asked == [["a", "b"]] * 3
