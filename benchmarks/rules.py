"""The tournament's rules beside others: whose forecast to publish, and how far its interval reaches.

Belongs here: months held once, and every rule judged on their untouched backtests; TOURNAMENT.md.
Does not belong here: the product's rules (`tournament/`), the textbook's (`textbook.py`), rivals (`accuracy.py`).
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from unittest.mock import patch

import numpy as np
import polars as pl

from benchmarks.accuracy import a_count, months_of, read_base, say
from benchmarks.cost import DEMO_CUTOFF
from benchmarks.held import Held, held
from benchmarks.measuring import machine, table
from benchmarks.series import demo_rows
from benchmarks.textbook import BOUNDS, conformalized, inverse_error_weights, least_absolute_weights
from reference.frame_calibration import horizon_month
from reference.frame_scores import score_by_month
from reference.month_frames import calibrate_month, choose_champions, publish
from reference.product_calibration import product_calibrate
from turbo_forecast.errors import TurboForecastError
from turbo_forecast.models.protocol import Log
from turbo_forecast.settings import ForecastSettings, Settings
from turbo_forecast.tournament import calibration, champions, weights
from turbo_forecast.tournament.combination import learn_weights, weighted_median
from turbo_forecast.tournament.scores import WHOLE_WINDOW
from turbo_forecast.tournament.shrunken_errors import Flags, Floats, Integers, plain_means

TOURNAMENT = Path(__file__).with_name("TOURNAMENT.md")
MONTHS = "2023-08,2023-12,2024-04,2024-08,2024-12,2025-04,2025-08,2025-12,2026-03,2026-07"
DEMO_HOSTS = 150
PROPHET = "prophet"
CHOSEN_SHARPNESS = weights.SHARPNESS
SHARPNESSES = (CHOSEN_SHARPNESS / 2, CHOSEN_SHARPNESS, CHOSEN_SHARPNESS * 2)

HINDSIGHT = "best single entrant, in hindsight"
BEST_BY_FOLDS = "best single entrant by the folds, one for the fleet"
WINNER = "each series' winner of the folds, single entrants"
STACKED = "stacking by least absolute error, one set for the fleet, errors over the series' scale"
STACKED_PLAIN = "stacking by least absolute error, one set for the fleet, percentage points"
WEIGHTED = {
    sharpness: f"`weighted`, sharpness {sharpness:.0f}{' (chosen)' * (sharpness == CHOSEN_SHARPNESS)}"
    for sharpness in SHARPNESSES
}
AVERAGED = "average with the weights of `weighted`, in the place of their median"
CHAMPION = "the champion rule"
UNGUARDED = f"{CHAMPION}, without the fallback guard"
STRICT = f"{CHAMPION}, with a guard by plain mean error"
NO_MARGIN, NO_INFLATION = f"{CHAMPION}, without the margin", f"{CHAMPION}, with inflation 1"
PRODUCT = "the product's, in units of the series' scale, its own half-width and the entrants' spread"
OWN, STOCK = "the champion's own bounds", "`prophet`'s own, around its forecast"
CQR, STOCK_CQR = "CQR on the champion's own bounds", "CQR on `prophet`'s own, around its forecast"
UNSCALED = "split conformal, residuals not scaled"
BY_SCALE, BY_WIDTH = "the product's, in units of the scale alone", "the product's, in units of the half-width alone"
NO_JUMP, NO_SPREAD = "the product's, blind to levels that moved", "the product's, blind to how much entrants agree"
VARIANTS: dict[str, dict[str, float]] = {
    BY_SCALE: {"OWN_SHARE": 0.0, "SPREAD_SHARE": 0.0},
    BY_WIDTH: {"OWN_SHARE": 1.0, "SPREAD_SHARE": 0.0},
    NO_JUMP: {"JUMP_SHARE": 0.0},
    NO_SPREAD: {"SPREAD_SHARE": 0.0},
    PRODUCT: {},
}
"""What of the product's calibration is changed."""
_SERIES = ["host_id", "resource"]


