"""docs/exports.md: each example with its settings gives the days it says."""

from datetime import date

import pytest
import yaml

from turbo_forecast_tests.documents.pages import ROOT, blocks

PAGE = ROOT / "docs" / "exports.md"
EXAMPLES = [
    (export.text, settings.text) for export, settings in zip(blocks(PAGE, "text"), blocks(PAGE, "yaml"), strict=True)
]
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
