"""Groups are forecast as series of their own, and the fleet does not notice."""

from datetime import date, timedelta
from functools import partial

import numpy as np
import polars as pl
import pytest

from turbo_forecast import forecast_fleet
from turbo_forecast.errors import SettingsError
from turbo_forecast.fleet import groups as groups_module
from turbo_forecast.fleet.groups import first_day, group_history, group_settings, with_fleet_offsets
from turbo_forecast.library.forecast import FleetResult
from turbo_forecast.schemas import CALIBRATION, FORECAST_PARQUET, GROUP_FORECAST, GROUP_HISTORY
from turbo_forecast.settings import forecast_settings
from turbo_forecast.storage.groups import groups_of, members_of, values_in
from turbo_forecast_tests.conftest import CUTOFF, HISTORY_START, series_rows, wave

pytestmark = pytest.mark.xdist_group("fleet_groups")

OPTIONS = {"entrants": ["recent_level", "seasonal_naive"], "workers": 1, "log": lambda line: None}
BASE = pl.concat(
    [
        series_rows(host, wave(seed=seed), resource=name)
        for seed, (host, name) in enumerate([("a", "cpu"), ("b", "cpu"), ("a", "mem")])
    ]
    + [series_rows("new", wave(60, level=80), start=CUTOFF - timedelta(days=59))]
)
FILE = pl.DataFrame(
    {"host_id": ["a", "b", "new", "b"], "group": ["site", "site", "site", "b"], "capacity": [1, 1, 2, 9]}
)


@pytest.fixture(scope="module")
def result() -> FleetResult:
    return forecast_fleet(BASE, CUTOFF, groups=FILE, **OPTIONS)  # type: ignore[arg-type]


def history_of(base: pl.DataFrame, file: pl.DataFrame) -> pl.DataFrame:
    series = base.group_by("host_id", "resource").agg(
        observations=pl.len().cast(pl.Int64), first_ds=pl.col("ds").min(), last_ds=pl.col("ds").max()
    )
    members = members_of(groups_of(file), series, CUTOFF, 28).rows
    values = partial(values_in, base, first=HISTORY_START, last=CUTOFF)
    return group_history(members, values, HISTORY_START, CUTOFF)


def test_every_group_and_resource_has_a_backtest_and_a_forecast_inside_the_envelope(result: FleetResult) -> None:
    rows = result.group_forecast
    assert rows.schema == GROUP_FORECAST.polars_schema
    assert rows.select("host_id", "resource", "phase").unique().sort(pl.all()).rows() == [
        (group, resource, phase)
        for group, resource in (("b", "cpu"), ("site", "cpu"), ("site", "mem"))
        for phase in ("backtest", "forecast")
    ]
    assert rows.group_by("phase").len().sort("phase").rows() == [("backtest", 3 * 122), ("forecast", 3 * 181)]
    assert rows.filter(
        pl.any_horizontal(
            pl.col("yhat_lower") < 0, pl.col("yhat_upper") > 100, ~pl.col("yhat").is_between("yhat_lower", "yhat_upper")
        )
    ).is_empty()
    assert rows.filter(phase="backtest")["y"].null_count() == 0


def test_a_group_of_one_host_is_that_host_and_may_have_its_name(result: FleetResult) -> None:
    own, host = (
        frame.filter(host_id="b", resource="cpu").sort("ds").select("ds", "y").drop_nulls()
        for frame in (result.group_history, BASE)
    )
    assert own["ds"].equals(host["ds"])
    assert own["y"].to_numpy() == pytest.approx(host["y"].to_numpy())
    of_group, of_host = (
        frame.filter(host_id="b", model="recent_level")["yhat"].to_numpy()
        for frame in (result.group_forecast, result.forecasts)
    )
    assert of_group == pytest.approx(of_host, abs=1e-4)


def test_a_new_hosts_level_is_no_growth_of_the_groups_forecast(result: FleetResult) -> None:
    """The newcomer has half of the capacity and lies some 25 points above the others."""
    days = result.group_history.filter(host_id="site", resource="cpu").sort("ds")
    joined = CUTOFF - timedelta(days=59)
    before = days.filter(pl.col("ds").is_between(joined - timedelta(days=56), joined - timedelta(days=1)))
    after = days.filter(pl.col("ds") >= joined)
    assert after["y"].mean() - before["y"].mean() == pytest.approx(0.0, abs=2.0)  # type: ignore[operator]
    assert days.select("hosts", "observed_hosts").unique().sort(pl.all()).rows() == [(2, 2), (3, 3)]
    plain = BASE.filter(pl.col("host_id").is_in(["a", "b"]), resource="cpu").filter(ds=joined)["y"].sum() + 2 * 80
    assert after["y"][0] == pytest.approx(plain / 4, abs=5)