@dataclass(frozen=True, slots=True)
class Point:
    """A rule's mean MASE, and whom it named for the whole fleet, if anybody."""

    mase: float
    who: str = ""

    def __str__(self) -> str:
        return f"{self.mase:.3f} {self.who}".rstrip()


@dataclass(frozen=True, slots=True)
class Interval:
    """A method's coverage, the smallest and largest of a horizon month, and mean interval score."""

    coverage: float
    smallest: float
    largest: float
    score: float

    def __str__(self) -> str:
        return f"{self.score:.2f}, {self.coverage:.1%} ({100 * self.smallest:.0f}–{100 * self.largest:.0f})"


def point_rules(month: Held) -> dict[str, Point]:
    """Part A, by rule: the mean MASE on the backtest of whom or what the rule publishes, from the folds."""
    rules = {name: Point(month.mean_mase(errors), who) for name, (errors, who) in _single_rules(month).items()}
    rules |= {name: Point(month.mean_mase(_combined(month, shares))) for name, shares in _share_rules(month).items()}
    backtest = month.charged[:, :, 0]
    rules["median of all single entrants"] = Point(month.mean_mase(backtest[:, month.models.index("median")]))
    for sharpness, name in WEIGHTED.items():
        with patch.object(weights, "SHARPNESS", sharpness):
            rules[name] = Point(month.mean_mase(_combined(month, _learnt(month), weighted_median)))
    rules[AVERAGED] = Point(month.mean_mase(_combined(month, _learnt(month))))
    variants = {
        CHAMPION: {},
        UNGUARDED: {"clearly_worse": _nobody_is_worse},
        STRICT: {"clearly_worse": _worse_in_the_mean},
        NO_MARGIN: {"MARGIN": 0.0},
        NO_INFLATION: {"INFLATION": 1.0},
    }
    for name, changed in variants.items():
        with patch.dict(vars(champions), changed):
            chosen_by = choose_champions(month.rows, month.scores, month.settings)
        place = _places(month, chosen_by)
        rules[name] = Point(month.mean_mase(backtest[np.arange(len(place)), place]))
    return rules


def _single_rules(month: Held) -> dict[str, tuple[Floats, str]]:
    """Rules that publish one entrant's forecast: its (n,) errors, and who it is if the fleet has one."""
    errors = month.charged
    backtest, folds = errors[:, :, 0], errors[:, :, 1:]
    best = min(month.singles, key=lambda place: month.mean_mase(backtest[:, place]))
    by_folds = min(month.singles, key=lambda place: float(np.nanmean(folds[:, place] / month.scale[:, None])))
    means = plain_means(month.errors[:, :, 1:], month.fallback)
    ranked = np.where(np.isfinite(means) & np.isfinite(month.errors[:, :, 0]), means, np.inf)
    each = np.arange(len(ranked))
    single = np.array(month.singles)[ranked[:, month.singles].argmin(axis=1)]
    return {
        HINDSIGHT: (backtest[:, best], month.models[best]),
        BEST_BY_FOLDS: (backtest[:, by_folds], month.models[by_folds]),
        WINNER: (backtest[each, single], ""),
        "each series' winner of the folds, combinations too": (backtest[each, ranked.argmin(axis=1)], ""),
    }


def _share_rules(month: Held) -> dict[str, Floats]:
    """Textbook combinations: (n, singles) shares."""
    y, yhat = month.days
    present = month.present
    means = plain_means(month.errors[:, :, 1:], month.fallback)[:, month.singles]
    misses = np.moveaxis(yhat - y[:, None], 1, -1)[:, 1:]  # (n, K, D, singles)
    scaled = misses / month.scale[:, None, None, None]
    stacked = {
        name: least_absolute_weights(part[np.isfinite(part).all(axis=-1)])
        for name, part in ((STACKED_PLAIN, misses), (STACKED, scaled))
    }
    return {
        "equal weights": present / present.sum(axis=1, keepdims=True),
        "inverse squared error of the folds, per series": inverse_error_weights(means, present, 2.0),
        **{name: np.tile(found, (len(present), 1)) for name, found in stacked.items()},
    }


