"""A `published/` folder made by hand: three months of a small fleet with awkward names, for tests of whatever reads it.

Every number is invented by a rule that is written here, so that a test can state what a reader must find; nothing is
forecast, and Dagster is not imported. Belongs here: the fleet and how its months are published. Does not belong here:
what the checks of a run would say of it.

    fleet = publish_fleet(folder)               # 2025-10, 2025-11 and 2025-12; returns Published
    publish_fleet(folder, ["2025-12"])          # one month
    publish_fleet(folder, groups=False)         # neither groups nor planned changes nor a scenario
    begin_month(folder, "2026-01", "failed", failed="champions.every_series_has_a_champion")

`published_fleet` in `conftest.py` is the whole of it, made once: a test that only reads takes that one.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from turbo_forecast import schemas
from turbo_forecast.outlook.learning import FLEET, PRIOR, OutlookModel
from turbo_forecast.outlook.regression import KNOTS, sigmoid
from turbo_forecast.outlook.rows import BASELINE, with_urgency
from turbo_forecast.outlook.scenarios import beside_baseline
from turbo_forecast.outlook.signals import GRID
from turbo_forecast.schemas.outlook import PREDICTORS
from turbo_forecast.settings import forecast_settings, outlook_settings
from turbo_forecast.storage.base_table import record_base_table
from turbo_forecast.storage.frames import write_frame
from turbo_forecast.storage.months import STEPS
from turbo_forecast.storage.published.history import publish_history
from turbo_forecast.storage.published.reading import Published
from turbo_forecast.storage.published.sql import publish_views
from turbo_forecast.storage.published.states import publish_standings
from turbo_forecast.storage.published.writing import Publication, publish_month
from turbo_forecast.storage.results import Results
from turbo_forecast.windows import Windows, cutoff_of, run_windows
from turbo_forecast_tests.defs.made_month import store, window_days
from turbo_forecast_tests.defs.made_outlook import accuracy, reliability

MONTHS = ("2025-10", "2025-11", "2025-12")
ENTRANTS = ["weighted", "prophet", "seasonal_naive"]
OFF = {"weighted": 0.5, "prophet": 1.0, "seasonal_naive": 2.0}
"""How far each entrant's yhat is above the truth."""
REACH = {0.5: 2.0, 0.8: 4.0, 0.95: 8.0}
"""How far each published interval reaches below and above; the second is the main one."""
SETTINGS = forecast_settings(entrants=ENTRANTS, interval_widths=list(REACH))
THRESHOLDS = (70.0, 80.0, 90.0, 95.0)
START, LAST_DAY = date(2023, 1, 1), date(2025, 12, 31)
SCENARIO = "more hosts"
MARKUP, FORMULA, QUOTED = "<script>alert(1)</script>", '=HYPERLINK("http://x")', "db, \"primary\" 'a'"
HIDDEN, FOREIGN = "line\nbreak\u202e", "żółw ünï 雪"
LONG = f"{'a-very-long-host-name-' * 5}of-rack-7"
RACK, SPARE = "rack <A> & B", "spare"
"""Groups: the hosts web-1 and QUOTED; and one whose reserve takes all it has."""


@dataclass(frozen=True, slots=True)
class Member:
    """One series of the fleet, whose level on 2025-12-31 is `level` and grows by `rate` points a day.

    said: by month, the rate at which the outlook of that month says it will grow, where that is another. champion: by
    month, where it is not `weighted`. outcome, reason: of SERIES_OUTCOMES. first, last: months in which it is there.
    silent: nothing was observed in so many days before each cutoff.
    """

    host: str
    resource: str
    level: float
    rate: float
    said: dict[str, float] | None = None
    champion: dict[str, str] | None = None
    outcome: str = "forecast"
    reason: str | None = None
    first: str = MONTHS[0]
    last: str = MONTHS[-1]
    silent: int = 0

    def is_in(self, month: str) -> bool:
        """Whether the month has it."""
        return self.first <= month <= self.last

    @property
    def is_published(self) -> bool:
        """Whether there is a forecast of it."""
        return self.outcome in ("forecast", "fallback")


