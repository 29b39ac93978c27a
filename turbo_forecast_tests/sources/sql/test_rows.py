"""Types of columns: which can be used, what they become, which are refused; in databases that have them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from turbo_forecast.day_edges import zone_info
from turbo_forecast.errors import SourceError
from turbo_forecast.sources.protocol import ROWS, Window
from turbo_forecast.sources.sql.database import QueryError
from turbo_forecast.sources.sql.options import Columns
from turbo_forecast.sources.sql.rows import Rows
from turbo_forecast_tests.sources.sql.databases import FileLab, Lab, MariaDBLab, PostgresLab, source
from turbo_forecast_tests.sources.sql.test_systems import fetched, refusal

BERLIN = Window.of_days(date(2025, 10, 1), date(2025, 10, 31), "Europe/Berlin")


def query(time: str, value: str = "1.5", *, host: str = "'a'", rows: str = "(SELECT 1 AS one) AS rows_") -> str:
    return f"SELECT {host} AS host_id, 'cpu' AS resource, {time} AS timestamp, {value} AS value FROM {rows} WHERE :start <= :end"


def got(lab: Lab, time: str, value: str = "1.5", **options: Any) -> list[tuple[datetime, float]]:
    host = options.pop("host", "'a'")
    rows = fetched(source(lab, query=query(time, value, host=host), **options), BERLIN)
    return list(zip(rows["timestamp"].to_list(), rows["value"].to_list(), strict=True))


MIDNIGHT = datetime(2025, 10, 4, 22, tzinfo=UTC)  # of 5 October in Berlin


def test_postgresql_s_times(postgres_lab: PostgresLab) -> None:
    berlin = {"time_zone": "Europe/Berlin"}
    assert got(postgres_lab, "'2025-10-05 00:00:00+02'::timestamptz") == [(MIDNIGHT, 1.5)]
    assert got(postgres_lab, "'2025-10-05 00:00:00'::timestamp", **berlin) == [(MIDNIGHT, 1.5)]
    assert got(postgres_lab, "'2025-10-05'::date", **berlin) == [(MIDNIGHT, 1.5)]
    for seconds in ("1759615200", "1759615200::numeric", "1759615200.0::float8", "1759615200::bigint"):
        assert got(postgres_lab, seconds) == [(MIDNIGHT, 1.5)]
    assert got(postgres_lab, "1759615200000", epoch="milliseconds") == [(MIDNIGHT, 1.5)]


def test_postgresql_s_numbers(postgres_lab: PostgresLab) -> None:
    now = "'2025-10-05 00:00:00+02'::timestamptz"
    for value, number in (
        ("12.25::numeric(10,3)", 12.25),
        ("12.25::real", 12.25),
        ("7::smallint", 7.0),
        ("9007199254740992::bigint", 2.0**53),
        ("1e-12::numeric", 1e-12),
    ):
        assert got(postgres_lab, now, value) == [(MIDNIGHT, number)]
    for nothing in ("'NaN'::numeric", "'NaN'::float8", "'Infinity'::float8", "NULL::numeric", "NULL::int"):
        assert got(postgres_lab, now, nothing) == []


def test_postgresql_s_session_is_in_the_zone_of_local_times(postgres_lab: PostgresLab) -> None:
    """So that a column without a zone is compared with :start as it is meant."""
    text = (
        "SELECT 'a' AS host_id, 'cpu' AS resource, t AS timestamp, 1 AS value FROM generate_series"
        "('2025-09-30 00:00'::timestamp, '2025-11-02', '1 day') AS t WHERE t >= :start AND t < :end"
    )
    rows = fetched(source(postgres_lab, query=text, time_zone="Europe/Berlin"), BERLIN)
    first = datetime(2025, 9, 30, 22, tzinfo=UTC)
    after = [datetime(2025, 10, 26, 23, tzinfo=UTC) + timedelta(days=day) for day in range(5)]
    assert rows["timestamp"].to_list() == [*(first + timedelta(days=day) for day in range(26)), *after]


def test_hosts_may_be_of_any_kind_of_text_or_whole_numbers(postgres_lab: PostgresLab) -> None:
    for host, name in (("'a'::char(9)", "a"), ("42", "42"), ("'ü'::varchar", "ü"), ("' b '::text", " b ")):
        rows = fetched(source(postgres_lab, query=query("1759615200", host=host)), BERLIN)
        assert rows["host_id"].to_list() == [name]


@pytest.mark.parametrize(
    ("time", "value", "message"),
    [
        (
            "'2025-10-05'::text",
            "1",
            "column timestamp is no time but text; cast it in the query to timestamptz, or to seconds",
        ),
        ("true", "1", "column timestamp is no time but true or false"),
        ("1759615200", "true", "column value must hold numbers, not true or false: cast it in the query"),
        ("1759615200", "'7'::text", "column value must hold numbers, not text"),
        ("1759615200", "'1 day'::interval", "column value must hold numbers, not"),
        (
            "NULL::timestamptz",
            "1",
            "row 1 of the query's answer (host_id a, resource cpu) has nothing in column timestamp",
        ),
        ("'2025-10-05'::timestamp", "1", "column timestamp has times without a zone: set time_zone"),
        ("1759615200000", "1", "column timestamp counts seconds since 1970, but holds 1,759,615,200,000: set epoch"),
        ("1759615200", "1, '\\x00'::bytea AS raw", "raw"),
    ],
)
def test_what_no_row_can_be_made_of_is_refused_by_its_column(
    postgres_lab: PostgresLab, time: str, value: str, message: str
) -> None:
    text = query(time, value.split(",")[0]).replace(
        " FROM", f",{value.partition(',')[2]} FROM" if "," in value else " FROM"
    )
    assert message in refusal(source(postgres_lab, query=text), BERLIN)


def test_mysql_s_times_and_numbers(mariadb_lab: MariaDBLab) -> None:
    """A TIMESTAMP is an instant, whatever time_zone says of what has none; a DATETIME is of that zone."""
    mariadb_lab.run(
        "DROP TABLE IF EXISTS kinds",
        "CREATE TABLE kinds (ts timestamp(6) NULL, dt datetime(3), d date, de decimal(12, 4), bu bigint unsigned, fl float)",
        "INSERT INTO kinds VALUES ('2025-10-04 22:00:00.5', '2025-10-05 00:00:00.5', '2025-10-05', 12.25, 9007199254740992, 0.5)",
    )
    half = MIDNIGHT + timedelta(milliseconds=500)
    for column, moment in (("ts", half), ("dt", half), ("d", MIDNIGHT)):
        for value, number in (("de", 12.25), ("bu", 2.0**53), ("fl", 0.5), ("de * 2", 24.5)):
            text = query(column, value, rows="kinds")
            rows = fetched(source(mariadb_lab, query=text, time_zone="Europe/Berlin"), BERLIN)
            assert (rows["timestamp"].to_list(), rows["value"].to_list()) == ([moment], [number])
    rows = fetched(source(mariadb_lab, query=query("UNIX_TIMESTAMP(ts)", rows="kinds")), BERLIN)
    assert rows["timestamp"].to_list() == [half]
    assert "has times without a zone: set time_zone" in refusal(
        source(mariadb_lab, query=query("dt", rows="kinds")), BERLIN
    )


def test_mysql_s_clock_times_are_asked_for_by_local_edges(mariadb_lab: MariaDBLab) -> None:
    """An October with its hour that comes twice: 31 days and one hour."""
    hours = [BERLIN.start + timedelta(hours=hour) for hour in range(-3, 31 * 24 + 5)]
    mariadb_lab.run("DROP TABLE IF EXISTS walls", "CREATE TABLE walls (n int PRIMARY KEY, dt datetime)")
    walls = [
        (index, hour.astimezone(ZoneInfo("Europe/Berlin")).replace(tzinfo=None)) for index, hour in enumerate(hours)
    ]
    mariadb_lab.server.execute("INSERT INTO walls VALUES (%s, %s)", rows=walls)  # type: ignore[arg-type]
    text = (
        "SELECT 'a' AS host_id, 'cpu' AS resource, dt AS timestamp, n AS value FROM walls "
        "WHERE dt >= :start_local AND dt < :end_local ORDER BY n"
    )
    rows = fetched(source(mariadb_lab, query=text, time_zone="Europe/Berlin"), BERLIN)
    assert rows["timestamp"].to_list() == hours[3:-4]
    assert rows["value"].to_list() == [float(index) for index in range(3, 31 * 24 + 4)]


def test_duckdb_s_times_and_numbers(duckdb_lab: FileLab) -> None:
    duckdb_lab.fill([])
    berlin = {"time_zone": "Europe/Berlin"}
    assert got(duckdb_lab, "TIMESTAMPTZ '2025-10-05 00:00:00+02'", "12.25::DECIMAL(9, 3)") == [(MIDNIGHT, 12.25)]
    for time in ("TIMESTAMP '2025-10-05 00:00:00'", "TIMESTAMP_NS '2025-10-05 00:00:00'", "DATE '2025-10-05'"):
        assert got(duckdb_lab, time, "7::HUGEINT", **berlin) == [(MIDNIGHT, 7.0)]
    assert got(duckdb_lab, "1759615200", "'nan'::FLOAT") == []
    assert got(duckdb_lab, "1759615200", host="'a'::ENUM('a', 'b')") == [(MIDNIGHT, 1.5)]


def test_sqlite_s_columns_may_hold_whole_numbers_nothing_and_others(sqlite_lab: FileLab) -> None:
    """Its driver takes the first batch's types for those of all."""
    sqlite_lab.fill([])
    numbers = "WITH RECURSIVE r (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM r WHERE i < 3000) "
    value = "CASE WHEN i < 1500 THEN NULL WHEN i < 2500 THEN i ELSE i + 0.5 END"
    text = f"{numbers} SELECT 'a' AS host_id, 'cpu' AS resource, 1759615200 + i AS timestamp, {value} AS value FROM r WHERE :start < :end"
    made = source(sqlite_lab, query=text, batch_rows=1000)
    rows = fetched(made, BERLIN)
    assert rows["value"].to_list() == [float(i) if i < 2500 else i + 0.5 for i in range(1500, 3001)]
    assert made.dropped == 1500
    mixed = text.replace("NULL", "'many'")
    assert "column value must hold numbers, not text" in refusal(
        source(sqlite_lab, query=mixed, batch_rows=1000), BERLIN
    )
    mixed = text.replace("i + 0.5", "'many'")
    assert "a column holds values of several types" in refusal(source(sqlite_lab, query=mixed, batch_rows=1000), BERLIN)


