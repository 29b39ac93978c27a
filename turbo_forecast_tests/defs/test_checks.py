"""Every check fails when its property is violated, says where, and passes when it is not."""

from datetime import date
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import numpy as np
import polars as pl
import pytest

from turbo_forecast.defs.checks.judging import SHOWN
from turbo_forecast_tests.defs.conftest import MONTH, Place

pytestmark = pytest.mark.xdist_group("definitions")

COVERAGE = "every_series_has_an_outcome_and_its_rows"
KEYS = "no_duplicate_keys"
HORIZON = "horizon_is_complete"
ENVELOPE = "projections_stay_in_the_envelope"
FINITE = "projections_are_finite"
CHAMPION = "exactly_one_champion_per_series"
OBSERVED = "rows_tell_what_was_observed"
THIS_MONTH = "rows_belong_to_this_month"
MASTER = "is_the_champions_forecast"
SORTED = "is_sorted_by_series"
SCORED = "every_backtest_is_scored"
FINITE_SCORES = "scores_are_finite"
FALLBACK = "few_series_rest_on_the_fallback"
ROWS = ("fleet_forecast", "tournament_results", "forecast_parquet")
KEYED = (*ROWS, "series_outcomes", "tournament_scores", "champions")

ONE = "host_id = 'b' AND resource = 'cpu'"
FILES = ("fleet_forecast", "forecast_parquet")
BACKTEST = f"{ONE} AND ds = DATE '2025-10-01'"
NIGHT = f"{ONE} AND ds = DATE '2026-03-01'"

