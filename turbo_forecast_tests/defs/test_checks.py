"""Every check fails when its property is violated, says where, and passes when it is not."""

from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import duckdb
import numpy as np
import polars as pl
import pytest

from turbo_forecast.defs.checks.agreement import delivered_by_turbo
from turbo_forecast.defs.checks.base_table import _size
from turbo_forecast.defs.checks.judging import SHOWN
from turbo_forecast.settings import ForecastSettings
from turbo_forecast_tests.conftest import series_rows, wave
from turbo_forecast_tests.defs.conftest import GUESSER, MONTH, Place
from turbo_forecast_tests.defs.violations import (
    BEFORE,
    BREAKS,
    CALIBRATED,
    CHAMPION,
    COVERAGE,
    COVERS,
    ELSEWHERE,
    FALLBACK,
    FINITE,
    HORIZON,
    KEYS,
    NIGHT,
    NOT_WORSE,
    ONE,
    ROWS,
    SOMETHING,
    VIOLATIONS,
)
from turbo_forecast_tests.fleet.entrants import MARKED

pytestmark = pytest.mark.xdist_group("definitions")


def attached() -> set[tuple[str, str]]:
    from turbo_forecast.definitions import build_definitions

    checks = build_definitions({}).asset_checks or ()
    return {(key.asset_key.to_user_string(), key.name) for check in checks for key in check.check_keys}  # type: ignore[union-attr]


def test_every_check_of_every_asset_has_a_statement_that_violates_it() -> None:
    tested = {(asset, check) for asset, check, _ in VIOLATIONS} | {("base_table", "fleet_has_not_shrunk")}
    tested |= {("fleet_forecast", "turbo_agrees_with_stan"), ("forecast_parquet", "forecasts_rest_on_observations")}
    tested |= {("forecast_parquet", "latest_month_is_published")}  # test_latest_month.py
    assert tested == attached()


@pytest.mark.parametrize(("asset", "check"), sorted({(asset, check) for asset, check, _ in VIOLATIONS}))
def test_a_healthy_month_passes(asset: str, check: str, place: Place) -> None:
    if check == "telemetry_is_fresh":
        place.sql("UPDATE base_table SET ds = ds + (current_date - DATE '2025-12-31' - 45)::INTEGER")
    evaluation = place.check(asset, check)
    assert isinstance(evaluation, dg.AssetCheckEvaluation), evaluation
    assert evaluation.passed, evaluation.description
    assert evaluation.metadata["expected"].value == evaluation.metadata["got"].value > 0
    held = {"coverage", "nominal", "days", "series", "allowed"}
    figures = {"telemetry_is_fresh": {"last_day", "days_ago"}, COVERS: held, BREAKS: held}
    again = () if asset == "base_table" else ("check again",)
    assert set(evaluation.metadata) == {"expected", "got", "counted", *again, *figures.get(check, ())}


@pytest.mark.parametrize(
    ("asset", "check", "statement"), VIOLATIONS, ids=lambda value: str(value).replace("{stored}", "stored")
)
def test_a_violation_fails_the_check_and_is_shown(asset: str, check: str, statement: str, place: Place) -> None:
    place.spoil(asset, statement)
    evaluation = place.check(asset, check)
    assert isinstance(evaluation, dg.AssetCheckEvaluation), evaluation
    assert not evaluation.passed
    path = place.data / "checks" / asset / f"{check}{'' if asset == 'base_table' else f'-{MONTH}'}.csv"
    offenders = pl.read_csv(path)
    assert offenders.height >= 1
    if "host_id" in offenders.columns:
        named = set(zip(offenders["host_id"], offenders["resource"], strict=True))
        assert named <= {("b", "cpu"), ("ghost", "cpu")}
        assert named
    assert evaluation.metadata["all offenders"].value == str(path)
    assert str(evaluation.metadata["first offenders"].value).count("\n") == 1 + min(SHOWN, offenders.height)


