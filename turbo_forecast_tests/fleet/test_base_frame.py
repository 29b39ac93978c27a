"""The library's door: frames of every common library, cutoffs in every common notation, a sentence for the rest."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from turbo_forecast import forecast_fleet
from turbo_forecast.errors import PartitionError, TelemetryError
from turbo_forecast.library.base_frame import base_rows, cutoff_day
from turbo_forecast.schemas import BASE_TABLE
from turbo_forecast_tests.conftest import series_rows, wave

DAYS = [date(2025, 12, 30), date(2025, 12, 31)]
SMALL = pl.DataFrame({"host_id": ["a", "a"], "resource": ["cpu", "cpu"], "ds": DAYS, "y": [1.5, 100.0]})
LAST = date(2025, 12, 31)


def rows(base: object) -> pl.DataFrame:
    return base_rows(base, lambda line: None)


def changed(**columns: Any) -> pl.DataFrame:
    """The small base with other columns."""
    return SMALL.with_columns(*(pl.Series(name, values) for name, values in columns.items()))


FRAMES = {
    "polars": lambda: SMALL,
    "lazy": lambda: SMALL.lazy(),
    "pandas": lambda: SMALL.to_pandas(),
    "pandas objects": lambda: SMALL.to_pandas().astype(object),
    "pandas arrow": lambda: SMALL.to_pandas(use_pyarrow_extension_array=True),
    "pandas categories": lambda: SMALL.to_pandas().astype({"host_id": "category", "resource": "string"}),
    "pandas dates": lambda: SMALL.to_pandas().assign(ds=DAYS),
    "pandas text days": lambda: SMALL.to_pandas().assign(ds=["2025-12-30", "2025-12-31"]),
    "pandas index": lambda: SMALL.to_pandas().set_index(["host_id", "resource", "ds"]),
    "pandas filtered": lambda: pd.concat([SMALL.to_pandas()] * 2).iloc[2:],
    "pandas periods": lambda: SMALL.to_pandas().assign(ds=pd.PeriodIndex(DAYS, freq="D")),
    "pandas sparse": lambda: SMALL.to_pandas().astype({"y": pd.SparseDtype("float64")}),
    "arrow": lambda: SMALL.to_arrow(),
    "arrow batch": lambda: SMALL.to_arrow().to_batches()[0],
    "arrow reader": lambda: SMALL.to_arrow().to_reader(),
    "arrow dictionary": lambda: SMALL.with_columns(pl.col("host_id").cast(pl.Categorical)).to_arrow(),
    "duckdb": lambda: duckdb.from_arrow(SMALL.to_arrow()),
    "shuffled columns": lambda: SMALL.select("y", "ds", "resource", "host_id"),
    "categories": lambda: SMALL.with_columns(pl.col("host_id", "resource").cast(pl.Categorical)),
    "enum": lambda: SMALL.with_columns(pl.col("resource").cast(pl.Enum(["cpu", "disk"]))),
    "text days": lambda: SMALL.with_columns(pl.col("ds").cast(pl.String)),
    "datetimes": lambda: SMALL.with_columns(pl.col("ds").cast(pl.Datetime("ns"))),
    "decimals": lambda: SMALL.with_columns(pl.col("y").cast(pl.Decimal(10, 2))),
    "float32": lambda: SMALL.with_columns(pl.col("y").cast(pl.Float32)),
    "python decimals": lambda: SMALL.to_pandas().assign(y=[Decimal("1.5"), Decimal(100)]),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_a_frame_of_any_common_kind_is_the_same_base_table(kind: str) -> None:
    found = rows(FRAMES[kind]())
    assert found.schema == BASE_TABLE.polars_schema
    assert found.equals(SMALL)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata", "Pacific/Kiritimati", "America/Los_Angeles"])
@pytest.mark.parametrize("hour", [0, 13, 23])
def test_a_ds_with_a_zone_keeps_its_own_calendar_date(zone: str, hour: int) -> None:
    moments = [datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo(zone)) for day in DAYS]
    local = pd.Series(pd.to_datetime(["2025-12-30", "2025-12-31"]) + pd.Timedelta(hours=hour)).dt.tz_localize(zone)
    polars = changed(ds=[moment.replace(tzinfo=None) for moment in moments]).with_columns(
        pl.col("ds").dt.replace_time_zone(zone)
    )
    for base in (polars, polars.to_arrow(), SMALL.to_pandas().assign(ds=local)):
        assert rows(base)["ds"].to_list() == DAYS
    assert rows(SMALL.to_pandas().assign(ds=pd.Series(moments, dtype=object)))["ds"].to_list() == DAYS


def test_a_fixed_offset_keeps_its_own_calendar_date() -> None:
    zone = timezone(timedelta(hours=5, minutes=30))
    moments = [datetime(day.year, day.month, day.day, 1, tzinfo=zone) for day in DAYS]
    arrow = pa.array(moments, type=pa.timestamp("us", tz="+05:30"))
    for base in (SMALL.to_pandas().assign(ds=moments), SMALL.to_arrow().set_column(2, "ds", arrow)):
        assert rows(base)["ds"].to_list() == DAYS


def test_whole_numbers_are_names_and_values() -> None:
    found = rows(changed(host_id=[17, 17], y=[1, 2]))
    assert found["host_id"].to_list() == ["17", "17"]
    assert found["y"].to_list() == [1.0, 2.0]


def test_columns_that_are_not_used_are_named() -> None:
    said: list[str] = []
    for extra in (SMALL.with_columns(region=pl.lit("eu")), SMALL.to_pandas().assign(region=object())):
        assert base_rows(extra, said.append).equals(SMALL)
    assert said == ["base: columns that are not used: region"] * 2


@pytest.mark.parametrize(
    ("base", "said"),
    [
        (None, "base must be a Polars or pandas frame, .* not NoneType"),
        ("base.parquet", "not str"),
        ({"y": [1]}, "not dict"),
        ([SMALL], "not list"),
        (np.zeros(3), "not ndarray"),
        (SMALL["y"], "not Series"),
        (pl.scan_parquet("/nowhere/x.parquet"), "base cannot be read: .*/nowhere"),
        (SMALL.lazy().select("nope"), "base cannot be read: .*nope"),
        (SMALL.drop("host_id", "y"), "base has no column host_id, y; it has resource, ds"),
        (pl.DataFrame(), "base has no column host_id, resource, ds, y; it has none"),
        (pd.concat([SMALL.to_pandas(), SMALL.to_pandas()[["y"]]], axis=1), "base has more than one column y"),
        (pa.table([[1], [2]], names=["y", "y"]), "base has more than one column y"),
        (SMALL.to_pandas().assign(host_id=pd.Series(["a", 1], dtype=object)), "column host_id cannot be read"),
        (SMALL.to_pandas().assign(y=pd.Series([1, {}], dtype=object)), "column y cannot be read"),
        (changed(host_id=["a", ""]), "column host_id: the name '' is empty"),
        (changed(resource=["cpu", " \u00a0 "]), "column resource: the name .* is empty"),
        (changed(resource=["cpu", "\u200b"]), "column resource: the name .* is empty"),
        (changed(host_id=["a", "b\n"]), r"column host_id: the name 'b\\n' holds control characters"),
        (changed(host_id=["a", "b\x00"]), r"column host_id: the name 'b\\x00' holds control characters"),
        (changed(host_id=[None, "a"]), "1 row without a name, .* first None, cpu, 2025-12-30"),
        (changed(host_id=[1.5, 2.5]), "column host_id must hold text, not Float64"),
        (changed(resource=[True, False]), "column resource must hold text, not Boolean"),
        (changed(resource=[["cpu"], ["cpu"]]), "column resource must hold text, not List"),
        (changed(ds=[None, LAST]), "1 row without a name, a day"),
        (changed(ds=[20251230, 20251231]), "column ds must hold days, not Int64"),
        (changed(ds=["2025-12-30", "31.12.2025"]), "column ds holds '31.12.2025', which is no day"),
        (changed(ds=["2025-12-30", "2025-02-30"]), "column ds holds '2025-02-30', which is no day"),
        (SMALL.to_pandas().assign(ds=["2025-12-30", 7]), "column ds holds 7, which is no day"),
        (SMALL.to_pandas().assign(ds=[pd.NaT, pd.Timestamp(LAST)]), "1 row without a name, a day"),
        (SMALL.to_pandas().assign(ds=[None, "2025-12-31"]), "1 row without a name, a day"),
        (changed(y=["1", "2"]), "column y must hold numbers, not String"),
        (changed(y=[True, False]), "column y must hold numbers, not Boolean"),
        *((changed(y=[1.0, bad]), "1 row .* y in .0, 100., first a, cpu, 2025-12-31") for bad in (None, -0.1, 100.1)),
        *((changed(y=[1.0, float(bad)]), "1 row .* y in .0, 100.") for bad in ("nan", "inf", "-inf")),
        (SMALL.to_pandas().assign(y=[1.0, np.nan]), "1 row .* y in"),
        (pl.concat([SMALL, SMALL]), "4 rows for days that appear twice, first a, cpu, 2025-12-30, 1.5$"),
        (
            changed(ds=[datetime(2025, 12, 31, 1), datetime(2025, 12, 31, 2)]),
            "2 rows for days that appear twice, .*; its ds are times: make one value a day of them first",
        ),
    ],
)
def test_what_is_no_base_table_is_one_sentence(base: object, said: str) -> None:
    with pytest.raises(TelemetryError, match=said) as caught:
        rows(base)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "cutoff",
    [
        LAST,
        "2025-12-31",
        "2025-12",
        " 2025-12-31 ",
        "2025-12-31T23:59:59",
        "2025-12-31 00:00:00+14:00",
        datetime(2025, 12, 31),
        datetime(2025, 12, 31, 23, 59),
        datetime(2025, 12, 31, 0, 30, tzinfo=ZoneInfo("Pacific/Kiritimati")),
        datetime(2025, 12, 31, 23, 30, tzinfo=timezone(timedelta(hours=-11))),
        datetime(2025, 12, 31, tzinfo=UTC),
        pd.Timestamp("2025-12-31"),
        pd.Timestamp("2025-12-31", tz="Asia/Tokyo"),
        np.datetime64("2025-12-31"),
        np.datetime64("2025-12-31T12", "ns"),
        np.datetime64("2025-12"),
    ],
)
def test_a_cutoff_is_its_own_calendar_date(cutoff: object) -> None:
    assert cutoff_day(cutoff) == LAST
    assert type(cutoff_day(cutoff)) is date


@pytest.mark.parametrize(
    "cutoff",
    [
        *("", "2025", "2025-13", "2025-12-32", "202512", "20251231", "31.12.2025", "2025-12-31T25:00", "December 2025"),
        *(None, True, 20251231, 2025.12, [LAST], pd.NaT, np.datetime64("NaT"), np.datetime64("2025"), object()),
    ],
)
def test_a_cutoff_that_means_no_day_is_one_sentence(cutoff: object) -> None:
    with pytest.raises(
        PartitionError, match="^cutoff: .* is no day; give a date such as 2025-12-31, or a month 2025-12$"
    ):
        cutoff_day(cutoff)


@pytest.mark.parametrize("cutoff", [date(1, 1, 31), date(9999, 12, 31), "1969-12", "2201-01"])
def test_a_cutoff_beyond_all_telemetry_is_one_sentence(cutoff: object) -> None:
    with pytest.raises(PartitionError, match="is not in the years 1970 to 2200"):
        forecast_fleet(SMALL, cutoff)  # type: ignore[arg-type]


def test_a_pandas_frame_in_local_time_gives_the_forecast_of_its_days() -> None:
    base = pl.concat([series_rows(host, wave(1096, seed=seed)) for seed, host in enumerate("ab")])
    local = base.to_pandas().sample(frac=1, random_state=0)
    local["ds"] = pd.to_datetime(local["ds"]).dt.tz_localize("Europe/Berlin")
    options: dict[str, Any] = {"entrants": ["recent_level"], "workers": 1, "log": lambda line: None}
    expected = forecast_fleet(base, LAST, **options)
    found = forecast_fleet(local, pd.Timestamp("2025-12-31", tz="Europe/Berlin"), **options)
    assert found.forecasts.equals(expected.forecasts)
    assert found.published.equals(expected.published)


class _Broken:
    """A frame of some library that fails in a way of its own."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        raise RuntimeError("lost\x1b[31m connection")


def _closed_relation() -> object:
    con = duckdb.connect()
    relation = con.from_arrow(SMALL.to_arrow())
    con.close()
    return relation


@pytest.mark.parametrize(
    ("base", "said"),
    [
        (
            lambda: duckdb.sql("SELECT 'a' AS host_id, 'cpu' AS resource, error('no') AS ds, 1 AS y"),
            "base cannot be read",
        ),
        (_closed_relation, "base cannot be read: .*closed"),
        (_Broken, "base cannot be read: lost.x1b"),
        (lambda: pl.DataFrame, "not the class DataFrame"),
        (
            lambda: duckdb.sql("SELECT 'a' AS host_id, 'cpu' AS resource, 'infinity'::DATE AS ds, 1 AS y"),
            "column ds .*years",
        ),
        (
            lambda: duckdb.sql("SELECT 'a' AS host_id, 'cpu' AS resource, '-infinity'::DATE AS ds, 1 AS y"),
            "column ds .*years",
        ),
        (lambda: SMALL.to_pandas().assign(ds=pd.PeriodIndex(["2025-11", "2025-12"], freq="M")), "column ds .*period"),
        (lambda: SMALL.to_pandas().assign(y=pd.PeriodIndex(DAYS, freq="D")), "column y must hold numbers, not periods"),
        (lambda: changed(host_id=["a\u202e" * 9000] * 2, ds=[LAST] * 2), "appear twice, first a.u202ea"),
        (lambda: pl.DataFrame({f"{'x' * 90}\n{i}": [1] for i in range(40)}), "base has no column host_id"),
    ],
)
def test_what_a_library_cannot_give_is_one_short_printable_sentence(base: Any, said: str) -> None:
    with pytest.raises(TelemetryError, match=said) as caught:
        rows(base())
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_many_unused_columns_are_one_short_printable_line() -> None:
    told: list[str] = []
    base_rows(SMALL.with_columns(pl.lit(1).alias(f"{'x' * 90}\x1b[31m{i}") for i in range(40)), told.append)
    assert "and 35 more" in told[0]
    assert told[0].isprintable()
    assert len(told[0]) < 300
