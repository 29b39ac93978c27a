"""Every check's name, and statements that violate it: what the tests of checks are run with."""

from turbo_forecast_tests.defs.group_violations import VIOLATIONS as GROUP_VIOLATIONS
from turbo_forecast_tests.defs.made_month import GUESSER

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
SCORED = "every_window_is_scored"
FINITE_SCORES = "scores_are_finite"
SOMETHING = "every_entrant_forecasts_something"
FALLBACK = "few_series_rest_on_the_fallback"
HELD = "every_fold_is_held_by_everyone"
BEFORE = "folds_end_before_the_backtest"
NOT_WORSE = "no_champion_is_clearly_worse_than_the_fallback"
CALIBRATED = "every_champion_is_calibrated"
COVERS = "intervals_hold_in_the_backtest"
COVERS_EACH = "intervals_hold_for_nearly_every_series"
SMOOTH = "intervals_widen_smoothly"
BREAKS = "intervals_do_not_break_in_the_backtest"
ALL_WIDTHS = "every_day_has_its_intervals"
NESTED = "intervals_are_nested"
STANDING = "everyone_stands_everywhere"
FINITE_STANDINGS = "standings_are_finite"
JUDGED = "earlier_forecasts_are_judged"
WHOLE_MONTH = "a_complete_month_is_whole"
EFFECTIVE = "plans_of_the_forecast_have_an_effect"
WHOLE_LOADS = "loads_are_whole"
COMPARED = "scenarios_are_compared_as_they_stand"
RECORDED = "every_fit_is_recorded"
MONOTONE = "statements_are_monotone"
AGREE = "statements_agree_with_themselves"
STATED = "every_threshold_has_a_statement"
BACKTEST_AGREES = "backtest_statements_agree_with_themselves"
BACKTEST_STATED = "every_backtest_has_its_statements"
HAPPENED = "what_happened_is_what_was_observed"
SKILL = "outlook_has_skill"
RELIABLE = "outlook_is_reliable"
STATEMENTS_JUDGED = "earlier_statements_are_judged"
VIEW = "tournament_results"
ROWS = ("fleet_forecast", "forecast_parquet")
PROJECTED = (*ROWS, "fold_forecast")
KEYED = (
    *(*PROJECTED, "combination_weights", "series_outcomes", "model_runs", "tournament_scores", "champions"),
    *("forecast_intervals", "calibration", "planned_changes", "planned_loads", "capacity_outlook", "outlook_backtest"),
    *("tournament_standings", "forecast_accuracy"),
)
OF_FLEET = ("tournament_standings", "forecast_accuracy")
OF_STATEMENTS = ("outlook_accuracy", "outlook_reliability", "outlook_over_time")
"""Tables that are not about single series."""

ONE = "host_id = 'b' AND resource = 'cpu'"
BACKTEST = f"{ONE} AND ds = DATE '2025-10-01'"
NIGHT = f"{ONE} AND ds = DATE '2026-03-01'"
FOLD_DAY = f"{ONE} AND fold = 2 AND ds = DATE '2025-03-01'"
MONTH_ONE = "resource = 'cpu' AND horizon_month = 1 AND model = 'median'"
WHOLE = "resource = 'cpu' AND horizon_month = 0 AND model = 'median'"
JUDGEMENT = "resource = 'all' AND model = 'median'"
LIKELY = f"{ONE} AND threshold = 70"
UNLIKELY = f"{ONE} AND threshold = 90"
IN_122_DAYS = f"{ONE} AND threshold = 70 AND horizon_days = 122"
RECORD = "resource = 'all' AND population = 'all' AND threshold = 90 AND horizon_days = 30"


def of(asset: str) -> str:
    """One of the asset's projected days."""
    return FOLD_DAY if asset == "fold_forecast" else NIGHT