@pytest.mark.parametrize("asset", ROWS)
@pytest.mark.parametrize(("other", "statement"), ELSEWHERE, ids=lambda value: str(value).replace("{stored}", "stored"))
def test_coverage_is_judged_against_the_base_table_and_the_outcomes(
    asset: str, other: str, statement: str, place: Place
) -> None:
    place.spoil(other, statement)
    evaluation = place.check(asset, COVERAGE)
    assert isinstance(evaluation, dg.AssetCheckEvaluation), evaluation
    assert not evaluation.passed
    offenders = pl.read_csv(place.data / "checks" / asset / f"{COVERAGE}-{MONTH}.csv")
    assert offenders.height == 1, "one series, one line"
    assert offenders.select("host_id", "resource").row(0) in {("b", "cpu"), ("d", "cpu")}


@pytest.mark.parametrize("asset", ROWS)
def test_a_live_series_called_retired_is_not_covered(asset: str, place: Place) -> None:
    place.sql(f"UPDATE series_outcomes SET outcome = 'retired' WHERE {ONE}")
    place.spoil(asset, f"DELETE FROM {{stored}} WHERE {ONE}")
    evaluation = place.check(asset, COVERAGE)
    assert isinstance(evaluation, dg.AssetCheckEvaluation), evaluation
    assert not evaluation.passed


@pytest.mark.parametrize("asset", ["fleet_forecast", "forecast_parquet"])
def test_a_row_without_a_day_does_not_fill_the_horizon(asset: str, place: Place) -> None:
    place.spoil(asset, f"UPDATE {{stored}} SET ds = NULL WHERE {NIGHT}")
    evaluation = place.check(asset, HORIZON)
    assert isinstance(evaluation, dg.AssetCheckEvaluation), evaluation
    assert not evaluation.passed


def test_evidence_counts_expected_and_got(place: Place) -> None:
    place.spoil("fleet_forecast", "DELETE FROM {stored} WHERE host_id = 'b'")
    evaluation = place.check("fleet_forecast", COVERAGE)
    assert isinstance(evaluation, dg.AssetCheckEvaluation)
    assert (evaluation.metadata["expected"].value, evaluation.metadata["got"].value) == (6, 4)
    assert evaluation.description.startswith("2 of 6 series break this rule: every series has the one outcome")
    assert evaluation.severity == dg.AssetCheckSeverity.ERROR


def test_only_the_first_twenty_offenders_are_in_the_event_log(place: Place) -> None:
    place.spoil(
        "fleet_forecast", f"UPDATE {{stored}} SET yhat = 'nan' WHERE {ONE} AND phase = 'forecast' AND model = 'median'"
    )
    evaluation = place.check("fleet_forecast", FINITE)
    assert isinstance(evaluation, dg.AssetCheckEvaluation)
    shown = str(evaluation.metadata["first offenders"].value)
    assert shown.count("\n| b | cpu |") == 20
    assert pl.read_csv(place.data / "checks" / "fleet_forecast" / f"{FINITE}-{MONTH}.csv").height == 181
    assert evaluation.metadata["expected"].value - evaluation.metadata["got"].value == 181


def test_a_month_without_its_file_is_named_and_not_passed(place: Place) -> None:
    (place.data / "fleet_forecast" / f"{MONTH}.parquet").unlink()
    said = place.check("fleet_forecast", COVERAGE)
    assert isinstance(said, str)
    assert f"{MONTH}.parquet is not there: materialise fleet_forecast for {MONTH}" in said


@pytest.mark.parametrize(("tolerated", "passed"), [(0.16, False), (1 / 6, True), (1.0, True)])
def test_fallbacks_are_tolerated_up_to_the_share_that_is_set(tolerated: float, passed: bool, place: Place) -> None:
    place.sql(f"UPDATE series_outcomes SET outcome = 'fallback' WHERE {ONE}")
    evaluation = place.check("series_outcomes", FALLBACK, max_fallback_share=tolerated)
    assert isinstance(evaluation, dg.AssetCheckEvaluation)
    assert evaluation.passed is passed
    assert evaluation.severity == dg.AssetCheckSeverity.WARN


