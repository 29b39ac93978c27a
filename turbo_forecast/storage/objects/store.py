"""An object store behind fsspec: a few operations, with retries where the server may recover, else an error in one sentence.

Belongs here: requests, their retries, and what their errors mean. Does not belong here: which objects there are for what.

Credentials come from the environment alone, as the drivers read it (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, AWS_REGION, AWS_PROFILE): no object here holds one, so none can be logged or pickled.
"""

import errno
import os
import random
import re
import shutil
import time
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

from turbo_forecast.addresses import Address
from turbo_forecast.errors import SettingsError, StorageError, refusal, writing
from turbo_forecast.leftovers import is_temporary, temporary_file
from turbo_forecast.storage.objects.refusals import Kind, RefusedDeletionError, classified
from turbo_forecast.text import printable

PATIENCE = "TURBO_FORECAST_STORE_PATIENCE_SECONDS"
"""Environment: how long a server that does not answer, or answers with an error of its own, is tried again."""
PATIENCE_SECONDS = 60.0
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.2, 5.0
AT_ONCE = 8
"""Objects that are on their way at the same time: a request waits more than it works."""
DELETED_AT_ONCE = 1000
_WITHOUT_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
"""What file systems answer that have no second names for a file, such as some network shares."""
_MAGIC = re.compile(r"[*?\[\]]")

Answer = TypeVar("Answer")
_LOST: dict[str, float] = {}
"""When patience ran out with a store, by its address: what a run has still to say to it then (its lease, what it has made) is said
once, so that it ends soon."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An object in a listing. mark: changes whenever its bytes do (an ETag, else the time of modification)."""

    bytes: int
    mark: str


def _patience() -> float:
    """What the environment says. Raises SettingsError."""
    text = os.environ.get(PATIENCE) or str(PATIENCE_SECONDS)
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise SettingsError(f"{PATIENCE} {printable(text)} is no number of seconds: write 60, say")
    return seconds


@dataclass(slots=True)
class ObjectStore:
    """The objects below an address, by key. An object is seen whole or not at all, whoever dies while it is put.

    Everything raises StorageError: one sentence that names the address, and no secret. It can be pickled: a process that
    has received it opens a connection of its own, with its own environment's credentials.
    """

    address: Address
    patience: float = field(default_factory=_patience)

    @property
    def _fs(self) -> Any:
        return _filesystem(self.address.scheme, os.getpid(), _environment())

    def _path(self, key: str) -> str:
        return f"{self.address.root}/{key}" if key else self.address.root

    def require_there(self) -> None:
        """Raises StorageError unless the bucket is there, and may be listed with the credentials there are."""
        fs = self._fs
        if hasattr(fs, "call_s3"):
            inside = self.address.root.partition("/")[2]
            prefix = f"{inside}/" if inside else ""  # credentials may be for what is below it alone
            self._tried("", lambda: fs.call_s3("list_objects_v2", Bucket=self.address.bucket, Prefix=prefix, MaxKeys=1))

    def put(self, path: Path, key: str) -> None:
        """Put a file as an object, in the place of one of that key. Raises StorageError, also where it cannot be read here."""
        try:
            path.open("rb").close()
        except OSError as error:
            raise StorageError(f"{path} cannot be read: {refusal(error)}") from None
        if self.address.scheme == "file":
            self._tried(key, lambda: self._placed(key, lambda beside: shutil.copyfile(path, beside), os.replace))
        elif self.address.scheme == "memory":  # fsspec's own way shows the object while it is being written
            self._tried(key, lambda: self._fs.pipe_file(self._path(key), path.read_bytes()))
        else:
            self._tried(key, lambda: self._fs.put_file(str(path), self._path(key)))

    def write(self, key: str, content: bytes) -> None:
        """Put a small object, in the place of one of that key."""
        if self.address.scheme == "file":
            self._tried(key, lambda: self._placed(key, lambda beside: beside.write_bytes(content), os.replace))
        else:
            self._tried(key, lambda: self._fs.pipe_file(self._path(key), content))

    def create(self, key: str, content: bytes) -> bool:
        """Put a small object where none has that key; False where one has. content: no two callers' is the same."""
        try:
            if self.address.scheme == "file":
                self._tried(key, lambda: self._placed(key, lambda beside: beside.write_bytes(content), _alone_under))
            else:
                self._tried(key, lambda: self._fs.pipe_file(self._path(key), content, mode="create"))
        except _TakenError:
            return self.read(key) == content  # an answer that was lost, and the request tried again
        return True

    def _placed(self, key: str, fill: Callable[[Path], object], place: Callable[[Path, Path], None]) -> None:
        """Make a file of a folder at once: fsspec's own ways for a folder show half a file, and two may create the same one.

        place: a rename, or `_alone_under`, which only the first can who does it.
        """
        path = Path(self._path(key))
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary_file(path) as beside:
            fill(beside)
            place(beside, path)

    def read(self, key: str) -> bytes | None:
        """A small object; None where there is none."""
        try:
            content: bytes = self._tried(key, lambda: self._fs.cat_file(self._path(key)))
        except MissingError:
            return None
        return content

    def get(self, key: str, path: Path) -> None:
        """Bring an object here as a file, by rename. Raises StorageError, also where it is not there or the disk here refuses."""
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary_file(path) as beside:
                self._tried(key, lambda: self._fs.get_file(self._path(key), str(beside)), here=path)
                os.replace(beside, path)

    def listed(self, prefix: str = "") -> dict[str, Listed]:
        """The objects whose key is below a prefix (a folder), by key; none where there is none. Keys sort as text does."""
        path, start = self._path(prefix), len(self._path("")) + 1
        try:
            found = self._tried(prefix, lambda: self._fs.find(path, detail=True))
        except MissingError:
            return {}
        root = self._fs._strip_protocol(f"{self.address.scheme}://{self.address.root}").rstrip("/")
        start = len(root) + 1
        whole = {name: info for name, info in found.items() if info["type"] == "file" and not _is_aside(name)}
        return {name[start:]: _listed(info) for name, info in sorted(whole.items())}

    def delete(self, keys: Collection[str]) -> None:
        """Remove objects; those that are gone already are no error."""
        # drivers take a pattern for all that it matches, and what cannot be seen cannot be said in a list of many
        odd = {key for key in keys if _MAGIC.search(key) or not key.isprintable()}
        for key in sorted(odd):
            self._deleted(self._path(key))
        ordered = sorted({*keys} - odd)
        for at in range(0, len(ordered), DELETED_AT_ONCE):
            paths = [self._path(key) for key in ordered[at : at + DELETED_AT_ONCE]]
            try:
                self._tried("", partial(self._delete_many, paths))
            except MissingError:
                for path in paths:
                    self._deleted(path)

    def _delete_many(self, paths: list[str]) -> None:
        fs = self._fs
        if not hasattr(fs, "call_s3"):
            fs.rm(paths)
            return
        # the driver's own way takes no notice of what the server has refused
        split = [fs.split_path(path) for path in paths]
        objects = [{"Key": key} for _, key, _ in split]
        answer = fs.call_s3("delete_objects", Bucket=split[0][0], Delete={"Objects": objects, "Quiet": True})
        for error in answer.get("Errors", []):
            raise RefusedDeletionError(error)

    def _deleted(self, path: str) -> None:
        try:
            self._tried("", lambda: self._fs.rm_file(path))
        except MissingError:
            return

    def put_all(self, files: Iterable[tuple[Path, str]]) -> None:
        """Put files under keys, some at the same time, in no order."""
        each_of(files, lambda pair: self.put(*pair))

    def get_all(self, files: Iterable[tuple[str, Path]]) -> None:
        """Bring objects here, some at the same time, in no order."""
        each_of(files, lambda pair: self.get(*pair))

    def _tried(self, key: str, ask: Callable[[], Answer], here: Path | None = None) -> Answer:
        """The answer to a request, tried again for as long as patience lasts where the server may recover.

        here: the file of this machine that an answer is written to.
        """
        place = str(self.address)
        lost = time.monotonic() - _LOST.get(place, float("-inf")) < self.patience
        deadline, wait = time.monotonic() + (0 if lost else self.patience), FIRST_WAIT_SECONDS
        while True:
            try:
                answer = ask()
                _LOST.pop(place, None)
                return answer
            except Exception as error:
                # drivers raise what they like: `classified` raises again what is none of a store's
                found = classified(error, self.address, key, here)
                if found.kind is Kind.MISSING:
                    raise MissingError(found.sentence) from None
                if found.kind is Kind.TAKEN:
                    raise _TakenError(found.sentence) from None
                if found.kind is Kind.PASSING and time.monotonic() + wait > deadline:
                    _LOST[place] = time.monotonic()
                if found.kind is not Kind.PASSING or time.monotonic() + wait > deadline:
                    raise StorageError(found.sentence) from None
            time.sleep(wait * random.uniform(0.75, 1.25))  # not all who wait at the same time
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)