def test_the_fleets_own_tables_are_as_without_groups(result: FleetResult) -> None:
    without = forecast_fleet(BASE, CUTOFF, **OPTIONS)  # type: ignore[arg-type]
    for name in FleetResult.frames():
        if not name.startswith("group_") and name not in ("outcomes", "model_runs", "audit"):
            found = getattr(result, name)
            of_fleet = found.filter(kind="series") if "kind" in found.columns else found
            of_fleet = of_fleet.drop("urgency", strict=False)
            assert of_fleet.equals(getattr(without, name).drop("urgency", strict=False)), name
    assert len(result.outcomes) == len(without.outcomes) == 4
    assert without.group_forecast.is_empty()
    assert without.group_forecast.schema == GROUP_FORECAST.polars_schema


def test_each_group_has_statements_ranked_among_those_of_series(result: FleetResult) -> None:
    stated = result.outlook.filter(kind="group")
    named = stated.select("host_id", "resource", "threshold").sort(pl.all()).rows()
    groups = (("b", "cpu"), ("site", "cpu"), ("site", "mem"))
    assert named == [
        (group, resource, threshold) for group, resource in groups for threshold in (70.0, 80.0, 90.0, 95.0)
    ]
    assert sorted(result.outlook["urgency"].to_list()) == list(range(1, 1 + 4 * (4 + 3)))
    assert set(result.outlook_backtest.filter(kind="group")["host_id"]) == {"b", "site"}


def test_what_is_no_frame_of_groups_is_refused_before_any_work() -> None:
    for wrong in (5, pl.Series([1]), {"a": "site"}):
        with pytest.raises(SettingsError, match="groups must be a frame with the columns host_id and group"):
            forecast_fleet(BASE, CUTOFF, groups=wrong, **OPTIONS)  # type: ignore[arg-type]


def test_groups_worked_on_one_by_one_have_the_same_days(monkeypatch: pytest.MonkeyPatch) -> None:
    together = history_of(BASE, FILE)
    monkeypatch.setattr(groups_module, "CELLS", 1)
    assert history_of(BASE, FILE).equals(together)
    assert together.schema == GROUP_HISTORY.polars_schema
    assert together.group_by("host_id", "resource").len().sort(pl.all()).rows() == [
        ("b", "cpu", 1096),
        ("site", "cpu", 1096),
        ("site", "mem", 1096),
    ]


def test_an_entrant_that_sees_all_history_is_shown_a_groups_too_and_they_are_no_training_days() -> None:
    """Groups of one host are that host; one was not observed for long, and has 50 days of training in the history months."""
    began = HISTORY_START - timedelta(days=400)
    whole = series_rows("whole", wave(400 + 1096), start=began)
    gone = pl.col("ds").is_between(HISTORY_START, CUTOFF - timedelta(days=172))
    base = pl.concat([whole, whole.filter(~gone).with_columns(host_id=pl.lit("gap"))])
    file = pl.DataFrame({"host_id": ["whole", "gap"], "group": ["all", "late"]})
    found = forecast_fleet(base, CUTOFF, groups=file, **{**OPTIONS, "entrants": ["yearly_profile"], "folds": 1})  # type: ignore[arg-type]
    assert found.group_history.filter(host_id="all")["ds"].to_list() == whole["ds"].to_list()
    of_group, of_host = (
        frame.filter(host_id=name, model="yearly_profile", phase="forecast")["yhat"].to_numpy()
        for name, frame in (("all", found.group_forecast), ("whole", found.forecasts))
    )
    assert of_group.size == 181
    assert of_group == pytest.approx(of_host, abs=1e-4)
    outcomes = found.group_forecast.select("host_id", "outcome").unique().rows()
    assert dict(outcomes) == {"all": "forecast", "late": "fallback"}


def test_days_before_the_history_months_are_asked_for_only_where_somebody_is_shown_them() -> None:
    early, late = HISTORY_START - timedelta(days=9), HISTORY_START + timedelta(days=9)
    sees, does_not = forecast_settings(entrants=["yearly_profile"]), forecast_settings(entrants=["recent_level"])
    assert first_day(sees, HISTORY_START, lambda: early) == early
    assert first_day(sees, HISTORY_START, lambda: late) == HISTORY_START
    assert first_day(sees, HISTORY_START, lambda: None) == HISTORY_START
    assert first_day(does_not, HISTORY_START, lambda: early) == HISTORY_START


