"""Addresses of pages, as links elsewhere have them, lead to what they name."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import expect

from turbo_forecast import deep_links
from turbo_forecast.schemas import CAPACITY_OUTLOOK, GROUP_MEMBERS, SERIES_OUTCOMES
from turbo_forecast.storage.reports import report_path
from turbo_forecast_tests.browser.dashboard.conftest import Shown
from turbo_forecast_tests.browser.dashboard.served import KEY
from turbo_forecast_tests.browser.dashboard.visitor import Visitor


def test_the_report_that_was_mailed_leads_to_the_page_of_each_host_it_names(
    shown: Shown, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(shown)
    visitor.page.goto(report_path(shown.made.house.data, KEY).as_uri())
    links = visitor.page.locator(f"a[href*='{deep_links.HOST_PAGE}?']")
    named = [(link.inner_text(), str(link.get_attribute("href"))) for link in links.all()[:5]]
    assert named
    visitor.mishaps[:] = [
        each for each in visitor.mishaps if "file://" not in each
    ]  # the report itself is no page of ours
    for name, address in named:
        visitor.page.goto(address)
        visitor.seen()
        expect(visitor.page.locator("h1")).to_contain_text(name)
        assert visitor.page.title().startswith(name)


def test_every_host_has_its_page(shown: Shown, visit: Callable[..., Visitor]) -> None:
    visitor = visit(shown)
    hosts = shown.made.month.frame(SERIES_OUTCOMES)["host_id"].unique().sort().to_list()
    for host in hosts[:: max(len(hosts) // 8, 1)]:  # of either month, some eight from all of the alphabet
        visitor.open(deep_links.host_page(host))
        assert visitor.page.locator("h1").inner_text() == host


def test_a_row_of_the_outlook_leads_to_its_series_and_back_to_the_month(
    shown: Shown, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(shown)
    visitor.open(f"{deep_links.OUTLOOK}?kind=series&month={KEY}")
    host, resource = visitor.page.locator("table tbody th a").first.inner_text(), visitor.column("Resource")[0]
    visitor.page.locator("table tbody th a").first.click()
    visitor.page.wait_for_url("**/host?**")
    visitor.seen()
    query = parse_qs(urlsplit(visitor.page.url).query)
    assert query == {"host": [host], "resource": [resource], "month": [KEY]}
    assert visitor.page.locator("h1").inner_text() == host
    assert visitor.page.locator("h2").first.inner_text().startswith(resource)


def test_a_host_is_found_by_a_part_of_its_name(shown: Shown, visit: Callable[..., Visitor]) -> None:
    visitor = visit(shown)
    host = shown.made.month.frame(SERIES_OUTCOMES)["host_id"].unique().sort()[-1]
    visitor.open(deep_links.HOST_PAGE)
    field = visitor.page.get_by_label("Host or group")
    field.press_sequentially(host[: len(host) // 2 + 1])
    expect(visitor.page.locator(f"#names option[value='{host}']")).to_be_attached()
    field.fill(host)
    field.press("Enter")
    expect(visitor.page.locator("h1")).to_have_text(host)


def test_a_group_leads_to_its_hosts(shown: Shown, visit: Callable[..., Visitor]) -> None:
    members = shown.made.month.frame(GROUP_MEMBERS)
    urgent = shown.made.month.frame(CAPACITY_OUTLOOK).filter(kind="series").sort("urgency").select("host_id")
    group = urgent.join(members, on="host_id", maintain_order="left")["group_name"][0]
    visitor = visit(shown)
    visitor.open(deep_links.GROUPS)
    visitor.page.get_by_role("link", name=f"Hosts of {group}").first.click()
    expect(visitor.page.locator("h1")).to_have_text(f"Group {group}")
    links = set(visitor.page.locator("main a[href*='host?']").all_inner_texts())
    assert links & set(members.filter(group_name=group)["host_id"])
    assert links <= {group, *members.filter(group_name=group)["host_id"]}


def test_the_menu_leads_to_every_page_and_keeps_the_month(served_demo: Shown, visit: Callable[..., Visitor]) -> None:
    visitor = visit(served_demo)
    visitor.open(f"{deep_links.OUTLOOK}?month={KEY}")
    menu = visitor.page.get_by_role("navigation", name="Pages", exact=True)
    titles = menu.get_by_role("link").all_inner_texts()
    assert titles == ["Outlook", "Host", "Groups", "What-if", "Track record", "Tournament", "Run"]
    for title in titles:
        menu.get_by_role("link", name=title, exact=True).click()
        expect(menu.get_by_role("link", name=title, exact=True)).to_have_attribute("aria-current", "page")
        visitor.seen()
        assert parse_qs(urlsplit(visitor.page.url).query) == {"month": [KEY]}
