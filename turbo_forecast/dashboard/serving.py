"""Starting the dashboard and ending it: `turbo-forecast dashboard`.

Belongs here: the port, the server's process, warming up. Does not belong here: pages (`app.py`).
"""

import errno
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from turbo_forecast.deep_links import HOST, PORT
from turbo_forecast.errors import SettingsError, refusal

if TYPE_CHECKING:
    from starlette.applications import Starlette

SHUTDOWN_SECONDS = 1
"""What pages that are being made may take once the server is to end."""
WARM_UP_STEP_SECONDS = 10
"""What one step of warming up may take: of 8,000 series, some tenths of a second; of a busy machine, more."""
ALL_INTERFACES = ("", "0.0.0.0", "::")
_EXTRA_NEEDED = "the dashboard needs the packages of the extra `dashboard`: pip install 'turbo-forecast[dashboard]'"


def serve(data: Path, host: str = HOST, port: int = PORT, *, names: Sequence[str] = ()) -> int:
    """Serve the pages over a data folder until Ctrl-C, or SIGTERM; 0.

    host, port: where to listen; port 0 takes any that is free. names: further names by which browsers call this server (of a proxy
    before it). Raises SettingsError where the port is taken, or the packages that serve are not installed.
    """
    try:
        import uvicorn  # an extra; and nobody else has to wait for it

        from turbo_forecast.dashboard.app import build_app
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("uvicorn", "starlette", "anyio"):
            raise SettingsError(_EXTRA_NEEDED) from None
        raise
    from turbo_forecast.charts.export import vega_bundle

    with _listening(host, port) as listener:
        app = build_app(data, hosts=own_names(host, names), vega=vega_bundle)
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                lifespan="off",
                workers=1,
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            )
        )
        print(greeting(host, listener.getsockname()[1]), flush=True)
        with _warmed_up(app), suppress(KeyboardInterrupt):  # it was asked to end, and has
            server.run(sockets=[listener])
    return 0


@contextmanager
def _warmed_up(app: "Starlette") -> Iterator[None]:
    """Within the block, what would take the first visitor's time is done by threads of its own.

    Who reads published files is waited for: DuckDB complains of an interpreter that ends while it is at work.
    """
    ending = threading.Event()
    reading = threading.Thread(target=app.state.prepare, args=(ending.is_set,), daemon=True)
    for thread in (reading, threading.Thread(target=app.state.make_script, daemon=True)):
        thread.start()
    try:
        yield
    finally:
        ending.set()
        reading.join(WARM_UP_STEP_SECONDS)


def own_names(host: str, names: Sequence[str] = ()) -> tuple[str, ...]:
    """The names by which the server may be called; empty, for any, where it listens to other machines and is given no name."""
    if host in ALL_INTERFACES:
        return (*names, *_LOOPBACK) if names else ()
    shown = f"[{host}]" if ":" in host else host
    return tuple(dict.fromkeys([shown, *names, *_LOOPBACK]))


_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def greeting(host: str, port: int) -> str:
    """The line that is printed once the server listens."""
    shown = HOST if host in ALL_INTERFACES else f"[{host}]" if ":" in host else host
    warning = (
        ""
        if host in (HOST, "localhost", "::1")
        else "\nEverybody who reaches this machine may read these pages: they need no password."
    )
    return f"The dashboard is at http://{shown}:{port} (Ctrl-C ends it).{warning}"


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises SettingsError, which says what to do."""
    if not 0 <= port <= 65_535:
        raise SettingsError(f"port must be from 0 to 65535, not {port}")
    try:
        family = socket.getaddrinfo(host or "0.0.0.0", port, type=socket.SOCK_STREAM)[0][0]
        found = socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(
                f"port {port} is taken: another dashboard may be open there; choose another port with --port"
            ) from None
        if isinstance(error, socket.gaierror):
            raise SettingsError(f"host {host!r} is no address of this machine") from None
        raise SettingsError(f"{host}:{port} cannot be listened at: {refusal(error)}") from None
    return found