def test_columns_may_have_other_names_and_none_may_be_there_twice(sqlite_lab: FileLab) -> None:
    sqlite_lab.fill([("a", "cpu", MIDNIGHT, 1.5, "r")])
    text = "SELECT rack AS host_id, host_id AS server, resource AS what, epoch AS at, value AS v FROM telemetry WHERE epoch >= :start_epoch AND epoch < :end_epoch"
    columns = {"host": "server", "resource": "what", "time": "at", "value": "v"}
    rows = fetched(source(sqlite_lab, query=text, columns=columns), BERLIN)
    assert rows.rows() == [("a", "cpu", MIDNIGHT, 1.5, '{"host_id":"r"}')]
    twice = text.replace("rack AS host_id", "rack AS what")
    assert "the query's answer has two columns what" in refusal(
        source(sqlite_lab, query=twice, columns=columns), BERLIN
    )


def test_an_hour_that_comes_twice_is_two_moments_and_a_third_time_is_refused() -> None:
    window = Window.of_days(date(2025, 10, 26), date(2025, 10, 26), "Europe/Berlin")
    wall = datetime(2025, 10, 26, 2)
    batch = pa.record_batch(
        {"host_id": ["a", "a"], "resource": ["cpu"] * 2, "timestamp": [wall] * 2, "value": [1.0, 2.0]}
    )
    rows = Rows(Columns(), window, zone="Europe/Berlin")
    found = rows.of(batch)
    assert found.schema == ROWS
    assert found.column("timestamp").to_pylist() == [datetime(2025, 10, 26, hour, tzinfo=UTC) for hour in (0, 1)]
    rows.finish()
    rows.of(batch.slice(0, 1))
    with pytest.raises(QueryError, match="gives a/cpu two values at 2025-10-26 01:00:00 UTC"):
        rows.finish()


