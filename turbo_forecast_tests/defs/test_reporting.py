"""What assets and checks show of names, messages and addresses that others chose."""

import base64
import os
import re
import subprocess
import sys
from contextlib import suppress
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import altair as alt
import dagster as dg
import polars as pl
import pytest
from dagster._serdes import serialize_value

from turbo_forecast.definitions import build_definitions, build_resources
from turbo_forecast.defs.checks.expectations import Expectation, Validation
from turbo_forecast.defs.checks.month_checks import check_result
from turbo_forecast.defs.reporting import at_once, log_to, markdown, plain_errors, plot, table
from turbo_forecast.defs.resources import DataFolder, TelemetryResource
from turbo_forecast.errors import TelemetryError

ROOT = Path(__file__).resolve().parents[2]
SIGNED = "https://bob:s3cret@h.example/x.parquet?X-Amz-Signature=s3cret#s3cret"

DRAW = """
import base64
import xml.etree.ElementTree as tree
import polars as pl
from turbo_forecast.defs.plots import outcome_bars, standings_bars
def opened(picture):
    head, _, text = picture.value.removesuffix(")").partition("base64,")
    return head, tree.fromstring(base64.b64decode(text)).tag
codes = [*range(0x20), 0x22, 0x3C, 0x5C, 0x7F, 0x85, 0x2028, 0xFDD0, 0xFEFF, 0xFFFE, 0xFFFF, 0x1FFFE, 0x10FFFF]
for first in range(0, len(codes), 15):
    names = [f"a{chr(code)}b" for code in codes[first:first + 15]]
    print(*opened(outcome_bars(pl.DataFrame({"resource": names, "outcome": "forecast"}))))
standings = pl.DataFrame({"model": names, "resource": "all", "horizon_month": 0, "mase": 1.0, "mase_low": 0.5,
                          "mase_high": 1.5, "mae": 1.0})
print(*opened(standings_bars(standings)))
many = pl.DataFrame({"resource": [f"r{i}" for i in range(6_000)], "outcome": "forecast"})
print(*opened(outcome_bars(many)))
"""