FLEET_OF = (
    # likely to reach 90 % in April, by what is said on 2025-12-31; a month before, in May
    Member("web-1", "cpu", 80.0, 0.1, said={"2025-11": 0.0755}, champion={"2025-12": "prophet"}),
    Member("web-1", "memory", 50.0, 0.02),
    # over 90 % since the middle of December, and expected to be in November
    Member(QUOTED, "cpu", 91.5, 0.1),
    # about 200 days before 90 %: possible; a month before, it was expected
    Member(MARKUP, "cpu", 76.0, 0.07, said={"2025-11": 0.2}),
    Member(FORMULA, "cpu", 60.0, 0.0),
    Member(FOREIGN, "memory", 85.0, 0.05, champion=dict.fromkeys(MONTHS, "seasonal_naive")),
    Member(HIDDEN, "cpu", 30.0, 0.01),
    Member(LONG, "cpu", 40.0, 0.01),
    Member("dark", "cpu", 86.0, 0.05, silent=20),
    Member("gone", "cpu", 88.0, 0.03, last="2025-11"),
    Member("new", "cpu", 87.0, 0.04, first="2025-12", outcome="fallback", reason="52 observed days of 60"),
    Member("retired", "cpu", 20.0, 0.0, outcome="retired", reason="no value in the last 90 days", silent=120),
    Member("broken", "cpu", 55.0, 0.0, outcome="failed", reason="its worker died three times"),
)


def publish_fleet(data: Path, months: Sequence[str] = MONTHS, *, groups: bool = True) -> Published:
    """Publish these months of the fleet in a data folder, which need not be there, and return what is published.

    The warehouse they came from lies in the folder, too, as a run would leave it; no reader may need it.
    """
    data.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        if not con.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'base_table'").fetchall()[0][0]:
            store(con, schemas.BASE_TABLE, base_rows())
            record_base_table(con, "reader")
        publish_history(con, data)
        for month in months:
            _store_month(con, data, month, groups)
            publish_month(con, publication(data, month, groups=groups))
        publish_standings(con, data)
    publish_views(data)
    return Published(data)


def begin_month(data: Path, month: str, state: str = "incomplete", *, failed: str = "") -> None:
    """Let a month be at work, or have ended half-way; or have failed at this check, `asset.check`. It is not published."""
    cutoff, begun = cutoff_of(month), datetime(2026, 2, 1, 6)
    row = {"month": month, "state": state, "run_id": f"run-of-{month}", "started_at": begun}
    reached = failed.partition(".")[0] if failed else "fleet_forecast"
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        store(con, schemas.MONTHS, pl.DataFrame([{**row, "cutoff": cutoff, "reached": reached}]))
        if failed:
            asset, check = failed.split(".")
            steps = [{"cutoff": cutoff, "asset": asset, "check_name": check, "result": "failed", "recorded_at": begun}]
            store(con, schemas.MONTH_STEPS, pl.DataFrame(steps))
        publish_standings(con, data)


def publication(
    data: Path, month: str, *, groups: bool = True, thresholds: Sequence[float] = THRESHOLDS
) -> Publication:
    """What the run of a month publishes; what it has learnt is there for statements about other plans."""
    tournament = data / "tournament" / month
    return Publication(
        data=data,
        cutoff=cutoff_of(month),
        run_id=f"run-of-{month}",
        forecast=SETTINGS.model_dump(mode="json"),
        outlook=outlook_settings(thresholds=list(thresholds), groups="groups.csv" if groups else "").model_dump(
            mode="json"
        ),
        warnings=[f"base_table.telemetry_is_fresh: it ends on {LAST_DAY}."],
        results=tournament,
        group_results=data / "group_tournament" / month,
    )


def members(month: str, *, published: bool = False) -> list[Member]:
    """The month's series; those alone that have a forecast."""
    return [each for each in FLEET_OF if each.is_in(month) and (each.is_published or not published)]


def observed(member: Member, day: date) -> float:
    """What is observed of a series on a day, percent: a straight line."""
    since = (LAST_DAY - day).days
    return min(max(member.level - member.rate * since, 0.0), 100.0)


def level_at(member: Member, cutoff: date) -> float | None:
    """The mean of the last seven days up to the cutoff; None where fewer than four are observed."""
    if member.silent > 3:
        return None
    return sum(observed(member, cutoff - timedelta(days=n)) for n in range(7)) / 7


