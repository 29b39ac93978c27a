"""What Dagster is given: nothing vanishes unnoticed, and every month asset keeps the house's rules."""

import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import dagster as dg
import pytest

from turbo_forecast.definitions import build_definitions
from turbo_forecast.defs import checks
from turbo_forecast.defs.checks.month_checks import BLOCKING
from turbo_forecast.schemas import BASE_TABLE
from turbo_forecast.settings import Environment
from turbo_forecast.storage.months import STEPS
from turbo_forecast_tests.defs.conftest import ENTRANTS, FED, MONTH, Place
from turbo_forecast_tests.defs.made_month import REACH

pytestmark = pytest.mark.xdist_group("definitions")

ROW_CHECKS = {
    *("every_series_has_an_outcome_and_its_rows", "horizon_is_complete", "no_duplicate_keys"),
    *("projections_are_finite", "projections_stay_in_the_envelope"),
    *("rows_belong_to_this_month", "rows_tell_what_was_observed"),
}
CHECKS = {
    "base_table": {
        *("fleet_has_not_shrunk", "one_row_per_series_and_day", "telemetry_is_fresh", "utilisation_is_in_range"),
    },
    "base_table_rejects": set(),
    "fleet_forecast": ROW_CHECKS
    | {"every_entrant_forecasts_something", "is_sorted_by_series", "turbo_agrees_with_stan"},
    "fold_forecast": {
        *(
            "every_fold_is_held_by_everyone",
            "folds_end_before_the_backtest",
            "is_sorted_by_series",
            "no_duplicate_keys",
        ),
        *("projections_are_finite", "projections_stay_in_the_envelope"),
    },
    "combination_weights": {"no_duplicate_keys"},
    "series_outcomes": {"few_series_rest_on_the_fallback", "no_duplicate_keys"},
    "model_runs": {"every_fit_is_recorded", "no_duplicate_keys"},
    "run_audit": set(),
    "tournament_results": {
        *("every_series_has_an_outcome_and_its_rows", "no_duplicate_keys", "rows_belong_to_this_month"),
    },
    "tournament_scores": {"every_window_is_scored", "no_duplicate_keys", "scores_are_finite"},
    "champions": {
        *("exactly_one_champion_per_series", "no_champion_is_clearly_worse_than_the_fallback", "no_duplicate_keys"),
    },
    "calibration": {"every_champion_is_calibrated", "intervals_widen_smoothly", "no_duplicate_keys"},
    "forecast_parquet": ROW_CHECKS
    | {
        *("forecasts_rest_on_observations", "is_sorted_by_series", "is_the_champions_forecast"),
        *("latest_month_is_published",),
        *("intervals_hold_in_the_backtest", "intervals_do_not_break_in_the_backtest"),
        "intervals_hold_for_nearly_every_series",
    },
    "forecast_intervals": {"every_day_has_its_intervals", "intervals_are_nested", "no_duplicate_keys"},
    "tournament_standings": {"everyone_stands_everywhere", "no_duplicate_keys", "standings_are_finite"},
    "forecast_accuracy": {"earlier_forecasts_are_judged", "no_duplicate_keys"},
    "capacity_outlook": {
        *("every_group_has_its_statements", "every_threshold_has_a_statement", "no_duplicate_keys"),
        *("statements_agree_with_themselves", "statements_are_monotone"),
    },
    "outlook_backtest": {
        *("backtest_statements_agree_with_themselves", "every_backtest_has_its_statements", "no_duplicate_keys"),
        *("what_happened_is_what_was_observed",),
    },
    "outlook_accuracy": {"no_duplicate_keys", "outlook_has_skill"},
    "outlook_reliability": {"no_duplicate_keys", "outlook_is_reliable"},
    "outlook_over_time": {"earlier_statements_are_judged", "no_duplicate_keys"},
    "group_members": {"no_duplicate_keys"},
    "group_history": {"every_group_has_its_days", "no_duplicate_keys"},
    "group_forecast": {"every_group_has_its_rows", "no_duplicate_keys"},
    "planned_changes": {"no_duplicate_keys", "plans_of_the_forecast_have_an_effect"},
    "planned_loads": {"loads_are_whole", "no_duplicate_keys"},
    "scenario_outlook": {"each_threshold_is_compared_once", "scenarios_are_compared_as_they_stand"},
    "months": {"a_complete_month_is_whole", "no_duplicate_keys"},
    "published_month": {"is_what_is_stored"},
    "month_report": {"report_is_whole"},
    "telemetry_landing": {"landed_months_are_whole", "no_month_is_missing_in_between"},
}
WITHOUT_ROWS = {"published_month", "month_report"}
"""Assets that are files of other assets' rows."""
FILES_OF_OTHERS = {"telemetry_landing"}
"""Assets whose rows have the columns of their sources."""
AFTER_A_MONTH = {"published_month", "month_report"}
"""Assets whose blocking checks stop what is downstream, and not the month: it is complete by then."""
OF_THE_RUN = ("fleet_forecast", "fold_forecast", "combination_weights", "series_outcomes", "model_runs", "run_audit")
DEPENDENCIES = {
    "telemetry": set(),
    "telemetry_landing": set(),
    "base_table": {"telemetry", "telemetry_landing"},
    "base_table_rejects": {"telemetry", "telemetry_landing"},
    **{name: {"base_table"} for name in OF_THE_RUN},
    "tournament_results": {"fleet_forecast"},
    "tournament_scores": {"fleet_forecast", "fold_forecast", "tournament_results"},
    "champions": {"fleet_forecast", "tournament_results", "tournament_scores"},
    "calibration": {"fleet_forecast", "fold_forecast", "champions", "tournament_results"},
    "forecast_parquet": {
        *("fleet_forecast", "champions", "calibration", "tournament_results", "series_outcomes", "planned_loads"),
    },
    "forecast_intervals": {"fleet_forecast", "calibration", "planned_loads", "forecast_parquet"},
    "tournament_standings": {"fleet_forecast", "tournament_scores", "forecast_parquet"},
    "forecast_accuracy": {"base_table", "forecast_parquet", "tournament_results"},
    "group_members": {"series_outcomes"},
    "group_history": {"base_table", "group_members"},
    "group_forecast": {"fleet_forecast", "group_history"},
    "planned_changes": {"series_outcomes", "group_members"},
    "planned_loads": {"planned_changes"},
    "capacity_outlook": {"base_table", "fleet_forecast", "forecast_parquet", "group_forecast"},
    "outlook_backtest": {"base_table", "fleet_forecast", "forecast_parquet", "group_forecast"},
    "scenario_outlook": {"capacity_outlook"},
    "outlook_accuracy": {"outlook_backtest"},
    "outlook_reliability": {"outlook_backtest"},
    "outlook_over_time": {"base_table", "capacity_outlook"},
    "months": {
        *("fleet_forecast", "fold_forecast", "combination_weights", "series_outcomes", "tournament_results"),
        *("tournament_scores", "champions", "calibration", "forecast_parquet", "tournament_standings"),
        *("forecast_intervals", "forecast_accuracy", "model_runs"),
        *("capacity_outlook", "outlook_backtest", "outlook_accuracy", "outlook_reliability", "outlook_over_time"),
        *("group_members", "group_history", "group_forecast", "planned_changes", "planned_loads"),
    },
    "published_month": {"months", "scenario_outlook"},
    "month_report": {"published_month"},
}
WARNINGS = {
    "no_month_is_missing_in_between",
    *("telemetry_is_fresh", "fleet_has_not_shrunk", "few_series_rest_on_the_fallback"),
    *("intervals_hold_in_the_backtest", "latest_month_is_published"),
    *("outlook_has_skill", "outlook_is_reliable", "plans_of_the_forecast_have_an_effect"),
    *("intervals_hold_for_nearly_every_series", "intervals_widen_smoothly"),
}


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions({}, environment=FED)


