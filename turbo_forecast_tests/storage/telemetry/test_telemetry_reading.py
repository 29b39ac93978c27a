"""The pass as a whole: numbers against Polars, real exports, the caller's transaction, memory."""

import json
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turbo_forecast.errors import SettingsError, TelemetryError
from turbo_forecast.schemas import BASE_TABLE, BASE_TABLE_REJECTS
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage import ordered_rows
from turbo_forecast.storage.telemetry.reading import read_telemetry, read_telemetry_frames

REAL = Path(__file__).parents[4] / "shared" / "data"
TODAY = date(2026, 1, 1)
EXPECTED = {
    "mean": pl.col("value").mean(),
    "max": pl.col("value").max(),
    "p95": pl.col("value").quantile(0.95, "linear"),
}


def real(name):
    if not (REAL / name).exists():
        pytest.skip(f"real data is not here: {REAL / name}")
    return REAL / name


def hourly(hosts=3, days=4):
    """An hourly long export with gaps, in random order."""
    random = np.random.default_rng(0)
    start = datetime(2025, 1, 1)
    frame = pl.DataFrame({"host": [f"h{host}" for host in range(hosts)]}).join(
        pl.DataFrame({"time": pl.datetime_range(start, start.replace(day=days), "1h", eager=True)}), how="cross"
    )
    frame = frame.join(pl.DataFrame({"resource": ["cpu", "mem"]}), how="cross")
    frame = frame.with_columns(value=pl.Series(random.uniform(0, 100, frame.height)))
    return frame.sample(fraction=0.8, shuffle=True, seed=1)


@pytest.mark.parametrize("statistic", ["mean", "max", "p95"])
def test_a_days_value_is_what_polars_makes_of_its_hours(parquet, read, statistic):
    frame = hourly()
    reading = read(parquet(frame.to_dict()), statistic=statistic)
    day = pl.col("time").dt.date().alias("ds")
    expected = frame.group_by("host", "resource", day).agg(EXPECTED[statistic]).sort("host", "resource", "ds")
    assert reading.base.select("host_id", "resource", "ds").rows() == expected.select("host", "resource", "ds").rows()
    assert np.allclose(reading.base["y"], expected["value"], rtol=0, atol=1e-11)


def test_each_resource_has_its_own_statistic(csv, read):
    lines = [f"a,2025-01-01T0{hour}:00:00,{10 * hour},{10 * hour},{10 * hour}" for hour in range(1, 4)]
    reading = read(csv("host,time,cpu,mem,net", *lines), statistics={"mem": "max", "net": "p95"})
    assert {row[1]: row[3] for row in reading.rows} == {"cpu": 20.0, "mem": 30.0, "net": pytest.approx(29.0)}


@pytest.mark.parametrize("sorted_rows", [1, 7, 20, 10_000])
def test_however_few_days_are_sorted_at_a_time_the_table_is_whole_and_in_order(parquet, read, monkeypatch, sorted_rows):
    monkeypatch.setattr(ordered_rows, "SORTED_ROWS", sorted_rows)
    frame = hourly(hosts=12)
    base = read(parquet(frame.to_dict())).base
    expected = frame.select("host", "resource", ds=pl.col("time").dt.date()).unique().sort("host", "resource", "ds")
    assert base.select("host_id", "resource", "ds").rows() == expected.rows()


def test_one_value_a_day_stays_itself_to_the_last_bit(parquet, read):
    frame = hourly().with_columns(pl.col("time").dt.date()).unique(["host", "time", "resource"])
    for times in (pl.col("time"), pl.col("time").cast(pl.Datetime) + pl.duration(hours=5)):
        reading = read(parquet(frame.with_columns(times).to_dict()))
        assert reading.base["y"].to_list() == frame.sort("host", "resource", "time")["value"].to_list()


def test_the_order_of_rows_does_not_change_a_bit(parquet, read):
    frame = hourly()
    first = read(parquet(frame.to_dict()))
    for seed in range(3):
        shuffled = frame.sample(fraction=1, shuffle=True, seed=seed).to_dict()
        assert read(parquet(shuffled)).base.equals(first.base)