@cache
def base_rows() -> pl.DataFrame:
    """The base table: a value a day of every series, from START on, or from 52 days before the end for the new one."""
    rows = []
    for each in FLEET_OF:
        start = START if each.first == MONTHS[0] else LAST_DAY - timedelta(days=51)
        end = cutoff_of(each.last)
        days = [start + timedelta(days=n) for n in range((end - start).days + 1)]
        kept = [day for day in days if not any(0 <= (cutoff_of(m) - day).days < each.silent for m in MONTHS)]
        rows += [(each.host, each.resource, day, observed(each, day)) for day in kept]
    found = pl.DataFrame(rows, schema=["host_id", "resource", "ds", "y"], orient="row")
    return schemas.BASE_TABLE.conform(found)


def statement(member: Member, month: str, threshold: float, *, scenario: str = BASELINE, slower: float = 1.0) -> dict:
    """A row of CAPACITY_OUTLOOK without its rank.

    With D days from the level to the threshold at the rate that is said, the probability is 10 % by D/2 days, 50 % by D and
    90 % by 2D, by straight lines between; without growth, 2 % throughout. Where the level is over the threshold, 99 %.
    """
    cutoff, end = cutoff_of(month), run_windows(cutoff_of(month), SETTINGS).horizon_end
    horizon = (end - cutoff).days
    level = level_at(member, cutoff)
    rate = (member.said or {}).get(month, member.rate) / slower
    known = observed(member, cutoff) if level is None else level
    days = dict.fromkeys(("early", "likely", "late"))
    if known >= threshold:
        days = dict.fromkeys(days, 1)
        chance = dict.fromkeys((30, 91, 182), 0.99)
    elif rate <= 0:
        chance = dict.fromkeys((30, 91, 182), 0.02)
    else:
        whole = (threshold - known) / rate
        points = [0, whole / 2, whole, 2 * whole, 4 * whole]
        chance = {n: float(np.interp(min(n, horizon), points, [0, 0.1, 0.5, 0.9, 0.99])) for n in (30, 91, 182)}
        reached = {name: int(np.ceil(share * whole)) for name, share in (("early", 0.5), ("likely", 1), ("late", 2))}
        days = {name: n if n <= horizon else None for name, n in reached.items()}
    over = level is not None and level >= threshold
    state = "over" if over else "expected" if days["likely"] else "possible" if days["early"] else "unlikely"
    return {
        "cutoff": cutoff, "scenario": scenario, "kind": "series", "host_id": member.host, "resource": member.resource,
        "threshold": threshold, "level": level, "growth": 30 * rate,
        "headroom": None if level is None else threshold - level,
        **{f"probability_{n}": share for n, share in chance.items()},
        **{name: None if n is None else cutoff + timedelta(days=n) for name, n in days.items()},
        "forecast_date": None if days["likely"] is None else cutoff + timedelta(days=days["likely"]),
        "state": state, "urgency": 0, "recent_shift": 3.5 if member.host == MARKUP else None,
    }  # fmt: skip


def outlook_rows(month: str, *, groups: bool = True) -> pl.DataFrame:
    """Rows of CAPACITY_OUTLOOK of a month: the baseline, and with groups the scenario, in which web-1's cpu grows half as fast."""
    rows = []
    for scenario in (BASELINE, SCENARIO) if groups else (BASELINE,):
        for each in members(month, published=True):
            slower = 2.0 if scenario == SCENARIO and (each.host, each.resource) == ("web-1", "cpu") else 1.0
            rows += [statement(each, month, t, scenario=scenario, slower=slower) for t in THRESHOLDS]
        if groups:
            rows += [row for each in _of_groups() for row in _group_statements(each, month, scenario)]
    return with_urgency(schemas.CAPACITY_OUTLOOK.conform(pl.DataFrame(rows, infer_schema_length=None)))


def _of_groups() -> list[Member]:
    return [Member(RACK, "cpu", 85.75, 0.1), Member(SPARE, "cpu", 60.0, 0.0)]


def _group_statements(group: Member, month: str, scenario: str) -> list[dict]:
    rows = [{**statement(group, month, t, scenario=scenario), "kind": "group"} for t in THRESHOLDS]
    if group.host == RACK:
        return rows
    tomorrow = cutoff_of(month) + timedelta(days=1)
    sure = {f"probability_{n}": 1.0 for n in (30, 91, 182)} | dict.fromkeys(("early", "likely", "late"), tomorrow)
    return [{**row, **sure, "state": "unusable", "level": None, "headroom": None} for row in rows]