@pytest.fixture(scope="module")
def graph(definitions: dg.Definitions):
    return definitions.resolve_asset_graph()


def test_assets_and_what_they_are_made_of(graph) -> None:
    found = {key.to_user_string(): graph.get(key) for key in graph.get_all_asset_keys()}
    assert {name: {dep.to_user_string() for dep in node.parent_keys} for name, node in found.items()} == DEPENDENCIES


def test_a_months_steps_are_its_assets_and_rest_on_what_these_are_made_from() -> None:
    stored = {name: sources - {"base_table"} for name, sources in DEPENDENCIES.items()}
    others = (
        "telemetry",
        "telemetry_landing",
        "base_table",
        "base_table_rejects",
        "run_audit",
        "months",
        "scenario_outlook",
    )
    for name in (*others, *AFTER_A_MONTH):
        stored.pop(name)
    assert {name: set(sources) for name, sources in STEPS.items()} == stored


UNBLOCKING = WARNINGS | {
    "report_is_whole",
    *("forecasts_rest_on_observations", "each_threshold_is_compared_once", "scenarios_are_compared_as_they_stand"),
}


def test_every_blocking_check_of_a_month_must_pass_before_it_is_complete(definitions: dg.Definitions) -> None:
    expected = {(asset, check) for asset, checks in CHECKS.items() for check in checks - UNBLOCKING}
    assert {(asset, check) for asset, check in BLOCKING} == {
        pair for pair in expected if pair[0] not in {"base_table", "telemetry_landing", *AFTER_A_MONTH}
    }


