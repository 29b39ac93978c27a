"""`forecast_fleet` with plans: the published rows and the outlook have them, and nothing of the tournament does."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from turbo_forecast.errors import SettingsError
from turbo_forecast.library import forecast
from turbo_forecast.library.forecast import FleetResult, forecast_fleet
from turbo_forecast_tests.conftest import CUTOFF, series_rows, wave

pytestmark = pytest.mark.xdist_group("fleet_plans")

OPTIONS = {
    "entrants": ["recent_level", "seasonal_naive"],
    "interval_widths": [0.5, 0.8],
    "workers": 1,
    "log": lambda line: None,
}
BASE = pl.concat(
    [series_rows(host, wave(400, seed=seed), start=CUTOFF.replace(year=2024)) for seed, host in enumerate("ab")]
)
GROUPS = pl.DataFrame({"host_id": ["a", "b"], "group": ["site", "site"]})
PLANS = pl.DataFrame(
    {
        "date": ["2026-02-01", "2026-02-01"],
        "host_id": ["a", "b"],
        "change": [12.0, None],
        "retire": [None, "yes"],
        "scenario": [None, "without b"],
    }
)
VALUES = ["yhat", "yhat_lower", "yhat_upper"]


def made(**more: object) -> FleetResult:
    base = BASE.filter(pl.col("ds") <= CUTOFF)
    return forecast_fleet(base, CUTOFF, groups=GROUPS, **more, **OPTIONS)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def results() -> tuple[FleetResult, FleetResult]:
    """Without plans, and with them."""
    return made(), made(plans=PLANS)


def test_only_what_is_published_and_said_of_the_future_has_the_plans(results: tuple[FleetResult, FleetResult]) -> None:
    without, planned = results
    for name in ("forecasts", "champions", "scores", "standings", "calibration", "outlook_backtest", "group_forecast"):
        assert_frame_equal(getattr(planned, name), getattr(without, name))
    is_changed = (pl.col("host_id") == "a") & (pl.col("ds") >= CUTOFF.replace(year=2026, month=2, day=1))
    assert_frame_equal(planned.published.filter(~is_changed), without.published.filter(~is_changed))
    expected = without.published.filter(is_changed).select((pl.col(VALUES).cast(pl.Float64) + 12).cast(pl.Float32))
    assert_frame_equal(planned.published.filter(is_changed).select(VALUES), expected.select(pl.all().clip(0, 100)))
    assert_frame_equal(planned.intervals.filter(~is_changed), without.intervals.filter(~is_changed))
    bounds = pl.col("lower", "upper")
    narrow = without.intervals.filter(is_changed).select((bounds.cast(pl.Float64) + 12).clip(0, 100).cast(pl.Float32))
    assert_frame_equal(planned.intervals.filter(is_changed).select(bounds), narrow)
    assert len(narrow) == len(expected) == 150, "days from February to June"
    assert len(without.planned_changes) == len(without.planned_loads) == 0
    assert len(planned.planned_loads) > 0


def test_the_outlook_has_every_scenario_of_series_and_groups(results: tuple[FleetResult, FleetResult]) -> None:
    planned = results[1].outlook
    counted = planned.group_by("scenario", "kind").len().sort("scenario", "kind").rows()
    assert counted == [
        (scenario, kind, 4 * series)
        for scenario in ("baseline", "without b")
        for kind, series in (("group", 1), ("series", 2))
    ]
    site = planned.filter(kind="group", threshold=80.0).sort("scenario")["probability_182"]
    assert site[0] < site[1], "when b has gone, its load is a's"


def test_plans_that_cannot_be_are_refused(results: tuple[FleetResult, FleetResult]) -> None:
    with pytest.raises(SettingsError, match="plans must be a frame"):
        made(plans=[1, 2])
    with pytest.raises(SettingsError, match="plans: row 1, column change: 'x' is no number"):
        made(plans=pl.DataFrame({"date": ["2026-02-01"], "host_id": ["a"], "change": ["x"]}))


@pytest.mark.parametrize(("column", "name"), [("host_id", "c"), ("group", "sites"), ("resource", "cpus")])
def test_what_the_fleet_does_not_have_is_refused_before_anything_is_forecast(
    column: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecast, "run_fleet", lambda *_, **__: pytest.fail("it was forecast"))
    plan = {"date": "2026-02-01", "factor": "2", column: name}
    plan = plan if column == "group" else {"host_id": "a", **plan}
    with pytest.raises(SettingsError, match=f"plans: row 1, column {column}: '{name}' is not known"):
        made(plans=pl.DataFrame([plan]))