def _learnt(month: Held) -> Floats:
    """(n, singles) the product's weights in the backtest; the fallback alone where nobody else has a forecast."""
    placed = month.series.join(month.outcomes, on=_SERIES, how="left", maintain_order="left")
    contested = (placed["outcome"] == "forecast").to_numpy()
    groups = month.series["resource"].rank("dense").cast(pl.Int64).to_numpy()
    found = learn_weights(
        month.errors[:, month.singles], groups, month.settings.base_models, month.settings.fallback, contested
    )
    alone = np.array(month.settings.base_models) == month.settings.fallback
    return np.where(contested[:, None], found.by_window[0], alone.astype(np.float64))


def _average(shares: Floats, members: Floats) -> Floats:
    return np.asarray((shares * members).sum(axis=0))


def _combined(month: Held, shares: Floats, combine: Callable[[Floats, Floats], Floats] = _average) -> Floats:
    """(n,) backtest errors of the singles' forecasts combined with (n, singles) shares."""
    y, yhat = month.days
    members = np.moveaxis(np.nan_to_num(yhat[:, :, 0]), 1, 0)
    forecast = combine(np.broadcast_to(shares.T[:, :, None], members.shape), members)
    errors: Floats = np.nanmean(np.abs(forecast - y[:, 0]), axis=1)
    return errors


def _nobody_is_worse(errors: Floats, fallback: int) -> Flags:
    """In the place of `clearly_worse`, what gives the champion rule's guard nothing to object to."""
    return np.zeros(errors.shape[:2], np.bool_)


def _worse_in_the_mean(errors: Floats, fallback: int) -> Flags:
    """In the place of `clearly_worse`: whose plain mean error is above the fallback's, be it by chance."""
    means = plain_means(errors, fallback)
    return np.asarray(means > means[:, [fallback]])


def _places(month: Held, chosen: pl.DataFrame) -> Integers:
    """(n,) the chosen entrants' places."""
    places = {name: place for place, name in enumerate(month.models)}
    found = month.series.join(chosen, on=_SERIES, how="left", maintain_order="left")["model"]
    return found.replace_strict(places, return_dtype=pl.Int64).to_numpy()


def interval_methods(month: Held) -> dict[str, Interval]:
    """Part B, by method: intervals from the folds alone, judged on the backtest, at the run's width."""
    width = month.settings.interval_width
    chosen = choose_champions(month.rows, month.scores, month.settings)
    own, seen = _window_rows(month, chosen)
    stock, stock_seen = _window_rows(month, _forecast_by(month, PROPHET))
    point, point_seen = (rows.with_columns(**dict.fromkeys(BOUNDS, pl.col("yhat"))) for rows in (own, seen))
    found = {
        OWN: own,
        STOCK: stock,
        CQR: conformalized(seen, own, width),
        STOCK_CQR: conformalized(stock_seen, stock, width),
        UNSCALED: conformalized(point_seen, point, width),
    }
    for name, changed in VARIANTS.items():
        with patch.dict(vars(calibration), changed):
            reach = calibrate_month(month.rows, chosen, month.history, month.windows, month.settings, product_calibrate)
        published = publish(month.rows, chosen, reach, month.outcomes, month.windows)
        found[name] = _in_months(published.filter(pl.col("phase") == "backtest"), month.windows.train_end)
    return {name: _judged(month, rows) for name, rows in found.items()}


