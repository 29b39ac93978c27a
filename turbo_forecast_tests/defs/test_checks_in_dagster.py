"""What becomes of a verdict when Dagster runs the check: evaluations, evidence, sentences; and checks beyond SQL."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import numpy as np
import polars as pl
import pytest

from turbo_forecast.defs.checks import month_checks
from turbo_forecast.defs.checks.base_table import _size
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.storage.datasets import published_name
from turbo_forecast_tests.defs.conftest import Place
from turbo_forecast_tests.defs.damage import parts, spoil, state
from turbo_forecast_tests.defs.made_month import MONTH
from turbo_forecast_tests.defs.violations import (
    BREAKS,
    COVERAGE,
    COVERS,
    FALLBACK,
    FINITE,
    KEYS,
    ONE,
    SORTED,
)

pytestmark = pytest.mark.xdist_group("steps")
AGREES = "turbo_agrees_with_stan"


@pytest.fixture(scope="module")
def of_all() -> dg.DagsterInstance:
    """An instance for all tests: each looks at the evaluations of its own runs."""
    return dg.DagsterInstance.ephemeral()


@pytest.fixture
def made(data: Path, of_all: dg.DagsterInstance) -> Place:
    """Dagster's definitions over the month that was made by hand."""
    return Place(data, of_all)


def evaluated(place: Place, asset: str, check: str, **forecast: object) -> dg.AssetCheckEvaluation:
    """The evaluation of a check that could be made."""
    found = place.check(asset, check, **forecast)
    assert isinstance(found, dg.AssetCheckEvaluation), found
    return found


@pytest.mark.parametrize(
    ("asset", "check", "figures"),
    [
        ("fleet_forecast", SORTED, ()),
        ("champions", KEYS, ()),
        ("tournament_results", KEYS, ()),
        ("forecast_parquet", COVERS, ("coverage", "nominal", "days", "series", "allowed")),
        ("base_table", "telemetry_is_fresh", ("last_day", "days_ago")),
    ],
)
def test_a_check_that_passes_says_how_many_it_judged(
    asset: str, check: str, figures: tuple[str, ...], made: Place
) -> None:
    if asset == "base_table":
        made.sql("UPDATE base_table SET ds = ds + (current_date - DATE '2025-12-31' - 45)::INTEGER")
    found = evaluated(made, asset, check)
    assert found.passed, found.description
    assert found.metadata["expected"].value == found.metadata["got"].value > 0
    again = () if asset == "base_table" else ("check again",)
    assert set(found.metadata) == {"expected", "got", "counted", *again, *figures}


def test_a_check_that_fails_lists_all_failing_rows_in_a_file_and_twenty_in_the_event_log(made: Place) -> None:
    nan = f"UPDATE {{stored}} SET yhat = 'nan' WHERE {ONE} AND phase = 'forecast' AND model = 'median'"
    spoil(made.data, "fleet_forecast", nan)
    found = evaluated(made, "fleet_forecast", FINITE)
    path = made.data / "checks" / "fleet_forecast" / f"{FINITE}-{MONTH}.csv"
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.ERROR
    assert str(found.metadata["first failing rows"].value).count("\n| b | cpu |") == month_checks.SHOWN == 20
    assert found.metadata["all failing rows"].value == str(path)
    assert pl.read_csv(path).height == 181
    assert found.metadata["expected"].value - found.metadata["got"].value == 181
    assert state(made.data) == "failed"


def test_a_check_that_fails_says_of_how_many(made: Place) -> None:
    spoil(made.data, "fleet_forecast", "DELETE FROM {stored} WHERE host_id = 'b'")
    said = evaluated(made, "fleet_forecast", COVERAGE).description or ""
    assert said.startswith("2 of 6 series break this rule: every series has the one outcome")


def gone(path: Path) -> None:
    path.unlink()


def without_its_end(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def damaged_within(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:4] + b"\xff" * 400 + content[404:])


def of_another_version(path: Path) -> None:
    pl.read_parquet(path).drop("yhat_upper").write_parquet(path)