VALUES = st.one_of(st.none(), st.floats(-5, 110), st.sampled_from([0.0, 50.0, float("nan"), float("inf")]))
ROWS = st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from([None, 0, 1, 24, 25, 99]), VALUES, VALUES)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(rows=st.lists(ROWS, min_size=1, max_size=30), statistic=st.sampled_from(["mean", "max", "p95"]))
def test_whatever_comes_is_kept_or_rejected_and_days_stay_within_0_and_100(tmp_path_factory, rows, statistic):
    path = tmp_path_factory.mktemp("any") / "t.parquet"
    schema = {"host": pl.String, "hours": pl.Int64, "cpu": pl.Float64, "mem": pl.Float64}
    rows = [*rows, ("c", 0, 50.0, 50.0)]
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    frame = frame.with_columns(time=pl.lit(datetime(2025, 1, 1)) + pl.duration(hours="hours")).drop("hours")
    frame.write_parquet(path)
    options = TelemetrySettings(
        telemetry=str(path),
        resources=["cpu", "mem"],
        units={"*": "percent"},
        statistic=statistic,
        max_over_capacity_share=1,
        on_conflicting_duplicates="reject",
    )
    base, rejects, report = read_telemetry_frames(options, today=TODAY)
    assert report.values_read == 2 * len(rows) == report.values_kept + rejects.height
    assert base["y"].is_between(0, 100).all()


def test_nothing_is_written_when_anything_is_refused(tmp_path, csv):
    path = csv("host,time,cpu", "a,2025-01-01,10", "a,2025-01-01,20", "b,2025-01-01,-5")
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as con:
        for table in (BASE_TABLE, BASE_TABLE_REJECTS):
            con.execute(table.ddl())
        con.begin()
        with pytest.raises(TelemetryError, match="different values of the same moment"):
            read_telemetry(con, TelemetrySettings(telemetry=str(path)), today=TODAY)
        assert con.execute("FROM base_table").fetchall() == []
        assert con.execute("FROM base_table_rejects").fetchall() == []
        con.rollback()


def test_the_callers_transaction_decides_and_nothing_of_the_reading_stays(tmp_path):
    source = tmp_path / "monitoring.duckdb"
    with duckdb.connect(str(source)) as con:
        con.execute("CREATE TABLE m AS SELECT 'a' AS host, DATE '2025-01-01' AS ts, unnest([10, -1]) AS cpu")
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as con:
        limit = con.execute("SELECT current_setting('memory_limit')").fetchall()
        con.begin()
        con.execute(BASE_TABLE.ddl("staged base"))
        con.execute(BASE_TABLE_REJECTS.ddl("staged rejects"))
        options = TelemetrySettings(telemetry=str(source), memory_limit="300MB")
        read_telemetry(con, options, today=TODAY, base_table="staged base", rejects_table="staged rejects")
        assert con.execute('SELECT count(*) FROM "staged base"').fetchall() == [(1,)]
        assert con.execute('SELECT reason FROM "staged rejects"').fetchall() == [("negative",)]
        con.commit()
        tables = con.execute("SELECT table_name FROM duckdb_tables() ORDER BY ALL").fetchall()
        assert tables == [("staged base",), ("staged rejects",)]
        assert con.execute("SELECT count(*) FROM duckdb_views() WHERE view_name LIKE 'telemetry%'").fetchall() == [(0,)]
        databases = con.execute("SELECT database_name FROM duckdb_databases() WHERE NOT internal").fetchall()
        assert databases == [("warehouse",)]
        assert con.execute("SELECT current_setting('memory_limit')").fetchall() == limit
        assert con.execute("SELECT current_setting('preserve_insertion_order')").fetchall() == [(True,)]


def test_a_memory_limit_that_is_no_size_is_refused(csv, read):
    with pytest.raises(SettingsError, match="memory_limit: 'plenty' is not a size such as 2GB"):
        read(csv("host,time,cpu", "a,2025-01-01,10"), memory_limit="plenty")


@pytest.mark.slow
def test_real_car_parks_come_through_unchanged(read):
    path = real("parking_occupancy_daily.parquet")
    reading = read(path, today=date(2026, 12, 31))
    raw = pl.read_parquet(path).sort("host_id", "resource", "timestamp")
    assert reading.report.series == raw.select("host_id", "resource").n_unique() == 333
    assert reading.rows == raw.select("host_id", "resource", "timestamp", "value").rows()


