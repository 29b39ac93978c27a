"""Links within the UI name what there is, and a browser reads from them what Dagster's launchpad asks for."""

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
import yaml

from turbo_forecast.definitions import build_definitions
from turbo_forecast.defs.links import (
    CHECKS_JOB,
    LOCATION,
    check_again,
    checks_of_a_month,
    dashboard_page,
    described_check,
    link_to_host,
)
from turbo_forecast.settings import Environment
from turbo_forecast.settings.environment import use_environment
from turbo_forecast.text import markdown_text

ROOT = Path(__file__).resolve().parents[2]


def test_the_location_is_the_one_that_dagster_loads() -> None:
    loaded = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"][0]["python_module"]["location_name"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["dg"]["project"]["code_location_name"]
    assert {loaded, project} == {LOCATION}


def test_a_check_is_started_again_by_the_step_that_makes_it() -> None:
    job = build_definitions({}).resolve_job_def(CHECKS_JOB)
    link = urlsplit(check_again("champions", "no_duplicate_keys", "2025-12"))
    asked = parse_qs(link.query)
    assert link.path == f"{checks_of_a_month()}/setup"
    assert (asked["tags[0][key]"], asked["tags[0][value]"]) == (["dagster/partition"], ["2025-12"])
    assert asked["solidSelection[0]"][0] in {node.name for node in job.nodes}


def test_the_link_leads_to_the_jobs_launchpad_from_an_assets_page_behind_any_prefix() -> None:
    (link,) = re.findall(r"\]\((.*?)\)", described_check("y is there"))
    page = "http://host/{}assets/fleet_forecast?view=checks&checkDetail=keys"
    for prefix in ("", "tools/dagster/"):
        expected = f"http://host/{prefix}locations/turbo_forecast/jobs/monthly_checks/playground"
        assert urljoin(page.format(prefix), link) == expected


def answering(url: str, folder: Path) -> Environment:
    """An environment whose settings say that the dashboard is there."""
    settings = folder / "settings.yaml"
    settings.write_text(yaml.safe_dump({"deployment": {"dashboard_url": url}}))
    return replace(Environment.of_variables(), config=settings)


def test_pages_of_the_dashboard_are_where_the_settings_say(tmp_path: Path) -> None:
    with use_environment(answering("https://example.org/planning/", tmp_path)):
        assert dashboard_page("/outlook", month="2025-12") == "https://example.org/planning/outlook?month=2025-12"


@pytest.mark.parametrize(
    "name",
    [
        "db-1",
        "<script>alert(1)</script>",
        "a](javascript:alert(1))",
        "x)|y",
        "a \"b\" 'c'",
        "żółw 雪",
        "a\nb\u202e",
        "*_~`#",
        "[x]",
    ],
)
def test_a_linked_name_is_one_link_to_that_very_host_and_no_other_markdown(name: str) -> None:
    made = link_to_host(name, "cpu", "series", "2025-12")
    found = re.fullmatch(r"\[(?P<text>(?:[^\[\]\\]|\\.)*)\]\((?P<address>[^\s()<>|]*)\)", made)
    assert found, made
    assert found["text"] == markdown_text(name)
    assert parse_qs(urlsplit(found["address"]).query) == {"host": [name], "resource": ["cpu"], "month": ["2025-12"]}
    assert urlsplit(found["address"]).scheme == "http"


def test_a_group_is_asked_for_as_a_group() -> None:
    made = link_to_host("site", "cpu", "group", "2025-12")
    assert made == "[site](http://127.0.0.1:3001/host?host=site&resource=cpu&kind=group&month=2025-12)"


def test_an_odd_address_of_the_dashboard_ends_neither_the_link_nor_the_cell(tmp_path: Path) -> None:
    with use_environment(answering("http://example.org/a(b)|c<d>", tmp_path)):
        made = link_to_host("x", "cpu", "series", "2025-12")
    assert made.startswith("[x](http://example.org/a%28b%29%7Cc%3Cd%3E/host?host=x&")