def test_another_month_does_not_disturb_the_judgement(place: Place) -> None:
    for table in ("tournament_results", "series_outcomes", "champions"):
        place.sql(f"INSERT INTO {table} SELECT * REPLACE (DATE '2025-11-30' AS cutoff) FROM {table} WHERE {ONE}")
    for check in (COVERAGE, KEYS, HORIZON):
        evaluation = place.check("tournament_results", check)
        assert isinstance(evaluation, dg.AssetCheckEvaluation)
        assert evaluation.passed, check


def failed(place: Place, asset: str, check: str, **forecast: object) -> pl.DataFrame:
    """All offenders of a check that fails."""
    evaluation = place.check(asset, check, **forecast)
    assert isinstance(evaluation, dg.AssetCheckEvaluation), evaluation
    assert not evaluation.passed
    return pl.read_csv(place.data / "checks" / asset / f"{check}-{MONTH}.csv", try_parse_dates=True)


def judged_entrants(place: Place, telemetry: Path, **forecast: object) -> dg.AssetCheckEvaluation:
    """The month, held with these settings, in the eyes of the check on entrants."""
    job = place.definitions(telemetry, **forecast).resolve_job_def("monthly_forecast")
    result = job.execute_in_process(instance=place.instance, partition_key=MONTH, raise_on_error=False)
    found = {each.check_name: each for each in result.get_asset_check_evaluations()}
    assert result.success is found[SOMETHING].passed, "a failed one blocks what is downstream"
    return found[SOMETHING]


def test_an_entrant_that_fails_for_every_series_is_named_by_a_failed_check(
    telemetry: Path, fresh_place, tmp_path: Path
) -> None:
    file = tmp_path / "lstm.parquet"
    row = {"host_id": "ghost", "resource": "cpu", "origin": date(2025, 12, 31), "ds": date(2026, 1, 1), "yhat": 1.0}
    pl.DataFrame([row]).write_parquet(file)
    never = "turbo_forecast_tests.fleet.entrants:hopeless"
    found = judged_entrants(
        fresh_place(), telemetry, entrants=["recent_level", never, "seasonal_naive"], outside={"lstm": str(file)}
    )
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.ERROR
    said = f"2 of 4 entrants have no forecast of any series they were asked for: lstm, {never}."
    assert found.description.startswith(said)
    assert "no rows for" in str(found.metadata["first offenders"].value)


def test_an_entrant_that_fails_for_some_series_is_no_failed_check(fresh_place, tmp_path: Path) -> None:
    rows = [series_rows("cursed", np.full(1096, MARKED)), series_rows("sound", wave(1096))]
    pl.concat(rows).rename({"ds": "timestamp", "y": "value"}).write_parquet(tmp_path / "two.parquet")
    entrants = ["turbo_forecast_tests.fleet.entrants:naive", "seasonal_naive"]
    found = judged_entrants(fresh_place(), tmp_path / "two.parquet", entrants=entrants, max_fallback_share=1)
    assert found.passed
    assert (found.metadata["expected"].value, found.metadata["got"].value) == (2, 2)


def test_entrants_that_were_asked_for_nothing_have_not_failed(place: Place) -> None:
    place.sql("UPDATE series_outcomes SET outcome = 'fallback'")
    place.spoil("fleet_forecast", "DELETE FROM {stored} WHERE model != 'seasonal_naive'")
    found = place.check("fleet_forecast", SOMETHING)
    assert isinstance(found, dg.AssetCheckEvaluation)
    assert found.passed


def test_a_fold_that_has_seen_the_backtest_is_named(place: Place) -> None:
    place.spoil(
        "fold_forecast",
        f"UPDATE {{stored}} SET ds = DATE '2025-09-01' WHERE {ONE} AND fold = 1 AND ds = DATE '2025-08-31' "
        "AND model = 'weighted'",
    )
    leak = failed(place, "fold_forecast", BEFORE)
    named = leak.select("host_id", "resource", "model", "fold", "ds").rows()
    assert named == [("b", "cpu", "weighted", 1, date(2025, 9, 1))]