@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (without_its_end, " cannot be read: "),
        (damaged_within, " cannot be read: "),
        (of_another_version, " was stored by another version and lacks yhat_upper: "),
    ],
)
def test_a_part_that_cannot_be_read_is_named_and_fails_the_month(
    harm: Callable[[Path], None], said: str, part: int, made: Place
) -> None:
    path = parts(made.data, "fold_forecast")[part]
    harm(path)
    sentence = made.check("fold_forecast", FINITE)
    assert isinstance(sentence, str)
    assert sentence.startswith(f"{path}{said}")
    assert len(sentence.splitlines()) == 1
    assert state(made.data) == "failed"


@pytest.mark.parametrize("asset", ["fold_forecast", "fleet_forecast", "forecast_parquet"])
def test_rows_of_other_types_are_named_and_fail_the_month(asset: str, made: Place) -> None:
    path = parts(made.data, asset)[0]
    pl.read_parquet(path).with_columns(pl.col("yhat").cast(pl.String)).write_parquet(path)
    assert made.check(asset, FINITE) == (
        f"{path} was stored by another version, in other types (yhat is String, not Float32): make it again with this one"
    )
    assert state(made.data) == "failed"


@pytest.mark.parametrize("asset", ["fold_forecast", "fleet_forecast"])
@pytest.mark.parametrize("part", [0, 1])
def test_a_part_that_was_altered_since_it_was_published_fails_the_check_of_the_whole_month(
    asset: str, part: int, made: Place
) -> None:
    for path in parts(made.data, asset):
        path.rename(path.with_name(published_name(path)))
    assert evaluated(made, "months", "a_complete_month_is_whole").passed
    path = parts(made.data, asset)[part]
    rows = pl.read_parquet(path)
    other = pl.when(pl.int_range(pl.len()) == 7).then(pl.col("yhat_upper")).otherwise(pl.col("yhat"))
    rows.with_columns(yhat=other).write_parquet(path)
    found = evaluated(made, "months", "a_complete_month_is_whole")
    assert not found.passed
    assert f"{path.name} was altered after it was published" in str(found.metadata["first failing rows"].value)


@pytest.mark.parametrize("what", ["the folder", "all parts"])
def test_a_month_without_its_rows_is_named_and_not_passed(what: str, made: Place) -> None:
    for part in parts(made.data, "fleet_forecast"):
        gone(part)
    if what == "the folder":
        (made.data / "fleet_forecast" / f"{MONTH}.parquet").rmdir()
    said = made.check("fleet_forecast", COVERAGE)
    assert isinstance(said, str)
    assert f"{MONTH}.parquet is not there: materialise fleet_forecast for {MONTH}" in said


@pytest.mark.parametrize(
    ("asset", "check"),
    [
        *(("fleet_forecast", COVERAGE), ("fold_forecast", KEYS), ("tournament_scores", "every_window_is_scored")),
        *(("tournament_results", name) for name in (COVERAGE, KEYS, "rows_belong_to_this_month")),
    ],
)
def test_an_old_month_whose_rows_were_removed_is_not_judged_and_stays_complete(
    asset: str, check: str, made: Place
) -> None:
    for table in ("fleet_forecast", "fold_forecast"):
        (made.data / table / f"{MONTH}.parquet").rename(made.data / table / "2026-01.parquet")
    said = made.check(asset, check)
    table = "fold_forecast" if asset == "fold_forecast" else "fleet_forecast"
    assert said == (
        f"{table} of 2025-12 is not kept any more (rows_months says for how many months every entrant's rows are), so this "
        "check has nothing to validate: the month stays as it is; to check it, run it again"
    )
    assert state(made.data) == "complete"
    whole = evaluated(made, "months", "a_complete_month_is_whole")
    assert whole.passed, whole.description


def test_a_month_that_lost_only_one_kind_of_its_rows_is_not_called_old(made: Place) -> None:
    (made.data / "fold_forecast" / f"{MONTH}.parquet").rename(made.data / "fold_forecast" / "2026-01.parquet")
    said = made.check("fold_forecast", KEYS)
    assert isinstance(said, str)
    assert "is not there: materialise fold_forecast for 2025-12" in said
    assert state(made.data) == "failed"