VIOLATIONS: list[tuple[str, str, str]] = [
    *((asset, COVERAGE, f"DELETE FROM {{stored}} WHERE {ONE}") for asset in ROWS),
    *((asset, COVERAGE, f"DELETE FROM {{stored}} WHERE {ONE} AND phase = 'backtest'") for asset in ROWS),
    *((asset, COVERAGE, f"DELETE FROM {{stored}} WHERE {NIGHT}") for asset in ROWS),
    *((asset, COVERAGE, f"UPDATE {{stored}} SET host_id = 'ghost' WHERE {ONE}") for asset in ROWS),
    *((asset, KEYS, f"INSERT INTO {{stored}} SELECT * FROM {{stored}} WHERE {ONE} LIMIT 1") for asset in KEYED),
    *((asset, HORIZON, f"DELETE FROM {{stored}} WHERE {NIGHT}") for asset in ROWS),
    *((asset, HORIZON, f"UPDATE {{stored}} SET ds = DATE '2026-07-01' WHERE {NIGHT}") for asset in ROWS),
    *((asset, HORIZON, f"UPDATE {{stored}} SET ds = DATE '2026-03-02' WHERE {NIGHT}") for asset in ROWS),
    *((asset, HORIZON, f"UPDATE {{stored}} SET ds = DATE '2025-12-31' WHERE {NIGHT}") for asset in ROWS),
    *((asset, HORIZON, f"UPDATE {{stored}} SET phase = 'guess' WHERE {NIGHT}") for asset in ROWS),
    *(
        (asset, HORIZON, f"DELETE FROM {{stored}} WHERE {ONE} AND phase = 'backtest' AND ds < DATE '2025-09-03'")
        for asset in ROWS
    ),
    *((asset, ENVELOPE, f"UPDATE {{stored}} SET yhat_lower = -0.001 WHERE {NIGHT}") for asset in ROWS),
    *((asset, ENVELOPE, f"UPDATE {{stored}} SET yhat_upper = 100.001 WHERE {NIGHT}") for asset in ROWS),
    *((asset, ENVELOPE, f"UPDATE {{stored}} SET yhat_lower = yhat + 0.5 WHERE {NIGHT}") for asset in ROWS),
    *((asset, ENVELOPE, f"UPDATE {{stored}} SET yhat_upper = yhat - 0.5 WHERE {NIGHT}") for asset in ROWS),
    *((asset, ENVELOPE, f"UPDATE {{stored}} SET yhat = 'nan' WHERE {NIGHT}") for asset in ROWS),
    *((asset, FINITE, f"UPDATE {{stored}} SET yhat = 'nan' WHERE {NIGHT}") for asset in ROWS),
    *((asset, FINITE, f"UPDATE {{stored}} SET yhat_upper = 'infinity' WHERE {NIGHT}") for asset in ROWS),
    *((asset, FINITE, f"UPDATE {{stored}} SET yhat_lower = '-infinity' WHERE {NIGHT}") for asset in ROWS),
    *((asset, FINITE, f"UPDATE {{stored}} SET y = 'nan' WHERE {NIGHT}") for asset in ROWS),
    *((asset, OBSERVED, f"UPDATE {{stored}} SET y = 50 WHERE {NIGHT}") for asset in ROWS),
    *((asset, OBSERVED, f"UPDATE {{stored}} SET y = NULL WHERE {BACKTEST}") for asset in ROWS),
    *((asset, OBSERVED, f"UPDATE {{stored}} SET y = y + 0.001 WHERE {BACKTEST}") for asset in ROWS),
    *((asset, THIS_MONTH, f"UPDATE {{stored}} SET model = 'nobody' WHERE {NIGHT}") for asset in ROWS),
    *((asset, THIS_MONTH, f"UPDATE {{stored}} SET phase = 'guess' WHERE {NIGHT}") for asset in ROWS),
    *((asset, THIS_MONTH, f"UPDATE {{stored}} SET cutoff = DATE '2025-11-30' WHERE {NIGHT}") for asset in FILES),
    *((asset, THIS_MONTH, f"UPDATE {{stored}} SET model = NULL WHERE {NIGHT}") for asset in FILES),
    *((asset, THIS_MONTH, f"UPDATE {{stored}} SET cutoff = NULL WHERE {NIGHT}") for asset in FILES),
    ("forecast_parquet", MASTER, f"UPDATE {{stored}} SET yhat = 50 WHERE {NIGHT}"),
    ("forecast_parquet", MASTER, f"UPDATE {{stored}} SET outcome = NULL WHERE {NIGHT}"),
    ("forecast_parquet", MASTER, f"DELETE FROM {{stored}} WHERE {NIGHT}"),
    (
        "forecast_parquet",
        SORTED,
        f"INSERT INTO {{stored}} SELECT * REPLACE (DATE '2026-12-31' AS ds) FROM {{stored}} WHERE {NIGHT}",
    ),
    ("tournament_scores", SCORED, f"DELETE FROM {{stored}} WHERE {ONE}"),
    ("tournament_scores", SCORED, f"UPDATE {{stored}} SET n = 121 WHERE {ONE}"),
    ("tournament_scores", SCORED, f"UPDATE {{stored}} SET host_id = 'ghost' WHERE {ONE}"),
    ("tournament_scores", FINITE_SCORES, f"UPDATE {{stored}} SET mae = 'nan' WHERE {ONE}"),
    ("tournament_scores", FINITE_SCORES, f"UPDATE {{stored}} SET mase = 'infinity' WHERE {ONE}"),
    ("tournament_scores", FINITE_SCORES, f"UPDATE {{stored}} SET coverage = 7 WHERE {ONE}"),
    ("tournament_scores", FINITE_SCORES, f"UPDATE {{stored}} SET rmse = 0 WHERE {ONE}"),
    ("champions", CHAMPION, f"DELETE FROM {{stored}} WHERE {ONE}"),
    ("champions", CHAMPION, f"INSERT INTO {{stored}} SELECT * FROM {{stored}} WHERE {ONE}"),
    ("champions", CHAMPION, f"UPDATE {{stored}} SET model = 'nobody' WHERE {ONE}"),
    ("champions", CHAMPION, f"UPDATE {{stored}} SET host_id = 'ghost' WHERE {ONE}"),
    ("series_outcomes", FALLBACK, f"UPDATE {{stored}} SET outcome = 'failed' WHERE {ONE}"),
    ("series_outcomes", FALLBACK, f"UPDATE {{stored}} SET outcome = 'fallback' WHERE {ONE}"),
    (
        "base_table",
        "one_row_per_series_and_day",
        f"INSERT INTO {{stored}} SELECT * FROM {{stored}} WHERE {ONE} LIMIT 1",
    ),
    ("base_table", "utilisation_is_in_range", f"UPDATE {{stored}} SET y = 100.5 WHERE {ONE} AND ds = '2025-01-01'"),
    ("base_table", "utilisation_is_in_range", f"UPDATE {{stored}} SET y = -0.5 WHERE {ONE} AND ds = '2025-01-01'"),
    ("base_table", "utilisation_is_in_range", f"UPDATE {{stored}} SET y = 'nan' WHERE {ONE} AND ds = '2025-01-01'"),
    ("base_table", "telemetry_is_fresh", "DELETE FROM {stored} WHERE ds > current_date - 46"),
]
"""Asset, check, and a statement that violates the property on the asset's stored rows."""