def _store_month(con: duckdb.DuckDBPyConnection, data: Path, month: str, groups: bool) -> None:
    cutoff = cutoff_of(month)
    windows = run_windows(cutoff, SETTINGS)
    for table in schemas.__all__:  # a month that is published again replaces what it was
        found = getattr(schemas, table)
        if found.name in {row[0] for row in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()} and (
            "cutoff" in found.names
        ):
            con.execute(f'DELETE FROM "{found.name}" WHERE cutoff = ?', [cutoff])
    _store_state(con, cutoff, month)
    _store_series(con, cutoff, month)
    rows = forecast_rows(month, windows)
    _write_files(data, month, rows)
    _store_tournament(con, cutoff, month)
    _store_outlook(con, month, windows, groups)
    if groups:
        _store_groups(con, month, windows)
    _write_results(data, month, windows, rows)


def _store_state(con: duckdb.DuckDBPyConnection, cutoff: date, month: str) -> None:
    finished = datetime(2026, 1, 2, 3, 4, 5)
    row = {"cutoff": cutoff, "month": month, "state": "complete", "run_id": f"run-of-{month}", "reached": "months"}
    row |= {"base_table_digest": "of-all-days", "config_hash": SETTINGS.config_hash()}
    store(con, schemas.MONTHS, pl.DataFrame([{**row, "started_at": finished, "finished_at": finished}]))
    steps = pl.DataFrame({"asset": list(STEPS)}).with_columns(
        cutoff=pl.lit(cutoff), check_name=pl.lit(""), result=pl.lit("stored"), recorded_at=pl.lit(finished)
    )
    store(con, schemas.MONTH_STEPS, steps)
    checks = [("champions", "every_series_has_a_champion", "passed"), ("base_table", "telemetry_is_fresh", "warned")]
    judged = pl.DataFrame(checks, schema=["asset", "check_name", "result"], orient="row")
    store(con, schemas.MONTH_STEPS, judged.with_columns(cutoff=pl.lit(cutoff), recorded_at=pl.lit(finished)))
    stages = [
        ("fleet_forecast", "fit", 12.5, "worker"),
        ("fleet_forecast", "map", 8.0, "wall"),
        ("champions", "make", 0.25, "wall"),
    ]
    audit = pl.DataFrame(stages, schema=["asset", "stage", "seconds", "clock"], orient="row")
    store(
        con,
        schemas.RUN_AUDIT,
        audit.with_columns(
            cutoff=pl.lit(cutoff),
            series=pl.lit(len(members(month))),
            run_id=pl.lit(row["run_id"]),
            versions=pl.lit('{"turbo-forecast": "0.1.0"}'),
        ),
    )


def _store_series(con: duckdb.DuckDBPyConnection, cutoff: date, month: str) -> None:
    rows = [
        {
            "host_id": each.host, "resource": each.resource, "outcome": each.outcome, "reason": each.reason,
            "error_class": "WorkerDied" if each.outcome == "failed" else None,
            "observations": 52 if each.first != MONTHS[0] else 1096 - each.silent,
            "last_ds": cutoff - timedelta(days=each.silent), "first_ds": START,
        }
        for each in members(month)
    ]  # fmt: skip
    outcomes = pl.DataFrame(rows, infer_schema_length=None)
    store(con, schemas.SERIES_OUTCOMES, outcomes.with_columns(cutoff=pl.lit(cutoff)))
    own = _names(members(month, published=True)).with_columns(cutoff=pl.lit(cutoff))
    asked = pl.DataFrame({"window_name": ["forecast", "backtest", "fold 1", "fold 2", "fold 3"]})
    fits = own.join(pl.DataFrame({"model": ENTRANTS[1:]}), how="cross").join(asked, how="cross")
    store(con, schemas.MODEL_RUNS, fits.with_columns(status=pl.lit("ok"), solver=pl.lit("turbo"), milliseconds=2.0))
    weights = own.join(pl.DataFrame({"member": ENTRANTS[1:], "share": [0.75, 0.25]}), how="cross")
    store(con, schemas.COMBINATION_WEIGHTS, weights.with_columns(backtest="share", forecast="share").drop("share"))


def _names(these: Sequence[Member]) -> pl.DataFrame:
    named = [(each.host, each.resource) for each in these]
    return pl.DataFrame(named, schema={"host_id": pl.String, "resource": pl.String}, orient="row")


def champion_of(member: Member, month: str) -> str:
    """Whose forecast is published."""
    return "seasonal_naive" if member.outcome == "fallback" else (member.champion or {}).get(month, "weighted")