def test_a_group_whose_hosts_have_all_left_has_no_days() -> None:
    gone = BASE.filter((pl.col("host_id") != "b") | (pl.col("ds") < date(2025, 6, 1)))
    assert history_of(gone, FILE)["host_id"].unique().to_list() == ["site"]


def test_no_group_has_no_days() -> None:
    assert history_of(BASE, pl.DataFrame({"host_id": ["a"], "group": ["g"], "resource": ["disk"]})).is_empty()


def test_a_run_over_groups_asks_no_model_that_knows_hosts_alone() -> None:
    settings = forecast_settings(entrants=["prophet", "lstm"], external={"lstm": "x.parquet"}, workers=8)
    own = group_settings(settings, 150)
    assert own.field_of_entrants == ["prophet", "seasonal_naive"]
    assert own.worker_count == 2
    assert group_settings(settings, 1).worker_count == 1
    alone = group_settings(forecast_settings(entrants=["lstm"], external={"lstm": "x.parquet"}), 5)
    assert alone.field_of_entrants == ["seasonal_naive"]


def test_few_groups_reach_as_far_as_the_fleet_does_in_units_of_their_own_errors() -> None:
    key = {"phase": "forecast", "resource": "cpu", "horizon_month": 1}
    reach = [("h1", 2.0, -4.0, 6.0), ("h2", 1.0, -2.0, 3.0), ("h3", 10.0, -90.0, 5.0), ("idle", 0.0, -50.0, 50.0)]
    fleet = pl.DataFrame(reach, schema=["host_id", "scale", "lower", "upper"], orient="row").with_columns(
        **{name: pl.lit(value) for name, value in key.items()}
    )
    own = fleet.head(1).with_columns(host_id=pl.lit("site"), scale=pl.lit(1.5), lower=pl.lit(-40.0), upper=pl.lit(40.0))
    days = [date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3), date(2026, 2, 1)]
    rows = pl.DataFrame(
        {
            "host_id": "site", "resource": "cpu", "phase": "forecast", "ds": days, "yhat": [50.0, 2.0, 97.0, 50.0],
            "yhat_lower": [10.0, 0.0, 57.0, 10.0], "yhat_upper": [90.0, 42.0, 100.0, 90.0],
        },
        schema_overrides=dict.fromkeys(("yhat", "yhat_lower", "yhat_upper"), pl.Float32),
    )  # fmt: skip
    found = with_fleet_offsets(rows, own, fleet)
    # the medians of -2, -2, -9 and of 3, 3, 0.5, times 1.5; nothing is known of February
    assert found["yhat_lower"].to_list() == [47.0, 0.0, 94.0, 10.0]
    assert found["yhat_upper"].to_list() == [54.5, 6.5, 100.0, 90.0]
    assert found.columns == rows.columns


def test_days_of_which_nothing_is_known_stay_wholly_open() -> None:
    fleet = pl.DataFrame(
        {
            "host_id": ["h"],
            "phase": "forecast",
            "resource": "cpu",
            "horizon_month": [1],
            "scale": [1.0],
            "lower": [-1.0],
            "upper": [1.0],
        }
    )
    rows = pl.DataFrame(
        {
            "host_id": "g",
            "resource": "cpu",
            "phase": "forecast",
            "ds": [date(2026, 1, 1)],
            "yhat": [50.0],
            "yhat_lower": [0.0],
            "yhat_upper": [100.0],
        }
    ).cast(dict.fromkeys(("yhat", "yhat_lower", "yhat_upper"), pl.Float32))
    found = with_fleet_offsets(rows, fleet.with_columns(host_id=pl.lit("g")), fleet)
    assert found.select("yhat_lower", "yhat_upper").rows() == [(0.0, 100.0)]
    assert set(rows.columns) <= set(FORECAST_PARQUET.names)
    assert {"scale", "lower", "upper"} <= set(CALIBRATION.names)


def test_capacities_weigh_and_days_are_the_groups_own() -> None:
    values = {"a": np.full(10, 20.0), "b": np.full(5, 80.0)}
    base = pl.concat(
        [
            series_rows("a", values["a"], start=CUTOFF - timedelta(days=9)),
            series_rows("b", values["b"], start=CUTOFF - timedelta(days=4)),
        ]
    )
    found = history_of(base, pl.DataFrame({"host_id": ["a", "b"], "group": "g", "capacity": [3, 1]}))
    assert found["ds"].to_list() == [CUTOFF - timedelta(days=day) for day in range(9, -1, -1)]
    assert found["y"].to_list() == pytest.approx([(3 * 20 + 80) / 4] * 10)
    assert found["hosts"].to_list() == [1] * 5 + [2] * 5
