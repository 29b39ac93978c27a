"""Links within the UI name what there is, and a browser reads from them what Dagster's launchpad asks for."""

import re
import tomllib
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import yaml

from turbo_forecast.definitions import build_definitions
from turbo_forecast.defs.links import CHECKS_JOB, LOCATION, check_again, checks_of_a_month, described_check

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
