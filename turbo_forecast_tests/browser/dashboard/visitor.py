"""A browser before the dashboard that writes down all that a visitor would not want to see.

Belongs here: opening pages, and what is wrong with one whatever it shows. Does not belong here: what a page says.
"""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response, expect

GRAVE = ("serious", "critical")
LOOPBACK = "127.0.0.1"
IN_THE_PAGE = ("data", "blob", "about")
"""Schemes of what a page fetches from itself."""


@dataclass
class Visitor:
    """Somebody with a window of one page. mishaps: what the browser complained of since they began."""

    page: Page
    url: str
    mishaps: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, context: BrowserContext, url: str) -> "Visitor":
        """A new window on the dashboard at the address."""
        visitor = cls(context.new_page(), url)
        page = visitor.page
        page.on("console", visitor._heard)
        page.on("pageerror", lambda error: visitor.mishaps.append(f"error in the page: {error}"))
        page.on("request", visitor._asked)
        page.on("requestfailed", visitor._failed)
        page.on("response", visitor._answered)
        return visitor

    def open(self, path: str) -> None:
        """Open a page by its path, and wait until it is drawn."""
        self.page.goto(self.url + path)
        self.seen()

    def seen(self) -> None:
        """Wait until the page is drawn, its charts too."""
        self.page.wait_for_load_state("load")
        expect(self.page.locator("h1")).to_be_visible()
        for chart in self.page.locator("div.chart[data-chart]").all():
            expect(chart).to_have_attribute("data-drawn", "dark" if self.is_dark else "light")

    @property
    def is_dark(self) -> bool:
        return bool(self.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches"))

    @property
    def sideways(self) -> int:
        """Pixels by which the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def violations(self) -> list[str]:
        """What keeps people out: the rules of axe that are gravely broken, each with the first element that breaks it."""
        found = Axe().run(self.page).response["violations"]
        return [
            f"{each['id']} ({each['impact']}): {len(each['nodes'])} × {each['nodes'][0]['html'][:200]}; {each['nodes'][0]['failureSummary'][:300]}"
            for each in found
            if each["impact"] in GRAVE
        ]

    def column(self, heading: str) -> list[str]:
        """The texts of the table's cells under a heading, as the first table has them."""
        table = self.page.locator("table").first
        headings = [text.strip() for text in table.locator("thead th").all_inner_texts()]
        place = headings.index(heading)
        return [
            cells[place].strip()
            for cells in table.locator("tbody tr").evaluate_all(
                "rows => rows.map(row => [...row.children].map(cell => cell.textContent))"
            )
        ]

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.mishaps.append(f"{message.type} on the console: {message.text}")

    def _asked(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in IN_THE_PAGE and f"{address.scheme}://{address.netloc}" != self.url:
            self.mishaps.append(f"a request to elsewhere: {request.url}")

    def _failed(self, request: Request) -> None:
        # the browser gives up a page that turns out to be a file to be saved
        if not (request.is_navigation_request() and request.failure == "net::ERR_ABORTED"):
            self.mishaps.append(f"a request that failed: {request.url}: {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.mishaps.append(f"an answer {response.status}: {response.url}")
