"""What a person does in the UI, click by click. Elements are found by their role and text, as a person finds them."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from turbo_forecast_tests.browser.server import LOCATION, PATIENCE_SECONDS, Server

SCREENSHOTS = "TURBO_FORECAST_SCREENSHOTS"
"""Names a folder for a picture of each step; without it, none are taken."""
LAUNCH = re.compile(r"Launch (1 run|\d+ runs|backfill)")
PATIENCE = PATIENCE_SECONDS * 1000
"""Milliseconds, as Playwright counts."""


class Person:
    """Somebody before a page of the UI."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page, self.server = page, server

    def open(self, path: str) -> None:
        """Open a page of the UI by its path."""
        self.page.goto(self.server.url + path)

    def sees(self, text: str | re.Pattern[str], *, exact: bool = False) -> None:
        """Wait until the text is on the page."""
        expect(self.page.get_by_text(text, exact=exact).locator("visible=true").first).to_be_visible(timeout=PATIENCE)

    def button(self, name: str | re.Pattern[str]) -> Locator:
        """The last button of this name: a dialog's come after the page's."""
        return self.page.get_by_role("button", name=name).last

    def picture(self, name: str) -> None:
        """A screenshot of the page as it is, where screenshots are asked for."""
        if folder := os.environ.get(SCREENSHOTS):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(folder) / f"{name}.png")

    @contextmanager
    def in_new_tab(self, link: Locator) -> Iterator[None]:
        """Click a link that opens a tab; the block's steps are in that tab, which is closed after it."""
        before = self.page
        with before.context.expect_page(timeout=PATIENCE) as opened:
            link.click(timeout=PATIENCE)
        self.page = opened.value
        try:
            yield
        finally:
            self.page.close()
            self.page = before

    def choose_months(self, months: str) -> None:
        """In the dialog that asks for partitions: a key, or `[first...last]`."""
        older = self.page.get_by_text("Show all partitions")
        field = self.page.get_by_placeholder("ex: ")
        expect(field.or_(self.page.get_by_placeholder("No matching partitions"))).to_be_visible(timeout=PATIENCE)
        if older.is_visible():
            older.click()
        field.fill(months)
        field.press("Enter")
        expect(self.button(LAUNCH)).to_be_enabled(timeout=PATIENCE)

    def materialise_all(self, months: str, picture: str = "") -> None:
        """Lineage, "Materialize all…", the months, launch."""
        self.open("/asset-groups")
        self.button("Materialize all").click(timeout=PATIENCE)
        self._launch(months, picture)

    def materialise(self, asset: str, month: str, picture: str = "") -> None:
        """The asset's page, "Materialize…", the month, launch."""
        self.open(f"/assets/{asset}")
        self.page.get_by_role("button", name="Materialize").first.click(timeout=PATIENCE)
        self._launch(month, picture)

    def _launch(self, months: str, picture: str) -> None:
        self.choose_months(months)
        if picture:
            self.picture(picture)
        self.button(LAUNCH).click()
        expect(self.button(LAUNCH)).to_be_hidden(timeout=PATIENCE)

    def materialise_unpartitioned(self, asset: str) -> None:
        """The asset's page, "Materialize", and "Confirm" where the UI asks whether its siblings may be materialised, too."""
        self.open(f"/assets/{asset}")
        self.page.get_by_role("button", name="Materialize").first.click(timeout=PATIENCE)
        confirm, launched = self.page.get_by_role("button", name="Confirm"), self.page.get_by_text("Launched run")
        expect(confirm.or_(launched).first).to_be_visible(timeout=PATIENCE)
        if confirm.is_visible():
            confirm.click()

    def check_again(self, month: str, picture: str = "") -> None:
        """The launchpad of monthly_checks, the month, "Launch Run"."""
        self.open(f"/locations/{LOCATION}/jobs/monthly_checks/playground")
        # the launchpad opens with what it was left with: one check of one month, after a link to that
        self.page.get_by_text("+ Add...", exact=True).click(timeout=PATIENCE)
        field = self.page.get_by_placeholder("Partition")
        field.click(timeout=PATIENCE)
        field.fill(month)
        self.page.get_by_role("menuitem", name=month).first.click(timeout=PATIENCE)
        if picture:
            self.picture(picture)
        self.launch_from_launchpad()

    def launch_from_launchpad(self) -> None:
        """ "Launch Run", once the launchpad has found the configuration to be valid, until there is the run."""
        launch, before = self.button("Launch Run"), len(self.server.runs())
        expect(launch).to_be_enabled(timeout=PATIENCE)
        launch.click()
        self.server.wait("the run", lambda: len(self.server.runs()) > before)

    def open_check(self, asset: str, check: str, month: str) -> None:
        """The check's page, tab Partitions, the month."""
        self.open(f"/assets/{asset}?view=checks&checkDetail={check}")
        expect(self.page.get_by_role("heading", name=check).or_(self.page.get_by_text(check)).first).to_be_visible(
            timeout=PATIENCE
        )
        self.page.get_by_text("Partitions", exact=True).last.click()
        self.page.get_by_placeholder("Filter by partition").fill(month)
        self.page.get_by_text(month, exact=True).locator("visible=true").last.click(timeout=PATIENCE)
