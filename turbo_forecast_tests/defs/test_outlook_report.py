"""What a complete month says of its outlook: who runs full next, and how often such statements were true, figures by hand."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

import dagster as dg
import duckdb
import polars as pl
import pytest

from turbo_forecast.defs.outlook_report import NOTHING_SCORED, how_often_true, next_to_run_full, outlook_metadata
from turbo_forecast.defs.reporting import SHOWN_AT_ONCE
from turbo_forecast.outlook.track_record import outlook_accuracy, outlook_reliability
from turbo_forecast.schemas import CAPACITY_OUTLOOK, OUTLOOK_ACCURACY, OUTLOOK_BACKTEST, OUTLOOK_RELIABILITY
from turbo_forecast_tests.defs.conftest import MONTH, Place

pytestmark = pytest.mark.xdist_group("definitions")

CUTOFF = date(2025, 12, 31)
ODD = "<b>|`x"
PAGE = "http://127.0.0.1:3001/host?"
"""Of a host, where the settings name no other address of the dashboard."""


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        for table in (CAPACITY_OUTLOOK, OUTLOOK_ACCURACY, OUTLOOK_BACKTEST, OUTLOOK_RELIABILITY):
            con.execute(table.ddl())
        yield con


def stated(con: duckdb.DuckDBPyConnection, host: str, state: str, threshold: float = 90.0) -> None:
    """A statement of a series at 89.97 %, as urgent as its place among those before it says."""
    likely = CUTOFF + timedelta(days=32) if state == "expected" else None
    con.execute(
        "INSERT INTO capacity_outlook BY NAME SELECT ?::DATE AS cutoff, 'baseline' AS scenario, 'series' AS kind, ? AS host_id, "
        "'cpu' AS resource, ? AS threshold, 89.97 AS level, 0 AS growth, 0.25 AS probability_30, NULL AS probability_91, "
        "0.75 AS probability_182, ?::DATE AS likely, ? AS state, (SELECT 1 + count(*) FROM capacity_outlook) AS urgency",
        [CUTOFF, host, threshold, likely, state],
    )


def judged(con: duckdb.DuckDBPyConnection) -> None:
    """Four statements of 90 %: probabilities .8, .6, .3, .1, of which the first and the third came true; no line said so."""
    rows = [(0.8, 1), (0.6, 0), (0.3, 1), (0.1, 0)]
    backtest = OUTLOOK_BACKTEST.conform(
        pl.DataFrame(
            {
                "cutoff": CUTOFF, "kind": "series", "host_id": f"h{place}", "resource": "cpu", "threshold": 90.0, "horizon_days": 122,
                "probability": probability, "happened": happened, "point": 0, "level": 50.0, "likely": None, "actual": None,
            }
            for place, (probability, happened) in enumerate(rows)
        )
    )  # fmt: skip
    frames = {"outlook_backtest": backtest, "outlook_accuracy": outlook_accuracy(backtest)}
    for name, rows_of in {**frames, "outlook_reliability": outlook_reliability(backtest)}.items():
        con.register("rows", rows_of.to_arrow())
        con.execute(f"INSERT INTO {name} BY NAME SELECT * FROM rows")


def test_a_month_without_statements_or_backtest_says_so(con: duckdb.DuckDBPyConnection) -> None:
    assert list(next_to_run_full(con, CUTOFF)) == ["0 over already · 0 expected · 0 possible · 0 unlikely."]
    assert list(how_often_true(con, CUTOFF)) == [NOTHING_SCORED]
    assert outlook_metadata(con, CUTOFF) == {
        "next to run full": "0 over already · 0 expected · 0 possible · 0 unlikely",
        "how often such statements were true": NOTHING_SCORED,
        "series and groups over their threshold": 0,
        "series and groups expected to reach it": 0,
    }


def test_who_runs_full_next_stands_with_dates_and_probabilities_and_who_is_over_is_a_number(
    con: duckdb.DuckDBPyConnection,
) -> None:
    stated(con, "full", "over")
    stated(con, ODD, "expected", 92.5)
    stated(con, "b", "possible")
    stated(con, "far", "unlikely")
    count, table, legend = next_to_run_full(con, CUTOFF)
    assert count == "1 over already · 1 expected · 1 possible · 1 unlikely."
    assert table.splitlines() == [
        "| host\\_id | resource | threshold | now | early | likely | late | 30 days | 91 days | 182 days |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        f"| [&lt;b&gt;\\|\\`x]({PAGE}host=%3Cb%3E%7C%60x&resource=cpu&month=2025-12) | cpu | 92.5 % | 90.0 % | – | 2026-02-01 | – | "
        "25 % | – | 75 % |",
        f"| [b]({PAGE}host=b&resource=cpu&month=2025-12) | cpu | 90 % | 89.9 % | – | – | – | 25 % | – | 75 % |",
    ]
    assert legend.startswith("Of each series and group the threshold nearest to 90 %")
    shown = outlook_metadata(con, CUTOFF)
    assert isinstance(shown["next to run full"], dg.MarkdownMetadataValue)
    assert shown["next to run full"].value == table
    assert (shown["series and groups over their threshold"], shown["series and groups expected to reach it"]) == (1, 1)


def test_thirty_are_named_and_the_others_counted(con: duckdb.DuckDBPyConnection) -> None:
    for number in range(33):
        stated(con, f"h{number:02}", "expected")
    _, table, legend = next_to_run_full(con, CUTOFF)
    assert re.findall(r"^\| \[(.*?)\]", table, re.MULTILINE) == [f"h{number:02}" for number in range(30)]
    assert legend.startswith("3 more are expected or possible: see capacity\\_outlook. ")
    assert str(outlook_metadata(con, CUTOFF)["next to run full"].value).count("| [h") == 5


@pytest.mark.parametrize(("length", "linked"), [(4, 5), (30, 4), (60, 3)])
def test_as_many_are_linked_as_are_shown_without_a_click(
    length: int, linked: int, con: duckdb.DuckDBPyConnection
) -> None:
    for number in range(6):
        stated(con, f"{number}" * length, "expected")
    shown = outlook_metadata(con, CUTOFF)["next to run full"]
    assert isinstance(shown, dg.MarkdownMetadataValue)
    assert str(shown.value).count(f"]({PAGE}") == linked
    assert len(str(shown.value)) < SHOWN_AT_ONCE


def test_names_too_long_for_links_stand_in_a_table_without(con: duckdb.DuckDBPyConnection) -> None:
    for number in range(6):
        stated(con, f"{number}" * 150, "expected")
    shown = outlook_metadata(con, CUTOFF)["next to run full"]
    assert isinstance(shown, dg.TableMetadataValue)
    assert [record.data["host_id"] for record in shown.records] == [f"{number}" * 150 for number in range(5)]
    assert [column.name for column in shown.schema.columns][:3] == ["host_id", "resource", "threshold"]


def test_the_track_record_stands_beside_the_base_rate_and_the_point_forecast_with_the_diagram(
    con: duckdb.DuckDBPyConnection,
) -> None:
    judged(con)
    said, table, picture, legend = how_often_true(con, CUTOFF)
    # Brier (.04 + .36 + .49 + .01) / 4 = .225; the base rate's .25; the point forecast's: 2 of 4
    record = "50 % of 2 statements of 50 % or more came true within 122 days, 50 % of 2 others"
    assert said.startswith(
        f"Of 4 statements about series below their threshold, made before the backtest: {record}; Brier skill 0.10 "
    )
    assert table.splitlines()[2:] == ["| 90 % | 4 | 2 | 0.10 | \\-1.00 | 0.50 | 0.50 | – |"]
    assert "data:image/svg" in picture
    assert "three of ten" in legend
    found = outlook_metadata(con, CUTOFF)
    assert found["Brier skill of the outlook"] == pytest.approx(0.1)
    assert (
        found["how often such statements were true"]
        == f"about series below their threshold: {record}; Brier skill 0.10 (base rate 0, point forecast -1.00)"
    )


def test_a_complete_month_shows_what_its_own_outlook_says(month: tuple[Place, dg.ExecuteInProcessResult]) -> None:
    place, result = month
    (event,) = result.asset_materializations_for_node("months")
    found = {name: value.value for name, value in event.metadata.items()}
    with duckdb.connect(str(place.data / "warehouse.duckdb"), read_only=True) as con:
        nearest = "FROM capacity_outlook WHERE threshold = 90 AND scenario = 'baseline' AND month(cutoff) = ?"
        counted = dict(con.execute(f"SELECT state, count(*) {nearest} GROUP BY ALL", [int(MONTH[-2:])]).fetchall())
    assert found["series and groups over their threshold"] == counted.get("over", 0)
    assert found["series and groups expected to reach it"] == counted.get("expected", 0)
    assert "came true within 122 days" in found["how often such statements were true"]
    assert "## How often such statements were true" in found["report"]
    assert "data:image/svg" in found["report"]