def test_a_champion_who_was_worse_than_the_fallback_is_named_with_both_errors(place: Place) -> None:
    place.sql(f"UPDATE champions SET model = '{GUESSER}' WHERE {ONE}")
    row = failed(place, "champions", NOT_WORSE).row(0, named=True)
    rows = pl.read_parquet(place.data / "fold_forecast" / f"{MONTH}.parquet").filter(host_id="b", resource="cpu")
    errors = rows.group_by("model", "fold").agg(mae=(pl.col("yhat").cast(pl.Float64) - pl.col("y")).abs().mean())
    means = dict(errors.group_by("model").agg(pl.col("mae").mean()).iter_rows())
    assert row["fold_mae"] == pytest.approx(means[GUESSER], rel=1e-9)
    assert row["fallback_fold_mae"] == pytest.approx(means["seasonal_naive"], rel=1e-9)
    assert row["fold_mae"] > row["fallback_fold_mae"]
    chosen = place.check("champions", CHAMPION)
    assert isinstance(chosen, dg.AssetCheckEvaluation)
    assert chosen.passed, "it has a forecast; that it is a bad one is another check's"


def test_a_champion_needs_a_forecast_and_not_only_a_backtest(place: Place) -> None:
    place.sql(
        f"DELETE FROM tournament_results WHERE {ONE} AND phase = 'forecast' AND (cutoff, host_id, resource, model) "
        "IN (SELECT (cutoff, host_id, resource, model) FROM champions)"
    )
    assert failed(place, "champions", CHAMPION).select("host_id", "resource").rows() == [("b", "cpu")]


def test_a_backtest_outside_its_interval_is_measured(place: Place) -> None:
    place.spoil("forecast_parquet", "UPDATE {stored} SET yhat_lower = yhat, yhat_upper = yhat")
    row = failed(place, "forecast_parquet", BREAKS).row(0, named=True)
    assert (row["coverage"], row["nominal"], row["days"], row["series"]) == (0.0, 0.8, 6 * 122, 6)


@pytest.mark.parametrize(
    ("inside", "warned", "broken"),
    [(81, False, False), (75, False, False), (74, True, False), (65, True, False), (64, True, True)],
)
@pytest.mark.parametrize("above", [False, True])
def test_coverage_may_be_five_points_off_before_it_is_warned_of_and_fifteen_before_it_fails(
    inside: int, warned: bool, broken: bool, above: bool, place: Place
) -> None:
    share = 160 - inside if above else inside  # of 100: 75 to 85 is near 80, 65 to 95 is bearable
    path = place.data / "forecast_parquet" / f"{MONTH}.parquet"
    rows = pl.read_parquet(path).filter(pl.col("phase") == "backtest", pl.col("y") > 0.2).head(200)
    spoilt = rows.with_columns(
        host_id=pl.int_range(pl.len()).cast(pl.String),
        resource=pl.lit("cpu"),
        yhat_lower=pl.when(pl.int_range(pl.len()) < 2 * share).then("y").otherwise(pl.col("y") - 0.2),
        yhat_upper=pl.when(pl.int_range(pl.len()) < 2 * share).then("y").otherwise(pl.col("y") - 0.1),
    )
    assert len(spoilt) == 200, "series enough that no allowance is made for few"
    spoilt.write_parquet(path)
    vary(place, 200)
    for check, bad in ((COVERS, warned), (BREAKS, broken)):
        evaluation = place.check("forecast_parquet", check)
        assert isinstance(evaluation, dg.AssetCheckEvaluation)
        assert evaluation.passed is not bad, (check, share)
        assert evaluation.blocking is (check == BREAKS)
        severe = dg.AssetCheckSeverity.ERROR if check == BREAKS else dg.AssetCheckSeverity.WARN
        assert evaluation.severity == severe