def forecast_rows(month: str, windows: Windows, these: Sequence[Member] | None = None) -> pl.DataFrame:
    """Rows of FORECAST_PARQUET: the champion's, which is off by OFF and grows on, with bounds 4 points below and above."""
    days = window_days(windows).filter(pl.col("number") < 1).rename({"window_name": "phase"})
    chosen = members(month, published=True) if these is None else these
    parts = []
    for each in chosen:
        model, since = champion_of(each, month), (pl.col("ds") - pl.lit(LAST_DAY)).dt.total_days()
        truth = (pl.lit(each.level) + each.rate * since).clip(0, 100)
        parts.append(
            days.with_columns(
                host_id=pl.lit(each.host), resource=pl.lit(each.resource), model=pl.lit(model), outcome=pl.lit(each.outcome),
                cutoff=pl.lit(windows.cutoff), y=pl.when(pl.col("phase") == "backtest").then(truth),
                yhat=(truth + OFF[model]).clip(0, 100),
            )
        )  # fmt: skip
    rows = pl.concat(parts).with_columns(
        yhat_lower=(pl.col("yhat") - 4).clip(0, 100), yhat_upper=(pl.col("yhat") + 4).clip(0, 100)
    )
    return schemas.FORECAST_PARQUET.conform(rows.sort("host_id", "resource", "model", "phase", "ds"))


def _write_files(data: Path, month: str, rows: pl.DataFrame) -> None:
    write_frame(rows, data / "forecast_parquet" / f"{month}.parquet")
    widths = pl.DataFrame({"interval_width": [0.5, 0.95], "reach": [REACH[0.5], REACH[0.95]]})
    wide = rows.join(widths, how="cross").with_columns(
        lower=(pl.col("yhat") - pl.col("reach")).clip(0, 100), upper=(pl.col("yhat") + pl.col("reach")).clip(0, 100)
    )
    key = list(schemas.FORECAST_INTERVALS.key)
    write_frame(schemas.FORECAST_INTERVALS.conform(wide).sort(key), data / "forecast_intervals" / f"{month}.parquet")


def _store_tournament(con: duckdb.DuckDBPyConnection, cutoff: date, month: str) -> None:
    own, at = members(month, published=True), pl.lit(cutoff).alias("cutoff")
    chosen = [(champion_of(each, month), 0 if each.outcome == "fallback" else 3) for each in own]
    why = {"weighted": "the incumbent", "prophet": "expected to err 8 % less", "seasonal_naive": "the fallback"}
    champions = _names(own).with_columns(
        at, model=pl.Series([model for model, _ in chosen]), reason=pl.Series([why[model] for model, _ in chosen]),
        folds=pl.Series([folds for _, folds in chosen]), fold_mae=1.5, fallback_fold_mae=2.5, expected_ratio=0.92,
        runner_up=pl.lit("prophet"), margin=0.05,
    )  # fmt: skip
    store(con, schemas.CHAMPIONS, champions)
    places = [("backtest", n) for n in range(1, 5)] + [("forecast", n) for n in range(1, 7)]
    months = pl.DataFrame(places, schema=["phase", "horizon_month"], orient="row")
    store(
        con,
        schemas.CALIBRATION,
        _names(own).join(months, how="cross").with_columns(at, lower=-4.0, upper=4.0, scale=1.5),
    )
    scored = pl.DataFrame({"window_name": ["backtest", "fold 1", "fold 2", "fold 3"]})
    off = pl.DataFrame({"model": list(OFF), "mae": list(OFF.values())})
    scores = _names(own).join(off, how="cross").join(scored, how="cross").with_columns(
        at, n=pl.lit(120), rmse="mae", smape=pl.col("mae") / 100, mase=pl.col("mae") / 2, bias="mae", coverage=0.8,
        interval_score=pl.col("mae") * 4,
    )  # fmt: skip
    store(con, schemas.TOURNAMENT_SCORES, scores)
    store(con, schemas.TOURNAMENT_STANDINGS, _standings(month, at))
    _store_accuracy(con, cutoff)


