"""The same of PostgreSQL, MariaDB, SQLite and DuckDB: what was put in comes out, what cannot be used is refused in a sentence."""

import json
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from reference.servers import postgres
from turbo_forecast.errors import SourceError
from turbo_forecast.sources.protocol import ROWS, Source, Window
from turbo_forecast.sources.sql import buffering
from turbo_forecast_tests.sources.sql.databases import Lab, Row, source

DECEMBER = Window.of_days(date(2025, 12, 1), date(2025, 12, 31), "UTC")


def hourly(start: datetime, hours: int, *, hosts: int = 3) -> list[Row]:
    values = np.random.default_rng(7).uniform(0, 100, (hosts, hours)).round(6)
    return [
        (f"höst-{host}'s", "cpu", start + timedelta(hours=hour), float(values[host, hour]), f"rack {host % 2}")
        for host in range(hosts)
        for hour in range(hours)
    ]


def fetched(made: Source, window: Window = DECEMBER) -> pl.DataFrame:
    table = pa.Table.from_batches(made.fetch(window), schema=ROWS)
    return pl.DataFrame(pl.from_arrow(table)).sort("host_id", "resource", "timestamp")


def put_in(rows: list[Row], window: Window) -> pl.DataFrame:
    """What must come out, made of what was put in by Python alone."""
    kept = [
        (host, resource, moment, value, json.dumps({"rack": rack}, ensure_ascii=False, separators=(",", ":")))
        for host, resource, moment, value, rack in rows
        if moment and window.start <= moment < window.end and value is not None
    ]
    schema = dict(zip(ROWS.names, [pl.String, pl.String, pl.Datetime("us", "UTC"), pl.Float64, pl.String], strict=True))
    return pl.DataFrame(kept, schema=schema, orient="row").sort("host_id", "resource", "timestamp")


def refusal(made: Source, window: Window = DECEMBER) -> str:
    with pytest.raises(SourceError) as caught:
        list(made.fetch(window))
    message = str(caught.value)
    assert "\n" not in message
    assert postgres.PASSWORD not in message
    return message


def test_a_window_s_values_are_those_that_were_put_in_and_its_edges_are_kept(lab: Lab) -> None:
    rows = hourly(datetime(2025, 11, 29, tzinfo=UTC), 24 * 35)
    lab.fill(rows)
    for window in (
        DECEMBER,
        Window.of_days(date(2025, 12, 1), date(2025, 12, 2), "Asia/Kolkata"),
        Window.of_days(date(2024, 1, 1), date(2024, 1, 31), "UTC"),
    ):
        assert fetched(source(lab), window).equals(put_in(rows, window))


def test_a_query_may_end_with_a_comment_and_a_semicolon(lab: Lab) -> None:
    rows = hourly(datetime(2025, 12, 1, tzinfo=UTC), 24, hosts=1)
    lab.fill(rows)
    assert fetched(source(lab, query=f"-- first: \n{lab.query} -- :last, it's")).equals(put_in(rows, DECEMBER))
    assert fetched(source(lab, query=f"/* :a */ {lab.query} ;\n")).equals(put_in(rows, DECEMBER))