@pytest.mark.parametrize(("tolerated", "passed"), [(0.16, False), (1 / 6, True), (1.0, True)])
def test_fallbacks_are_tolerated_up_to_the_share_that_is_set(tolerated: float, passed: bool, made: Place) -> None:
    made.sql(f"UPDATE series_outcomes SET outcome = 'fallback' WHERE {ONE}")
    found = evaluated(made, "series_outcomes", FALLBACK, max_fallback_share=tolerated)
    assert found.passed is passed
    assert found.severity == dg.AssetCheckSeverity.WARN


def test_fallbacks_are_counted_beside_what_is_allowed(made: Place) -> None:
    made.sql(f"UPDATE series_outcomes SET outcome = 'fallback' WHERE {ONE}")
    told = [
        evaluated(made, "series_outcomes", FALLBACK, max_fallback_share=share).description or ""
        for share in (0.025, 0.5)
    ]
    resting = "1 of 6 live series (16.7%) have no forecast but the fallback's"
    assert told[0].startswith(f"{resting}; only 2.5 % may. series_outcomes.reason says why")
    assert told[1] == f"{resting}; 50 % may"


@pytest.mark.parametrize(("check", "severity"), [(COVERS, "WARN"), (BREAKS, "ERROR")])
def test_the_interval_check_says_what_share_of_how_many_days_was_held(check: str, severity: str, made: Place) -> None:
    # 6 series of 122 days, everything missed; six series are allowed 2 standard errors more, 0.05 + 2 * sqrt(0.16 / 6)
    spoil(made.data, "forecast_parquet", "UPDATE {stored} SET yhat_lower = yhat, yhat_upper = yhat")
    found = evaluated(made, "forecast_parquet", check)
    between = "42.3 to 100 %" if check == COVERS else "32.3 to 100 %"
    assert (found.description or "").startswith(
        "the published 80 % interval held 0.00 % of the 732 backtest days, taken together, of the 6 series that vary, "
        f"not {between}: it is too narrow. "
    )
    assert found.severity == dg.AssetCheckSeverity[severity]
    assert found.blocking is (check == BREAKS)


def test_the_interval_check_has_nothing_to_say_where_nothing_varies(made: Place) -> None:
    made.sql("UPDATE tournament_scores SET mase = NULL")
    found = evaluated(made, "forecast_parquet", COVERS)
    assert found.passed
    assert found.description == "no series that varies has a backtest: there was nothing to check"


def solved(place: Place, model: str, solvers: dict[str, str]) -> None:
    """Record fits of an entrant of series b: a solver for each window."""
    own = f"SELECT * REPLACE ('{model}' AS model) FROM model_runs WHERE {ONE} AND model = 'recent_level'"
    place.sql(f"INSERT INTO model_runs {own}")
    for window, solver in solvers.items():
        set_ = f"solver = {solver}" if solver else "solver = 'turbo', status = 'raised'"
        place.sql(
            f"UPDATE model_runs SET {set_} WHERE model = '{model}' AND (window_name = '{window}' OR '{window}' = 'all')"
        )


def compared_with(holds: bool, asked: list[object]) -> Callable[..., SimpleNamespace]:
    """A comparison that notes what it was asked for."""

    def compare(days: np.ndarray, y: np.ndarray, settings: ForecastSettings) -> SimpleNamespace:
        asked.append((days[0], days[-1], y.size, settings.growth, settings.changepoint_prior_scale))
        return SimpleNamespace(holds=holds, turbo=1.0, stan=2.0, turbo_seconds=0.1, stan_seconds=1.0)

    return compare