def test_a_plot_is_drawn_whatever_the_names_and_however_many() -> None:
    done = subprocess.run([sys.executable, "-c", DRAW], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr  # in a process of its own: what goes wrong here ends the process
    assert done.stdout.splitlines() == ["![plot](data:image/svg+xml; {http://www.w3.org/2000/svg}svg"] * 5


def test_a_table_of_odd_names_keeps_its_shape() -> None:
    names = ["a|b", "a\\|b", "two\nlines", "<img src=x onerror=alert(1)>", "`", "[x](javascript:y)", "\x1f", None]
    table = markdown(pl.DataFrame({"host|id": names, "y": [-1.5] * len(names)}))
    lines = table.splitlines()
    assert len(lines) == 2 + len(names)
    assert {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in lines} == {3}
    assert all(line.endswith("| -1.5 |") for line in lines[2:])
    assert not re.search(r"[<>\x1f]|(?<!\\)[`\[]", table)


def test_a_table_is_shown_without_a_click_however_long_it_is() -> None:
    few, many = (pl.DataFrame({"host": ["<a|b>"] * n, "y": [0.5] * n, "day": [date(2026, 1, 2)] * n}) for n in (3, 99))
    short, long = at_once(few), at_once(many)
    assert short == dg.MetadataValue.md(markdown(few))
    assert len(markdown(few)) < 1_000 < len(markdown(many))  # Dagster shows Markdown up to there
    assert isinstance(long, dg.TableMetadataValue)
    assert [record.data for record in long.records] == [{"host": "<a|b>", "y": 0.5, "day": "2026-01-02"}] * 99
    assert [(column.name, column.type) for column in long.schema.columns] == [
        ("host", "string"), ("y", "float"), ("day", "string"),
    ]  # fmt: skip


def test_a_long_tables_texts_are_printable_and_not_endless() -> None:
    shown = table(pl.DataFrame({"host": ["a\x1f\u202eb", "x" * 5_000, None]}))
    assert [record.data["host"] for record in shown.records] == ["a\\x1f\\u202eb", f"{'x' * 199}…", None]


def test_a_pictures_lines_are_drawn_to_a_tenth_of_a_pixel_and_its_words_are_left_alone() -> None:
    chart = alt.Chart(pl.DataFrame({"x": [0.0, 1.0, 3.0], "y": [0.1234, 0.25, 0.333]})).mark_line()
    text = str(plot(chart.encode(x="x", y="y").properties(title="0.123456 M1.23456")).value)
    svg = base64.b64decode(text.partition("base64,")[2].removesuffix(")")).decode()
    assert "0.123456 M1.23456" in svg
    assert not re.search(r' d="[^"]*[.][0-9]{2}', svg)
    assert re.search(r' d="M0,[0-9.]+L', svg)


def test_a_failed_checks_evidence_is_harmless_in_the_ui_and_in_a_spreadsheet(tmp_path: Path) -> None:
    failing_rows = pl.DataFrame({"host_id": ['=HYPERLINK("http://evil")', "<b>|x"], "y": [-3.0, 101.0]})
    expectation = Expectation("in_range", "y is a number in [0, 100]")
    result = check_result(
        expectation, "base_table", Validation(2, failing_rows), DataFolder(path=str(tmp_path / "[d]"))
    )
    assert result.metadata["all failing rows"].value == str(tmp_path / "[d]/checks/base_table/in_range.csv")
    text = (tmp_path / "[d]/checks/base_table/in_range.csv").read_text()
    assert text == 'host_id,y\n"\'=HYPERLINK(""http://evil"")",-3.0\n<b>|x,101.0\n'
    assert "| &lt;b&gt;\\|x | 101.0 |" in str(result.metadata["first failing rows"].value)


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (TelemetryError(f"{SIGNED} cannot be read"), "https://h.example/x.parquet cannot be read"),
        (OSError(f"HTTP 403 for '{SIGNED}'"), "OSError: HTTP 403 for 'https://h.example/x.parquet'"),
    ],
)
def test_a_failed_step_shows_no_key_of_a_url(raised: Exception, said: str) -> None:
    with pytest.raises(dg.Failure) as failed, plain_errors():
        raise raised
    assert failed.value.description == said
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__  # or Dagster would store the first one's text


def test_a_defect_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), plain_errors():
        _ = 1 / 0


@pytest.mark.parametrize("where", ["environment", "settings file"])
def test_dagster_never_stores_a_urls_key_and_reading_still_uses_it(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TURBO_FORECAST_CONFIG", raising=False)
    monkeypatch.delenv("TURBO_FORECAST_TELEMETRY", raising=False)
    if where == "environment":
        monkeypatch.setenv("TURBO_FORECAST_TELEMETRY", SIGNED)
    else:
        (tmp_path / "s.yaml").write_text(f"telemetry: {{telemetry: '{SIGNED}', statistic: max}}\n")
        monkeypatch.setenv("TURBO_FORECAST_CONFIG", str(tmp_path / "s.yaml"))
    definitions = build_definitions()
    snapshot = serialize_value(definitions.resolve_job_def("monthly_forecast").get_job_snapshot())
    assert "h.example" in snapshot
    assert "s3cret" not in snapshot
    telemetry = build_resources()["telemetry"]
    assert isinstance(telemetry, TelemetryResource)
    assert "s3cret" not in repr(telemetry)
    assert telemetry.settings().telemetry == SIGNED
    assert TelemetryResource(telemetry="s3://typed/*.csv?x=1").settings().telemetry == "s3://typed/*.csv?x=1"


def test_a_run_goes_on_when_nobody_reads_its_output_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []
    context = SimpleNamespace(log=SimpleNamespace(info=logged.append))
    reading, writing = os.pipe()
    os.close(reading)
    monkeypatch.setattr(sys, "stdout", os.fdopen(writing, "w"))
    say = log_to(context)  # type: ignore[arg-type]
    say("one")
    say("two")
    assert logged == ["one", "two"]
    with suppress(BrokenPipeError):
        sys.stdout.close()
