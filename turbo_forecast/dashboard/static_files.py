"""Files that every page shares, and that browsers keep: the style sheet, the scripts, and Vega, which draws charts.

Belongs here: serving them, and their addresses, which change whenever a file does. Does not belong here: what is in them.
"""

import gzip
import hashlib
import threading
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

FOLDER = Path(__file__).parent / "static"
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
VEGA = "vega.js"
CACHE_FOR_EVER = "public, max-age=31536000, immutable"
"""A year: another content has another address."""
DIGITS = 10


def address(name: str) -> str:
    """The address of a file, relative to a page."""
    return f"static/{name}?v={_digest(name)}"


def routes(vega: "Script") -> list[Route]:
    """The routes to the files. vega: the script that draws charts."""

    def serve_script(request: Request) -> Response:
        return vega.answer(request.headers.get("accept-encoding", ""))

    return [
        Route(f"/static/{VEGA}", serve_script),
        Route("/static/{name}", _serve),
    ]


class Script:
    """A script that is made once, by whoever asks first."""

    def __init__(self, make: Callable[[], str]) -> None:
        self._make, self._lock = make, threading.Lock()
        self._made: tuple[bytes, bytes] | None = None

    def content(self) -> tuple[bytes, bytes]:
        """The script, and the script compressed."""
        with self._lock:
            if self._made is None:
                plain = self._make().encode()
                self._made = plain, gzip.compress(plain, compresslevel=6, mtime=0)
            return self._made

    def answer(self, accepted: str) -> Response:
        """The script as the browser takes it."""
        plain, packed = self.content()
        headers = {"Cache-Control": CACHE_FOR_EVER, "Vary": "Accept-Encoding"}
        if "gzip" not in accepted:
            return Response(plain, media_type=KINDS[".js"], headers=headers)
        return Response(packed, media_type=KINDS[".js"], headers={**headers, "Content-Encoding": "gzip"})


def _files() -> Mapping[str, Path]:
    return {path.name: path for path in FOLDER.iterdir() if path.suffix in KINDS}


@cache
def _digest(name: str) -> str:
    """The first digits of a file's digest; of Vega, its version, since it need not be made for that."""
    if name == VEGA:
        import vl_convert  # only pages with a chart need it

        return str(vl_convert.get_vega_version())
    return hashlib.sha256(_files()[name].read_bytes()).hexdigest()[:DIGITS]


def _serve(request: Request) -> Response:
    name = request.path_params["name"]
    path = _files().get(name)
    if path is None:
        return PlainTextResponse(f"There is no file {name!r}.", status_code=404)
    is_current = request.query_params.get("v") == _digest(name)
    return FileResponse(
        path, media_type=KINDS[path.suffix], headers={"Cache-Control": CACHE_FOR_EVER if is_current else "no-cache"}
    )