def _standings(month: str, at: pl.Expr) -> pl.DataFrame:
    """Of months of the backtest and the whole: each entrant's MAE is OFF, its MASE half of that; the champion's as the weighted's."""
    own = members(month, published=True)
    count = {name: sum(each.resource == name for each in own) for name in ("cpu", "memory")}
    where = pl.DataFrame({"resource": [*count, "all"], "series": [*count.values(), len(own)]})
    off = {**OFF, "champion": 0.5}
    who = pl.DataFrame({"model": list(off), "mae": list(off.values())})
    rows = who.join(where, how="cross").join(pl.DataFrame({"horizon_month": range(5)}), how="cross")
    return rows.with_columns(
        at, own="series", mase_series="series", n=pl.col("series") * 120, mase=pl.col("mae") / 2,
        mase_low=pl.col("mae") / 2 - 0.1, mase_high=pl.col("mae") / 2 + 0.1, bias="mae", coverage=0.81, mean_coverage=0.79,
        poorly_covered=0.1, interval_score=pl.col("mae") * 4, mean_rank=pl.col("mae") + 0.5,
        wins=pl.when(pl.col("mae") == 0.5).then("series").otherwise(0),
        beats_seasonal_naive=pl.when(pl.col("model") == "seasonal_naive").then(None).otherwise(0.9), beats_low=0.8, beats_high=0.95,
    )  # fmt: skip


def _store_accuracy(con: duckdb.DuckDBPyConnection, cutoff: date) -> None:
    """Earlier months' forecasts, of every month ahead that has passed: the published error grows by 0.5 a month."""
    found = [
        {"forecast_cutoff": before, "lead_month": lead + 1, "resource": name, "model": model, "mae": off + 0.5 * lead}
        for key in MONTHS
        if (before := cutoff_of(key)) < cutoff
        for lead in range((cutoff.year - before.year) * 12 + cutoff.month - before.month)
        for name in ("cpu", "memory", "all")
        for model, off in {**OFF, "champion": 0.5}.items()
    ]
    rows = pl.DataFrame(found) if found else schemas.FORECAST_ACCURACY.polars_schema.to_frame()
    store(con, schemas.FORECAST_ACCURACY, rows.with_columns(
        cutoff=pl.lit(cutoff), series=pl.lit(9), own=pl.lit(9), n=pl.lit(270), bias="mae", coverage=0.8, wape=0.05, interval_score=6.0
    ))  # fmt: skip


def _store_outlook(con: duckdb.DuckDBPyConnection, month: str, windows: Windows, groups: bool) -> None:
    cutoff, rows = windows.cutoff, outlook_rows(month, groups=groups)
    store(con, schemas.CAPACITY_OUTLOOK, rows)
    if groups:
        is_changed = (pl.col("host_id") == "web-1") & (pl.col("resource") == "cpu")
        both = [rows.filter(pl.col("scenario") == name, is_changed) for name in (SCENARIO, BASELINE)]
        store(con, schemas.SCENARIO_OUTLOOK, beside_baseline(*both))
    store(con, schemas.OUTLOOK_BACKTEST, _backtest(month, windows))
    store(con, schemas.OUTLOOK_ACCURACY, accuracy(cutoff))
    store(con, schemas.OUTLOOK_RELIABILITY, reliability(cutoff))
    for key in MONTHS:
        earlier, days = cutoff_of(key), (cutoff - cutoff_of(key)).days
        passed = accuracy(cutoff).filter(pl.col("horizon_days") <= days)
        if len(passed):
            store(con, schemas.OUTLOOK_OVER_TIME, passed.with_columns(forecast_cutoff=pl.lit(earlier)))


def _backtest(month: str, windows: Windows) -> pl.DataFrame:
    """Rows of OUTLOOK_BACKTEST: 60 % was said of what happened, 20 % of what did not; the point forecast was always right."""
    origin, rows = windows.train_end, []
    for each in members(month, published=True):
        for threshold in THRESHOLDS:
            passed = (origin + timedelta(days=n) for n in range(1, (windows.cutoff - origin).days + 1))
            actual = next((day for day in passed if observed(each, day) >= threshold), None)
            for days in (30, 61, 91, 122):
                came = actual is not None and (actual - origin).days <= days
                rows.append(
                    (
                        each.host,
                        each.resource,
                        threshold,
                        days,
                        0.6 if came else 0.2,
                        int(came),
                        int(came),
                        level_at(each, origin) if not each.silent else None,
                        actual,
                    )
                )
    names = ["host_id", "resource", "threshold", "horizon_days", "probability", "happened", "point", "level", "actual"]
    found = pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None)
    return found.with_columns(cutoff=pl.lit(windows.cutoff), kind=pl.lit("series"), likely=pl.col("actual"))


