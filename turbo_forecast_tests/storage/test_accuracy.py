"""What became of earlier forecasts: every number by hand, and nothing that had not happened yet."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest

from turbo_forecast.schemas import BASE_TABLE, FLEET_FORECAST, FORECAST_ACCURACY, FORECAST_PARQUET, TOURNAMENT_RESULTS
from turbo_forecast.storage.accuracy import accuracy_so_far, latest_month_scored
from turbo_forecast.storage.files import write_parquet

OCTOBER, NOVEMBER, DECEMBER = date(2025, 10, 31), date(2025, 11, 30), date(2025, 12, 31)
KEYS = ["forecast_cutoff", "lead_month", "resource", "model"]


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute(BASE_TABLE.ddl())
        con.execute(TOURNAMENT_RESULTS.ddl())
        yield con


def observe(con: duckdb.DuckDBPyConnection, *rows: tuple[str, str, date, float]) -> None:
    con.executemany("INSERT INTO base_table VALUES (?, ?, ?, ?)", rows)


def forecast(
    series: tuple[str, str],
    model: str,
    cutoff: date,
    *days: tuple[date, float, float, float],
    phase: str = "forecast",
) -> pl.DataFrame:
    """Rows of TOURNAMENT_RESULTS; days are (ds, yhat_lower, yhat, yhat_upper)."""
    host, resource = series
    rows = [(host, resource, model, phase, cutoff, ds, None, yhat, low, high) for ds, low, yhat, high in days]
    return pl.DataFrame(rows, schema=FLEET_FORECAST.polars_schema, orient="row")


def store(con: duckdb.DuckDBPyConnection, *frames: pl.DataFrame) -> None:
    con.register("rows", pl.concat(frames).to_arrow())
    con.execute("INSERT INTO tournament_results BY NAME SELECT * FROM rows")


def master(folder: Path, *frames: pl.DataFrame) -> dict[date, Path]:
    """A published file of one month, by its cutoff."""
    rows = pl.concat(frames).with_columns(outcome=pl.lit("forecast")).pipe(FORECAST_PARQUET.conform)
    cutoff = rows["cutoff"][0]
    path = folder / f"{cutoff:%Y-%m}-01.parquet"
    write_parquet([rows.to_arrow().cast(FORECAST_PARQUET.arrow_schema)], FORECAST_PARQUET.arrow_schema, path)
    return {cutoff: path}


def judged(
    con: duckdb.DuckDBPyConnection,
    masters: dict[date, Path] | None = None,
    *,
    cutoff: date = DECEMBER,
    months: int = 6,
    width: float = 0.8,
    fallback: str = "nobody",
    unsettled: tuple[date, ...] = (),
) -> pl.DataFrame:
    every = pl.date_range(date(2020, 1, 1), date(2027, 1, 1), "1mo", eager=True).dt.month_end().to_list()
    settled = set(every) - set(unsettled)
    return accuracy_so_far(con, cutoff, masters or {}, settled, months, width, fallback)


def test_a_month_that_is_not_settled_is_not_judged(con: duckdb.DuckDBPyConnection, months: dict[date, Path]) -> None:
    whole, found = judged(con, months), judged(con, months, unsettled=(OCTOBER,))
    assert set(whole["forecast_cutoff"]) == {OCTOBER, NOVEMBER}
    assert found.equals(whole.filter(pl.col("forecast_cutoff") == NOVEMBER)), (
        "of every entrant, and of what was published"
    )
    assert judged(con, months, unsettled=(OCTOBER, NOVEMBER)).is_empty()


A_CPU, B_CPU, A_MEMORY = ("a", "cpu"), ("b", "cpu"), ("a", "memory")
NOV_1, NOV_2, DEC_1, DEC_2 = date(2025, 11, 1), date(2025, 11, 2), date(2025, 12, 1), date(2025, 12, 2)


@pytest.fixture
def months(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> dict[date, Path]:
    """Two earlier months of two entrants; entrant x is published in October, y in November."""
    observe(con, ("a", "cpu", NOV_1, 10.0), ("a", "cpu", NOV_2, 20.0), ("b", "cpu", NOV_1, 30.0))
    observe(con, ("a", "memory", NOV_1, 50.0), ("a", "cpu", DEC_1, 40.0), ("a", "cpu", DEC_2, 60.0))
    # yhat - y on what is observed: +2 and -4 (a cpu), +1 (b cpu), 0 (a memory); December: +10 (a cpu)
    x = [
        forecast(A_CPU, "x", OCTOBER, (NOV_1, 8, 12, 15), (NOV_2, 10, 16, 18), (DEC_1, 45, 50, 55)),
        forecast(B_CPU, "x", OCTOBER, (NOV_1, 30, 31, 32), (NOV_2, 30, 31, 32)),
        forecast(A_MEMORY, "x", OCTOBER, (NOV_1, 50, 50, 50)),
    ]
    y = [
        forecast(A_CPU, "y", OCTOBER, (NOV_1, 0, 10, 100)),
        forecast(A_CPU, "y", NOVEMBER, (DEC_1, 39, 41, 41), (DEC_2, 50, 55, 58)),
    ]
    narrower = [frame.with_columns(yhat_lower="yhat", yhat_upper="yhat") for frame in x]
    store(con, *x, *y)
    return {**master(tmp_path, *narrower), **master(tmp_path, y[1])}


def test_who_forecast_only_some_series_is_charged_the_fallback_for_the_others(con: duckdb.DuckDBPyConnection) -> None:
    observe(con, ("a", "cpu", NOV_1, 10.0), ("b", "cpu", NOV_1, 30.0))
    store(
        con,
        forecast(A_CPU, "x", OCTOBER, (NOV_1, 9, 10, 11)),
        forecast(A_CPU, "naive", OCTOBER, (NOV_1, 0, 14, 20)),
        forecast(B_CPU, "naive", OCTOBER, (NOV_1, 30, 36, 40)),
    )
    found = judged(con, fallback="naive").filter(pl.col("resource") == "all").sort("model")
    assert found.select("model", "series", "own", "n", "mae").rows() == [("naive", 2, 2, 2, 5.0), ("x", 2, 1, 2, 3.0)]


def test_a_resource_of_the_name_all_stands_for_the_fleet_once(con: duckdb.DuckDBPyConnection) -> None:
    observe(con, ("a", "all", NOV_1, 10.0), ("a", "cpu", NOV_1, 20.0))
    store(con, *(forecast(("a", name), "x", OCTOBER, (NOV_1, 9, 12, 13)) for name in ("all", "cpu")))
    found = judged(con)
    assert found.select("resource", "n").rows() == [("all", 2), ("cpu", 1)]


def test_every_number_is_what_a_hand_makes_of_the_days(
    con: duckdb.DuckDBPyConnection, months: dict[date, Path]
) -> None:
    found = judged(con, months)
    columns = [*KEYS, "series", "n", "mae", "wape", "bias", "coverage", "interval_score"]
    # interval score at width 0.8: width + 10 times what y is outside; x in November: a cpu 7, 8 + 10 * 2; b cpu 2; memory 0
    expected = [
        (OCTOBER, 1, "all", "champion", 3, 4, 7 / 4, 7 / 110, -1 / 4, 1 / 4, 70 / 4),
        (OCTOBER, 1, "all", "x", 3, 4, 7 / 4, 7 / 110, -1 / 4, 3 / 4, 37 / 4),
        (OCTOBER, 1, "all", "y", 1, 1, 0.0, 0.0, 0.0, 1.0, 100.0),
        (OCTOBER, 1, "cpu", "champion", 2, 3, 7 / 3, 7 / 60, -1 / 3, 0.0, 70 / 3),
        (OCTOBER, 1, "cpu", "x", 2, 3, 7 / 3, 7 / 60, -1 / 3, 2 / 3, 37 / 3),
        (OCTOBER, 1, "cpu", "y", 1, 1, 0.0, 0.0, 0.0, 1.0, 100.0),
        (OCTOBER, 1, "memory", "champion", 1, 1, 0.0, 0.0, 0.0, 1.0, 0.0),
        (OCTOBER, 1, "memory", "x", 1, 1, 0.0, 0.0, 0.0, 1.0, 0.0),
        *((OCTOBER, 2, name, "champion", 1, 1, 10.0, 0.25, 10.0, 0.0, 100.0) for name in ("all", "cpu")),
        *((OCTOBER, 2, name, "x", 1, 1, 10.0, 0.25, 10.0, 0.0, 10 + 50.0) for name in ("all", "cpu")),
        *((NOVEMBER, 1, name, who, 1, 2, 3.0, 0.06, -2.0, 0.5, (2 + 8 + 20) / 2) for name in ("all", "cpu") for who in ("champion", "y")),
    ]  # fmt: skip
    expected.sort(key=lambda row: row[:4])
    assert found.select(KEYS).rows() == [row[:4] for row in expected]
    assert found["series"].to_list() == [row[4] for row in expected]
    assert found["n"].to_list() == [row[5] for row in expected]
    for place, name in enumerate(columns[6:], start=6):
        np.testing.assert_allclose(found[name], [row[place] for row in expected], rtol=0, atol=1e-9, err_msg=name)
    assert set(found["cutoff"]) == {DECEMBER}
    assert found.schema == FORECAST_ACCURACY.polars_schema


def test_the_latest_month_is_judged_as_it_will_be_stored(
    con: duckdb.DuckDBPyConnection, months: dict[date, Path]
) -> None:
    everyone = [OCTOBER, NOVEMBER]
    # in December: two days a month ahead, errors 1 and 5, one of them inside; one day two months ahead, error 10
    found = latest_month_scored(con, DECEMBER, months, everyone, 6)
    assert found.rows() == [(1, 3.0, 0.5, 2), (2, 10.0, 0.0, 1)]
    stored = judged(con, months).filter(pl.col("resource") == "all", pl.col("model") == "champion")
    same = stored.filter(
        (pl.lit(DECEMBER).dt.month() - pl.col("forecast_cutoff").dt.month()).cast(pl.Int32) == pl.col("lead_month")
    )
    assert found.rows() == same.sort("lead_month").select("lead_month", "mae", "coverage", "n").rows()
    assert latest_month_scored(con, DECEMBER, months, [OCTOBER], 6).rows() == [(2, 10.0, 0.0, 1)]
    assert latest_month_scored(con, DECEMBER, months, everyone, 1).rows() == [(1, 3.0, 0.5, 2)]
    assert latest_month_scored(con, DECEMBER, {}, everyone, 6).is_empty()


def test_the_interval_score_is_winklers_at_the_width_of_the_run(con: duckdb.DuckDBPyConnection) -> None:
    observe(con, ("a", "cpu", DEC_1, 40.0))
    store(con, forecast(A_CPU, "x", NOVEMBER, (DEC_1, 41, 50, 61)))
    for width, score in ((0.8, 20 + 2 / 0.2 * 1), (0.5, 20 + 2 / 0.5 * 1), (0.95, 20 + 2 / 0.05 * 1)):
        assert judged(con, width=width)["interval_score"].to_list() == pytest.approx([score, score], rel=1e-9)


def test_a_value_on_a_bound_is_inside(con: duckdb.DuckDBPyConnection) -> None:
    observe(con, ("a", "cpu", DEC_1, 40.0), ("a", "cpu", DEC_2, 40.0))
    store(con, forecast(A_CPU, "x", NOVEMBER, (DEC_1, 40, 45, 50), (DEC_2, 30, 35, 40)))
    assert set(judged(con)["coverage"]) == {1.0}


def test_what_happened_after_the_cutoff_is_not_read(
    con: duckdb.DuckDBPyConnection, months: dict[date, Path], tmp_path: Path
) -> None:
    before = judged(con, months, cutoff=NOVEMBER)
    assert set(before["forecast_cutoff"]) == {OCTOBER}
    assert set(before["lead_month"]) == {1}
    con.execute("UPDATE base_table SET y = 0 WHERE ds > DATE '2025-11-30'")
    con.execute("UPDATE tournament_results SET yhat = 0 WHERE ds > DATE '2025-11-30'")
    assert judged(con, months, cutoff=NOVEMBER).equals(before)
    con.execute("DELETE FROM base_table WHERE ds > DATE '2025-11-30'")
    later = master(tmp_path, forecast(A_CPU, "y", DECEMBER, (date(2026, 1, 1), 1, 2, 3)))
    assert judged(con, months | later, cutoff=NOVEMBER).equals(before)


def test_a_month_is_not_judged_by_itself_nor_by_a_later_one(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    observe(con, ("a", "cpu", DEC_1, 40.0), ("a", "cpu", date(2026, 1, 1), 40.0))
    own = forecast(A_CPU, "x", DECEMBER, (date(2026, 1, 1), 30, 40, 50))
    store(con, own)
    assert judged(con, master(tmp_path, own)).is_empty()


def test_backtests_are_no_forecasts(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    observe(con, ("a", "cpu", NOV_1, 40.0))
    rows = forecast(A_CPU, "x", NOVEMBER, (NOV_1, 30, 40, 50), phase="backtest")
    store(con, rows)
    assert judged(con, master(tmp_path, rows)).is_empty()


@pytest.mark.parametrize(("months", "cutoffs"), [(1, [NOVEMBER]), (2, [OCTOBER, NOVEMBER])])
def test_forecasts_older_than_the_horizon_are_not_judged(
    months: int, cutoffs: list[date], con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    masters = {}
    observe(con, ("a", "cpu", DEC_1, 40.0))
    for cutoff in (date(2025, 9, 30), OCTOBER, NOVEMBER):
        rows = forecast(A_CPU, "x", cutoff, (DEC_1, 30, 40, 50))
        store(con, rows)
        masters |= master(tmp_path, rows)
    found = judged(con, masters, months=months)
    assert found["forecast_cutoff"].unique().sort().to_list() == cutoffs
    assert set(found["model"]) == {"x", "champion"}


def test_the_horizon_is_counted_in_calendar_months_whatever_their_length(con: duckdb.DuckDBPyConnection) -> None:
    observe(con, ("a", "cpu", date(2024, 2, 29), 40.0))
    for cutoff in (date(2023, 8, 31), date(2023, 9, 30), date(2024, 1, 31)):
        store(con, forecast(A_CPU, "x", cutoff, (date(2024, 2, 29), 30, 40, 50)))
    found = judged(con, cutoff=date(2024, 2, 29)).filter(pl.col("resource") == "all")
    leads = found.select("forecast_cutoff", "lead_month").rows()
    assert leads == [(date(2023, 8, 31), 6), (date(2023, 9, 30), 5), (date(2024, 1, 31), 1)]


def test_days_and_series_that_were_not_observed_do_not_count(con: duckdb.DuckDBPyConnection) -> None:
    observe(con, ("a", "cpu", DEC_2, 40.0))
    days = [(DEC_1 + timedelta(days=day), 0.0, 100.0, 100.0) for day in range(31)]
    store(con, *(forecast(series, "x", NOVEMBER, *days) for series in (A_CPU, B_CPU)))
    found = judged(con)
    assert found.select("series", "n", "mae").unique().rows() == [(1, 1, 60.0)]


@pytest.mark.parametrize("y", [0.0, 5e-324])
def test_where_nothing_was_used_there_is_no_share_of_it(y: float, con: duckdb.DuckDBPyConnection) -> None:
    """Averages that fade away end at the smallest number there is before they end at 0."""
    observe(con, ("a", "cpu", DEC_1, y))
    store(con, forecast(A_CPU, "x", NOVEMBER, (DEC_1, 0, 1, 2)))
    found = judged(con)
    assert found["wape"].to_list() == [None, None]
    assert found["mae"].to_list() == [1.0, 1.0]


def test_one_host_with_two_resources_is_two_series(con: duckdb.DuckDBPyConnection) -> None:
    observe(con, ("a", "cpu", DEC_1, 40.0), ("a", "memory", DEC_1, 40.0))
    store(con, *(forecast(series, "x", NOVEMBER, (DEC_1, 30, 40, 50)) for series in (A_CPU, A_MEMORY)))
    assert dict(judged(con).select("resource", "series").rows()) == {"all": 2, "cpu": 1, "memory": 1}


def test_without_an_earlier_month_there_is_nothing_to_judge(con: duckdb.DuckDBPyConnection) -> None:
    observe(con, ("a", "cpu", DEC_1, 40.0))
    found = judged(con)
    assert found.is_empty()
    assert found.schema == FORECAST_ACCURACY.polars_schema


def test_a_warehouse_without_results_is_judged_by_its_published_files_alone(tmp_path: Path) -> None:
    masters = master(tmp_path, forecast(A_CPU, "x", NOVEMBER, (DEC_1, 30, 40, 50)))
    with duckdb.connect() as con:
        con.execute(BASE_TABLE.ddl())
        observe(con, ("a", "cpu", DEC_1, 40.0))
        assert judged(con).is_empty()
        assert judged(con, masters)["model"].to_list() == ["champion", "champion"]


def test_the_same_numbers_for_any_number_of_threads(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    draws = np.random.default_rng(7)
    days = [DEC_1 + timedelta(days=day) for day in range(31)]
    frames = []
    for host in range(400):  # more rows than one row group of DuckDB holds
        for resource in ("cpu", "memory"):
            yhat = draws.uniform(10, 90, 31)
            values = zip(days, yhat - 5, yhat, yhat + 5, strict=True)
            own = forecast((f"h{host}", resource), "x", NOVEMBER, *values)
            frames += [own.with_columns(model=pl.lit(model)) for model in ("x", "y", "z", "u", "v")]
    rows = pl.concat(frames)
    store(con, rows)
    con.execute("CREATE TABLE noise AS SELECT DISTINCT host_id, resource, ds FROM tournament_results ORDER BY ALL")
    con.execute("INSERT INTO base_table SELECT *, hash(host_id, resource, ds) % 1000000 / 10000.0 FROM noise")
    masters = master(tmp_path, rows.filter(pl.col("model") == "x"))
    found = []
    for threads in (1, 4, 3):
        con.execute(f"SET threads = {threads}")
        found.append(judged(con, masters))
    assert len(rows) > 122_880
    assert found[0].height == 3 * 6
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])
