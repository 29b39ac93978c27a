"""What a person does in the UI, click by click. Elements are found by their role and text, as a person finds them.

A page that has been loaded does not listen at once, and draws its parts anew as answers arrive: a click can be lost, a field
can be replaced while it is filled. The tests are to see what the product does and not how fast the machine is, so every step
waits for what it is for, and is taken again where that does not come (`until`, `launch`).
"""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import Error, Locator, Page, expect

from turbo_forecast_tests.browser.server import LOCATION, PATIENCE_SECONDS, Server

SCREENSHOTS = "TURBO_FORECAST_SCREENSHOTS"
"""Names a folder for a picture of each step; without it, none are taken."""
LAUNCH = re.compile(r"Launch (1 run|\d+ runs|backfill)")
PATIENCE = PATIENCE_SECONDS * 1000
"""Milliseconds, as Playwright counts."""
TRIES = (0.125, 0.25, 0.625)
"""How the patience with a step is shared between its tries. The last try is long: a slow page must be given its time, too."""
REACTION_SECONDS = 5.0
"""A button that can still be clicked so long after a click has not heard it."""


class Person:
    """Somebody before a page of the UI."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page, self.server = page, server
        server.before_waiting = self.leave
        self._wait_at_most(PATIENCE)

    def _wait_at_most(self, milliseconds: float) -> None:
        self.patience = milliseconds
        self.page.context.set_default_timeout(milliseconds)

    def open(self, path: str) -> None:
        """Open a page of the UI by its path."""
        self.page.goto(self.server.url + path)

    def go_on(self, path: str, title: str) -> None:
        """From a page of the UI to another of this title, as its links lead there: without the program being loaded again.

        The title changes with what the page shows, so nothing of the former page is taken for the new one's. A page of which
        nothing has become in a quarter of the patience is loaded.
        """
        self.page.evaluate(
            "path => { history.pushState({}, '', path); dispatchEvent(new PopStateEvent('popstate')) }", path
        )
        try:
            expect(self.page).to_have_title(title, timeout=self.patience / 4)
        except AssertionError:
            self.open(path)
            expect(self.page).to_have_title(title, timeout=self.patience)

    def until(self, seen: Callable[[], object], *steps: Callable[[], object]) -> None:
        """Take the steps, and again from the first one, until what they are for is seen. Raises what the last try raised.

        The first step loads a page, so that no try meets what another has left behind. A step that starts something is
        `launch`'s business: taken twice, it would start it twice.
        """
        whole = self.patience
        for share in TRIES:
            self._wait_at_most(whole * share)
            try:
                for step in (*steps, seen):
                    step()
                return
            except (AssertionError, Error):
                if share == TRIES[-1]:
                    raise
            finally:
                self._wait_at_most(whole)

    def launch(self, what: str, button: Locator, launched: Callable[[], bool]) -> None:
        """Click a button that starts something, and again where nothing has come of it and the button still waits for a click.

        A click that was heard takes the button away or disables it, so nothing is started twice.
        """
        deadline, clicked = time.monotonic() + self.patience / 1000, 0.0
        expect(button, f"to launch {what}").to_be_enabled(timeout=self.patience)
        while not launched():
            assert time.monotonic() < deadline, f"clicked, and not seen: {what}; {self.server.told()}"
            if time.monotonic() > clicked + REACTION_SECONDS and button.is_visible() and button.is_enabled():
                with suppress(Error):  # the button has gone between the look and the click
                    button.click(timeout=REACTION_SECONDS * 1000)
                clicked = time.monotonic()
            self.page.wait_for_timeout(200)

    def text(self, text: str | re.Pattern[str], *, exact: bool = False) -> Locator:
        """Where the text is to be seen: the UI also keeps hidden copies of texts, to measure how wide they are."""
        return self.page.get_by_text(text, exact=exact).locator("visible=true")

    def sees(self, text: str | re.Pattern[str], *, exact: bool = False) -> None:
        """Wait until the text is on the page; a page that does not show it is loaded once more."""
        found = self.text(text, exact=exact).first
        try:
            expect(found).to_be_visible(timeout=self.patience / 2)
        except AssertionError:
            self.page.reload()
            expect(found).to_be_visible(timeout=self.patience / 2)

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
        before, tabs = self.page, self.page.context.pages
        self.launch("a tab", link, lambda: len(before.context.pages) > len(tabs))
        self.page = before.context.pages[-1]
        try:
            yield
        finally:
            self.page.close()
            self.page = before

    def choose_months(self, months: str) -> None:
        """In the dialog that asks for partitions: a key, or `[first...last]`."""
        older = self.text("Show all partitions").first
        field = self.page.get_by_placeholder("ex: ")
        expect(field.or_(self.page.get_by_placeholder("No matching partitions"))).to_be_visible(timeout=self.patience)
        if older.is_visible():
            older.click()
        field.fill(months)
        field.press("Enter")
        expect(self.button(LAUNCH)).to_be_enabled(timeout=self.patience)
        expect(field).to_have_value(months, timeout=self.patience)

    def materialise_all(self, months: str, picture: str = "") -> None:
        """Lineage, "Materialize all…", the months, launch."""
        self._materialise("/asset-groups", self.button("Materialize all"), months, picture)

    def materialise(self, asset: str, month: str, picture: str = "") -> None:
        """The asset's page, "Materialize…", the month, launch."""
        self._materialise(f"/assets/{asset}", self._materialize_this, month, picture)

    @property
    def _materialize_this(self) -> Locator:
        return self.page.get_by_role("button", name="Materialize").first

    def _materialise(self, path: str, button: Locator, months: str, picture: str) -> None:
        self.until(lambda: self.choose_months(months), lambda: self.open(path), button.click)
        if picture:
            self.picture(picture)
        launch = self.button(LAUNCH)
        self.launch(f"runs of {months}", launch, launch.is_hidden)

    def leave(self) -> None:
        """Leave the UI until the next page is opened.

        A page that shows a run asks the server again each second, and both take a third of a processor from the run.
        """
        self.page.goto("about:blank")

    def materialise_unpartitioned(self, asset: str) -> None:
        """The asset's page, "Materialize", and "Confirm" where the UI asks whether its siblings may be materialised, too."""
        self.open(f"/assets/{asset}")
        confirm, launched = self.button("Confirm"), self._another_run()
        self.launch("the run", self._materialize_this, lambda: confirm.is_visible() or launched())
        if confirm.is_visible():
            self.launch("the run", confirm, launched)

    def _another_run(self) -> Callable[[], bool]:
        """Whether there are more runs than there are now."""
        before = len(self.server.runs())
        return lambda: len(self.server.runs()) > before

    def check_again(self, month: str, picture: str = "") -> None:
        """The launchpad of monthly_checks, the month, "Launch Run"."""
        field = self.page.get_by_placeholder("Partition")
        choice = self.page.get_by_role("menuitem", name=month).first

        def chosen() -> None:
            expect(choice).to_be_hidden(timeout=self.patience)
            expect(field).to_have_value(month, timeout=self.patience)

        self.until(
            chosen,
            lambda: self.open(f"/locations/{LOCATION}/jobs/monthly_checks/playground"),
            # the launchpad opens with what it was left with: one check of one month, after a link to that
            lambda: self.text("+ Add...", exact=True).click(),
            field.click,
            lambda: field.fill(month),
            choice.click,
        )
        if picture:
            self.picture(picture)
        self.launch_from_launchpad()

    def launch_from_launchpad(self) -> None:
        """ "Launch Run", once the launchpad has found the configuration to be valid, until there is the run."""
        self.launch("the run", self.button("Launch Run"), self._another_run())

    def open_check(self, asset: str, check: str, month: str) -> None:
        """The check's page, its tab Partitions, the month."""
        # an asset has a tab of this name, too, which is there before the check's are
        tabs = self.page.get_by_role("tablist").filter(has=self.page.get_by_role("tab", name="Execution history"))
        result = self.button("View all historical executions")
        self.until(
            lambda: expect(result).to_be_visible(timeout=self.patience),
            lambda: self.open(f"/assets/{asset}?view=checks&checkDetail={check}"),
            tabs.get_by_role("tab", name="Partitions").click,
            lambda: self.page.get_by_placeholder("Filter by partition").fill(month),
            lambda: self.text(month, exact=True).last.click(),
        )