@pytest.mark.slow
def test_a_real_export_with_kilobytes_per_second_is_refused_with_all_four_columns(read):
    with pytest.raises(TelemetryError, match=r"^disk_r_kbs, disk_w_kbs, net_rx_kbs, net_tx_kbs cannot be percent"):
        read(real("bitbrains_vms_hourly.parquet"))


@pytest.mark.sweep(keep=1)
@pytest.mark.slow
@pytest.mark.parametrize("statistic", ["mean", "p95"])
def test_a_real_export_loads_once_capacities_are_given(read, statistic):
    path = real("bitbrains_vms_hourly.parquet")
    capacity = {"disk_r_kbs": 250_000, "disk_w_kbs": 250_000, "net_rx_kbs": 125_000, "net_tx_kbs": 125_000}
    reading = read(path, capacity=capacity, statistic=statistic)
    raw = pl.read_parquet(path).unpivot(index=["vm", "timestamp"], variable_name="resource")
    raw = raw.with_columns(
        pl.col("value").cast(pl.Float64) / pl.col("resource").replace_strict(capacity, default=100) * 100
    )
    usable = raw.filter(pl.col("value").is_finite() & pl.col("value").is_between(0, 105))
    assert reading.report.values_read == raw.height
    assert reading.report.values_kept == usable.height
    assert reading.report.rejects == {"no value": 17_673, "over capacity": raw.height - 17_673 - usable.height}
    assert reading.report.clipped == usable.filter(pl.col("value") > 100).height
    day = pl.col("timestamp").dt.date().alias("ds")
    expected = (
        usable.with_columns(pl.col("value").clip(upper_bound=100))
        .group_by(pl.col("vm"), "resource", day)
        .agg(EXPECTED[statistic])
        .sort("vm", "resource", "ds")
    )
    assert reading.base.select("host_id", "resource", "ds").equals(
        expected.select(host_id="vm", resource="resource", ds="ds")
    )
    assert np.allclose(reading.base["y"], expected["value"], rtol=0, atol=1e-9)


MEASURED = """
import json, sys
from datetime import date
import duckdb
from turbo_forecast.schemas import BASE_TABLE, BASE_TABLE_REJECTS
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.reading import read_telemetry
def peak():  # not ru_maxrss: a child inherits its parent's
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
before = peak()
con = duckdb.connect(sys.argv[2])
con.execute("SET enable_progress_bar = false")
con.begin()
for table in (BASE_TABLE, BASE_TABLE_REJECTS):
    con.execute(table.ddl())
settings = TelemetrySettings(telemetry=sys.argv[1], statistic=sys.argv[3], memory_limit="256MB")
report = read_telemetry(con, settings, today=date(2026, 1, 1))
con.commit()
print(json.dumps([report.values_read, report.rows_kept, report.rejects, peak() - before]))
"""


@pytest.mark.sweep(keep=1)
@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
@pytest.mark.parametrize("statistic", ["mean", "p95"])
def test_more_telemetry_than_memory_is_read_within_the_limit(tmp_path, statistic):
    """8 million values take about 600 MB as rows; DuckDB may use 256 MB, and the process little more."""
    path = tmp_path / "big.parquet"
    duckdb.connect().execute(f"""
        COPY (
            SELECT 'host-' || lpad(CAST(h AS VARCHAR), 4, '0') || '.fleet.example' AS host, 'cpu' AS resource,
                   TIMESTAMP '2025-01-01' + to_hours(CAST(t AS INTEGER)) AS time, (h * 7 + t * 13) % 101 AS value
            FROM range(4000) AS moments(t), range(2000) AS hosts(h)
            UNION ALL SELECT 'host-0000.fleet.example', 'cpu', TIMESTAMP '2025-01-01', 0
        ) TO '{path}' (FORMAT parquet)
    """)
    command = [sys.executable, "-c", MEASURED, str(path), str(tmp_path / "warehouse.duckdb"), statistic]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    values, rows, rejects, mebibytes = json.loads(said)
    assert (values, rows, rejects) == (8_000_001, 2000 * 167, {"duplicate": 1})
    assert mebibytes < 400, f"peak resident set grew by {mebibytes:.0f} MiB"
    print(f"{statistic}: {mebibytes:.0f} MiB")


def test_a_negative_zero_is_zero(csv, read):
    reading = read(csv("host,time,cpu", "a,2025-01-01,-0.0", "a,2025-01-02,-0"))
    assert [str(row[3]) for row in reading.rows] == ["0.0", "0.0"]