def vary(place: Place, hosts: int) -> None:
    """Scores of `hosts` made-up series, named by number, that are no constants."""
    place.sql(
        "INSERT INTO tournament_scores SELECT * EXCLUDE (number) REPLACE (number::VARCHAR AS host_id, 1.0 AS mase) FROM (SELECT * FROM "
        f"tournament_scores WHERE {ONE} AND fold = 0 AND cutoff = DATE '2025-12-31' LIMIT 1), range({hosts}) AS made(number)"
    )


def test_series_that_never_vary_hide_no_interval_that_breaks(place: Place) -> None:
    path = place.data / "forecast_parquet" / f"{MONTH}.parquet"
    rows = pl.read_parquet(path).filter(pl.col("phase") == "backtest", pl.col("y").is_not_null()).head(200)
    number = pl.int_range(pl.len())
    missed = number < 40  # the first forty vary, and all of them miss; the others are constants inside their intervals
    rows.with_columns(
        host_id=number.cast(pl.String),
        resource=pl.lit("cpu"),
        yhat_lower=pl.when(missed).then(pl.col("y") + 0.1).otherwise("y"),
        yhat_upper=pl.when(missed).then(pl.col("y") + 0.2).otherwise("y"),
    ).write_parquet(path)
    vary(place, 40)
    found = failed(place, "forecast_parquet", BREAKS)
    assert found.select("coverage", "series").row(0) == (0.0, 40), "over all two hundred it would be 80 %"


def test_a_month_of_which_nothing_is_calibrated_any_more_is_not_passed(place: Place) -> None:
    place.sql("DELETE FROM calibration WHERE cutoff = DATE '2025-12-31'")
    assert failed(place, "calibration", CALIBRATED).height == 6 * (4 + 6)


def standing(place: Place, month: str) -> dict[str, int]:
    """Rows of the month in each table of the tournament."""
    names = ("champions", "calibration", "tournament_scores", "tournament_standings", "combination_weights")
    with duckdb.connect(str(place.data / "warehouse.duckdb"), read_only=True) as con:
        found = {
            name: con.execute(f"SELECT count(*) FROM {name} WHERE cutoff = '{month}'").fetchall() for name in names
        }
    return {name: rows[0][0] for name, rows in found.items()}


@pytest.mark.parametrize(
    ("first", "options", "expected"),
    [
        # enough for a backtest, not for a fold: the forecast is calibrated on the backtest, the backtest on nothing
        (date(2025, 6, 1), {}, (2, 2 * 6, 2 * 5, 2 * 5 * 6, 2 * 3)),
        # too short even for a backtest: everyone is published from the fallback
        (date(2025, 8, 1), {}, (2, 0, 0, 0, 0)),
        (date(2023, 1, 1), {"folds": 0}, (2, 0, 2 * 5, 2 * 5 * 6, 2 * 3)),
        (date(2023, 1, 1), {"entrants": ["seasonal_naive"]}, (2, 2 * 10, 2 * 1 * 4, 2 * 5 * 2, 0)),
    ],
    ids=["young", "too-young", "no-folds", "fallback-alone"],
)
def test_every_check_passes_where_there_is_little_to_judge(
    first: date, options: dict[str, object], expected: tuple[int, ...], fresh_place, tmp_path: Path
) -> None:
    place: Place = fresh_place()
    days = (date(2025, 12, 31) - first).days + 1
    rows = pl.concat([series_rows(host, wave(days, seed=seed), start=first) for seed, host in enumerate("ab")])
    rows.rename({"ds": "timestamp", "y": "value"}).write_parquet(tmp_path / "young.parquet")
    result = place.materialise(tmp_path / "young.parquet", MONTH, max_fallback_share=1, **options)
    wrong = {e.check_name for e in result.get_asset_check_evaluations() if not e.passed}
    assert result.success
    assert wrong <= {"telemetry_is_fresh"}
    assert tuple(standing(place, "2025-12-31").values()) == expected


