"""The application: which pages there are, how a visit becomes a page, and what is answered where it cannot.

Belongs here: routes, errors, headers. Does not belong here: what a page shows (`pages/`), and starting a server
(`serving.py`).
"""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jinja2
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from turbo_forecast import deep_links
from turbo_forecast.dashboard.page import Page, Visit, notices
from turbo_forecast.errors import StorageError, TurboForecastError
from turbo_forecast.storage.published.reading import Published

HERE = Path(__file__).parent
PAGES: tuple[Page, ...] = ()
"""In the order of the menu."""


def build_app(data: Path, pages: Sequence[Page] = PAGES) -> Starlette:
    """The application over a data folder. Every request reads what was published last."""
    published, templates = Published(data), environment(pages)
    routes = [
        Route(
            each.path,
            partial(_serve, each, published, templates),
            methods=["GET", "POST"] if each.takes_form else ["GET"],
        )
        for each in pages
    ]
    return Starlette(
        routes=[
            Route("/", lambda request: RedirectResponse(f"{deep_links.OUTLOOK}?{request.url.query}".rstrip("?"))),
            *routes,
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ]
    )


def environment(pages: Sequence[Page]) -> jinja2.Environment:
    """The templates, with what all of them may use. Every text that a template shows is escaped."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals.update(
        menu=[page for page in pages if page.in_menu], link=deep_links.page, host_link=deep_links.host_page
    )
    return found


async def _serve(page: Page, published: Published, templates: jinja2.Environment, request: Request) -> Response:
    begun = time.perf_counter()
    form = parse_qs((await request.body()).decode(errors="replace"), keep_blank_values=True)
    response = await run_in_threadpool(_answer, page, published, templates, request, form)
    response.headers["Server-Timing"] = f"page;dur={1000 * (time.perf_counter() - begun):.1f}"
    return response


def _answer(
    page: Page, published: Published, templates: jinja2.Environment, request: Request, form: Mapping[str, list[str]]
) -> Response:
    """The page, or one that says in a sentence why there is none, and what to do."""
    common: dict[str, Any] = {
        "page": page,
        "query": request.query_params,
        "months": published.keys(),
        "month": None,
        "notices": [],
    }
    try:
        month = published.month(request.query_params.get("month") or None)
        common |= {"month": month, "notices": notices(month, published.standings())}
        answer = page.answer(Visit(published, month, request.query_params, form))
        if isinstance(answer, Response):  # a file to be saved
            return answer
        return HTMLResponse(templates.get_template(page.template).render(**common, **answer))
    except TurboForecastError as error:
        status = 404 if isinstance(error, StorageError) else 400
        shown = {**common, "sentence": str(error)}
        return HTMLResponse(templates.get_template("cannot.html").render(**shown), status_code=status)