def _store_groups(con: duckdb.DuckDBPyConnection, month: str, windows: Windows) -> None:
    at = pl.lit(windows.cutoff).alias("cutoff")
    who = [(RACK, "cpu", "web-1", 1.0), (RACK, "cpu", QUOTED, 1.0), (SPARE, "cpu", FORMULA, 2.0)]
    named = pl.DataFrame(who, schema=["group_name", "resource", "host_id", "capacity"], orient="row")
    store(con, schemas.GROUP_MEMBERS, named.with_columns(at, present=pl.lit(1), observations=pl.lit(1096), last_ds=at))
    history = base_rows().filter(pl.col("ds") <= windows.cutoff, pl.col("ds") >= windows.history_start)
    of = named.select("host_id", "resource", pl.col("group_name").alias("group"))
    levels = (
        history.join(of, on=["host_id", "resource"])
        .group_by(pl.col("group").alias("host_id"), "resource", "ds")
        .agg(pl.col("y").mean(), hosts=pl.len().cast(pl.Int64))
    )
    store(con, schemas.GROUP_HISTORY, levels.with_columns(at, observed_hosts="hosts", observed_capacity=1.0))
    store(con, schemas.GROUP_FORECAST, forecast_rows(month, windows, _of_groups()))
    change = {"scenario": SCENARIO, "file_row": 1, "kind": "series", "host_id": "web-1", "resource": "cpu", "other": ""}
    change |= {"from_ds": windows.cutoff + timedelta(days=1), "what": "factor", "amount": 0.5, "effect": "applied"}
    stated = {"day": str(change["from_ds"]), "host_id": "web-1", "group": "", "resource": "cpu", "what": "factor"}
    change |= {"plan": json.dumps({**stated, "amount": 0.5, "target": ""})}
    store(con, schemas.PLANNED_CHANGES, pl.DataFrame([change]).with_columns(at))
    load = {"scenario": SCENARIO, "kind": "series", "host_id": "web-1", "resource": "cpu", "from_ds": change["from_ds"]}
    load |= {"until_ds": windows.horizon_end, "source_kind": "series", "source": "web-1", "weight": 0.5, "shift": 0.0}
    store(con, schemas.PLANNED_LOADS, pl.DataFrame([load]).with_columns(at))


def _write_results(data: Path, month: str, windows: Windows, rows: pl.DataFrame) -> None:
    """What the run has learnt, for statements about other plans: what is believed before any window has ended."""
    results, at = Results(data / "tournament" / month), pl.lit(windows.cutoff).alias("cutoff")
    results.folder.mkdir(parents=True, exist_ok=True)
    nothing = OutlookModel(
        (FLEET,), np.tile(PRIOR, (1, GRID.size, 1)), np.tile(sigmoid(KNOTS), (1, 2, 1)), np.zeros(1, np.int64)
    )
    phases = pl.DataFrame({"phase": ["backtest", "forecast"]})
    results.write(schemas.OUTLOOK_CALIBRATION, phases.join(nothing.to_frame(), how="cross").with_columns(at))
    found = []
    for phase, origin in (("backtest", windows.train_end), ("forecast", windows.cutoff)):
        for each in members(month, published=True):
            now = observed(each, origin)
            row = {
                "phase": phase,
                "host_id": each.host,
                "resource": each.resource,
                "start": now,
                "swing": 2.0,
                "error": 3.0,
            }
            row |= {"level": None if each.silent else level_at(each, origin)}
            row |= {f"{w}_{n}": now + each.rate * n if n <= 182 else None for w in PREDICTORS for n in GRID.tolist()}
            row |= {
                f"before_{n}": None if each.silent else observed(each, origin - timedelta(days=n)) for n in range(6)
            }
            found.append(row)
    results.write(schemas.OUTLOOK_SERIES, pl.DataFrame(found, infer_schema_length=None).with_columns(at))
    results.write(schemas.FORECAST_PARQUET, rows)


def with_thresholds(data: Path, month: str, thresholds: Sequence[float]) -> None:
    """Publish a month again as if its outlook had been asked about other thresholds: its statements stay as they are."""
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        publish_month(
            con,
            replace(
                publication(data, month), outlook=outlook_settings(thresholds=list(thresholds)).model_dump(mode="json")
            ),
        )