def shrinking(place: Place, telemetry: Path) -> tuple[bool, object, object]:
    """Whether the fleet has not shrunk, in the check's eyes, and the series it expected and got."""
    evaluations = place.materialise_base(telemetry).get_asset_check_evaluations()
    found = {each.check_name: each for each in evaluations}["fleet_has_not_shrunk"]
    assert found.severity == dg.AssetCheckSeverity.WARN
    return found.passed, found.metadata["expected"].value, found.metadata["got"].value


def test_a_fleet_that_shrinks_is_warned_of(telemetry: Path, fresh_place, tmp_path: Path) -> None:
    place: Place = fresh_place()
    fewer = tmp_path / "fewer.parquet"
    pl.read_parquet(telemetry).filter(pl.col("host_id") != "c").write_parquet(fewer)
    results = [shrinking(place, source) for source in (telemetry, fewer, fewer)]
    assert results == [(True, 6, 6), (False, 6, 4), (True, 4, 4)]


def test_a_fleet_that_shrinks_is_told_by_how_many_series_and_what_to_look_for() -> None:
    assert _size(4, 6).startswith("the base table has 4 series, 2 fewer than the 6 of the run before. Look for")
    assert _size(6, 6) == "the base table has 6 series, as many as in the run before"
    assert _size(1007, 1000) == "the base table has 1,007 series, 7 more than in the run before"
    assert _size(6, None) == "the base table has 6 series; there is no run before to compare with"


def test_another_warehouse_of_the_same_instance_is_not_the_fleet_before(telemetry: Path, tmp_path: Path) -> None:
    instance = dg.DagsterInstance.ephemeral()
    fewer = tmp_path / "fewer.parquet"
    pl.read_parquet(telemetry).filter(pl.col("host_id") != "c").write_parquet(fewer)
    large, small = Place(tmp_path / "large", instance), Place(tmp_path / "small", instance)
    order = [(large, telemetry), (small, fewer), (large, telemetry), (small, fewer), (large, fewer)]
    results = [shrinking(place, source) for place, source in order]
    assert results == [(True, 6, 6), (True, 4, 4), (True, 6, 6), (True, 4, 4), (False, 6, 4)]