class MissingError(StorageError):
    """There is no object of that key."""


class _TakenError(StorageError):
    """There is an object of that key."""


Item = TypeVar("Item")


def each_of(items: Iterable[Item], work: Callable[[Item], None]) -> None:
    """Do the work for each item, some at the same time; after an error nothing more is begun, and it is raised."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@lru_cache(maxsize=8)
def _filesystem(scheme: str, process: int, environment: frozenset[tuple[str, str]]) -> Any:
    """One connection for all threads of a process: fsspec itself would open one for each. environment: what the driver reads."""
    import fsspec  # type: ignore[import-untyped]  # slow: only who has an address waits for it

    return fsspec.filesystem(scheme, skip_instance_cache=scheme != "memory", **_options(scheme))


def _environment() -> frozenset[tuple[str, str]]:
    return frozenset((name, value) for name, value in os.environ.items() if name.startswith("AWS_"))


def _options(scheme: str) -> dict[str, Any]:
    """How the driver is opened. A listing that it remembers would hide what others put; the waiting is done here."""
    if scheme in ("s3", "s3a"):
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        return {
            "use_listings_cache": False,
            "config_kwargs": {"connect_timeout": 5, "read_timeout": 60, "retries": {"max_attempts": 1}},
            "client_kwargs": {"region_name": region} if region else {},  # botocore itself reads the second name alone
        }
    return {"auto_mkdir": True} if scheme == "file" else {}


def _alone_under(beside: Path, path: Path) -> None:
    """Give a small file a name that no other has: FileExistsError for all but the first who does it."""
    try:
        os.link(beside, path)
    except OSError as error:
        if error.errno not in _WITHOUT_LINKS:
            raise
        with path.open("xb") as file:  # one alone can, though another may see it empty for a moment
            file.write(beside.read_bytes())


def _is_aside(name: str) -> bool:
    """Whether a listed name is none of an object's: one that is being made in a folder, or what consoles put for an empty folder."""
    return name.endswith("/") or is_temporary(Path(name))


def _listed(info: dict[str, Any]) -> Listed:
    mark = next((info[name] for name in ("ETag", "etag", "LastModified", "mtime", "created") if name in info), "")
    return Listed(int(info["size"]), str(mark).strip('"'))