def _window_rows(month: Held, who: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The backtest's and the folds' rows of `host_id, resource, model`, with their month; folds' observed days only."""
    own = month.rows.of_champions(who)
    folds = own.folds.filter(pl.col("y").is_not_null())
    parts = [_in_months(folds.filter(pl.col("fold") == fold.number), fold.train_end) for fold in month.windows.folds]
    return _in_months(own.backtest, month.windows.train_end), pl.concat(parts)


def _in_months(rows: pl.DataFrame, end: date) -> pl.DataFrame:
    return rows.with_columns(horizon_month=horizon_month(pl.col("ds"), end + timedelta(days=1)))


def _forecast_by(month: Held, name: str) -> pl.DataFrame:
    """`host_id, resource, model`: that entrant, or the fallback where it has no forecast."""
    own = np.isfinite(month.errors[:, month.models.index(name), 0])
    return month.series.with_columns(model=pl.Series(np.where(own, name, month.settings.fallback)))


def _judged(month: Held, rows: pl.DataFrame) -> Interval:
    """Over the series where MASE is defined, as part A; days count alike in coverage, series in the score."""
    ordered = rows.join(month.scales, on=_SERIES, how="semi").sort(*_SERIES, "ds")
    scores = score_by_month(ordered, month.scales, month.settings.interval_width)
    inside = (pl.col("coverage") * pl.col("n")).sum() / pl.col("n").sum()
    by_month = scores.group_by("horizon_month").agg(coverage=inside, score=pl.col("interval_score").mean())
    whole = pl.col("horizon_month") == WHOLE_WINDOW
    coverage, score = by_month.filter(whole).select("coverage", "score").row(0)
    months = by_month.filter(~whole)["coverage"].to_numpy()
    return Interval(coverage, float(months.min()), float(months.max()), score)


@dataclass(frozen=True, slots=True)
class Judged:
    """One month's figures, by rule and by method, and over how many series."""

    cutoff: date
    series: int
    points: Mapping[str, Point]
    intervals: Mapping[str, Interval]


def judge(base: pl.DataFrame, cutoff: date, settings: ForecastSettings, say: Log) -> Judged:
    """Hold the month over `base` (rows of BASE_TABLE) and judge every rule on its backtest. Raises as `held` does."""
    with held(base, cutoff, settings, say) as month:
        found = Judged(cutoff, month.scales.height, point_rules(month), interval_methods(month))
    say(f"{cutoff:%Y-%m}: {found.series:,} series, {CHAMPION} {found.points[CHAMPION]}, {found.intervals[PRODUCT]}")
    return found


def mean_mase(found: Sequence[Judged], rule: str) -> float:
    """A rule's mean over months of mean MASE."""
    return float(np.mean([month.points[rule].mase for month in found]))


def mean_interval(found: Sequence[Judged], method: str) -> Interval:
    """A method's four figures, each its mean over months."""
    figures = [month.intervals[method] for month in found]
    columns = [(one.coverage, one.smallest, one.largest, one.score) for one in figures]
    return Interval(*np.mean(columns, axis=0).tolist())


def tables(found: Sequence[Judged]) -> tuple[str, str]:
    """Both parts as tables: a line a rule, a column a month, and the mean where there are several."""
    means = ["mean"] if len(found) > 1 else []
    head = [*(f"{month.cutoff:%Y-%m}" for month in found), *means]
    points = [
        [rule, *(str(month.points[rule]) for month in found), *(f"{mean_mase(found, rule):.3f}" for _ in means)]
        for rule in found[0].points
    ]
    intervals = [
        [
            method,
            *(str(month.intervals[method]) for month in found),
            *(str(mean_interval(found, method)) for _ in means),
        ]
        for method in found[0].intervals
    ]
    return table(["what is published", *head], points), table(["interval", *head], intervals)


def report(title: str, found: Sequence[Judged]) -> str:
    """A section: how many series, then the pair of tables."""
    point, interval = tables(found)
    series = ", ".join(f"{month.series:,}" for month in found)
    return f"## {title}\n\nSeries: {series}.\n\n{point}\n\n{interval}"


def main(arguments: list[str] | None = None) -> int:
    """0: measured, whatever came out; 2: it could not start."""
    options = _parser().parse_args(arguments)
    settings = Settings()
    try:
        base = read_base(settings, options.telemetry)
        found = [judge(base, cutoff, settings.forecast, say) for cutoff in options.months]
        demo = [judge(demo_rows(options.demo_hosts), DEMO_CUTOFF, settings.forecast, say)]
    except TurboForecastError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    name = Path(options.telemetry).name if options.telemetry else "Car parks"
    parts = [
        f"# The tournament's rules\n\n{machine()}. Written by `python -m benchmarks.rules --write`.",
        words(found, demo, settings.forecast.interval_width),
        report(name, found),
        report(f"The demo fleet, {options.demo_hosts:,} hosts", demo),
    ]
    text = "\n\n".join(parts)
    print(text)
    if options.write:
        TOURNAMENT.write_text(text + "\n")
    return 0


def words(found: Sequence[Judged], demo: Sequence[Judged], width: float) -> str:
    """What is compared, and what was chosen, as sentences around the figures: car parks (or other telemetry), demo."""

    def both(rule: str) -> str:
        return f"{mean_mase(found, rule):.3f} (demo {mean_mase(demo, rule):.3f})"

    def apart(rule: str) -> str:
        return difference([month.points[CHAMPION].mase - month.points[rule].mase for month in found], 3)

    published, own, stock = (mean_interval(found, method) for method in (PRODUCT, OWN, STOCK))
    scores = [month.intervals[PRODUCT].score - month.intervals[OWN].score for month in found]
    return "\n\n".join(
        [
            "Every rule knows the folds alone and is judged on the same run's untouched backtest, over the series "
            f"where MASE is defined: mean MASE for the forecast; for its {width:.0%} interval the mean interval score "
            "over series, in percentage points (lower is better), coverage (the share of all series' days inside), and in "
            "brackets the smallest and largest coverage of a horizon month. The mean is over months, ± its standard error.",
            f"The champion rule is what is published: {both(CHAMPION)}, the best single entrant by the folds "
            f"{both(BEST_BY_FOLDS)}. First in its order is `weighted`, at sharpness {CHOSEN_SHARPNESS:.0f}: "
            f"{both(WEIGHTED[CHOSEN_SHARPNESS])} if every series got it. One set of stacked weights for the fleet "
            f"has {both(STACKED)}; weights per series are for fleets whose series differ. The guard is there for a "
            "promise, that nobody is published who was clearly worse than the fallback on a series' folds (by more than one "
            f"standard error of the paired log errors), not for accuracy: {both(UNGUARDED)} without it, a difference of "
            f"{apart(UNGUARDED)}; a guard that a higher mean error sets off, be it by chance, has {both(STRICT)}. The margin and the inflation: "
            f"{both(NO_MARGIN)} and {both(NO_INFLATION)} without.",
            f"Intervals are calibrated because entrants' own are not alike: `prophet`'s cover {stock.coverage:.1%} at "
            f"a score of {stock.score:.2f}, the champion's own {own.coverage:.1%} at {own.score:.2f} (months of the "
            f"horizon {own.smallest:.0%} to {own.largest:.0%}). Calibrated, the champion's cover "
            f"{published.coverage:.1%} at {published.score:.2f} ({published.smallest:.0%} to {published.largest:.0%}): "
            f"calibration changes the score of the champion's own by {difference(scores, 2)}; it is there for "
            "coverage, and for whoever is the champion. Errors are measured in units of the series' scale, of the "
            f"forecast's own half-width and of the entrants' spread, and know of levels that moved: {published.score:.2f}; by the scale alone it is "
            f"{mean_interval(found, BY_SCALE).score:.2f}, by the half-width alone {mean_interval(found, BY_WIDTH).score:.2f}, "
            f"without the spread {mean_interval(found, NO_SPREAD).score:.2f}, without the moves "
            f"{mean_interval(found, NO_JUMP).score:.2f}, not scaled {mean_interval(found, UNSCALED).score:.2f}, and conformalised quantile regression has "
            f"{mean_interval(found, CQR).score:.2f}.",
        ]
    )


def difference(values: Sequence[float], digits: int) -> str:
    """The mean of paired differences, with its standard error over months where there are several."""
    error = f" ± {np.std(values, ddof=1) / np.sqrt(len(values)):.{digits}f}" if len(values) > 1 else ""
    return f"{np.mean(values):+.{digits}f}{error}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rules", description=__doc__.splitlines()[0])
    parser.add_argument("--telemetry", help="file, folder, glob, URI or DuckDB file; car parks' when not given")
    parser.add_argument("--months", type=months_of, default=MONTHS, help="YYYY-MM, several separated by commas")
    parser.add_argument("--demo-hosts", type=a_count, default=DEMO_HOSTS, help="hosts of the demo fleet")
    parser.add_argument("--write", action="store_true", help=f"write {TOURNAMENT.name} too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
