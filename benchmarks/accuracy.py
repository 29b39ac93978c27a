"""`make evaluate`: is the published forecast better than its rivals, on any telemetry, by backtests of any months?

Belongs here: the comparison, its goals and its tables. Does not belong here: how a month is held (`forecast_fleet`), scores
(`frame_scores.py`), the rivals' fits (`rivals.py`), statements about thresholds (`track_record.py`), cost (`cost.py`).
"""

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.cost import cost_report
from benchmarks.figures import Figure
from benchmarks.measuring import machine, table
from benchmarks.rivals import (
    ETS,
    PROPHET,
    RIVALS,
    SEED_PROPHET,
    THETA,
    installed,
    project_backtests,
    statsforecast_version,
)
from benchmarks.series import PARKING
from benchmarks.track_record import track_record
from reference.frame_calibration import horizon_month
from reference.frame_scores import mase_scales, score_by_month
from turbo_forecast import forecast_fleet
from turbo_forecast.errors import TelemetryError, TurboForecastError
from turbo_forecast.models.protocol import Say
from turbo_forecast.settings import ForecastSettings, Settings, load_settings
from turbo_forecast.storage.telemetry.reading import read_telemetry_frames
from turbo_forecast.tournament.scores import WHOLE_WINDOW
from turbo_forecast.tournament.standings import ALL, CHAMPION, standings
from turbo_forecast.windows import Windows, cutoff_of, run_windows

