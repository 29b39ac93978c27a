"""docs/exports.md: each example with its settings gives the days it says."""

import re
from datetime import date
from pathlib import Path

import pytest
import yaml

TEXT = (Path(__file__).parents[4] / "docs" / "exports.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```text\n(.*?)```\n```yaml\n(.*?)```", TEXT, re.DOTALL)
DAY = date(2025, 3, 1)
"""Each example has 45.3 and 46.7 on that day, the mean of which is 46."""
EXPECTED = {
    "grafana": [("web-1", "cpu", DAY, 46.0), ("web-2", "cpu", DAY, 50.0)],
    "cloudwatch": [("i-0a1", "CPUUtilization", DAY, 46.0), ("i-0b2", "CPUUtilization", DAY, 50.0)],
    "azure": [("web-1", "cpu", DAY, 46.0)],
    "influxdb": [("web-1", "mem:used_percent", DAY, 46.0)],
    "sadf": [("web-1", "cpu", DAY, 46.0)],
}


def test_every_preset_has_an_example():
    assert {yaml.safe_load(settings)["telemetry"]["preset"] for _, settings in EXAMPLES} == set(EXPECTED)


@pytest.mark.parametrize(("export", "settings"), EXAMPLES)
def test_an_example_gives_what_the_document_says(tmp_path, read, export, settings):
    (tmp_path / "t.csv").write_text(export, encoding="utf-8")
    options = yaml.safe_load(settings)["telemetry"]
    assert read(tmp_path / "t.csv", **options).rows == EXPECTED[options["preset"]]