def test_every_asset_has_its_checks(graph) -> None:
    found: dict[str, set[str]] = {name: set() for name in CHECKS}
    for key in graph.asset_check_keys:
        found[key.asset_key.to_user_string()].add(key.name)
    assert found == CHECKS


def test_every_check_of_a_module_is_loaded_once(definitions: dg.Definitions) -> None:
    modules = [import_module(f"{checks.__name__}.{found.name}") for found in iter_modules(checks.__path__)]
    listed = [key for module in modules for check in getattr(module, "checks", []) for key in check.check_keys]
    loaded = [key for check in definitions.asset_checks or () for key in check.check_keys]  # type: ignore[union-attr]
    assert sorted(map(str, loaded)) == sorted(map(str, listed))
    assert len(loaded) == len(set(loaded))


def test_every_check_blocks_but_those_that_warn_or_are_about_single_forecasts(definitions: dg.Definitions) -> None:
    specs = [spec for check in definitions.asset_checks or () for spec in check.check_specs]  # type: ignore[union-attr]
    assert {spec.name for spec in specs if not spec.blocking} == UNBLOCKING
    assert all(spec.description for spec in specs)


def test_a_range_is_one_run_a_month_and_the_warehouse_is_taken_in_turns(graph, definitions: dg.Definitions) -> None:
    for name in CHECKS:
        node = graph.get(dg.AssetKey(name))
        assert node.is_partitioned == (not name.startswith("base_table"))
        assert node.backfill_policy is None, "with any policy, Dagster takes a check's month away in backfills"
    for asset in (*(definitions.assets or ()), *(definitions.asset_checks or ())):
        if isinstance(asset, dg.AssetSpec):  # the telemetry, which others make
            continue
        reads_files = asset.op.name.startswith(("month_report", "telemetry_landing"))  # type: ignore[union-attr]
        assert asset.op.pool == (None if reads_files else "duckdb_writer"), asset.op.name  # type: ignore[union-attr]


def test_every_asset_shows_its_columns_and_says_what_it_is(graph) -> None:
    for name in CHECKS:
        node = graph.get(dg.AssetKey(name))
        assert node.description
        assert name in WITHOUT_ROWS | FILES_OF_OTHERS or node.metadata["dagster/column_schema"].columns
    shown = graph.get(dg.AssetKey("base_table")).metadata["dagster/column_schema"].columns
    assert [column.name for column in shown] == BASE_TABLE.names


def test_no_asset_is_called_fresh_for_what_was_made_of_an_old_month(definitions: dg.Definitions) -> None:
    specs = definitions.resolve_all_asset_specs()
    assert {spec.key.to_user_string() for spec in specs} == {*CHECKS, "telemetry"}
    assert [spec.key for spec in specs if spec.freshness_policy is not None] == []


def test_the_jobs_and_the_schedules_and_sensors_that_are_stopped_until_switched_on(definitions: dg.Definitions) -> None:
    repository = definitions.get_repository_def()
    jobs = {job.name for job in repository.get_all_jobs() if not job.name.startswith("__")}
    assert jobs == {"monthly_forecast", "monthly_outlook", "monthly_checks", "latest_month_check", "remove_old_runs"}
    schedules = {schedule.name: schedule for schedule in repository.schedule_defs}
    assert {name: schedule.cron_schedule for name, schedule in schedules.items()} == {
        "monthly_forecast_schedule": "0 6 1 * *",
        "remove_old_runs_daily": "30 3 * * *",
    }
    assert {schedule.default_status for schedule in schedules.values()} == {dg.DefaultScheduleStatus.STOPPED}
    assert {sensor.name for sensor in repository.sensor_defs} == {"alerts", "latest_month_sensor"}
    assert {sensor.default_status for sensor in repository.sensor_defs} == {dg.DefaultSensorStatus.STOPPED}


