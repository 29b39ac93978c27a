"""The web application: routes to pages, rendering, and error pages.

Belongs here: routes, errors, rendering. Does not belong here: what a page shows (`pages/`), what is refused before
(`security.py`), and starting a server (`serving.py`).
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jinja2
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from turbo_forecast import deep_links, html_templates
from turbo_forecast.answers.names import names
from turbo_forecast.answers.sparklines import cache_all
from turbo_forecast.dashboard import static_files
from turbo_forecast.dashboard.formats import FILTERS
from turbo_forecast.dashboard.page import Page, Visit, notices
from turbo_forecast.dashboard.pages import groups, host, outlook, report, run, tournament, track_record, what_if
from turbo_forecast.dashboard.security import POLICY_WITH_CHARTS, security_middleware
from turbo_forecast.errors import StorageError, TurboForecastError
from turbo_forecast.storage.published.reading import Published

LOG = logging.getLogger(__name__)
FOLDER = Path(__file__).parent
PAGES: tuple[Page, ...] = (
    outlook.PAGE,
    host.PAGE,
    groups.PAGE,
    what_if.PAGE,
    track_record.PAGE,
    tournament.PAGE,
    run.PAGE,
    host.SUGGESTIONS,
    report.PAGE,
)
"""In the order of the menu."""
NOT_FOUND = Page("", "Not here", "error.html", lambda visit: {}, in_menu=False)
"""Stands for the page of an address that does not exist."""


def build_app(
    data: Path,
    pages: Sequence[Page] = PAGES,
    *,
    hosts: Sequence[str] = (),
    vega: Callable[[], str] = lambda: "",
) -> Starlette:
    """The application over a data folder. Every request reads what was published last.

    hosts: names by which the server may be called, any without them. vega: makes the script that draws charts. The application's
    `state.prepare` and `state.make_script` do beforehand what would take the first visitor's time.
    """
    site, script = Site(Published(data), environment(pages)), static_files.Script(vega)
    app = Starlette(
        routes=[
            Route("/", _to_first_page),
            *(Route(each.path, partial(site.serve, each), methods=each.methods) for each in pages),
            *static_files.routes(script),
        ],
        middleware=[
            *security_middleware(hosts),
            Middleware(GZipMiddleware, minimum_size=1_000, compresslevel=5),  # 9 takes three times as long
        ],
        exception_handlers={HTTPException: site.refuse},
    )
    app.state.prepare, app.state.make_script = partial(site.prepare, pages), script.content
    return app


def environment(pages: Sequence[Page]) -> jinja2.Environment:
    """The templates, with what all of them may use."""
    found = html_templates.environment(FOLDER / "templates")
    found.globals.update(
        menu=[page for page in pages if page.in_menu],
        link=lambda path, **parameters: deep_links.page(path.lstrip("/"), **parameters),
        host_link=lambda *names: deep_links.host_page(*names).lstrip("/"),
        static=static_files.address,
    )
    found.filters.update(FILTERS)
    return found


def _to_first_page(request: Request) -> Response:
    """Relative, so that it holds behind a proxy that serves the pages under a prefix."""
    return RedirectResponse(f"{deep_links.OUTLOOK.lstrip('/')}?{request.url.query}".rstrip("?"))


class Site:
    """The pages over what is published."""

    def __init__(self, published: Published, templates: jinja2.Environment) -> None:
        self._published, self._templates = published, templates

    async def serve(self, page: Page, request: Request) -> Response:
        """Answer a request with the page, made in a thread of its own."""
        begun = time.perf_counter()
        body = await request.body() if request.method == "POST" else b""
        form = parse_qs(body.decode(errors="replace"), keep_blank_values=True)
        response = await run_in_threadpool(self._answer, page, request, form)
        response.headers["Server-Timing"] = f"page;dur={1000 * (time.perf_counter() - begun):.1f}"
        if page.draws:
            response.headers["Content-Security-Policy"] = POLICY_WITH_CHARTS
        return response

    def prepare(self, pages: Sequence[Page], is_ending: Callable[[], bool] = lambda: False) -> None:
        """Read what is kept in memory of the latest month, and make each page once, and one host's; it ends soon after `is_ending` says so."""
        with suppress(TurboForecastError):  # whoever opens a page gets the error
            month = self._published.month()
            cache_all(self._published, month)
            visits = [(page, "") for page in pages if page.in_menu]
            visits += [(host.PAGE, each) for each in names(month, "series")[:1]]  # whose chart is made as every other's
            for page, name in visits:
                if is_ending():
                    return
                with suppress(TurboForecastError):
                    page.answer(Visit(self._published, month, QueryParams({"host": name}), {}))

    def refuse(self, request: Request, error: Exception) -> Response:
        """What is answered where there is no such page, or not for such a request."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        sentence = (
            f"There is no page {request.url.path}."
            if status == 404
            else f"This address does not take {request.method}."
        )
        return self._page("error.html", status, **self._common(NOT_FOUND, request), sentence=sentence)

    def _answer(self, page: Page, request: Request, form: Mapping[str, list[str]]) -> Response:
        """The page, or one that says in a sentence why there is none, and what to do."""
        common = self._common(page, request)
        try:
            month = self._published.month(request.query_params.get("month") or None)
            common |= {"month": month, "notices": notices(month, self._published.standings())}
            answer = page.answer(Visit(self._published, month, request.query_params, form))
            if isinstance(answer, Response):  # a file to be saved
                return answer
            return self._page(page.template, **{"status": 200, **common, **answer})
        except TurboForecastError as error:
            template = "error.html" if common["months"] else "nothing_published.html"
            status = 404 if isinstance(error, StorageError) else 400
            return self._page(template, status, **common, sentence=str(error), data=self._published.data)
        except Exception as error:  # a defect of the program: the log has it in full
            LOG.exception("%s could not be made", request.url)
            sentence = f"This page could not be made ({type(error).__name__}): the window where the dashboard was started says why."
            return self._page("error.html", 500, **common, sentence=sentence)

    def _common(self, page: Page, request: Request) -> dict[str, Any]:
        """What the frame of every page shows."""
        return {
            "page": page,
            "query": request.query_params,
            "months": self._published.keys(),
            "month": None,
            "notices": [],
        }

    def _page(self, template: str, status: int, **shown: Any) -> Response:
        return HTMLResponse(self._templates.get_template(template).render(**shown), status_code=status)