def test_more_rows_than_memory_is_meant_for_lie_in_a_file_meanwhile(
    sqlite_lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(buffering, "IN_MEMORY_BYTES", 2000)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    rows = hourly(datetime(2025, 12, 1, tzinfo=UTC), 24 * 31)
    sqlite_lab.fill(rows)
    assert fetched(source(sqlite_lab, batch_rows=1000)).equals(put_in(rows, DECEMBER))
    assert [each.name for each in tmp_path.iterdir() if "fleet" not in each.name] == []


def test_batches_are_small_and_the_rows_are_the_same(lab: Lab) -> None:
    rows = hourly(datetime(2025, 12, 1, tzinfo=UTC), 24 * 31, hosts=5)
    lab.fill(rows)
    batches = list(source(lab, batch_rows=1000).fetch(DECEMBER))
    assert len(batches) > 1
    assert max(batch.num_rows for batch in batches) <= 2048
    assert all(batch.schema == ROWS for batch in batches)
    assert sum(batch.num_rows for batch in batches) == len(rows)


def test_a_value_that_is_none_is_no_row_and_is_counted(lab: Lab) -> None:
    moment = datetime(2025, 12, 1, tzinfo=UTC)
    lab.fill([("a", "cpu", moment + timedelta(hours=hour), None if hour < 3 else 1.5, None) for hour in range(5)])
    made = source(lab)
    assert fetched(made)["value"].to_list() == [1.5, 1.5]
    assert made.dropped == 3


def test_a_row_without_host_or_resource_is_refused_by_its_number(lab: Lab) -> None:
    moment = datetime(2025, 12, 1, tzinfo=UTC)
    lab.fill([("a", "cpu", moment, 1.0, None), (None, "cpu", moment, 2.0, None)])
    assert "row 2 of the query's answer (resource cpu) has nothing in column host_id" in refusal(source(lab))
    lab.fill([("a", "", moment, 1.0, None)])
    assert "row 1 of the query's answer (host_id a) has nothing in column resource" in refusal(source(lab))


def test_a_query_that_does_not_heed_the_window_is_refused(lab: Lab) -> None:
    lab.fill([("a", "cpu", datetime(2025, 11, 30, 23, tzinfo=UTC), 1.0, None)])
    time = "epoch" if lab.name == "sqlite" else "ts"
    query = f"SELECT host_id, resource, {time} AS timestamp, value FROM telemetry WHERE :start < :end"
    message = refusal(source(lab, query=query))
    assert "the query does not heed :start and :end" in message
    assert "it gives a/cpu a value at 2025-11-30 23:00:00 UTC" in message


def test_two_values_of_one_series_and_moment_are_refused_across_batches(lab: Lab) -> None:
    rows = hourly(datetime(2025, 12, 1, tzinfo=UTC), 24 * 31)
    lab.fill([*rows, ("höst-1's", "cpu", rows[0][2], 5.0, "rack 7")])
    message = refusal(source(lab, batch_rows=1000))
    assert "the query gives höst-1's/cpu two values at 2025-12-01 00:00:00 UTC" in message


def test_a_wrong_query_is_told_in_the_server_s_words(lab: Lab) -> None:
    lab.fill([])
    message = refusal(
        source(lab, query="SELECT 'timed out, connection refused' FROM no_such_table WHERE :start < :end", attempts=9)
    )
    assert "no_such_table" in message
    assert "refused" not in message
    assert "no_such_column" in refusal(source(lab, query="SELECT no_such_column FROM telemetry WHERE :start < :end"))
    assert "no_such_table" in refusal(source(lab, query="SELECT 1 FROM no_such_table WHERE :start < :end"))
    query = "SELECT host_id, value FROM telemetry WHERE :start < :end"
    assert "has no column resource and no column timestamp; it has host_id, value" in refusal(source(lab, query=query))
    query = "SELECT host_id, resource, epoch AS timestamp, rack AS value FROM telemetry WHERE :start_epoch < :end_epoch"
    if lab.name != "sqlite":  # a column of SQLite has no type without rows
        assert "column value must hold numbers, not text" in refusal(source(lab, query=query))


def test_a_query_that_takes_too_long_is_ended(lab: Lab) -> None:
    endless = "(WITH RECURSIVE r (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 30000000) SELECT i FROM r) AS endless"
    columns = "SELECT 'a' AS host_id, 'cpu' AS resource, i + :start_epoch AS timestamp, i * 1.5 AS value FROM"
    slow = {
        "postgresql": f"{columns} (SELECT 1 AS i FROM pg_sleep(30)) AS one WHERE :start < :end",
        "mysql": f"{columns} (SELECT sleep(30) AS i) AS one WHERE :start < :end",
        "sqlite": f"{columns} {endless} WHERE :start < :end",
        "duckdb": f"{columns} (SELECT a.range AS i FROM range(10000000000) a, range(1000) b WHERE a.range + b.range = 7) AS endless "
        "WHERE :start < :end",
    }
    lab.fill([])
    window = Window(DECEMBER.start, DECEMBER.start + timedelta(days=400))
    message = refusal(source(lab, query=slow[lab.name], statement_timeout_seconds=1), window)
    assert "the query took longer than 1 second:" in message
    assert "raise statement_timeout_seconds" in message


def test_a_query_that_would_change_data_is_refused(lab: Lab) -> None:
    lab.fill([])
    if lab.name == "postgresql":
        lab.run(
            "CREATE OR REPLACE FUNCTION sneak() RETURNS text LANGUAGE sql AS $$ DELETE FROM telemetry RETURNING 'a' $$"
        )
        query = "SELECT sneak() AS host_id, '' AS resource, now() AS timestamp, 1 AS value WHERE :start < :end"
        message = refusal(source(lab, query=query))
        assert "the query would change data" in message
    with pytest.raises(Exception, match="must begin with SELECT or WITH"):
        source(lab, query="DELETE FROM telemetry WHERE ts > :start AND ts < :end")
    with pytest.raises(Exception, match="has a ; within"):
        source(lab, query=f"{lab.query}; DELETE FROM telemetry")


def test_labels_are_the_other_columns_as_json_with_sorted_names(lab: Lab) -> None:
    lab.fill([("a", "cpu", datetime(2025, 12, 1, tzinfo=UTC), 1.0, 'x"\\ü')])
    zone = {"postgresql": '"Zone"', "duckdb": '"Zone"'}.get(lab.name, "`Zone`")
    query = lab.query.replace("rack FROM", f"rack, 7 AS a_number, rack AS {zone} FROM")
    labels = fetched(source(lab, query=query))["labels"][0]
    assert json.loads(labels) == {"Zone": 'x"\\ü', "a_number": "7", "rack": 'x"\\ü'}
    assert list(json.loads(labels)) == ["Zone", "a_number", "rack"]


def test_it_says_what_it_has_before_anything_is_fetched(lab: Lab) -> None:
    rows = hourly(datetime(2025, 11, 1, tzinfo=UTC), 24 * 40)
    lab.fill(
        [
            *rows,
            ("old", "cpu", datetime(2025, 11, 2, tzinfo=UTC), 1.0, None),
            ("new", "memory", rows[-1][2], None, None),
        ]
    )
    description = source(lab).describe()
    assert description.system.split()[0] in ("PostgreSQL", "MariaDB", "SQLite", "DuckDB")
    assert any(character.isdigit() for character in description.system)
    assert (description.first, description.last) == (
        datetime(2025, 11, 1, tzinfo=UTC),
        datetime(2025, 12, 10, 23, tzinfo=UTC),
    )
    assert description.series == {"cpu": 3}
    assert description.sample.schema == ROWS
    assert 0 < description.sample.num_rows <= 5
    assert any(note.startswith("left out are 1 row since 2025-12-09 23:00 UTC") for note in description.notes)


def test_a_source_without_rows_says_so(lab: Lab) -> None:
    lab.fill([])
    description = source(lab).describe()
    assert (description.first, description.last, description.series, description.sample.num_rows) == (None, None, {}, 0)
    assert description.notes == ["there is no row"]