ELSEWHERE: list[tuple[str, str]] = [
    ("series_outcomes", f"DELETE FROM {{stored}} WHERE {ONE}"),
    ("series_outcomes", f"INSERT INTO {{stored}} SELECT * FROM {{stored}} WHERE {ONE}"),
    ("series_outcomes", f"UPDATE {{stored}} SET outcome = 'forgotten' WHERE {ONE}"),
    ("series_outcomes", f"UPDATE {{stored}} SET outcome = 'retired' WHERE {ONE}"),
    ("base_table", f"DELETE FROM {{stored}} WHERE {ONE}"),
    ("base_table", "INSERT INTO {stored} VALUES ('d', 'cpu', DATE '2025-12-30', 1.0)"),
]
"""Violations of coverage by what the rows are compared with."""


def attached() -> set[tuple[str, str]]:
    from turbo_forecast.definitions import build_definitions

    checks = build_definitions({}).asset_checks or ()
    return {(key.asset_key.to_user_string(), key.name) for check in checks for key in check.check_keys}  # type: ignore[union-attr]


def test_every_check_of_every_asset_is_violated_somewhere_below() -> None:
    tested = {(asset, check) for asset, check, _ in VIOLATIONS} | {("base_table", "fleet_has_not_shrunk")}
    tested |= {("fleet_forecast", "turbo_agrees_with_stan")}
    assert tested == attached()


@pytest.mark.parametrize(("asset", "check"), sorted({(asset, check) for asset, check, _ in VIOLATIONS}))
def test_a_healthy_month_passes(asset: str, check: str, place: Place) -> None:
    if check == "telemetry_is_fresh":
        place.sql("UPDATE base_table SET ds = ds + (current_date - DATE '2025-12-31' - 45)::INTEGER")
    evaluation = place.check(asset, check)
    assert isinstance(evaluation, dg.AssetCheckEvaluation), evaluation
    assert evaluation.passed, evaluation.description
    assert evaluation.metadata["expected"].value == evaluation.metadata["got"].value > 0
    assert set(evaluation.metadata) == {"expected", "got"}


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
    label = "" if asset == "base_table" else f" {MONTH}"
    assert evaluation.metadata[f"all offenders{label}"].value == str(path)
    assert str(evaluation.metadata[f"first offenders{label}"].value).count("\n") == 1 + min(SHOWN, offenders.height)


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
    assert evaluation.description.endswith("4 of 6")
    assert evaluation.severity == dg.AssetCheckSeverity.ERROR


def test_only_the_first_twenty_offenders_are_in_the_event_log(place: Place) -> None:
    place.spoil("fleet_forecast", f"UPDATE {{stored}} SET yhat = 'nan' WHERE {ONE} AND phase = 'forecast'")
    evaluation = place.check("fleet_forecast", FINITE)
    assert isinstance(evaluation, dg.AssetCheckEvaluation)
    shown = str(evaluation.metadata[f"first offenders {MONTH}"].value)
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


def test_a_fleet_that_shrinks_is_warned_of(telemetry: Path, fresh_place, tmp_path: Path) -> None:
    place: Place = fresh_place()
    fewer = tmp_path / "fewer.parquet"
    pl.read_parquet(telemetry).filter(pl.col("host_id") != "c").write_parquet(fewer)
    results = []
    for source in (telemetry, fewer, fewer):
        job = dg.define_asset_job("base", selection=dg.AssetSelection.assets("base_table", "base_table_rejects"))
        base = place.definitions(source)
        definitions = dg.Definitions(
            assets=base.assets, asset_checks=base.asset_checks, jobs=[job], resources=base.resources
        )
        result = definitions.resolve_job_def("base").execute_in_process(instance=place.instance)
        found = {e.check_name: e for e in result.get_asset_check_evaluations()}["fleet_has_not_shrunk"]
        results.append((found.passed, found.metadata["expected"].value, found.metadata["got"].value))
        assert found.severity == dg.AssetCheckSeverity.WARN
    assert results == [(True, 6, 6), (False, 6, 4), (True, 4, 4)]


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


def test_today_is_forty_five_days_after_the_last_fresh_day(place: Place) -> None:
    shift = (date.today() - date(2025, 12, 31)).days - 46
    place.sql(f"UPDATE base_table SET ds = ds + {shift}")
    evaluation = place.check("base_table", "telemetry_is_fresh")
    assert isinstance(evaluation, dg.AssetCheckEvaluation)
    assert not evaluation.passed
    assert evaluation.severity == dg.AssetCheckSeverity.WARN
