"""Commands in processes of their own that need not import anything: forks of a server that has imported all that a month needs.

To import Dagster, Polars and the package takes two to three seconds of a processor, and most commands of the tests take fewer.
Otherwise a fork does what `python -m turbo_forecast` does: its arguments, its environment, its output and its end are its own.
The server has computed nothing, so that a fork finds every library as an import leaves it. Belongs here: the server, and a
forked command as `subprocess` would show it. Does not belong here: what is run (`conftest.py`).
"""

import atexit
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
IMPORTED = (
    *("turbo_forecast.commands.app", "turbo_forecast.commands.run", "turbo_forecast.definitions"),
    *("turbo_forecast.defs.launch", "turbo_forecast.summary", "turbo_forecast.landing.configured"),
    "turbo_forecast.models.registry",
)
"""What a month imports when it comes to it, with all that these import."""
BYTES = 8
"""Of a number that is answered: first the command's process, then its exit code, which is negative for a signal."""


class Forked:
    """A command in a fork of the server; it has of `subprocess.Popen` what the tests use."""

    returncode: int | None = None

    def __init__(self, arguments: Sequence[str], env: Mapping[str, str], within: str = "") -> None:
        """arguments: of `python -m`. within: `module:name` of what it is carried out within, a context in its process."""
        self.args = arguments
        self._out, self._err = TemporaryFile("w+"), TemporaryFile("w+")  # noqa: SIM115  # read when it has ended
        self._answers, answer = os.pipe()
        request = {"arguments": list(arguments), "environment": dict(env), "within": within}
        fds = [self._out.fileno(), self._err.fileno(), answer]
        socket.send_fds(_server(), [json.dumps(request).encode() + b"\n"], fds)
        os.close(answer)
        self.pid = self._answer()

    def _answer(self) -> int:
        answer = os.read(self._answers, BYTES)
        assert answer, "the server that forks commands has ended"
        return int.from_bytes(answer, sys.byteorder, signed=True)

    def poll(self) -> int | None:
        """How it has ended; None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """How it has ended. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            if not select.select([self._answers], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = self._answer()
            os.close(self._answers)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """All that it wrote to its output and its errors, when it has ended. Raises subprocess.TimeoutExpired."""
        self.wait(timeout)
        for file in (self._out, self._err):
            file.seek(0)
        return self._out.read(), self._err.read()

    def send_signal(self, kind: int) -> None:
        """To the command, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, kind)

    def kill(self) -> None:
        """End it without a word."""
        self.send_signal(signal.SIGKILL)


@cache
def _server() -> socket.socket:
    """The way to the server, which ends with the process that started it."""
    ours, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, "-m", __name__, str(theirs.fileno())]
        server = subprocess.Popen(command, cwd=ROOT, pass_fds=[theirs.fileno()])
    atexit.register(_end, server, ours)
    return ours


def _end(server: "subprocess.Popen[bytes]", ours: socket.socket) -> None:
    ours.close()
    with suppress(subprocess.TimeoutExpired):
        server.wait(60)


def _commands(requests: socket.socket) -> dict[str, object] | None:
    """Return in each fork what it was asked for; in the server None, at the end."""
    while True:
        text, fds, _, _ = socket.recv_fds(requests, 2**16, 3)
        while text and not text.endswith(b"\n"):
            text += requests.recv(2**16)
        if text and os.fork() == 0:
            requests.close()
            if _is_the_command(*fds):
                return json.loads(text)
            os._exit(0)
        for fd in fds:
            os.close(fd)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not text:
            return None


def _is_the_command(out: int, err: int, answer: int) -> bool:
    """Fork once more: True in the new process, with its output there; False when that has ended, and how was answered."""
    pid = os.fork()
    if pid == 0:
        os.close(answer)
        for fd, place in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (err, 2)):
            os.dup2(fd, place)
            os.close(fd)
        return True
    with suppress(BrokenPipeError):  # nobody waits for it any more
        os.write(answer, pid.to_bytes(BYTES, sys.byteorder, signed=True))
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.write(answer, code.to_bytes(BYTES, sys.byteorder, signed=True))
    return False


def _carry_out(request: dict[str, object]) -> None:
    """Do what `python -m` does with the arguments."""
    os.environ.clear()
    os.environ.update(request["environment"])  # type: ignore[arg-type]
    time.tzset()
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", 1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    module, *sys.argv[1:] = request["arguments"]  # type: ignore[misc]
    place, _, name = str(request["within"]).partition(":")
    with getattr(import_module(place), name)() if place else nullcontext():
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    # at its end, Polars waits for a thread of the process that has imported it, which no fork has
    with mock.patch.object(atexit, "register"):
        import_module("polars")
    for name in IMPORTED:
        import_module(name)
    gc.freeze()
    asked = _commands(socket.socket(fileno=int(sys.argv[1])))
    gc.unfreeze()  # DuckDB's bindings list what is still there when Python ends
    if asked is not None:
        _carry_out(asked)
