"""Months through the real command line: what is stored, in which places, and that a repetition changes nothing."""

import calendar
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from turbo_forecast import forecast_fleet
from turbo_forecast.demo import write_demo_fleet
from turbo_forecast_tests.end_to_end.conftest import House, six_series

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("months")]

MONTHS = ["2025-10", "2025-11", "2025-12"]
CUTOFFS = [date(2025, 10, 31), date(2025, 11, 30), date(2025, 12, 31)]
SERIES = ["host_id", "resource"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "fleet"
    write_demo_fleet(folder, hosts=23)
    return folder


@pytest.fixture(scope="module")
def quarter(tmp_path_factory: pytest.TempPathFactory, demo: Path) -> House:
    """A house in which October to December of the demo were made by one command."""
    house = House(tmp_path_factory.mktemp("quarter"))
    house.said = house.succeed("2025-10..2025-12", demo)  # type: ignore[attr-defined]
    return house


def usable(demo: Path) -> pl.DataFrame:
    """The base table as plain Polars makes it of the export."""
    rows = pl.read_parquet(demo / "*.parquet").drop_nulls()
    return (
        rows.filter(pl.col("value").is_between(0, 105))
        .with_columns(pl.col("value").clip(upper_bound=100), ds=pl.col("timestamp").cast(pl.Date))
        .unique(["host_id", "resource", "ds"])
        .select("host_id", "resource", "ds", y=pl.col("value").cast(pl.Float64))
        .sort("host_id", "resource", "ds")
    )


def test_the_base_table_is_what_plain_polars_makes_of_the_export(quarter: House, demo: Path) -> None:
    stored = quarter.query("FROM base_table ORDER BY host_id, resource, ds")
    assert stored.equals(usable(demo))


def test_a_range_of_months_is_one_run_a_month(quarter: House) -> None:
    out = quarter.said.out  # type: ignore[attr-defined]
    assert [line for line in out.splitlines() if line.startswith("Month ")] == [
        f"Month {cutoff:%Y-%m} (cutoff {cutoff})" for cutoff in CUTOFFS
    ]
    assert list(quarter.digests()) == [
        f"{asset}/{month}"
        for asset in ("fleet_forecast", "fold_forecast", "forecast_intervals", "forecast_parquet", "tournament")
        for month in MONTHS
    ]
    assert out.endswith("3 of 3 months complete: 2025-10, 2025-11, 2025-12\n")
    assert quarter.query("SELECT DISTINCT cutoff, run_id FROM run_audit").height == 3
    assert quarter.query("SELECT DISTINCT run_id FROM run_audit").height == 3
    assert quarter.leftovers() == []


def test_the_months_of_a_range_become_complete_one_after_the_other_and_judge_each_other(quarter: House) -> None:
    states = quarter.query("SELECT month, state FROM months ORDER BY month").rows()
    assert states == [(month, "complete") for month in MONTHS]
    finished = quarter.query("SELECT finished_at FROM months ORDER BY month")["finished_at"]
    assert finished.is_sorted()
    assert finished.n_unique() == 3
    judged = quarter.query("SELECT DISTINCT cutoff, forecast_cutoff FROM forecast_accuracy ORDER BY ALL").rows()
    october, november, december = CUTOFFS
    assert judged == [(november, october), (december, october), (december, november)]


@pytest.mark.parametrize("cutoff", CUTOFFS)
def test_every_series_seen_by_the_cutoff_has_one_outcome(quarter: House, demo: Path, cutoff: date) -> None:
    expected = usable(demo).filter(pl.col("ds") <= cutoff).select(SERIES).unique().sort(SERIES)
    outcomes = quarter.query(f"SELECT * FROM series_outcomes WHERE cutoff = '{cutoff}' ORDER BY host_id, resource")
    assert outcomes.select(SERIES).equals(expected)


def test_series_outcomes_follow_from_their_observations(quarter: House, demo: Path) -> None:
    cutoff, train_end = date(2025, 12, 31), date(2025, 8, 31)
    seen = usable(demo).filter(pl.col("ds") <= cutoff).group_by(SERIES)
    expected = seen.agg(last=pl.col("ds").max(), train=(pl.col("ds") <= train_end).sum()).with_columns(
        outcome=pl.when(pl.col("last") <= train_end)
        .then(pl.lit("retired"))
        .when(pl.col("train") < 60)
        .then(pl.lit("fallback"))
        .otherwise(pl.lit("forecast"))
    )
    stored = quarter.query(f"SELECT host_id, resource, outcome FROM series_outcomes WHERE cutoff = '{cutoff}'")
    assert stored.sort(SERIES).equals(expected.select(*SERIES, "outcome").sort(SERIES))


def test_a_forecast_repeats_the_last_value_of_each_weekday(quarter: House, demo: Path) -> None:
    cutoff = date(2025, 12, 31)
    long = quarter.query(f"SELECT host_id, resource FROM series_outcomes WHERE cutoff = '{cutoff}' AND fits = 0")
    recent = usable(demo).filter(pl.col("ds").is_between(cutoff - timedelta(days=6), cutoff))
    whole = recent.filter(pl.len().over(SERIES) == 7).join(long, on=SERIES)
    weekly = {(h, r, ds.weekday()): y for h, r, ds, y in whole.iter_rows()}
    rows = quarter.query(f"SELECT * FROM tournament_results WHERE cutoff = '{cutoff}' AND phase = 'forecast'")
    rows = rows.join(whole.select(SERIES).unique(), on=SERIES)
    assert rows.height >= 60 * 181
    expected = [weekly[h, r, ds.weekday()] for h, r, ds in rows.select(*SERIES, "ds").iter_rows()]
    np.testing.assert_array_equal(rows["yhat"].to_numpy(), np.array(expected, np.float32))


def test_forecasts_cover_every_day_of_the_six_months_after_the_cutoff(quarter: House) -> None:
    for cutoff, end in zip(CUTOFFS, [date(2026, 4, 30), date(2026, 5, 31), date(2026, 6, 30)], strict=True):
        days = [cutoff + timedelta(days=i + 1) for i in range((end - cutoff).days)]
        rows = pl.read_parquet(quarter.parquet("forecast_parquet", f"{cutoff:%Y-%m}"))
        for _, series in rows.filter(pl.col("phase") == "forecast").group_by(SERIES):
            assert series["ds"].to_list() == days
        assert calendar.monthrange(cutoff.year, cutoff.month)[1] == cutoff.day


def test_observed_values_stand_beside_the_backtest_and_nowhere_else(quarter: House, demo: Path) -> None:
    rows = pl.read_parquet(quarter.parquet("fleet_forecast", "2025-12"))
    expected = rows.select(*SERIES, "ds", "phase").join(usable(demo), on=[*SERIES, "ds"], how="left")
    expected = expected.with_columns(y=pl.when(pl.col("phase") == "backtest").then("y"))
    assert rows["y"].equals(expected["y"])


WINDOWS = {
    "backtest": date(2025, 8, 31),
    "fold 1": date(2025, 4, 30),
    "fold 2": date(2024, 12, 31),
    "fold 3": date(2024, 8, 31),
}
"""Last training day of the backtest and of each fold of 2025-12."""


def test_scores_are_what_numpy_makes_of_the_stored_rows(quarter: House, demo: Path) -> None:
    scores = quarter.query("SELECT * FROM tournament_scores WHERE cutoff = '2025-12-31'")
    rows = pl.read_parquet(quarter.parquet("fleet_forecast", "2025-12")).filter(pl.col("phase") == "backtest")
    columns = [*SERIES, "window", "y", "yhat"]
    folds = pl.read_parquet(quarter.parquet("fold_forecast", "2025-12"))
    numbered = pl.format("fold {}", "fold")
    both = [rows.with_columns(window=pl.lit("backtest")), folds.with_columns(window=numbered)]
    whole = pl.concat([each.select(columns) for each in both]).drop_nulls("y").cast({"yhat": pl.Float64})
    parts = whole.partition_by([*SERIES, "window"], as_dict=True)
    assert len(parts) == scores.height
    assert set(scores["window_name"]) == set(WINDOWS)
    training = usable(demo).partition_by(SERIES, as_dict=True)
    for score in scores.iter_rows(named=True):
        host, resource, window = score["host_id"], score["resource"], score["window_name"]
        y, yhat = (parts[host, resource, window][name].to_numpy() for name in ("y", "yhat"))
        known = training[host, resource].filter(pl.col("ds") <= WINDOWS[window])
        by_day = dict(known.select("ds", "y").iter_rows())
        steps = [abs(v - by_day[d - timedelta(days=7)]) for d, v in by_day.items() if d - timedelta(days=7) in by_day]
        scale = float(np.mean(steps))
        assert score["n"] == len(y)
        assert score["mae"] == pytest.approx(np.abs(y - yhat).mean(), rel=1e-9)
        assert score["rmse"] == pytest.approx(np.sqrt(((y - yhat) ** 2).mean()), rel=1e-9)
        if scale > 0:
            assert score["mase"] == pytest.approx(np.abs(y - yhat).mean() / scale, rel=1e-9)
        else:
            assert score["mase"] is None


def test_the_master_file_holds_the_champions_rows_and_no_others(quarter: House) -> None:
    cutoff = "2025-12-31"
    champions = quarter.query(f"SELECT host_id, resource, model FROM champions WHERE cutoff = '{cutoff}'")
    outcomes = quarter.query(f"SELECT host_id, resource, outcome FROM series_outcomes WHERE cutoff = '{cutoff}'")
    every = pl.read_parquet(quarter.parquet("fleet_forecast", "2025-12"))
    expected = every.join(champions, on=[*SERIES, "model"], how="semi").join(outcomes, on=SERIES)
    master = pl.read_parquet(quarter.parquet("forecast_parquet", "2025-12"))
    bounds = ["yhat_lower", "yhat_upper"]
    assert master.drop(bounds).equals(expected.sort(*SERIES, "phase", "ds").drop(bounds))
    assert master["model"].null_count() == 0
    assert set(outcomes["outcome"]) == {"forecast", "fallback", "retired"}
    live = outcomes.filter(pl.col("outcome") != "retired").select(SERIES).sort(SERIES)
    assert champions.select(SERIES).sort(SERIES).equals(live)


def test_the_published_interval_reaches_as_far_as_the_calibration_says_and_no_further_than_a_percentage_can(
    quarter: House,
) -> None:
    reach = quarter.query("SELECT * FROM calibration WHERE cutoff = '2025-12-31'")
    rows = pl.read_parquet(quarter.parquet("forecast_parquet", "2025-12"))
    months = pl.col("ds").dt.year() * 12 + pl.col("ds").dt.month().cast(pl.Int32)
    before = pl.when(pl.col("phase") == "backtest").then(2025 * 12 + 8).otherwise(2025 * 12 + 12)
    rows = rows.with_columns(horizon_month=(months - before).cast(pl.Int32))
    joined = rows.join(reach, on=[*SERIES, "phase", "horizon_month"])
    assert joined.height == rows.height, "a young series too: its resource tells its interval"
    assert set(joined["horizon_month"]) == {1, 2, 3, 4, 5, 6}
    yhat = joined["yhat"].to_numpy().astype(np.float64)
    lower, upper = yhat + joined["lower"].to_numpy(), yhat + joined["upper"].to_numpy()
    np.testing.assert_array_equal(joined["yhat_lower"].to_numpy(), np.maximum(lower, 0).astype(np.float32))
    np.testing.assert_array_equal(joined["yhat_upper"].to_numpy(), np.minimum(upper, 100).astype(np.float32))


@pytest.mark.parametrize("month", MONTHS[:2])
def test_the_library_gives_the_pipelines_rows(month: str, quarter: House) -> None:
    cutoff = CUTOFFS[MONTHS.index(month)]
    base = quarter.query("SELECT * FROM base_table")
    result = forecast_fleet(base, cutoff, entrants=["seasonal_naive"], workers=1, log=lambda line: None)
    assert result.forecasts.equals(pl.read_parquet(quarter.parquet("fleet_forecast", month)))
    assert_frame_equal(result.published, pl.read_parquet(quarter.parquet("forecast_parquet", month)), check_exact=True)
    tables = {"champions": result.champions, "tournament_scores": result.scores, "calibration": result.calibration}
    timed = {"series_outcomes": result.outcomes, "model_runs": result.model_runs}
    for name, frame in {**tables, **timed, "tournament_standings": result.standings}.items():
        stored = quarter.query(f"SELECT * FROM {name} WHERE cutoff = '{cutoff}'")
        every = ("phase", *SERIES, "horizon_month", "model", "window_name")
        keys = [column for column in every if column in stored.columns]
        clock = ["milliseconds"] if name in timed else []
        assert_frame_equal(frame.sort(keys).drop(clock), stored.sort(keys).drop(clock), check_exact=True)


def test_a_repeated_month_gives_the_same_bytes_and_touches_no_other(quarter: House, demo: Path) -> None:
    tables = quarter.tables()
    published = quarter.published()
    files = {path: (path.read_bytes(), path.stat().st_mtime_ns) for paths in published.values() for path in paths}
    quarter.succeed("2025-11", demo)
    assert quarter.tables() == tables
    assert quarter.published() == published
    for name, paths in published.items():
        for path in paths:
            content, stamp = files[path]
            assert path.read_bytes() == content
            assert (path.stat().st_mtime_ns != stamp) == name.endswith("/2025-11"), path
    runs = quarter.query("SELECT cutoff, count(DISTINCT run_id) AS n, min(run_id) AS run FROM run_audit GROUP BY 1")
    assert runs["n"].to_list() == [1, 1, 1]
    assert runs["run"].n_unique() == 3, "only the repeated month's audit is new"


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A house in which 2025-12 of one host was made as a settings file says, which no option but the month repeats."""
    house = House(tmp_path_factory.mktemp("configured"))
    rows = six_series().filter(pl.col("host_id") == "alpha").rename({"ds": "day", "y": "load"})
    rows.with_columns(pl.col("load") / 100 * pl.when(pl.col("resource") == "cpu").then(1).otherwise(32.0)).write_csv(
        house.folder / "export.csv"
    )
    telemetry = {
        "telemetry": str(house.folder / "export.csv"),
        "time_column": "day",
        "value_column": "load",
        "units": {"cpu": "fraction"},
        "capacity": {"memory": 32},
        "statistics": {"memory": "max"},
    }
    forecast = {"entrants": ["prophet", "seasonal_naive"], "uncertainty_samples": 50, "workers": 1}
    forecast |= {"train_months": 12, "backtest_months": 2, "horizon_months": 3}
    settings = house.write_settings({"telemetry": telemetry, "forecast": forecast})
    house.said = house.succeed("2025-12", None, "--demo-hosts", "3", settings=settings)  # type: ignore[attr-defined]
    return house


def test_a_month_with_prophet_publishes_prophet_and_scores_both(configured: House) -> None:
    said = configured.said.out  # type: ignore[attr-defined]
    assert "2 in the base table by 2025-12-31, 2 with an outcome: 2 forecast" in said
    master = pl.read_parquet(configured.parquet("forecast_parquet", "2025-12"))
    assert set(master["model"]) == {"prophet"}
    scored = configured.query("SELECT DISTINCT model FROM tournament_scores")["model"]
    assert set(scored) == {"prophet", "seasonal_naive"}
    # the series grow by 20 points in three years, with noise of 2: Prophet must be near that, three months on
    ahead = master.filter(pl.col("ds") == date(2026, 3, 31)).sort("resource")
    np.testing.assert_allclose(ahead["yhat"], [30 + 20 * 1185 / 1096] * 2, atol=7)


def test_a_settings_file_reaches_every_option_through_dagster(configured: House) -> None:
    assert not list(configured.data.glob("demo-*")), "telemetry of the settings file goes before the demo"
    base = configured.query("FROM base_table ORDER BY host_id, resource, ds")
    expected = six_series().filter(pl.col("host_id") == "alpha")
    np.testing.assert_allclose(base["y"], expected["y"], rtol=1e-12)
    asked = "SELECT phase, min(ds), max(ds) FROM tournament_results GROUP BY phase ORDER BY phase"
    assert configured.query(asked).rows() == [
        ("backtest", date(2025, 11, 1), date(2025, 12, 31)),
        ("forecast", date(2026, 1, 1), date(2026, 3, 31)),
    ]
    assert configured.query("SELECT DISTINCT observations FROM series_outcomes").item() == 365 + 61