@pytest.mark.parametrize(
    ("tick", "month"),
    [
        (datetime(2026, 1, 1, 6, tzinfo=UTC), "2025-12"),
        (datetime(2025, 3, 1, 6, tzinfo=UTC), "2025-02"),
        (datetime(2024, 3, 1, 6, tzinfo=UTC), "2024-02"),
    ],
)
def test_the_schedule_asks_for_the_month_that_has_just_ended(
    tick: datetime, month: str, definitions: dg.Definitions
) -> None:
    schedule = definitions.get_repository_def().get_schedule_def("monthly_forecast_schedule")
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(instance=instance, scheduled_execution_time=tick)
        requests = schedule.evaluate_tick(context).run_requests
    assert requests is not None
    assert [request.partition_key for request in requests] == [month]


def test_a_run_reports_counts_and_seconds_but_no_rows(month: tuple[Place, dg.ExecuteInProcessResult]) -> None:
    _, result = month
    assert result.success
    events = [event.step_materialization_data for event in result.all_events if event.is_step_materialization]
    told = {event.materialization.asset_key.to_user_string(): event.materialization for event in events}
    assert set(told) == set(CHECKS) - {"telemetry_landing"}
    counted = {
        name: event.metadata["dagster/row_count"].value
        for name, event in told.items()
        if name not in {"run_audit", *WITHOUT_ROWS}
    }
    assert counted.pop("outlook_reliability") in range(2, 2 * 10 + 1), "bins that have a statement, of both populations"
    entrants, days, folds = len(ENTRANTS), 122 + 181, 123 + 120 + 122
    assert counted == {
        "base_table": 6 * 1096,
        "base_table_rejects": 0,
        "fleet_forecast": 6 * entrants * days,
        "fold_forecast": 6 * entrants * folds,
        "combination_weights": 6 * (entrants - 2),
        "series_outcomes": 6,
        "model_runs": 6 * (entrants - 2) * (2 + 3),
        "tournament_results": 6 * entrants * days,
        "tournament_scores": 6 * entrants * (1 + 3),
        "champions": 6,
        "calibration": 6 * (4 + 6),
        "forecast_parquet": 6 * days,
        "forecast_intervals": 6 * days * (len(REACH) - 1),
        "tournament_standings": (2 + 1) * (4 + 1) * (entrants + 1),
        "forecast_accuracy": (2 + 1) * 1 * (entrants + 1),
        **dict.fromkeys(("group_members", "group_history", "group_forecast"), 0),
        **dict.fromkeys(("planned_changes", "planned_loads", "scenario_outlook"), 0),
        "capacity_outlook": 6 * 4,
        "outlook_backtest": 6 * 4 * 4,
        "outlook_accuracy": (2 + 1) * 2 * 4 * 4,
        "outlook_over_time": (2 + 1) * 2 * 4 * 1,
        "months": 1,
    }
    assert {
        name: event.partition for name, event in told.items() if not name.startswith("base_table")
    } == dict.fromkeys(set(CHECKS) - {"base_table", "base_table_rejects", "telemetry_landing"}, MONTH)
    words = {name: re.sub(r"base64,[A-Za-z0-9+/=]+", "", str(event.metadata)) for name, event in told.items()}
    assert max(map(len, words.values())) < 5_000, "plots aside, a month tells a screen of text"


def test_every_check_of_a_healthy_month_passes(month: tuple[Place, dg.ExecuteInProcessResult]) -> None:
    _, result = month
    verdicts = {(e.asset_key.to_user_string(), e.check_name): e.passed for e in result.get_asset_check_evaluations()}
    of_months = {(asset, check) for asset, checks in CHECKS.items() for check in checks}
    # one is of the calendar, and without a source nothing lands
    left_out = {
        ("forecast_parquet", "latest_month_is_published"),
        *(("telemetry_landing", name) for name in CHECKS["telemetry_landing"]),
    }
    assert set(verdicts) == of_months - left_out
    assert {key for key, passed in verdicts.items() if not passed} <= {("base_table", "telemetry_is_fresh")}


def test_where_no_source_is_named_nothing_lands(tmp_path: Path) -> None:
    unfed = build_definitions({}, environment=Environment(data=tmp_path))
    graph = unfed.resolve_asset_graph()
    landing = graph.get(dg.AssetKey("telemetry_landing"))
    assert landing.is_external
    assert not graph.get_check_keys_for_assets({landing.key})
    assert (landing.description or "").startswith("No sources are configured: telemetry is read from files alone. ")
    nodes = {node.name for node in unfed.resolve_job_def("monthly_forecast").nodes}
    assert not {name for name in nodes if "landing" in name}
    assert "base_table" in nodes


def test_reading_the_definitions_brings_no_compiler() -> None:
    script = "import sys, turbo_forecast.definitions as it; it.build_definitions(); sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