VIOLATIONS: list[tuple[str, str, str]] = [
    *((asset, COVERAGE, f"DELETE FROM {{stored}} WHERE {ONE}") for asset in ROWS),
    *((asset, COVERAGE, f"DELETE FROM {{stored}} WHERE {ONE} AND phase = 'backtest'") for asset in ROWS),
    *((asset, COVERAGE, f"DELETE FROM {{stored}} WHERE {NIGHT}") for asset in ROWS),
    *((asset, COVERAGE, f"UPDATE {{stored}} SET host_id = 'ghost' WHERE {ONE}") for asset in ROWS),
    *(
        (asset, KEYS, f"INSERT INTO {{stored}} SELECT * FROM {{stored}} WHERE {ONE}")
        for asset in KEYED
        if asset not in OF_FLEET
    ),
    *((asset, KEYS, "INSERT INTO {stored} SELECT * FROM {stored} WHERE model = 'median'") for asset in OF_FLEET),
    *((asset, HORIZON, f"DELETE FROM {{stored}} WHERE {NIGHT}") for asset in ROWS),
    *((asset, HORIZON, f"UPDATE {{stored}} SET ds = DATE '2026-07-01' WHERE {NIGHT}") for asset in ROWS),
    *((asset, HORIZON, f"UPDATE {{stored}} SET ds = DATE '2026-03-02' WHERE {NIGHT}") for asset in ROWS),
    *((asset, HORIZON, f"UPDATE {{stored}} SET ds = DATE '2025-12-31' WHERE {NIGHT}") for asset in ROWS),
    *((asset, HORIZON, f"UPDATE {{stored}} SET phase = 'guess' WHERE {NIGHT}") for asset in ROWS),
    *(
        (asset, HORIZON, f"DELETE FROM {{stored}} WHERE {ONE} AND phase = 'backtest' AND ds < DATE '2025-09-03'")
        for asset in ROWS
    ),
    *((asset, ENVELOPE, f"UPDATE {{stored}} SET yhat_lower = -0.001 WHERE {of(asset)}") for asset in PROJECTED),
    *((asset, ENVELOPE, f"UPDATE {{stored}} SET yhat_upper = 100.001 WHERE {of(asset)}") for asset in PROJECTED),
    *((asset, ENVELOPE, f"UPDATE {{stored}} SET yhat_lower = yhat + 0.5 WHERE {of(asset)}") for asset in PROJECTED),
    *((asset, ENVELOPE, f"UPDATE {{stored}} SET yhat_upper = yhat - 0.5 WHERE {of(asset)}") for asset in PROJECTED),
    *((asset, ENVELOPE, f"UPDATE {{stored}} SET yhat = 'nan' WHERE {of(asset)}") for asset in PROJECTED),
    *((asset, FINITE, f"UPDATE {{stored}} SET yhat = 'nan' WHERE {of(asset)}") for asset in PROJECTED),
    *((asset, FINITE, f"UPDATE {{stored}} SET yhat_upper = 'infinity' WHERE {of(asset)}") for asset in PROJECTED),
    *((asset, FINITE, f"UPDATE {{stored}} SET yhat_lower = '-infinity' WHERE {of(asset)}") for asset in PROJECTED),
    *((asset, FINITE, f"UPDATE {{stored}} SET y = 'nan' WHERE {of(asset)}") for asset in PROJECTED),
    *((asset, OBSERVED, f"UPDATE {{stored}} SET y = 50 WHERE {NIGHT}") for asset in ROWS),
    *((asset, OBSERVED, f"UPDATE {{stored}} SET y = NULL WHERE {BACKTEST}") for asset in ROWS),
    *((asset, OBSERVED, f"UPDATE {{stored}} SET y = y + 0.001 WHERE {BACKTEST}") for asset in ROWS),
    *((asset, THIS_MONTH, f"UPDATE {{stored}} SET model = 'nobody' WHERE {NIGHT}") for asset in ROWS),
    *((asset, THIS_MONTH, f"UPDATE {{stored}} SET phase = 'guess' WHERE {NIGHT}") for asset in ROWS),
    *((asset, THIS_MONTH, f"UPDATE {{stored}} SET cutoff = DATE '2025-11-30' WHERE {NIGHT}") for asset in ROWS),
    *((asset, THIS_MONTH, f"UPDATE {{stored}} SET model = NULL WHERE {NIGHT}") for asset in ROWS),
    *((asset, THIS_MONTH, f"UPDATE {{stored}} SET cutoff = NULL WHERE {NIGHT}") for asset in ROWS),
    ("fleet_forecast", SOMETHING, "DELETE FROM {stored} WHERE model = 'recent_level'"),
    ("fleet_forecast", SOMETHING, "DELETE FROM {stored} WHERE model = 'median' AND phase = 'forecast'"),
    ("fleet_forecast", SOMETHING, "UPDATE {stored} SET model = 'nobody' WHERE model = 'weighted'"),
    ("fleet_forecast", SOMETHING, "UPDATE {stored} SET host_id = 'ghost' WHERE model = 'seasonal_naive'"),
    ("forecast_parquet", MASTER, f"UPDATE {{stored}} SET yhat = 50 WHERE {NIGHT}"),
    ("forecast_parquet", MASTER, f"UPDATE {{stored}} SET outcome = NULL WHERE {NIGHT}"),
    ("forecast_parquet", MASTER, f"DELETE FROM {{stored}} WHERE {NIGHT}"),
    ("forecast_parquet", MASTER, f"UPDATE {{stored}} SET yhat_upper = yhat_upper + 0.001 WHERE {NIGHT}"),
    ("forecast_parquet", COVERS, "UPDATE {stored} SET yhat_lower = yhat, yhat_upper = yhat"),
    (
        "forecast_parquet",
        COVERS_EACH,
        "UPDATE {stored} SET yhat_lower = yhat, yhat_upper = yhat WHERE resource = 'cpu'",
    ),
    ("forecast_parquet", BREAKS, "UPDATE {stored} SET yhat_lower = yhat, yhat_upper = yhat"),
    *(
        ("forecast_intervals", ALL_WIDTHS, statement)
        for statement in (
            f"DELETE FROM {{stored}} WHERE {ONE}",
            f"DELETE FROM {{stored}} WHERE {NIGHT}",
            f"DELETE FROM {{stored}} WHERE {ONE} AND phase = 'backtest'",
            f"DELETE FROM {{stored}} WHERE {ONE} AND interval_width = 0.95",
            f"UPDATE {{stored}} SET interval_width = 0.9 WHERE {ONE} AND interval_width = 0.95",
            f"UPDATE {{stored}} SET ds = DATE '2026-07-01' WHERE {ONE} AND ds = DATE '2026-06-30'",
            f"UPDATE {{stored}} SET cutoff = DATE '2025-11-30' WHERE {NIGHT}",
            f"UPDATE {{stored}} SET host_id = 'ghost' WHERE {ONE}",
            f"INSERT INTO {{stored}} SELECT * FROM {{stored}} WHERE {NIGHT}",
        )
    ),
    *(
        ("forecast_intervals", NESTED, f"UPDATE {{stored}} SET {wrong} WHERE {NIGHT}")
        for wrong in (
            *("lower = -0.001", "upper = 100.001", "lower = 'nan'", "upper = 'nan'", "lower = NULL", "upper = NULL"),
            *("lower = '-infinity'", "upper = 'infinity'"),
            *("lower = 50.502", "upper = 50.498"),
            *("lower = 47.49", "upper = 53.51"),
            *("lower = 47.51", "upper = 53.49"),
        )
    ),
    ("fold_forecast", HELD, f"DELETE FROM {{stored}} WHERE {FOLD_DAY}"),
    ("fold_forecast", HELD, f"DELETE FROM {{stored}} WHERE {ONE} AND fold = 3 AND model = 'median'"),
    ("fold_forecast", HELD, f"DELETE FROM {{stored}} WHERE {ONE} AND fold = 1"),
    ("fold_forecast", HELD, f"UPDATE {{stored}} SET host_id = 'ghost' WHERE {ONE} AND model = 'median'"),
    ("fold_forecast", HELD, f"UPDATE {{stored}} SET fold = 4 WHERE {ONE} AND fold = 3"),
    ("fold_forecast", HELD, f"UPDATE {{stored}} SET ds = DATE '2025-03-02' WHERE {FOLD_DAY}"),
    ("fold_forecast", BEFORE, f"UPDATE {{stored}} SET fold = 3 WHERE {FOLD_DAY}"),
    ("fold_forecast", BEFORE, f"UPDATE {{stored}} SET fold = 4 WHERE {FOLD_DAY}"),
    ("fold_forecast", BEFORE, f"UPDATE {{stored}} SET fold = 0 WHERE {FOLD_DAY}"),
    ("fold_forecast", BEFORE, f"UPDATE {{stored}} SET y = y + 0.001 WHERE {FOLD_DAY}"),
    ("fold_forecast", BEFORE, f"UPDATE {{stored}} SET y = NULL WHERE {FOLD_DAY}"),
    ("fold_forecast", BEFORE, f"UPDATE {{stored}} SET cutoff = DATE '2025-11-30' WHERE {FOLD_DAY}"),
    ("fold_forecast", BEFORE, f"UPDATE {{stored}} SET ds = NULL WHERE {FOLD_DAY}"),
    *(
        (
            asset,
            SORTED,
            f"INSERT INTO {{stored}} SELECT * REPLACE (DATE '2026-12-31' AS ds) FROM {{stored}} WHERE {of(asset)}",
        )
        for asset in PROJECTED
    ),
    *((asset, SORTED, f"UPDATE {{stored}} SET ds = ds + 1 WHERE {of(asset)}") for asset in PROJECTED),
    *((asset, SORTED, f"UPDATE {{stored}} SET ds = NULL WHERE {of(asset)}") for asset in PROJECTED),
    *((asset, SORTED, f"UPDATE {{stored}} SET resource = 'zz' WHERE {ONE}") for asset in PROJECTED),
    *(
        (
            asset,
            SORTED,
            f"UPDATE {{stored}} SET model = CASE model WHEN 'median' THEN 'weighted' ELSE 'median' END "
            f"WHERE {ONE} AND model IN ('median', 'weighted')",
        )
        for asset in ("fleet_forecast", "fold_forecast")
    ),
    (VIEW, KEYS, f"CREATE OR REPLACE VIEW {VIEW} AS {{served}} UNION ALL {{served}}"),
    (VIEW, KEYS, f"CREATE OR REPLACE VIEW {VIEW} AS {{served}} WHERE NOT ({ONE})"),
    (VIEW, KEYS, f"CREATE OR REPLACE VIEW {VIEW} AS {{served}} WHERE cutoff != DATE '{{cutoff}}'"),
    (VIEW, COVERAGE, f"CREATE OR REPLACE VIEW {VIEW} AS {{served}} WHERE NOT ({ONE})"),
    (VIEW, COVERAGE, f"CREATE OR REPLACE VIEW {VIEW} AS {{served}} WHERE NOT ({ONE} AND phase = 'backtest')"),
    (VIEW, COVERAGE, f"CREATE OR REPLACE VIEW {VIEW} AS {{served}} WHERE NOT ({NIGHT})"),
    (VIEW, THIS_MONTH, f"CREATE OR REPLACE VIEW {VIEW} AS {{renamed}}"),
    (
        "model_runs",
        RECORDED,
        f"DELETE FROM {{stored}} WHERE {ONE} AND model = 'recent_level' AND window_name = 'fold 2'",
    ),
    ("model_runs", RECORDED, f"DELETE FROM {{stored}} WHERE {ONE}"),
    ("model_runs", RECORDED, f"INSERT INTO {{stored}} SELECT * FROM {{stored}} WHERE {ONE}"),
    ("model_runs", RECORDED, f"UPDATE {{stored}} SET status = 'raised' WHERE {ONE} AND window_name = 'fold 1'"),
    ("model_runs", RECORDED, f"UPDATE {{stored}} SET status = 'worker_died' WHERE {ONE} AND window_name = 'fold 1'"),
    ("model_runs", RECORDED, f"UPDATE {{stored}} SET status = 'well' WHERE {ONE}"),
    ("model_runs", RECORDED, f"UPDATE {{stored}} SET window_name = 'fold 9' WHERE {ONE} AND window_name = 'fold 1'"),
    ("model_runs", RECORDED, f"UPDATE {{stored}} SET host_id = 'ghost' WHERE {ONE}"),
    ("tournament_scores", SCORED, f"DELETE FROM {{stored}} WHERE {ONE}"),
    (
        "tournament_scores",
        SCORED,
        f"DELETE FROM {{stored}} WHERE {ONE} AND window_name = 'fold 2' AND model = 'median'",
    ),
    ("tournament_scores", SCORED, f"UPDATE {{stored}} SET n = 121 WHERE {ONE}"),
    (
        "tournament_scores",
        SCORED,
        f"UPDATE {{stored}} SET window_name = 'fold 4' WHERE {ONE} AND window_name = 'fold 3'",
    ),
    ("tournament_scores", SCORED, f"UPDATE {{stored}} SET host_id = 'ghost' WHERE {ONE}"),
    ("tournament_scores", FINITE_SCORES, f"UPDATE {{stored}} SET mae = 'nan' WHERE {ONE}"),
    ("tournament_scores", FINITE_SCORES, f"UPDATE {{stored}} SET mase = 'infinity' WHERE {ONE}"),
    ("tournament_scores", FINITE_SCORES, f"UPDATE {{stored}} SET coverage = 7 WHERE {ONE}"),
    ("tournament_scores", FINITE_SCORES, f"UPDATE {{stored}} SET rmse = 0 WHERE {ONE}"),
    (
        "tournament_scores",
        FINITE_SCORES,
        f"UPDATE {{stored}} SET pinball = 'nan' WHERE {ONE} AND window_name = 'fold 1'",
    ),
    (
        "tournament_scores",
        FINITE_SCORES,
        f"UPDATE {{stored}} SET interval_score = 'infinity' WHERE {ONE} AND window_name = 'fold 1'",
    ),
    ("champions", CHAMPION, f"DELETE FROM {{stored}} WHERE {ONE}"),
    ("champions", CHAMPION, f"INSERT INTO {{stored}} SELECT * FROM {{stored}} WHERE {ONE}"),
    ("champions", CHAMPION, f"UPDATE {{stored}} SET model = 'nobody' WHERE {ONE}"),
    ("champions", CHAMPION, f"UPDATE {{stored}} SET host_id = 'ghost' WHERE {ONE}"),
    ("champions", NOT_WORSE, f"UPDATE {{stored}} SET model = '{GUESSER}' WHERE {ONE}"),
    ("champions", NOT_WORSE, f"UPDATE {{stored}} SET model = 'nobody' WHERE {ONE}"),
    ("calibration", CALIBRATED, f"DELETE FROM {{stored}} WHERE {ONE} AND phase = 'forecast' AND horizon_month = 6"),
    ("calibration", CALIBRATED, f"DELETE FROM {{stored}} WHERE {ONE} AND phase = 'backtest'"),
    ("calibration", CALIBRATED, f"UPDATE {{stored}} SET host_id = 'ghost' WHERE {ONE}"),
    ("calibration", CALIBRATED, f"UPDATE {{stored}} SET horizon_month = 7 WHERE {ONE} AND horizon_month = 6"),
    ("calibration", CALIBRATED, f"UPDATE {{stored}} SET lower = 0.001 WHERE {ONE}"),
    ("calibration", CALIBRATED, f"UPDATE {{stored}} SET upper = -0.001 WHERE {ONE}"),
    ("calibration", CALIBRATED, f"UPDATE {{stored}} SET lower = '-infinity' WHERE {ONE}"),
    ("calibration", CALIBRATED, f"UPDATE {{stored}} SET upper = 'nan' WHERE {ONE}"),
    ("calibration", CALIBRATED, f"UPDATE {{stored}} SET scale = 0 WHERE {ONE}"),
    *(
        ("forecast_parquet", MASTER, f"UPDATE {{stored}} SET {wrong} WHERE {where}")
        for wrong, where in (
            ("yhat = 50.5, yhat_lower = 47.5, yhat_upper = 53.5", f"{ONE} AND ds = DATE '2026-05-03'"),
            ("yhat = 25.25, yhat_lower = 23.75, yhat_upper = 26.75", NIGHT),
            ("yhat_upper = 26.750002", f"{ONE} AND ds = DATE '2026-05-03'"),
            ("yhat = 75.7498", f"{ONE} AND ds = DATE '2026-05-10'"),
            ("yhat_lower = 'nan'", f"{ONE} AND ds = DATE '2026-05-10'"),
            ("yhat_upper = 80.2502", f"{ONE} AND ds = DATE '2026-06-30'"),
        )
    ),
    ("scenario_outlook", "each_threshold_is_compared_once", "INSERT INTO {stored} SELECT * FROM {stored} LIMIT 1"),
    *(
        ("scenario_outlook", COMPARED, f"UPDATE {{stored}} SET {wrong}")
        for wrong in (
            "days_gained = 9 WHERE threshold = 70",
            "days_gained = 0 WHERE threshold = 80",
            "days_gained = NULL WHERE threshold = 70",
            "likely = baseline_likely, days_gained = 0 WHERE threshold = 80",
            "probability_182 = 1.1 WHERE threshold = 70",
            "baseline_probability_182 = 0.4 WHERE threshold = 70",
            "probability_182 = 'nan' WHERE threshold = 80",
            "state = 'expected' WHERE threshold = 80",
            "baseline_state = 'unlikely' WHERE threshold = 80",
            "scenario = 'baseline'",
        )
    ),
    ("planned_changes", EFFECTIVE, f"UPDATE {{stored}} SET effect = 'no effect: retired by then' WHERE {ONE}"),
    *(
        ("planned_loads", WHOLE_LOADS, statement)
        for statement in (
            f"DELETE FROM {{stored}} WHERE {ONE}",
            f"UPDATE {{stored}} SET from_ds = DATE '2026-05-02' WHERE {ONE} AND weight = 0.5",
            f"UPDATE {{stored}} SET until_ds = DATE '2026-05-02' WHERE {ONE} AND from_ds = DATE '2026-05-01'",
            f"UPDATE {{stored}} SET until_ds = DATE '2026-06-29' WHERE {ONE} AND from_ds = DATE '2026-05-10'",
            f"UPDATE {{stored}} SET weight = 'nan' WHERE {ONE}",
            f"UPDATE {{stored}} SET weight = -0.5 WHERE {ONE}",
            f"UPDATE {{stored}} SET shift = 'infinity' WHERE {ONE}",
            f"UPDATE {{stored}} SET source = 'a' WHERE {ONE}",
            f"UPDATE {{stored}} SET host_id = 'ghost' WHERE {ONE}",
            "UPDATE {stored} SET shift = 1 WHERE source != host_id",
            f"DELETE FROM {{stored}} WHERE {ONE} AND source = 'b' AND from_ds = DATE '2026-05-10'",
        )
    ),
    ("calibration", SMOOTH, "UPDATE {stored} SET upper = 3 * upper WHERE phase = 'forecast' AND horizon_month >= 4"),
    ("calibration", SMOOTH, "UPDATE {stored} SET lower = 0.2 * lower, upper = 0.2 * upper WHERE horizon_month = 3"),
    ("tournament_standings", STANDING, f"DELETE FROM {{stored}} WHERE {WHOLE}"),
    ("tournament_standings", STANDING, f"DELETE FROM {{stored}} WHERE {MONTH_ONE}"),
    ("tournament_standings", STANDING, "DELETE FROM {stored} WHERE model = 'champion'"),
    ("tournament_standings", STANDING, "DELETE FROM {stored} WHERE resource = 'all'"),
    ("tournament_standings", STANDING, "DELETE FROM {stored}"),
    ("tournament_standings", STANDING, f"UPDATE {{stored}} SET series = series - 1 WHERE {WHOLE}"),
    ("tournament_standings", STANDING, f"UPDATE {{stored}} SET series = series - 1 WHERE {MONTH_ONE}"),
    ("tournament_standings", STANDING, f"UPDATE {{stored}} SET model = 'nobody' WHERE {WHOLE}"),
    *(
        ("tournament_standings", FINITE_STANDINGS, f"UPDATE {{stored}} SET {wrong} WHERE {WHOLE}")
        for wrong in (
            *(
                "mae = 'nan'",
                "mae = -1",
                "mase = 'nan'",
                "mase = mase_high + 1",
                "mase_high = 'infinity'",
                "bias = 'nan'",
            ),
            *("n = series - 1", "mase_series = series + 1", "mean_coverage = 7"),
            *("coverage = 7", "interval_score = 'nan'", "mean_rank = 0.5", "wins = series + 1", "own = series + 1"),
            *("beats_low = -0.1", "beats_low = beats_high + 0.1", "beats_high = 1.1"),
        )
    ),
    ("forecast_accuracy", JUDGED, "DELETE FROM {stored} WHERE model = 'median'"),
    ("forecast_accuracy", JUDGED, "DELETE FROM {stored} WHERE resource = 'all'"),
    ("forecast_accuracy", JUDGED, f"UPDATE {{stored}} SET lead_month = 2 WHERE {JUDGEMENT}"),
    ("forecast_accuracy", JUDGED, f"UPDATE {{stored}} SET forecast_cutoff = DATE '2025-10-31' WHERE {JUDGEMENT}"),
    ("forecast_accuracy", JUDGED, f"UPDATE {{stored}} SET n = 0 WHERE {JUDGEMENT}"),
    ("forecast_accuracy", JUDGED, f"UPDATE {{stored}} SET mae = 'nan' WHERE {JUDGEMENT}"),
    ("forecast_accuracy", JUDGED, f"UPDATE {{stored}} SET bias = 'infinity' WHERE {JUDGEMENT}"),
    ("forecast_accuracy", JUDGED, f"UPDATE {{stored}} SET coverage = 1.1 WHERE {JUDGEMENT}"),
    *(
        (asset, KEYS, "INSERT INTO {stored} SELECT * FROM {stored} WHERE population = 'below'")
        for asset in OF_STATEMENTS
    ),
    *(
        ("capacity_outlook", MONOTONE, f"UPDATE {{stored}} SET {wrong} WHERE {LIKELY}")
        for wrong in (
            *("probability_30 = 0.81", "probability_91 = 0.96", "probability_182 = 1.01", "probability_182 = 'nan'"),
            *("likely = early - 1", "late = likely - 1", "early = NULL", "likely = NULL"),
            *("early = DATE '2025-12-31'", "late = DATE '2026-07-01'"),
            *("probability_30 = -0.01",),
        )
    ),
    (
        "capacity_outlook",
        MONOTONE,
        f"UPDATE {{stored}} SET probability_30 = 0.21, probability_91 = 0.31 WHERE {UNLIKELY}",
    ),
    ("capacity_outlook", MONOTONE, f"UPDATE {{stored}} SET probability_182 = 0.46 WHERE {UNLIKELY}"),
    ("capacity_outlook", MONOTONE, f"UPDATE {{stored}} SET early = DATE '2026-01-02' WHERE {UNLIKELY}"),
    *(
        ("capacity_outlook", AGREE, f"UPDATE {{stored}} SET {wrong} WHERE {LIKELY}")
        for wrong in (
            *("likely = DATE '2026-01-31'", "early = DATE '2026-02-01'", "late = DATE '2026-01-30'", "late = NULL"),
            *("probability_30 = 0.49", "probability_91 = 0.91", "probability_182 = 0.89", "probability_91 = NULL"),
            *("state = 'possible'", "state = 'full'", "level = 70.5", "headroom = 9", "headroom = NULL"),
            *("urgency = 0", "urgency = urgency + 100", "level = NULL"),
        )
    ),
    ("capacity_outlook", AGREE, f"UPDATE {{stored}} SET state = 'possible' WHERE {UNLIKELY}"),
    ("capacity_outlook", STATED, f"DELETE FROM {{stored}} WHERE {ONE}"),
    ("capacity_outlook", STATED, f"DELETE FROM {{stored}} WHERE {UNLIKELY}"),
    ("capacity_outlook", STATED, f"UPDATE {{stored}} SET threshold = 85 WHERE {UNLIKELY}"),
    ("capacity_outlook", STATED, f"UPDATE {{stored}} SET kind = 'group' WHERE {UNLIKELY}"),
    ("capacity_outlook", STATED, f"UPDATE {{stored}} SET host_id = 'ghost' WHERE {ONE}"),
    ("capacity_outlook", STATED, f"INSERT INTO {{stored}} SELECT * FROM {{stored}} WHERE {UNLIKELY}"),
    *(
        ("outlook_backtest", BACKTEST_AGREES, f"UPDATE {{stored}} SET {wrong} WHERE {IN_122_DAYS}")
        for wrong in (
            *("probability = 0.44", "probability = 1.1", "probability = 'nan'", "probability = 0.6"),
            *("happened = 1 - happened", "happened = 2", "point = -1"),
            *("likely = DATE '2025-12-01'", "actual = DATE '2025-08-31'", "actual = DATE '2026-01-01'"),
        )
    ),
    ("outlook_backtest", BACKTEST_AGREES, f"UPDATE {{stored}} SET point = 1 WHERE {ONE} AND horizon_days = 61"),
    ("outlook_backtest", BACKTEST_AGREES, f"UPDATE {{stored}} SET probability = 0.49 WHERE {UNLIKELY}"),
    ("outlook_backtest", BACKTEST_STATED, f"DELETE FROM {{stored}} WHERE {ONE}"),
    ("outlook_backtest", BACKTEST_STATED, f"DELETE FROM {{stored}} WHERE {IN_122_DAYS}"),
    ("outlook_backtest", BACKTEST_STATED, f"UPDATE {{stored}} SET horizon_days = 120 WHERE {IN_122_DAYS}"),
    ("outlook_backtest", BACKTEST_STATED, f"UPDATE {{stored}} SET threshold = 85 WHERE {UNLIKELY}"),
    ("outlook_backtest", BACKTEST_STATED, f"UPDATE {{stored}} SET host_id = 'ghost' WHERE {ONE}"),
    ("outlook_backtest", BACKTEST_STATED, f"INSERT INTO {{stored}} SELECT * FROM {{stored}} WHERE {IN_122_DAYS}"),
    ("outlook_backtest", HAPPENED, f"UPDATE {{stored}} SET actual = DATE '2025-11-11' WHERE {UNLIKELY}"),
    ("outlook_accuracy", SKILL, f"UPDATE {{stored}} SET skill = -0.01 WHERE {RECORD}"),
    ("outlook_accuracy", SKILL, f"UPDATE {{stored}} SET skill = NULL WHERE {RECORD}"),
    ("outlook_reliability", RELIABLE, "UPDATE {stored} SET observed = predicted + 0.11 WHERE bin = 7"),
    (
        "outlook_reliability",
        RELIABLE,
        "UPDATE {stored} SET observed = predicted - 0.11 WHERE bin = 7 AND population = 'below'",
    ),
    ("outlook_reliability", RELIABLE, "UPDATE {stored} SET observed = 'nan' WHERE bin = 7"),
    ("outlook_over_time", STATEMENTS_JUDGED, f"DELETE FROM {{stored}} WHERE {RECORD}"),
    ("outlook_over_time", STATEMENTS_JUDGED, "DELETE FROM {stored}"),
    ("outlook_over_time", STATEMENTS_JUDGED, f"UPDATE {{stored}} SET horizon_days = 91 WHERE {RECORD}"),
    (
        "outlook_over_time",
        STATEMENTS_JUDGED,
        f"UPDATE {{stored}} SET forecast_cutoff = DATE '2025-10-31' WHERE {RECORD}",
    ),
    ("outlook_over_time", STATEMENTS_JUDGED, f"UPDATE {{stored}} SET n = 0 WHERE {RECORD}"),
    ("outlook_over_time", STATEMENTS_JUDGED, f"UPDATE {{stored}} SET brier = 'nan' WHERE {RECORD}"),
    ("outlook_over_time", STATEMENTS_JUDGED, f"UPDATE {{stored}} SET events = n + 1 WHERE {RECORD}"),
    *GROUP_VIOLATIONS,
    ("months", WHOLE_MONTH, "DELETE FROM month_steps WHERE asset = 'champions' AND check_name = ''"),
    (
        "months",
        WHOLE_MONTH,
        "UPDATE month_steps SET result = 'failed' WHERE asset = 'calibration' AND check_name != ''",
    ),
    ("months", WHOLE_MONTH, "UPDATE {stored} SET state = 'incomplete'"),
    ("months", WHOLE_MONTH, "UPDATE {stored} SET finished_at = NULL"),
    ("months", KEYS, "INSERT INTO {stored} SELECT * FROM {stored}"),
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
