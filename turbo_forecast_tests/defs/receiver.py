"""A real HTTP receiver on the loopback interface, which answers as a test tells it to."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

SECRET = "T0SECRET"
"""The part of the address that permits to post, which nobody else may see."""


@dataclass
class Receiver:
    """What it has received, and what it answers: a status each, the last one for ever.

    headers: sent with each answer. drips: seconds between the bytes of a never-ending answer, instead of all that.
    """

    statuses: list[int] = field(default_factory=lambda: [200])
    headers: dict[str, str] = field(default_factory=dict)
    drips: float = 0.0
    requests: list[tuple[str, str, Any]] = field(default_factory=list)
    logins: list[str | None] = field(default_factory=list)
    port: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/services/{SECRET}"

    @property
    def taken(self) -> list[dict[str, Any]]:
        """The messages that it has answered with a 2xx."""
        return [content for _, answer, content in self.requests if answer.startswith("2")]

    def answer(self) -> int:
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


@contextmanager
def listening(**options: Any) -> Iterator[Receiver]:
    """A receiver for the block."""
    receiver = Receiver(**options)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if receiver.drips:
                self._drip()
                return
            receiver.logins.append(self.headers["Authorization"])
            status = receiver.answer()
            receiver.requests.append(("POST", str(status), content))
            self.send_response(status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def do_GET(self) -> None:
            receiver.requests.append(("GET", "200", None))
            self.send_response(200)
            self.end_headers()

        def _drip(self) -> None:
            try:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                for _ in range(200):
                    self.wfile.write(b"x")
                    time.sleep(receiver.drips)
            except OSError:
                return

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.port = server.server_port
    thread = Thread(target=server.serve_forever, args=[0.02], daemon=True)  # seconds between looks for its end
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