@pytest.mark.parametrize("holds", [True, False])
def test_a_series_stock_prophet_solves_better_fails_the_agreement(
    holds: bool, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.sql(f"UPDATE series_outcomes SET solver = 'prophet: turbo converged' WHERE {ONE}")
    asked = []

    def compared(days: np.ndarray, y: np.ndarray, settings: object) -> SimpleNamespace:
        asked.append((days[0], days[-1], y.size))
        return SimpleNamespace(holds=holds, turbo=1.0, stan=2.0, turbo_seconds=0.1, stan_seconds=1.0)

    monkeypatch.setattr("turbo_forecast.defs.checks.agreement.compare", compared)
    evaluation = place.check("fleet_forecast", "turbo_agrees_with_stan")
    assert isinstance(evaluation, dg.AssetCheckEvaluation), evaluation
    assert evaluation.passed is holds
    assert asked == [(19358, 20453, 1096)], "the whole history window: 2023-01-01 to 2025-12-31"
    offenders = place.data / "checks" / "fleet_forecast" / f"turbo_agrees_with_stan-{MONTH}.csv"
    assert offenders.exists() is not holds


@pytest.mark.parametrize(
    ("solver", "expected"),
    [
        ("prophet: turbo converged; recent_level: closed form", "prophet"),
        (
            "prophet: turbo converged; prophet: stan (turbo: iteration limit); prophet_linear: turbo converged",
            "prophet_linear",
        ),
        ("prophet: constant; prophet: turbo converged", None),
        ("my_package.prophet:build: turbo converged; recent_level: closed form", None),
        ("recent_level: closed form", None),
    ],
)
def test_only_a_prophet_that_turbo_alone_delivered_is_compared(solver: str, expected: str | None) -> None:
    assert delivered_by_turbo(solver) == expected


def test_a_variant_is_compared_at_its_own_settings(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.sql(f"UPDATE series_outcomes SET solver = 'prophet_linear: turbo converged' WHERE {ONE}")
    asked = []

    def compared(days: np.ndarray, y: np.ndarray, settings: ForecastSettings) -> SimpleNamespace:
        asked.append((settings.growth, settings.changepoint_prior_scale))
        return SimpleNamespace(holds=True, turbo=1.0, stan=2.0, turbo_seconds=0.1, stan_seconds=1.0)

    monkeypatch.setattr("turbo_forecast.defs.checks.agreement.compare", compared)
    evaluation = place.check("fleet_forecast", "turbo_agrees_with_stan")
    assert isinstance(evaluation, dg.AssetCheckEvaluation), evaluation
    assert asked == [("linear", 0.02)]


def test_today_is_forty_five_days_after_the_last_fresh_day(place: Place) -> None:
    shift = (date.today() - date(2025, 12, 31)).days - 46
    place.sql(f"UPDATE base_table SET ds = ds + {shift}")
    evaluation = place.check("base_table", "telemetry_is_fresh")
    assert isinstance(evaluation, dg.AssetCheckEvaluation)
    assert not evaluation.passed
    assert evaluation.severity == dg.AssetCheckSeverity.WARN
    ended = date.today() - timedelta(days=46)
    assert evaluation.description == (
        f"the telemetry ends on {ended}, 46 days ago; a forecast of the latest month needs days of the last 45. "
        "Export newer telemetry, unless you forecast an earlier month on purpose."
    )


def test_fresh_telemetry_says_to_which_day_it_reaches(place: Place) -> None:
    place.sql(f"UPDATE base_table SET ds = ds + {(date.today() - date(2025, 12, 31)).days - 1}")
    evaluation = place.check("base_table", "telemetry_is_fresh")
    assert isinstance(evaluation, dg.AssetCheckEvaluation)
    ended = date.today() - timedelta(days=1)
    assert evaluation.description == f"the telemetry ends on {ended}, 1 day ago (at most 45 are allowed)"


def test_the_interval_check_says_what_share_of_how_many_days_was_held(place: Place) -> None:
    # 6 series of 122 days, everything missed; six series are allowed 2 standard errors more, 0.05 + 2 * sqrt(0.16 / 6)
    place.spoil("forecast_parquet", "UPDATE {stored} SET yhat_lower = yhat, yhat_upper = yhat")
    evaluation = place.check("forecast_parquet", COVERS)
    assert isinstance(evaluation, dg.AssetCheckEvaluation)
    assert evaluation.description.startswith(
        "the published 80 % interval held 0.00 % of the 732 backtest days, taken together, of the 6 series that vary, "
        "not 42.3 to 100 %: it is too narrow. Plan with the share that it held"
    )


def test_the_interval_check_has_nothing_to_say_where_nothing_varies(place: Place) -> None:
    place.sql("UPDATE tournament_scores SET mase = NULL")
    evaluation = place.check("forecast_parquet", COVERS)
    assert isinstance(evaluation, dg.AssetCheckEvaluation)
    assert evaluation.passed
    assert evaluation.description == "no series that varies has a backtest: there was nothing to check"


def test_fallbacks_are_counted_beside_what_is_allowed(place: Place) -> None:
    place.sql(f"UPDATE series_outcomes SET outcome = 'fallback' WHERE {ONE} AND cutoff = DATE '2025-12-31'")
    told = []
    for tolerated in (0.025, 0.5):
        evaluation = place.check("series_outcomes", FALLBACK, max_fallback_share=tolerated)
        assert isinstance(evaluation, dg.AssetCheckEvaluation)
        told.append(evaluation.description)
    resting = "1 of 6 live series (16.7%) have no forecast but the fallback's"
    assert told[0].startswith(f"{resting}; only 2.5 % may. series_outcomes.reason says why")
    assert told[1] == f"{resting}; 50 % may"