@pytest.mark.parametrize("holds", [True, False])
def test_a_series_stock_prophet_solves_better_fails_the_agreement(
    holds: bool, made: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr("turbo_forecast.models.agreement.compare", compared_with(holds, asked))
    solved(made, "prophet", {"all": "'turbo'"})
    assert evaluated(made, "fleet_forecast", AGREES).passed is holds
    defaults = ForecastSettings()
    assert asked == [(19358, 20453, 1096, defaults.growth, defaults.changepoint_prior_scale)], (
        "the whole history window: 2023-01-01 to 2025-12-31"
    )
    assert (made.data / "checks" / "fleet_forecast" / f"{AGREES}-{MONTH}.csv").exists() is not holds


@pytest.mark.parametrize(
    ("prophet", "linear", "expected"),
    [
        ({"all": "'turbo'"}, {"all": "'turbo'"}, "prophet"),
        ({"all": "'turbo'", "fold 1": "'stan'"}, {"all": "'turbo'"}, "prophet_linear"),
        ({"all": "'turbo'", "backtest": "NULL"}, {"all": "'turbo'", "forecast": "'constant'"}, None),
        ({"all": "'turbo'", "backtest": ""}, {"all": "'closed_form'"}, None),
    ],
    ids=["first", "another", "none", "raised"],
)
def test_only_a_prophet_that_turbo_alone_delivered_is_compared_at_its_own_settings(
    prophet: dict[str, str], linear: dict[str, str], expected: str | None, made: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr("turbo_forecast.models.agreement.compare", compared_with(True, asked))  # type: ignore[arg-type]
    solved(made, "prophet", prophet)
    solved(made, "prophet_linear", linear)
    found = evaluated(made, "fleet_forecast", AGREES)
    defaults = ForecastSettings()
    settings = {"prophet": (defaults.growth, defaults.changepoint_prior_scale), "prophet_linear": ("linear", 0.02)}
    assert [each[3:] for each in asked] == ([settings[expected]] if expected else [])
    assert found.metadata["expected"].value == len(asked)


def test_today_is_forty_five_days_after_the_last_fresh_day(made: Place) -> None:
    shift = (date.today() - date(2025, 12, 31)).days - 46
    made.sql(f"UPDATE base_table SET ds = ds + {shift}")
    found = evaluated(made, "base_table", "telemetry_is_fresh")
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.WARN
    ended = date.today() - timedelta(days=46)
    assert found.description == (
        f"the telemetry ends on {ended}, 46 days ago; a forecast of the latest month needs days of the last 45. "
        "Export newer telemetry, unless you forecast an earlier month on purpose."
    )


def test_fresh_telemetry_says_to_which_day_it_reaches(made: Place) -> None:
    made.sql(f"UPDATE base_table SET ds = ds + {(date.today() - date(2025, 12, 31)).days - 1}")
    ended = date.today() - timedelta(days=1)
    said = f"the telemetry ends on {ended}, 1 day ago (at most 45 are allowed)"
    assert evaluated(made, "base_table", "telemetry_is_fresh").description == said


def test_dagster_still_publishes_no_name_for_what_an_evaluation_points_to() -> None:
    """Once it does, the one private import of the checks goes."""
    assert not [name for name in dir(dg) if "TargetMaterialization" in name]


def test_a_fleet_that_shrinks_is_told_by_how_many_series_and_what_to_look_for() -> None:
    assert _size(4, 6).startswith("the base table has 4 series, 2 fewer than the 6 of the run before. Look for")
    assert _size(6, 6) == "the base table has 6 series, as many as in the run before"
    assert _size(1007, 1000) == "the base table has 1,007 series, 7 more than in the run before"
    assert _size(6, None) == "the base table has 6 series; there is no run before to compare with"


def shrinking(place: Place, telemetry: Path) -> tuple[bool, object, object]:
    """Whether the fleet has not shrunk, in the check's eyes, and the series it expected and got."""
    evaluations = place.materialise_base(telemetry).get_asset_check_evaluations()
    found = {each.check_name: each for each in evaluations}["fleet_has_not_shrunk"]
    assert found.severity == dg.AssetCheckSeverity.WARN
    return found.passed, found.metadata["expected"].value, found.metadata["got"].value


def test_a_fleet_that_shrinks_is_warned_of_and_another_warehouses_fleet_is_not_the_one_before(
    telemetry: Path, tmp_path: Path
) -> None:
    instance = dg.DagsterInstance.ephemeral()
    fewer = tmp_path / "fewer.parquet"
    pl.read_parquet(telemetry).filter(pl.col("host_id") != "c").write_parquet(fewer)
    large, small = Place(tmp_path / "large", instance), Place(tmp_path / "small", instance)
    order = [(large, telemetry), (small, fewer), (large, telemetry), (small, fewer), (large, fewer), (large, fewer)]
    results = [shrinking(place, source) for place, source in order]
    assert results == [(True, 6, 6), (True, 4, 4), (True, 6, 6), (True, 4, 4), (False, 6, 4), (True, 4, 4)]