MASE_GOALS: dict[str, float | None] = {PROPHET: 0.75, SEED_PROPHET: None, ETS: 0.88, THETA: 0.92}
"""The champion's mean MASE over the rival's, at most."""
INTERVAL_GOALS: dict[str, float | None] = {PROPHET: 0.75, SEED_PROPHET: None}
"""The published interval score over the rival's, at most."""
COVERAGE_WITHIN, MONTH_WITHIN = 0.02, 0.06
"""How far the share of days inside may be from the interval's width: over the backtest, and in each of its months."""
LEFT_OUT = {
    "no backtest": "without a backtest (too young for one, or nothing observed in its months)",
    "not sampled": "not in the sample",
    "MASE undefined": "of which MASE is not defined (each week before the backtest repeats the week before it)",
}
"""Why series are not compared, in words that follow their number."""
STANDING = [
    *("model", "kind", "mean MASE", "95 % bootstrap", "coverage, mean over series", "coverage, of all days"),
    "mean interval score",
]
BELOW = math.nextafter(1.0, 0.0)
"""The goal of a ratio that must be below 1."""
DRAWN = 100
"""Series of which stock Prophet draws, some two seconds each."""
_SERIES = ["host_id", "resource"]
_ROW = [*_SERIES, "model", "cutoff", "ds", "y", "yhat", "yhat_lower", "yhat_upper"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One month's champion, entrants and rivals, all over the same series.

    table: rows of TOURNAMENT_STANDINGS for all resources together, with the rivals among the models.
    singles: entrants that forecast by themselves. absent: series that are not compared, by reason or by who has no
    score of them (a series may be in several). champions: how many series publish whom. errors: a rival's first one. said:
    the section on how often statements about thresholds came true.
    """

    cutoff: date
    table: pl.DataFrame
    singles: list[str]
    interval_width: float
    absent: dict[str, int] = field(default_factory=dict)
    champions: dict[str, int] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    said: str = ""

    @property
    def series(self) -> int:
        """Series compared."""
        return int(self.table["series"].max() or 0)  # type: ignore[arg-type]

    def value(self, model: str, column: str, month: int = WHOLE_WINDOW) -> float:
        """A model's figure; NaN where it does not take part."""
        found = self.table.filter((pl.col("model") == model) & (pl.col("horizon_month") == month))[column]
        return float(found[0]) if len(found) and found[0] is not None else math.nan

    def ratio(self, rival: str, column: str) -> float:
        """The champion's figure over the rival's."""
        mine, other = self.value(CHAMPION, column), self.value(rival, column)
        return mine / other if other else math.nan

    @property
    def best_single(self) -> str:
        """The single entrant of the lowest mean MASE, known only now: no run could have chosen it."""
        return min(self.singles, key=lambda name: self.value(name, "mase"))

    @property
    def coverage_by_month(self) -> list[float]:
        """The share of all days inside the published interval, in each month of the backtest."""
        months = self.table.filter(pl.col("horizon_month") > WHOLE_WINDOW)["horizon_month"].unique().sort()
        return [self.value(CHAMPION, "coverage", month) for month in months]


def common_series(
    scores: pl.DataFrame, series: pl.DataFrame, models: Sequence[str]
) -> tuple[pl.DataFrame, dict[str, int]]:
    """The `series` in which every one of `models` has a score and MASE is defined, sorted; and why others are not.

    scores: as `score_by_month` gives them. series: `host_id, resource`. A series may be absent for several reasons.
    """
    whole = scores.filter(pl.col("horizon_month") == WHOLE_WINDOW)
    undefined = series.join(whole.filter(pl.col("mase").is_null()), on=_SERIES, how="semi")
    defined = series.join(undefined, on=_SERIES, how="anti")
    absent, common = {"MASE undefined": undefined.height}, defined
    for model in models:
        own = whole.filter(pl.col("model") == model)
        absent[model] = defined.join(own, on=_SERIES, how="anti").height
        common = common.join(own, on=_SERIES, how="semi")
    return common.select(_SERIES).sort(_SERIES), {reason: count for reason, count in absent.items() if count}


def evenly(series: pl.DataFrame, count: int | None) -> pl.DataFrame:
    """`count` of the series, evenly spaced in their order; all of them for None or too large a count."""
    if count is None or count >= series.height:
        return series
    return series[np.arange(count) * series.height // count]


def compare(scores: pl.DataFrame, series: pl.DataFrame, cutoff: date, settings: ForecastSettings) -> pl.DataFrame:
    """Rows of TOURNAMENT_STANDINGS for all resources together, over `series` alone. Raises TelemetryError for none.

    scores: as `score_by_month` gives them, of entrants, rivals and 'champion'; every model has all of `series`.
    """
    if series.is_empty():
        raise TelemetryError(f"month {cutoff:%Y-%m}: there is no series that everyone has a backtest of")
    shared = scores.join(series, on=_SERIES, how="semi", maintain_order="left")
    found = standings(
        shared,
        cutoff=cutoff,
        fallback=settings.fallback,
        seasonal_naive="seasonal_naive",
        interval_width=settings.interval_width,
    )
    return found.filter(pl.col("resource") == ALL)


def evaluate(
    base: pl.DataFrame,
    cutoff: date,
    settings: ForecastSettings,
    *,
    count: int | None = None,
    drawn: int | None = DRAWN,
    say: Say,
) -> Comparison:
    """Hold the month, have the rivals forecast its backtest, and compare all on the series they share.

    base: rows of BASE_TABLE. count: so many series for rivals and comparison; the champion's choice sees them all. drawn: so
    many series of which stock Prophet draws what it thinks of thresholds; None for all.
    Raises what `forecast_fleet` raises, and TelemetryError if nothing can be compared.
    """
    rivals = installed()
    held = forecast_fleet(base, cutoff, log=say, **settings.model_dump())
    window = run_windows(cutoff, settings)
    history = base.filter(pl.col("ds").is_between(window.history_start, window.train_end))
    scales = mase_scales(history.sort(*_SERIES, "ds"))
    published = held.published.with_columns(model=pl.lit(CHAMPION))
    rows = [part.filter(pl.col("phase") == "backtest").select(_ROW) for part in (held.forecasts, published)]
    scores = _scored(pl.concat(rows), scales, window, settings)
    judged = scores.filter((pl.col("model") == settings.fallback) & (pl.col("horizon_month") == WHOLE_WINDOW))
    everyone, absent = common_series(scores, judged.select(_SERIES), [*settings.field_of_entrants, CHAMPION])
    sample = evenly(everyone, count)
    found = project_backtests(base, sample, window, settings, rivals, say)
    scores = pl.concat([scores, _scored(found.rows.select(_ROW), scales, window, settings)])
    shared, failed = common_series(scores, sample, rivals)
    unheard = {"no backtest": held.outcomes.height - judged.height, "not sampled": everyone.height - sample.height}
    return Comparison(
        cutoff=cutoff,
        table=compare(scores, shared, cutoff, settings),
        singles=settings.base_models,
        interval_width=settings.interval_width,
        absent={reason: n for reason, n in {**unheard, **absent, **failed}.items() if n},
        champions=_published(held.champions, shared),
        errors={rival: errors[0] for rival, errors in found.errors.items() if errors},
        said=track_record(base, held, evenly(shared, drawn), window, settings, say),
    )


def _scored(rows: pl.DataFrame, scales: pl.DataFrame, window: Windows, settings: ForecastSettings) -> pl.DataFrame:
    month = horizon_month(pl.col("ds"), window.train_end + timedelta(days=1))
    ordered = rows.sort(*_SERIES, "model", "ds").with_columns(horizon_month=month)
    return score_by_month(ordered, scales, settings.interval_width)


def _published(champions: pl.DataFrame, series: pl.DataFrame) -> dict[str, int]:
    counts = champions.join(series, on=_SERIES, how="semi").group_by("model").len()
    return dict(counts.sort(["len", "model"], descending=[True, False]).iter_rows())


def figures(found: Comparison) -> list[Figure]:
    """The verdict's rows: what was to be shown, the goal, and what was measured."""
    best = found.best_single
    rows = [_over(found, f"champion's mean MASE / best single entrant's ({best})", best, "mase", BELOW)]
    rows += [_over(found, f"champion's mean MASE / {rival}", rival, "mase", goal) for rival, goal in MASE_GOALS.items()]
    interval = f"published {found.interval_width:.0%} interval"
    overall = [found.value(CHAMPION, "coverage")]
    rows.append(_covered(f"{interval}: share of all days inside", found.interval_width, overall, COVERAGE_WITHIN))
    by_month = found.coverage_by_month
    rows.append(_covered(f"{interval}: the same by horizon month", found.interval_width, by_month, MONTH_WITHIN))
    for rival, goal in INTERVAL_GOALS.items():
        rows.append(_over(found, f"published interval score / {rival}", rival, "interval_score", goal))
    return rows


def _over(found: Comparison, what: str, other: str, column: str, goal: float | None) -> Figure:
    mine, rival, ratio = found.value(CHAMPION, column), found.value(other, column), found.ratio(other, column)
    words = "" if goal is None else "below 1" if goal == BELOW else f"at most {goal:.2f}"
    if math.isnan(ratio):
        return Figure(what, words, "not measured")
    reached = None if goal is None else ratio < 1 if goal == BELOW else ratio <= goal
    return Figure(what, words, f"{mine:.3f} / {rival:.3f} = {ratio:.3f}", reached)


def _covered(what: str, width: float, shares: list[float], within: float) -> Figure:
    low, high = round(width - within, 9), round(width + within, 9)  # 0.8 - 0.02 is not quite 0.78
    got = ", ".join(f"{100 * share:.1f}" for share in shares)
    return Figure(what, f"{100 * low:.0f}–{100 * high:.0f} %", f"{got} %", all(low <= one <= high for one in shares))


def month_report(found: Comparison) -> str:
    """One month's section: who is compared, the verdict, and everyone's standing, the best first."""
    kinds = dict.fromkeys(found.singles, "entrant") | dict.fromkeys(RIVALS, "rival") | {CHAMPION: "published"}
    whole = found.table.filter(pl.col("horizon_month") == WHOLE_WINDOW).sort("mase", "model")
    columns = ["mase", "mase_low", "mase_high", "mean_coverage", "coverage", "interval_score"]
    standing = [
        [
            *(name, kinds.get(name, "combination"), f"{mase:.3f}", f"{low:.3f}–{high:.3f}"),
            *(f"{by_series:.1%}", f"{of_days:.1%}", f"{score:.2f}"),
        ]
        for name, mase, low, high, by_series, of_days, score in whole.select("model", *columns).iter_rows()
    ]
    lines = [
        f"Means over the {found.series:,} series that everyone has a backtest of. {_left_out(found.absent)}",
        _published_words(found.champions),
        *(f"{rival} failed, first on {error}." for rival, error in found.errors.items()),
    ]
    return "\n\n".join(
        [
            f"## {found.cutoff:%Y-%m}",
            " ".join(line for line in lines if line),
            table(["what", "goal", "got"], [figure.cells for figure in figures(found)]),
            table(STANDING, standing),
            found.said,
        ]
    ).rstrip()


def _left_out(absent: dict[str, int]) -> str:
    """How many series are not compared, and why, in words; a series may be counted with several reasons."""
    told = [
        f"{count:,} {LEFT_OUT.get(reason, f'that {reason} has no forecast of')}" for reason, count in absent.items()
    ]
    return f"Series left out: {', '.join(told)}." if told else ""


def _published_words(champions: dict[str, int]) -> str:
    told = [f"{name} for {count:,}" for name, count in champions.items()]
    return f"Published: {', '.join(told)}." if told else ""


def months_report(found: Sequence[Comparison]) -> str:
    """One line a month, and the plain means of the columns over months."""
    best = [one.best_single for one in found]
    columns: dict[str, tuple[list[float], int]] = {
        "series": ([one.series for one in found], 0),
        "champion": ([one.value(CHAMPION, "mase") for one in found], 3),
        "best single": ([one.value(name, "mase") for one, name in zip(found, best, strict=True)], 3),
        "/ best single": ([one.ratio(name, "mase") for one, name in zip(found, best, strict=True)], 3),
        **{f"/ {rival}": ([one.ratio(rival, "mase") for one in found], 3) for rival in MASE_GOALS},
        "days inside, %": ([100 * one.value(CHAMPION, "coverage") for one in found], 1),
        **{
            f"interval / {rival}": ([one.ratio(rival, "interval_score") for one in found], 3)
            for rival in INTERVAL_GOALS
        },
    }
    cells = [[f"{x:,.{digits}f}" for x in [*values, np.mean(values)]] for values, digits in columns.values()]
    names = [f"{one.cutoff:%Y-%m}, {name}" for one, name in zip(found, best, strict=True)]
    rows = list(zip([*names, "mean over months"], *cells, strict=True))
    note = (
        "Mean MASE over series, and the champion's over each rival's; days inside: the share of all days inside the "
        "published interval; interval: the published interval score over the rival's."
    )
    return f"## Over the months\n\n{note}\n\n" + table(["month, its best single", *columns], rows)


def main(arguments: list[str] | None = None) -> int:
    """0: measured, whatever came out; 2: it could not start."""
    options = _parser().parse_args(arguments)
    try:
        settings = load_settings(options.config)
        parts = [f"# Accuracy\n\n{machine()}, statsforecast {statsforecast_version()}. Written by `make evaluate`."]
        if options.cost != "only":
            parts += _accuracy(settings, options)
        if options.cost:
            parts.append(cost_report(options.cost_hosts, settings.forecast, say))
    except TurboForecastError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("\n\n".join(parts))
    return 0


def _accuracy(settings: Settings, options: argparse.Namespace) -> list[str]:
    base = read_base(settings, options.telemetry)
    found = []
    for cutoff in options.months:
        say(f"{cutoff:%Y-%m}: {base.select(pl.struct(_SERIES).n_unique()).item():,} series of telemetry")
        found.append(evaluate(base, cutoff, settings.forecast, count=options.series, drawn=options.drawn, say=say))
        say(f"{cutoff:%Y-%m}: champion's mean MASE {found[-1].value(CHAMPION, 'mase'):.3f}")
    sections = [month_report(one) for one in found]
    return [*sections, months_report(found)] if len(found) > 1 else sections


def read_base(settings: Settings, path: str | None) -> pl.DataFrame:
    """The base table of the telemetry named, or of the parking data. Raises TelemetryError, SettingsError."""
    named = path or settings.telemetry.telemetry
    if not named and not PARKING.exists():
        raise TelemetryError(f"give --telemetry (a file, folder, glob, URI or DuckDB file): {PARKING} is not there")
    source = settings.telemetry.model_copy(update={"telemetry": named or str(PARKING)})
    base, _, report = read_telemetry_frames(source, today=date.today())
    say(report.describe())
    return base


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--telemetry", help="file, folder, glob, URI or DuckDB file; the settings file's, or car parks'"
    )
    parser.add_argument("--months", type=months_of, default="2025-12", help="YYYY-MM, several separated by commas")
    parser.add_argument("--config", type=Path, help="settings file, YAML")
    parser.add_argument("--series", type=a_count, help="compare so many series, evenly spaced; all when not given")
    parser.add_argument(
        "--drawn", type=a_count, default=DRAWN, help=f"series of which stock Prophet draws paths (default: {DRAWN})"
    )
    parser.add_argument(
        "--cost",
        nargs="?",
        const="also",
        choices=["also", "only"],
        help="measure the demo fleet's seconds, too or only",
    )
    parser.add_argument("--cost-hosts", type=a_count, default=2000, help="hosts of the demo fleet")
    return parser


def months_of(text: str) -> list[date]:
    try:
        return [cutoff_of(month.strip()) for month in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not YYYY-MM, or several of them separated by commas") from None


def a_count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
