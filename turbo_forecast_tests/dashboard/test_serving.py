"""The dashboard as a process: it says where it listens, refuses in a sentence, and ends when it is told to."""

import builtins
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from turbo_forecast.dashboard.serving import greeting, serve
from turbo_forecast.errors import SettingsError
from turbo_forecast_tests.end_to_end.conftest import ROOT

SCRIPT = "import sys; from pathlib import Path; from turbo_forecast.dashboard.serving import serve; sys.exit(serve(Path(sys.argv[1]), port=0))"
PATIENCE = 120


@contextmanager
def served(data: Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """The address and the process, from when it listens."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(data)], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, (line, process.communicate(timeout=PATIENCE))
        yield found[0], process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(("told", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, -signal.SIGTERM)])
def test_it_serves_until_it_is_told_to_end_though_a_browser_stays_connected(
    published_fleet: Path, told: signal.Signals, code: int
) -> None:
    with served(published_fleet) as (address, process):
        with urllib.request.urlopen(f"{address}/outlook", timeout=PATIENCE) as answer:
            assert b"Which hosts run full" in answer.read()
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as browser:
            browser.sendall(f"GET /groups HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
            assert browser.recv(12) == b"HTTP/1.1 200"
            before = time.monotonic()
            process.send_signal(told)
            out, err = process.communicate(timeout=PATIENCE)
        # it waits a second at most for pages that are being made; the rest is a busy machine's
        assert time.monotonic() - before < 30
    assert process.returncode == code
    assert (out, err) == ("", "")


def test_a_port_that_is_taken_is_said_in_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"^port {port} is taken: .* choose another port with --port$"):
            serve(tmp_path, port=port)


@pytest.mark.parametrize(
    ("host", "port", "sentence"),
    [
        ("127.0.0.1", 70_000, "port must be from 0 to 65535, not 70000"),
        ("192.0.2.1", 0, "192.0.2.1:0 cannot be listened at: Cannot assign requested address"),
        ("no such host", 0, "host 'no such host' is no address of this machine"),
    ],
)
def test_what_cannot_be_listened_at_is_said_in_a_sentence(tmp_path: Path, host: str, port: int, sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        serve(tmp_path, host, port)
    assert str(refused.value) == sentence


def test_without_its_packages_it_says_which_extra_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "uvicorn":
            raise ModuleNotFoundError("No module named 'uvicorn'", name="uvicorn")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SettingsError, match=r"pip install 'turbo-forecast\[dashboard\]'"):
        serve(tmp_path)


def test_who_opens_it_to_others_is_told_what_that_means() -> None:
    assert greeting("127.0.0.1", 3001) == "The dashboard is at http://127.0.0.1:3001 (Ctrl-C ends it)."
    assert "Everybody who reaches this machine may read these pages" in greeting("0.0.0.0", 3001)
    assert greeting("::1", 3001).startswith("The dashboard is at http://[::1]:3001 ")