@pytest.mark.parametrize(
    ("zone", "telemetry", "said"),
    [
        ("UTC", "UTC", ""),
        ("Europe/Berlin", "Europe/Berlin", ""),
        ("UTC", "Europe/Berlin", ""),
        ("UTC", "America/New_York", "2025-12-02 there begins on 2025-12-01 by the clock of America/New_York"),
        ("UTC", "-03:00", "2025-12-02 there begins on 2025-12-01 by the clock of -03:00"),
    ],
)
def test_a_date_is_counted_as_the_date_that_it_is_or_refused(zone: str, telemetry: str, said: str) -> None:
    window = Window.of_days(date(2025, 12, 1), date(2025, 12, 31), telemetry)
    columns = {"host_id": ["a"], "resource": ["cpu"], "timestamp": [date(2025, 12, 2)], "value": [1.0]}
    rows = Rows(Columns(), window, zone=zone)
    if said:
        with pytest.raises(QueryError, match=f"column timestamp holds days of UTC, and {said}, whose days land"):
            rows.of(pa.record_batch(columns))
    else:
        [moment] = rows.of(pa.record_batch(columns)).column("timestamp").to_pylist()
        assert moment.astimezone(zone_info(telemetry)).date() == date(2025, 12, 2)


def test_a_window_s_answer_that_is_refused_gives_no_row_at_all(sqlite_lab: FileLab) -> None:
    """Though the row that cannot be used is the last of many."""
    sqlite_lab.fill(
        [
            *(("a", "cpu", MIDNIGHT + timedelta(seconds=i), 1.0, None) for i in range(5000)),
            ("", "cpu", MIDNIGHT, 1.0, None),
        ]
    )
    given: list[pa.RecordBatch] = []
    with pytest.raises(SourceError, match="row 5,001"):
        given.extend(source(sqlite_lab, batch_rows=1000).fetch(BERLIN))
    assert not given


@pytest.mark.parametrize(
    ("times", "asked"),
    [
        (
            ["2025-11-30 23:59:59", "2025-12-01 00:00:00", "2025-12-31 23:59:59", "2026-01-01 00:00:00"],
            "at >= :start AND at < :end",
        ),
        (["2025-11-30", "2025-12-01", "2025-12-31", "2026-01-01"], "at >= date(:start) AND at < date(:end)"),
    ],
)
def test_sqlite_s_times_that_are_text_are_asked_for_as_the_documentation_says(
    sqlite_lab: FileLab, times: list[str], asked: str
) -> None:
    sqlite_lab.fill([])
    sqlite_lab.run("CREATE TABLE texts (at TEXT)", *(f"INSERT INTO texts VALUES ('{time}')" for time in times))
    text = f"SELECT 'a' AS host_id, 'cpu' AS resource, unixepoch(at) AS timestamp, 1 AS value FROM texts WHERE {asked}"
    rows = fetched(source(sqlite_lab, query=text), Window.of_days(date(2025, 12, 1), date(2025, 12, 31), "UTC"))
    assert rows["timestamp"].to_list() == [datetime.fromisoformat(time).replace(tzinfo=UTC) for time in times[1:3]]
