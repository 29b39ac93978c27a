"""Security of the pages against other sites, which must not read them, frame them, or send their forms.

Belongs here: hosts, origins and headers. Does not belong here: escaping what a page shows (the templates do).

The pages need no password: whoever reaches the port may read them. So the port is open to this machine alone, unless one says
otherwise, and what another site's page can make this machine's browser do is refused here.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE_METHODS = ("GET", "HEAD")
LARGEST_FORM = 2_000_000
"""Bytes of a form; a file of ten thousand planned changes has half a million."""
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_POLICY = (
    "default-src 'none'; script-src 'self'{eval}; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
CONTENT_SECURITY_POLICY = _POLICY.format(eval="")
"""Scripts, styles and requests of this server alone, and no script in a page."""
POLICY_WITH_CHARTS = _POLICY.format(eval=" 'unsafe-eval'")
"""Of a page with a chart: Vega compiles the expressions of a chart's description, which this program wrote."""
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # not no-referrer: a browser would then call the origin of our own forms null
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def security_middleware(hosts: Sequence[str]) -> list[Middleware]:
    """The middleware in front of every page. hosts: names by which the server may be called; empty for any.

    A page of another site may let its own name point to 127.0.0.1 and then read what is served there ("DNS rebinding"): the name
    it asks for differs.
    """
    named = [Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)] if hosts else []
    return [Middleware(SecurityHeaders), *named, Middleware(SameOriginForms)]


class SecurityHeaders:
    """Adds the headers that every answer has, where the answer has not set its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the headers."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, with_headers)


class SameOriginForms:
    """Refuses forms that another site's page has sent, and those that are too large to be ours."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request pass, or say why not."""
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS:
            headers = Headers(scope=scope)
            if not _is_own(headers):
                refused = PlainTextResponse("This form was sent by a page of another site.", status_code=403)
                return await refused(scope, receive, send)
            length = headers.get("content-length", "0")
            if "transfer-encoding" in headers or not length.isdigit() or int(length) > LARGEST_FORM:
                refused = PlainTextResponse(
                    f"A form may have {LARGEST_FORM:,} bytes, and must say how many.", status_code=413
                )
                return await refused(scope, receive, send)
        return await self.app(scope, receive, send)


def _is_own(headers: Headers) -> bool:
    """Whether one of our pages sent it, or no page at all (a command, say, which no other site can make run)."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        return site in ("same-origin", "none")
    return origin is None or urlsplit(origin).netloc == headers.get("host")
